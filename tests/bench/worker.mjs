// A Worker alone under Miniflare, for measuring: unlike tests/platform/cloudflare nothing stands in front of it, and all
// that are compared get the same options. The folder of the built Worker and its variables are the arguments; then JSON
// lines, as there.
//
//   {"do":"restart"}                  memory is lost; KV, the Durable Object and the Cache API stay    {"url"}
//   {"do":"restart","forget":true}    the Cache API is empty as well                                    {"url"}

import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { Miniflare } from "miniflare";

const build = path.resolve(process.argv[2]);
const bindings = JSON.parse(process.argv[3] ?? "{}");
const folder = await mkdtemp(path.join(tmpdir(), "skyful-bench-"));
const disk = (name) => path.join(folder, name);

// What is deployed with it; the hello-world has none.
const entry = path.join(build, "../entry.mjs");
const before = existsSync(entry) ? [{ type: "ESModule", path: entry }] : [];

const options = {
  host: "127.0.0.1",
  port: 0,
  modulesRoot: path.dirname(build),
  modules: [
    ...before,
    { type: "ESModule", path: path.join(build, "index.js") },
    { type: "CompiledWasm", path: path.join(build, "index_bg.wasm") },
  ],
  compatibilityDate: "2026-04-01",
  bindings,
  kvNamespaces: ["SNAPSHOTS"],
  // The hello-world has no such class.
  durableObjects: bindings.SKYFUL_TRUST ? { PUBLISHER: { className: "Publisher", useSQLite: true } } : {},
  kvPersist: disk("kv"),
  durableObjectsPersist: disk("objects"),
  cachePersist: disk("cache"),
  // Otherwise Miniflare asks the network where this machine is.
  cf: false,
  handleRuntimeStdio: (out, error) => {
    const pass = (text) => process.stderr.write(text);
    out.on("data", pass);
    error.on("data", pass);
  },
};

let miniflare;

async function start() {
  miniflare = new Miniflare(options);
  return { url: (await miniflare.ready).origin };
}

async function answer(command) {
  if (command.do !== "restart") return { error: `no such command: ${command.do}` };
  await miniflare.dispose();
  if (command.forget) await rm(disk("cache"), { recursive: true, force: true });
  return start();
}

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.stdin.destroy());
try {
  say(await start());
  for await (const line of createInterface({ input: process.stdin })) say(await answer(JSON.parse(line)));
} finally {
  await miniflare?.dispose();
  await rm(folder, { recursive: true, force: true });
}
