// The same as src/main.rs, for the Wasm build in Node's V8: `node run.mjs PACKAGE FOLDER`. PACKAGE is what wasm-bindgen
// wrote, FOLDER has the pages. Prints JSON.
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const [packageFolder, pagesFolder] = process.argv.slice(2);
const { Bench, names } = createRequire(import.meta.url)(resolve(packageFolder, "bench_request.js"));

const ROUNDS = 61;
const BATCH_MS = 1.5;
const NAMES = names();
const FLOOR = NAMES.indexOf("floor, whole");

function timed(bench, step, times) {
  const start = performance.now();
  bench.run(step, times);
  return ((performance.now() - start) * 1e6) / times;
}

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

/** Median nanoseconds of each step, and of its ratio to the whole floor within a round. */
function measure(bench) {
  // V8 compiles what is called often a second time, and better.
  for (let warm = 0; warm < 20; warm++) NAMES.forEach((_, step) => timed(bench, step, 256));
  const times = NAMES.map((_, step) =>
    Math.min(100_000, Math.max(64, Math.floor((BATCH_MS * 1e6) / timed(bench, step, 1_024)))),
  );
  const rounds = Array.from({ length: ROUNDS }, () => NAMES.map((_, step) => timed(bench, step, times[step])));
  return NAMES.map((what, step) => {
    const ns = Math.round(median(rounds.map((round) => round[step])));
    const ratio = median(rounds.map((round) => round[step] / round[FLOOR]));
    console.error(`${String(ns).padStart(9)} ns  ${ratio.toFixed(2).padStart(6)}  ${what}`);
    return { what, ns, to_floor: Math.round(ratio * 100) / 100 };
  });
}

const pages = readdirSync(pagesFolder).filter((name) => name.endsWith(".page"));
const objects = pages.map((name) => readFileSync(join(pagesFolder, name))).sort((a, b) => a.length - b.length);
const measured = objects.map((object) => {
  const bench = new Bench(object);
  const [request, content, answer] = bench.bytes();
  console.error(JSON.stringify({ request, content, answer }));
  return { bytes: { request, content, answer }, rows: measure(bench) };
});
console.log(JSON.stringify(measured));
