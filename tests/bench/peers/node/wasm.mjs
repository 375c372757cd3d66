// Times our Wasm module in V8: `node wasm.mjs WASM INPUT BODIES`, figures as JSON to stdout. BODIES is what the module
// must answer, to the byte.

import { readFileSync } from "node:fs";

const [wasm, input, bodies] = process.argv.slice(2).map((path) => readFileSync(path));
const { instance } = await WebAssembly.instantiate(wasm, {});
const guest = instance.exports;

const at = guest.room(input.length) >>> 0;
new Uint8Array(guest.memory.buffer).set(input, at);
const requests = guest.open() >>> 0;
const answered = new Uint8Array(guest.memory.buffer, guest.bodies() >>> 0, guest.bodies_length() >>> 0);
if (Buffer.compare(Buffer.from(answered), bodies) !== 0) throw new Error("the answers differ from the native ones");

// The median of a call with one round, after V8 has compiled it for good.
const time = (name) => {
  const now = () => Number(process.hrtime.bigint());
  const patience = 1e9;
  for (const begun = now(); now() - begun < patience / 2; ) guest[name](1);
  const times = [];
  for (const begun = now(); times.length < 5 || now() - begun < patience; ) {
    const start = now();
    guest[name](1);
    times.push(now() - start);
  }
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)];
};

console.log(
  JSON.stringify({
    match_ns: time("decide") / requests,
    whole_ns: time("whole") / requests,
    cold_ns: time("cold"),
    hash_ns: time("hash"),
  }),
);
