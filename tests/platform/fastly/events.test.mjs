// Events on Fastly while the collector is away, wrong or silent. What all platforms must do is tested once for all of them.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { Platform } from "./platform.mjs";

const root = path.resolve(import.meta.dirname, "../../..");
const target = process.env.CARGO_TARGET_DIR ?? path.join(root, "target");
const skyful = process.env.SKYFUL_BIN ?? path.join(target, "debug/skyful");
const program = path.join(root, "bin/main.wasm");
const token = "a token of the tests";

let folder;
let settings;

before(() => {
  folder = mkdtempSync(path.join(tmpdir(), "skyful-published-"));
  const trust = execFileSync(skyful, ["keys", "new", "-o", path.join(folder, "key")], { stdio: ["ignore", "pipe", "ignore"] });
  settings = { trust: trust.toString().trim(), workspace: "wallet", env: "dev", secret: "5e".repeat(32) };
});

after(() => rmSync(folder, { recursive: true, force: true }));

/// Counts ids; answers the next of `statuses`, then `status`, or nothing at all if that is 0. `why` refuses single ids.
async function collector(t) {
  const state = { status: 200, statuses: [], ids: [], asked: 0, why: () => undefined };
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const part of request) text += part;
    state.asked += 1;
    const said = state.statuses.shift() ?? state.status;
    if (said === 0) return;
    const known = request.headers.authorization === `Bearer ${token}` && request.url === "/v1/collect";
    const status = known ? said : 401;
    const refused = [];
    if (status === 200) {
      for (const [line, one] of text.trim().split("\n").entries()) {
        const { id } = JSON.parse(one);
        const why = state.why(id);
        if (why) refused.push({ line, id, why });
        else state.ids.push(id);
      }
    }
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify({ refused }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  state.url = `http://127.0.0.1:${server.address().port}`;
  return state;
}

/// An edge, and what sends it an event of this id.
async function edge(t, more) {
  const platform = new Platform({ program, settings: { ...settings, ...more } });
  t.after(() => platform.stop());
  await platform.start();
  const { url } = platform;
  const wallet = path.join(root, "examples/wallet/wallet.yaml");
  execFileSync(skyful, ["publish", wallet, "--key", path.join(folder, "key"), "--to", url], { stdio: "pipe" });
  const { receipt } = await (await fetch(`${url}/v1/pages/home?unit=u-1&locale=en`)).json();
  const send = async (id) => {
    const event = { id, type: "click", unit: "u-1", page: "home", receipt, at: new Date().toISOString() };
    const answer = await fetch(`${url}/v1/events`, { method: "POST", body: JSON.stringify(event) });
    const text = await answer.text();
    if (answer.status === 202) assert.deepEqual(JSON.parse(text), { accepted: 1, rejected: [] });
    return answer.status;
  };
  return { platform, send };
}

test("events wait while the collector is away; a later request brings at most four batches", async (t) => {
  const counted = await collector(t);
  const { send } = await edge(t, { collector: counted.url, collector_token: token });
  counted.status = 503;
  for (let n = 0; n < 6; n += 1) assert.equal(await send(`away-${n}`), 202);
  assert.deepEqual(counted.ids, []);
  counted.status = 200;
  assert.equal(await send("back"), 202);
  assert.deepEqual(counted.ids, ["back", "away-0", "away-1", "away-2", "away-3"]);
  assert.equal(await send("again"), 202);
  assert.deepEqual(counted.ids.slice(5), ["again", "away-4", "away-5"]);
  // Nothing is left, and nobody looks for a while.
  const asked = counted.asked;
  assert.equal(await send("last"), 202);
  assert.equal(counted.asked, asked + 1);
});

test("what the collector will never take is set aside for a person and holds nothing up", async (t) => {
  const counted = await collector(t);
  const { platform, send } = await edge(t, { collector: counted.url, collector_token: token });
  counted.status = 400;
  assert.equal(await send("poison"), 202);
  // The fresh one is taken, the other refused again.
  counted.statuses = [200, 400];
  counted.status = 200;
  assert.equal(await send("fresh"), 202);
  assert.match(platform.log, /events will never be counted, see dead-e1\/wallet\/dev\//);
  const asked = counted.asked;
  assert.equal(await send("next"), 202);
  assert.equal(counted.asked, asked + 1);
});

test("single events that are refused are kept: for later if the secret may be at fault, else for a person", async (t) => {
  const counted = await collector(t);
  const { platform, send } = await edge(t, { collector: counted.url, collector_token: token });
  counted.why = (id) => ({ late: "too_late", mine: "forged_receipt" })[id];
  assert.equal(await send("late"), 202);
  assert.match(platform.log, /event late will never be counted: too_late/);
  assert.match(platform.log, /events will never be counted, see dead-e1\/wallet\/dev\//);
  assert.equal(await send("mine"), 202);
  assert.deepEqual(counted.ids, []);
  counted.why = () => undefined;
  const end = performance.now() + 60_000;
  for (let n = 0; !counted.ids.includes("mine"); n += 1) {
    assert.ok(performance.now() < end, "it never came again");
    // Core Cache forgets when somebody looked.
    await platform.change({ ...settings, collector: counted.url });
    assert.equal(await send(`tick-${n}`), 202);
  }
  assert.ok(!counted.ids.includes("late"));
});

test("a collector that says nothing, isn't there, or doesn't know the token costs seconds, and no event", async (t) => {
  const counted = await collector(t);
  counted.status = 0;
  const { platform, send } = await edge(t, { collector: counted.url, collector_token: token });
  const started = performance.now();
  assert.equal(await send("silent"), 202);
  assert.ok(performance.now() - started < 10_000);
  const nobody = { ...settings, collector: "http://127.0.0.1:1" };
  await platform.change(nobody);
  assert.equal(await send("nobody"), 202);
  counted.status = 200;
  await platform.change({ ...settings, collector: `${counted.url}/elsewhere` });
  assert.equal(await send("stranger"), 202);
  assert.deepEqual(counted.ids, []);
  await platform.change({ ...settings, collector: counted.url });
  assert.equal(await send("known"), 202);
  assert.deepEqual(counted.ids, ["known", "silent", "nobody", "stranger"]);
  assert.ok(!platform.log.includes(token), platform.log);
});

test("without a collector no events are taken, and one that is no address is named", async (t) => {
  const { platform, send } = await edge(t, {});
  assert.equal(await send("nowhere"), 503);
  for (const wrong of ["hunter2", "https://", "https://hunter2:x"]) {
    await platform.change({ ...settings, collector: wrong });
    const answer = await fetch(`${platform.url}/healthz`);
    const text = await answer.text();
    assert.equal(JSON.parse(text).type, "urn:skyful:problem:misconfigured");
    assert.equal(JSON.parse(text).place, "collector");
    assert.ok(!/hunter/.test(text + platform.log), text + platform.log);
  }
});
