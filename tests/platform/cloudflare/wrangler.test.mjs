// What README says about Workers, done: `wrangler dev` from this checkout, published to, asked; and a deployment that
// builds by itself.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";

const root = path.resolve(import.meta.dirname, "../../..");
const skyful =
  process.env.SKYFUL_BIN ?? path.join(process.env.CARGO_TARGET_DIR ?? path.join(root, "target"), "debug/skyful");
const wrangler = path.join(root, "node_modules/wrangler/bin/wrangler.js");
const env = { ...process.env, CI: "1", WRANGLER_SEND_METRICS: "false" };
const READY_MS = 120_000;

/// Asked of the system, and free a moment ago.
function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function until(url, wanted) {
  const end = Date.now() + READY_MS;
  for (;;) {
    const answer = await fetch(url).catch(() => null);
    if (answer && wanted(answer.status)) return answer;
    assert.ok(Date.now() < end, `${url} is not ready`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

test("wrangler dev serves what is published to it", { timeout: 3 * READY_MS }, async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "skyful-wrangler-"));
  const key = path.join(folder, "key");
  const trust = execFileSync(skyful, ["keys", "new", "-o", key], { stdio: ["ignore", "pipe", "ignore"] });
  const port = await freePort();
  const args = ["dev", "--ip", "127.0.0.1", "--port", String(port), "--persist-to", path.join(folder, "state")];
  args.push("--inspector-port", String(await freePort()), "--var", `SKYFUL_TRUST:${trust.toString().trim()}`);
  // A group of its own: wrangler starts others, and all of them have to end.
  const dev = spawn(process.execPath, [wrangler, ...args], { cwd: root, env, stdio: "ignore", detached: true });
  const ended = new Promise((resolve) => dev.once("exit", resolve));
  t.after(async () => {
    if (dev.exitCode === null && dev.signalCode === null) process.kill(-dev.pid, "SIGTERM");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  });

  const url = `http://127.0.0.1:${port}`;
  const empty = await until(`${url}/healthz`, (status) => status === 503);
  assert.equal((await empty.json()).type, "urn:skyful:problem:no-snapshot");
  const sample = path.join(root, "examples/wallet/wallet.yaml");
  execFileSync(skyful, ["publish", sample, "--key", key, "--to", url], { stdio: "pipe" });
  const page = await fetch(`${url}/v1/pages/home?unit=u-1&locale=en&attr.age=67&attr.country=CN`);
  assert.equal(page.status, 200);
  const { plan, locale, release } = await page.json();
  assert.deepEqual([plan, locale, release.sequence], ["senior", "en", 1]);
});

test("a deployment builds by itself", { timeout: 10 * READY_MS }, () => {
  const folder = mkdtempSync(path.join(tmpdir(), "skyful-deploy-"));
  try {
    const args = [wrangler, "deploy", "--dry-run", "--outdir", folder];
    const said = execFileSync(process.execPath, args, { cwd: root, env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
    // What docs/cloudflare.md says that wrangler.toml binds, and as what.
    assert.match(said, /env\.SNAPSHOTS .*KV Namespace/);
    assert.match(said, /env\.PUBLISHER \(Publisher\) .*Durable Object/);
    assert.match(said, /env\.CAPS \(Counter\) .*Durable Object/);
    assert.match(said, /env\.EVENTS \(skyful-events\) .*Queue/);
    assert.match(said, /env\.SKYFUL_WORKSPACE /);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
