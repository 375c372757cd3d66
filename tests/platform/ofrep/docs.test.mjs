// The code in docs/openfeature.md and docs/signed-context.md, run as it stands there but for the address.

import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { createPrivateKey } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { edge } from "./edges.mjs";

const here = import.meta.dirname;
const run = promisify(execFile);
const python = process.env.SKYFUL_OFREP_PYTHON;

/// The blocks of one language in a page of the documentation.
function blocks(page, language) {
  const text = readFileSync(path.resolve(here, "../../../docs", page), "utf8");
  return [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].filter(([, name]) => name === language).map(([, , code]) => code);
}

/// A folder in which the clients are found.
function scratch(t) {
  const folder = mkdtempSync(path.join(here, "node_modules", ".docs-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/// What a program prints. It is ended behind its last line: a provider that polls wouldn't end.
async function prints(t, command, code, url) {
  const ending = command === "node" ? "\nprocess.exit(0);\n" : "";
  const file = path.join(scratch(t), command === "node" ? "example.mjs" : "example.py");
  writeFileSync(file, code.replace("http://127.0.0.1:8787", url) + ending);
  const { stdout } = await run(command === "node" ? process.execPath : command, [file], { timeout: 60_000 });
  return stdout.trim();
}

test("the examples for JavaScript", async (t) => {
  const { url } = await edge(t, "native", { title: "Hello" });
  const [web, server] = blocks("openfeature.md", "js");
  assert.equal(await prints(t, "node", web, url), "senior TARGETING_MATCH [ 'hero' ]");
  assert.equal(await prints(t, "node", server, url), "{ big: false, title: 'Hello' }");
});

test("the example for Python", { skip: !python && "SKYFUL_OFREP_PYTHON is not set" }, async (t) => {
  const { url } = await edge(t, "native", { title: "Hello" });
  const [example] = blocks("openfeature.md", "python");
  assert.equal(await prints(t, python, example, url), "senior");
});

test("keys made by openssl and the example that signs with them", async (t) => {
  const folder = scratch(t);
  const [makes] = blocks("signed-context.md", "sh");
  const keys = execFileSync("bash", ["-euc", makes], { cwd: folder, encoding: "utf8" }).trim();
  const [signs] = blocks("signed-context.md", "js");
  const module = path.join(folder, "sign.mjs");
  // The example signs for the environment of its own workspace.
  writeFileSync(module, signs.replace("wallet/prod", "shop/dev"));
  const { signedContext } = await import(module);
  const key = createPrivateKey(readFileSync(path.join(folder, "context.pem")));
  const { url } = await edge(t, "native", { title: "Hello", keys });
  const plan = async (unit, token) => {
    const headers = { "skyful-context": token };
    const answer = await fetch(`${url}/v1/pages/home?unit=${unit}&explain=true`, { headers });
    const { modules, trace } = await answer.json();
    return [modules[0].plan, trace.ignored.map(({ why }) => why)];
  };
  const token = signedContext(key, "u-1", { vip: true });
  assert.deepEqual(await plan("u-1", token), ["vip", []]);
  assert.deepEqual(await plan("u-2", token), ["default", ["the signed context is for another unit"]]);
});
