// Real edges for stock clients: the native server and the Worker, each with the command line as their publisher.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { Platform } from "../cloudflare/platform.mjs";

const root = path.resolve(import.meta.dirname, "../../..");
const skyful =
  process.env.SKYFUL_BIN ?? path.join(process.env.CARGO_TARGET_DIR ?? path.join(root, "target"), "debug/skyful");

/// `senior` by age, `vip` by a signed attribute, `news` for nobody but Thailand: a module that most don't see.
export const documentOf = (title) => `
skyful: 1
workspace: shop
locales: {default: en, supported: [en, zh]}
attributes:
  age: {type: integer}
  country: {type: string}
  vip: {type: boolean, from: signed}
module_types:
  banner: {schema: {type: object, required: [title], properties: {title: {type: string, x-localizable: true}, big: {type: boolean}}}}
experiments: {}
modules:
  hero:
    type: banner
    default: {content: {title: {en: ${title}, zh: ${title} 中文}, big: false}}
    plans:
      - {key: vip, audience: {attr: vip, op: eq, value: true}, content: {title: Welcome back, big: true}}
  news:
    type: banner
    plans:
      - {key: thai, audience: {attr: country, op: eq, value: TH}, content: {title: Sawasdee}}
pages:
  home:
    slots: [{key: hero, max: 1}, {key: feed}]
    default: {modules: {hero: [hero], feed: [news]}}
    plans:
      - {key: senior, audience: {attr: age, op: gte, value: 60}}
  help: {slots: [{key: hero, max: 1}], default: {modules: {hero: [hero]}}}
ofrep: [home, help]
`;

/// A running edge, stopped when the test ends. `publish(title)` releases a document to everybody.
export async function edge(t, kind, { keys = "", title } = {}) {
  const folder = mkdtempSync(path.join(tmpdir(), "skyful-ofrep-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const at = (name) => path.join(folder, name);
  execFileSync(skyful, ["keys", "new", "-o", at("key")], { stdio: "ignore" });
  const trust = readFileSync(at("key.pub"), "utf8").replace(/^#.*/gm, "").trim();
  const url = kind === "native" ? await native(t, at, trust, keys) : await worker(t, trust, keys);
  const publish = (title) => {
    writeFileSync(at("shop.yaml"), documentOf(title));
    execFileSync(skyful, ["publish", at("shop.yaml"), "--to", url, "--key", at("key")], { stdio: "pipe" });
  };
  if (title) publish(title);
  return { url, publish };
}

async function native(t, at, trust, keys) {
  const args = ["edge", "--store", at("store"), "--workspace", "shop", "--trust", trust, "--cors", "*", "--json"];
  args.push("--listen", "127.0.0.1:0", "--until-stdin-closes");
  if (keys) args.push("--context-keys", keys);
  const child = spawn(skyful, args, { stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(child, "exit");
  t.after(async () => {
    child.stdin.end();
    await ended;
  });
  for await (const line of createInterface({ input: child.stdout })) return JSON.parse(line).url;
  throw new Error("the edge didn't start");
}

async function worker(t, trust, keys) {
  const platform = new Platform({ workspace: "shop", trust, recheck_ms: 0, cors: "*", context_keys: keys });
  t.after(() => platform.stop());
  return platform.start();
}
