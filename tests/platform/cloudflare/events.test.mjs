// Events on Workers: into the queue, out of it again by the same Worker, to a collector that is not always there.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { Platform } from "./platform.mjs";

const root = path.resolve(import.meta.dirname, "../../..");
const skyful =
  process.env.SKYFUL_BIN ?? path.join(process.env.CARGO_TARGET_DIR ?? path.join(root, "target"), "debug/skyful");
const SECRET = "8".repeat(64);
const TOKEN = "a token of the tests";
/// A message that was not taken comes again after up to ten seconds.
const SOON_MS = 60_000;

let folder;
let trust;

before(() => {
  folder = mkdtempSync(path.join(tmpdir(), "skyful-events-"));
  execFileSync(skyful, ["keys", "new", "-o", path.join(folder, "key")], { stdio: "ignore" });
  trust = readFileSync(path.join(folder, "key.pub"), "utf8").replace(/^#.*/gm, "").trim();
});

after(() => rmSync(folder, { recursive: true, force: true }));

/// Keeps the lines that it answers 200 for; `status` decides about a body, `why` about a line.
async function collecting(t) {
  const collector = { lines: [], status: () => 200, why: () => undefined, asked: 0 };
  const server = createServer((request, answer) => {
    let body = "";
    request.on("data", (part) => {
      body += part;
    });
    request.on("end", () => {
      collector.asked += 1;
      const known = request.headers.authorization === `Bearer ${TOKEN}` && request.url === "/v1/collect";
      const status = known ? collector.status(body) : 401;
      const lines = body.trim().split("\n").map((line) => JSON.parse(line));
      const refused = lines.flatMap(({ id }, line) => {
        // Reports of how releases do have no id.
        const why = collector.why(id ?? "");
        return why ? [{ line, id, why }] : [];
      });
      if (status === 200) collector.lines.push(...lines.filter(({ id }) => !collector.why(id)));
      answer.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify({ refused }));
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  collector.url = `http://127.0.0.1:${server.address().port}`;
  return collector;
}

async function running(t, settings) {
  const platform = new Platform({ trust, recheck_ms: 0, secret: SECRET, collector_token: TOKEN, ...settings });
  t.after(() => platform.stop());
  const url = await platform.start();
  const sample = path.join(root, "examples/wallet/wallet.yaml");
  execFileSync(skyful, ["publish", sample, "--key", path.join(folder, "key"), "--to", url], { stdio: "pipe" });
  const page = await (await fetch(`${url}/v1/pages/home?unit=u-1&locale=en`)).json();
  return { url, platform, receipt: page.receipt };
}

const event = ({ receipt }, id) => ({
  id,
  type: "exposure",
  unit: "u-1",
  page: "home",
  receipt,
  at: new Date().toISOString(),
});

const post = ({ url }, body) => fetch(`${url}/v1/events`, { method: "POST", body: JSON.stringify(body) });

async function until(what, check) {
  const end = performance.now() + SOON_MS;
  while (!check()) {
    assert.ok(performance.now() < end, `${what}: not within ${SOON_MS} ms`);
    await new Promise((next) => setTimeout(next, 25));
  }
}

test("a batch goes through the queue to the collector", { timeout: 3 * SOON_MS }, async (t) => {
  const collector = await collecting(t);
  const world = await running(t, { collector: collector.url });
  const ids = Array.from({ length: 100 }, (_, n) => `e-${n}`);
  const answer = await post(world, { events: ids.map((id) => event(world, id)), sent_at: new Date().toISOString() });
  assert.equal(answer.status, 202);
  assert.deepEqual(await answer.json(), { accepted: 100, rejected: [] });
  await until("all of them", () => collector.lines.length >= 100);
  assert.deepEqual(collector.lines.map((line) => line.id).sort(), [...ids].sort());
  const [line] = collector.lines;
  assert.deepEqual([line.workspace, line.env, line.receipt], ["wallet", "dev", world.receipt]);
});

test("what the collector doesn't take waits in the queue", { timeout: 3 * SOON_MS }, async (t) => {
  const collector = await collecting(t);
  collector.status = () => 503;
  const world = await running(t, { collector: collector.url });
  assert.equal((await post(world, event(world, "e-1"))).status, 202);
  await until("an attempt", () => collector.asked > 0);
  collector.status = () => 200;
  await until("it again", () => collector.lines.some((line) => line.id === "e-1"));
});

test("a message that is refused takes no other along", { timeout: 3 * SOON_MS }, async (t) => {
  const collector = await collecting(t);
  collector.status = (body) => (body.includes("poison") ? 400 : 200);
  const world = await running(t, { collector: collector.url });
  const answers = await Promise.all(["good-1", "poison", "good-2"].map((id) => post(world, event(world, id))));
  assert.deepEqual(answers.map((answer) => answer.status), [202, 202, 202]);
  await until("the others", () => collector.lines.length >= 2);
  assert.deepEqual(collector.lines.map((line) => line.id).sort(), ["good-1", "good-2"]);
});

test("single events that are refused are kept for a person", { timeout: 3 * SOON_MS }, async (t) => {
  const collector = await collecting(t);
  collector.why = (id) => (id.startsWith("late") ? "too_late" : undefined);
  const world = await running(t, { collector: collector.url });
  await Promise.all(
    [["good-1", "late-1"], ["good-2"], ["late-2", "good-3"]].map((ids) => post(world, ids.map((id) => event(world, id)))),
  );
  await until("the others", () => collector.lines.length >= 3);
  const letters = async () => (await world.platform.dead()).flatMap((body) => body.trim().split("\n").map((line) => JSON.parse(line)));
  let found = [];
  const end = performance.now() + SOON_MS;
  while (found.length < 2 && performance.now() < end) {
    found = await letters();
    await new Promise((next) => setTimeout(next, 25));
  }
  assert.deepEqual(found.map(({ why, event }) => `${why} ${event.id}`).sort(), ["too_late late-1", "too_late late-2"]);
  assert.equal(found[0].event.receipt, world.receipt);
  assert.match(world.platform.log, /event late-1 will never be counted: too_late/);
  assert.deepEqual(collector.lines.map((line) => line.id).sort(), ["good-1", "good-2", "good-3"]);
});

test("an event that the collector takes for forged comes again", { timeout: 3 * SOON_MS }, async (t) => {
  const collector = await collecting(t);
  collector.why = (id) => (id === "e-2" ? "forged_receipt" : undefined);
  const world = await running(t, { collector: collector.url });
  await post(world, ["e-1", "e-2"].map((id) => event(world, id)));
  await until("the other", () => collector.lines.length > 0);
  collector.why = () => undefined;
  await until("it again", () => collector.lines.some((line) => line.id === "e-2"));
  assert.deepEqual(await world.platform.dead(), []);
});

test("without a queue no events are taken", { timeout: SOON_MS }, async (t) => {
  const world = await running(t, { queue: false });
  const answer = await post(world, event(world, "e-1"));
  assert.equal(answer.status, 503);
  assert.equal((await answer.json()).type, "urn:skyful:problem:events-not-kept");
  assert.ok(answer.headers.get("retry-after"));
});
