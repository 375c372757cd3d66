// The Durable Object of one visitor: what it leaves behind. How it counts is tested through every platform.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Platform } from "./platform.mjs";

/// An alarm comes at once or after some seconds.
const SOON_MS = 20_000;
const SERVED = 0;
const FOREVER = 255;

/// A command about one cap of one grant a window, as `edge/core/src/caps.rs` reads it.
function command({ at, span, reserve }) {
  const bytes = [2];
  const number = (value, size) => {
    for (let i = 0n; i < size; i++) bytes.push(Number((BigInt(value) >> (8n * i)) & 0xffn));
  };
  number(at, 8);
  for (const count of [0, 0, 1]) number(count, 4); // released, confirmed, rules
  number(7, 4);
  bytes.push(SERVED, span);
  for (const value of [1, 1]) number(value, 4); // limit, keep
  for (const value of [0, 0]) number(value, 8); // since, cooldown
  number(reserve ? 1 : 0, 4);
  if (reserve) for (const value of [1, 0, 42]) number(value, 4);
  return new Uint8Array(bytes);
}

async function running(t) {
  const platform = new Platform({ trust: "00".repeat(32), caps: "exact" });
  t.after(() => platform.stop());
  await platform.start();
  const counter = await platform.counter("u-1");
  const at = Date.now();
  return {
    /// How often the cap counted before.
    async run(what) {
      const answer = await counter.fetch("http://counter.invalid/", { method: "POST", body: command({ at, ...what }) });
      assert.equal(answer.status, 200, await answer.clone().text());
      return new DataView(await answer.arrayBuffer()).getUint32(5, true);
    },
    tables: async () => (await counter.fetch("http://counter.invalid/tables")).json(),
  };
}

test("who is only asked about leaves nothing behind", async (t) => {
  const world = await running(t);
  assert.equal(await world.run({ span: FOREVER, reserve: false }), 0);
  assert.deepEqual(await world.tables(), []);
  assert.equal(await world.run({ span: FOREVER, reserve: true }), 0);
  assert.deepEqual(await world.tables(), ["book"]);
  assert.equal(await world.run({ span: FOREVER, reserve: false }), 1);
});

test("a book that counts nothing any more is deleted", { timeout: 2 * SOON_MS }, async (t) => {
  const world = await running(t);
  // Two minutes ago, for one minute.
  const at = Date.now() - 120_000;
  assert.equal(await world.run({ at, span: 0, reserve: true }), 0);
  const end = performance.now() + SOON_MS;
  while ((await world.tables()).length > 0) {
    assert.ok(performance.now() < end, "the alarm never came");
    await new Promise((next) => setTimeout(next, 25));
  }
  assert.equal(await world.run({ at, span: 0, reserve: false }), 0);
});
