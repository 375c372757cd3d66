// The edge on Fastly under Viceroy, for tests written in any language: Viceroy, the program of `faults/` and the settings
// as arguments, the address as a line of JSON on standard output, then a line of JSON for each command from standard
// input; ends when that closes.
//
//   node serve.mjs VICEROY fastly_faults.wasm '{"workspace":"wallet","env":"dev","trust":"HEX"}'
//
//   {"do":"restart"}   nothing to do: each request has an instance of its own anyway       {"url"}
//   {"do":"forget"}    the own copies in Core Cache are purged                             {}
//   {"do":"fault","kind":"none|down|missing|torn|swapped|throttled"}                       {}
//   {"do":"values"}    the keys in the KV Store                                            {"keys":[…]}
//
// `down` and `throttled` are one here: Viceroy's KV Store never refuses a call, so the edge is given the name of a store
// that isn't there.

import { createInterface } from "node:readline";
import { Platform } from "./platform.mjs";

async function answer(platform, command) {
  switch (command.do) {
    case "restart":
      return { url: platform.url };
    case "forget":
      await platform.command("forget");
      return {};
    case "fault":
      await platform.command(`fault/${command.kind}`);
      return {};
    case "values":
      return { keys: (await platform.command("keys")).split("\n").filter((key) => key !== "") };
    default:
      return { error: `no such command: ${command.do}` };
  }
}

const [viceroy, program, text] = process.argv.slice(2);
const said = Object.entries(JSON.parse(text)).map(([name, value]) => [name, String(value)]);
const platform = new Platform({ viceroy, program, settings: Object.fromEntries(said) });
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
// Whoever ends this process by a signal leaves nothing behind either.
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.stdin.destroy());
try {
  say({ url: await platform.start() });
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim() === "") continue;
    say(await answer(platform, JSON.parse(line)).catch((error) => ({ error: String(error) })));
  }
} finally {
  await platform.stop();
}
