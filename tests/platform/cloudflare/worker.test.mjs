// What is special to the edge on Workers. What all platforms must do is tested once for all of them.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { Platform } from "./platform.mjs";

const root = path.resolve(import.meta.dirname, "../../..");
const skyful =
  process.env.SKYFUL_BIN ?? path.join(process.env.CARGO_TARGET_DIR ?? path.join(root, "target"), "debug/skyful");
const MANIFEST = "s1/wallet/dev/manifest";
/// For what happens behind an answer, or by an alarm after some seconds.
const SOON_MS = 20_000;

const documentOf = (title) => `
skyful: 1
workspace: wallet
locales: {default: en, supported: [en]}
attributes:
  country: {type: string, from: edge.country}
  region: {type: string, from: edge.region}
module_types:
  banner: {schema: {type: object, required: [title], properties: {title: {type: string}}}}
modules:
  hero:
    type: banner
    default: {content: {title: ${title}}}
    plans:
      - key: guangdong
        audience: {all: [{attr: country, op: eq, value: CN}, {attr: region, op: eq, value: GD}]}
        content: {title: ${title} for Guangdong}
pages:
  home: {slots: [{key: hero, max: 1}], default: {modules: {hero: [hero]}}}
`;

/// Three releases of one workspace: all their objects, and the value of each one's manifest.
const published = { objects: new Map(), manifests: [], trust: "" };
let folder;

before(() => {
  folder = mkdtempSync(path.join(tmpdir(), "skyful-published-"));
  const at = (name) => path.join(folder, name);
  execFileSync(skyful, ["keys", "new", "-o", at("key")], { stdio: "ignore" });
  published.trust = readFileSync(at("key.pub"), "utf8").replace(/^#.*/gm, "").trim();
  for (const title of ["First", "Second", "Third"]) {
    writeFileSync(at("home.yaml"), documentOf(title));
    execFileSync(skyful, ["publish", at("home.yaml"), "--to", at("store"), "--key", at("key")], { stdio: "pipe" });
    published.manifests.push(bytes(at(`store/${MANIFEST}`)));
  }
  for (const name of readdirSync(at("store/s1/wallet/dev/o"))) {
    published.objects.set(`s1/wallet/dev/o/${name}`, bytes(at(`store/s1/wallet/dev/o/${name}`)));
  }
});

after(() => rmSync(folder, { recursive: true, force: true }));

/// A running Worker with all objects in KV, and the first manifest unless another is asked for.
async function running(t, { manifest = published.manifests[0], ...settings } = {}) {
  const platform = new Platform({ trust: published.trust, recheck_ms: 0, ...settings });
  t.after(() => platform.stop());
  const world = { platform, url: await platform.start() };
  const kv = await platform.kv();
  for (const [key, value] of published.objects) await kv.put(key, value);
  if (manifest) await kv.put(MANIFEST, manifest);
  return world;
}

async function home({ url }, headers = {}) {
  const answer = await fetch(`${url}/v1/pages/home?unit=u-1`, { headers });
  const body = await answer.json();
  return { status: answer.status, title: body.modules?.[0]?.content.title, sequence: body.release?.sequence, body };
}

/// The log arrives beside the answers, a moment later.
const logged = ({ platform }, text) => until(`${text} in the log`, () => platform.log.includes(text));

const put = ({ url }, manifest) => fetch(`${url}/v1/manifest`, { method: "PUT", body: manifest });

const inKv = async ({ platform }) => Buffer.from(await (await platform.kv()).get(MANIFEST, "arrayBuffer"));

/// A copy: Miniflare takes no view into a larger buffer.
function bytes(file) {
  return new Uint8Array(readFileSync(file));
}

async function until(what, check) {
  const end = performance.now() + SOON_MS;
  let seen;
  do {
    seen = await check();
    if (seen === true) return;
    await new Promise((next) => setTimeout(next, 25));
  } while (performance.now() < end);
  assert.fail(`${what}: not within ${SOON_MS} ms, last ${JSON.stringify(seen)}`);
}

test("where the visitor is fills the declared attributes", async (t) => {
  const there = await running(t, { cf: { country: "CN", region: "GD" } });
  assert.equal((await home(there)).title, "First for Guangdong");
  const elsewhere = await running(t, { cf: { country: "CN", region: "BJ" } });
  assert.equal((await home(elsewhere)).title, "First");
  const nowhere = await running(t, { cf: { country: "XX", region: "GD" } });
  assert.equal((await home(nowhere)).title, "First");
});

test("an isolate that starts while KV is down answers from the own copy", async (t) => {
  const world = await running(t);
  assert.equal((await home(world)).title, "First");
  await world.platform.fault("down");
  world.url = await world.platform.restart();
  assert.equal((await home(world)).title, "First");
  world.url = await world.platform.restart();
  await world.platform.forget();
  assert.equal((await home(world)).status, 503);
});

test("the higher of two manifests that arrive together ends in KV", async (t) => {
  const world = await running(t);
  const [, second, third] = published.manifests;
  const answers = await Promise.all([put(world, third), put(world, second), put(world, third), put(world, second)]);
  for (const answer of answers) assert.ok([200, 409].includes(answer.status), await answer.text());
  await until("the third in KV", async () => (await inKv(world)).equals(third));
  assert.equal((await put(world, second)).status, 409);
  const stored = await fetch(`${world.url}/v1/manifest`, { headers: { "skyful-signature": "none" } });
  assert.equal(stored.status, 403);
});

test("a write to KV that takes long doesn't end behind a newer one", async (t) => {
  const world = await running(t);
  const [, second, third] = published.manifests;
  await world.platform.fault("late");
  const slow = put(world, second);
  await until("the second is stored", async () => (await put(world, second)).status === 200);
  const answers = await Promise.all([slow, put(world, third)]);
  assert.deepEqual(answers.map(({ status }) => status), [200, 200]);
  await until("the third in KV", async () => (await inKv(world)).equals(third));
});

test("what KV didn't take at first is written by an alarm", async (t) => {
  const world = await running(t);
  await world.platform.fault("unwritable");
  assert.equal((await put(world, published.manifests[1])).status, 200);
  assert.ok((await inKv(world)).equals(published.manifests[0]));
  await world.platform.fault("none");
  await until("the second in KV", async () => (await inKv(world)).equals(published.manifests[1]));
});

test("a restarted publisher remembers what it stored, also while KV lags", async (t) => {
  const world = await running(t, { recheck_ms: 60_000 });
  assert.equal((await put(world, published.manifests[2])).status, 200);
  await until("the third in KV", async () => (await inKv(world)).equals(published.manifests[2]));
  await (await world.platform.kv()).put(MANIFEST, published.manifests[0]);
  world.url = await world.platform.restart();
  await world.platform.forget();
  assert.equal((await put(world, published.manifests[1])).status, 409);
  assert.equal((await home(world)).sequence, 1);
  // A visitor who has seen the third release makes the edge ask the publisher, not KV.
  assert.equal((await home(world, { "skyful-sequence": "3" })).sequence, 3);
});

test("a look behind an answer brings the next release", async (t) => {
  const world = await running(t, { recheck_ms: 50 });
  assert.equal((await home(world)).sequence, 1);
  await (await world.platform.kv()).put(MANIFEST, published.manifests[1]);
  await world.platform.reads();
  // Nobody waits for a look in the first minute, so only one behind an answer can bring it.
  await until("the second release", async () => (await home(world)).sequence === 2);
});

test("a collector is told behind an answer how the tracks do", async (t) => {
  const told = [];
  const collector = createServer(async (request, answer) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    told.push({ path: request.url, headers: request.headers, body: JSON.parse(Buffer.concat(parts)) });
    answer.end();
  });
  await new Promise((ready) => collector.listen(0, "127.0.0.1", ready));
  t.after(() => collector.close());
  const vars = {
    SKYFUL_SECRET: "6b".repeat(32),
    SKYFUL_COLLECTOR: `http://127.0.0.1:${collector.address().port}/`,
    SKYFUL_COLLECTOR_TOKEN: "hunter2hunter2hu",
  };
  const world = await running(t, { vars });
  for (let n = 0; n < 3; n += 1) assert.equal((await home(world)).status, 200);
  await until("a report", () => told.length > 0);
  const [{ path: route, headers, body }] = told;
  assert.deepEqual([route, headers.authorization], ["/v1/health", "Bearer hunter2hunter2hu"]);
  // The secret's id and 16 bytes of seal, in base64url.
  assert.match(headers["skyful-seal"], /^[\w-]{23}$/);
  assert.deepEqual([body.workspace, body.env, body.tracks.length], ["wallet", "dev", 1]);
  const [{ sequence, track, requests, errors }] = body.tracks;
  assert.deepEqual([sequence, track, requests, errors], [1, "stable", 1, 0]);
  // One in five seconds, however many answers are given.
  assert.equal(told.length, 1);
  const { instance, tracks } = await (await fetch(`${world.url}/v1/status`)).json();
  assert.deepEqual([instance, tracks[0].requests], [body.instance, 3]);
});

