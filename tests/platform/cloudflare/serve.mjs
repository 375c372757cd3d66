// The built Worker under Miniflare, for tests written in any language: settings as the first argument, the address as a
// line of JSON on standard output, then a line of JSON for each command from standard input; ends when that closes.
//
//   node serve.mjs '{"workspace":"wallet","env":"dev","trust":"HEX"}'
//
// Also `preview`, `recheck_ms`, `cors` (comma list), `secret`, `caps`, `context_keys`, `collector` and `collector_token`, `queue` (false: none),
// `cf` ({"country","region"}), `build` (folder of the built Worker).
//
//   {"do":"restart"}   memory is lost; KV, the Durable Object and the Cache API stay     {"url"}
//   {"do":"forget"}    the own copies in the Cache API are gone, the memory stays       {}
//   {"do":"reads"}     what was read from KV since this was last asked                  {"reads":[…]}
//   {"do":"fault","kind":"none|down|missing|torn|swapped|throttled"}                    {}
//   {"do":"values"}    the keys in KV                                                   {"keys":[…]}

import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { Platform } from "./platform.mjs";

async function answer(platform, command) {
  switch (command.do) {
    case "restart":
      return { url: await platform.restart() };
    case "forget":
      await platform.forget();
      return {};
    case "reads":
      return { reads: await platform.reads() };
    case "fault":
      await platform.fault(command.kind);
      return {};
    case "values":
      return { keys: await platform.keys() };
    default:
      return { error: `no such command: ${command.do}` };
  }
}

async function serve(settings) {
  const platform = new Platform(settings);
  const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
  // Whoever ends this process by a signal leaves no folder behind either.
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
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await serve(JSON.parse(process.argv[2] ?? "{}"));
}