test("a setting that is wrong is named, its value never", async (t) => {
  const wrong = [
    [{ SKYFUL_TRUST: null }, "SKYFUL_TRUST"],
    [{ SKYFUL_TRUST: "hunter2" }, "SKYFUL_TRUST"],
    [{ SKYFUL_WORKSPACE: "Hunter 2" }, "SKYFUL_WORKSPACE"],
    [{ SKYFUL_PREVIEW: "hunter2" }, "SKYFUL_PREVIEW"],
    [{ SKYFUL_RECHECK_MS: "hunter2" }, "SKYFUL_RECHECK_MS"],
  ];
  for (const [vars, name] of wrong) {
    const world = await running(t, { vars });
    for (const route of ["/v1/pages/home", "/healthz"]) {
      const answer = await fetch(world.url + route);
      const text = await answer.text();
      assert.equal(answer.status, 503);
      assert.equal(answer.headers.get("content-type"), "application/problem+json");
      assert.equal(JSON.parse(text).type, "urn:skyful:problem:misconfigured");
      assert.ok(text.includes(name), text);
      assert.ok(!/hunter/i.test(text + world.platform.log), text + world.platform.log);
    }
    await logged(world, name);
  }
});

test("the log names no visitor", async (t) => {
  const world = await running(t);
  await world.platform.fault("torn");
  await fetch(`${world.url}/v1/pages/home?unit=u-secret&attr.country=DE`);
  // The line of that very request: what it would have said of its visitor stands before it.
  await logged(world, "skyful: ");
  assert.ok(!world.platform.log.includes("u-secret"), world.platform.log);
});
