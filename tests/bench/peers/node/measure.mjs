// Loads, answers, and only then times a peer that runs in Node; the answers are compared by who started it. A peer is
// {write(modules) → text, load(text) → engine, context(attributes) → context, winners(engine, context) → plan a list}.

import { readFileSync } from "node:fs";

const now = () => Number(process.hrtime.bigint());
const median = (times) => times.sort((a, b) => a - b)[Math.floor(times.length / 2)];

export function measure(peer) {
  const [path, timingMs, checkingMs] = process.argv.slice(2);
  const { modules, users } = JSON.parse(readFileSync(path, "utf8"));
  const text = peer.write(modules);
  const [timing, checking] = [timingMs * 1e6, checkingMs * 1e6];

  const loads = [];
  const colds = [];
  let engine;
  for (const begun = now(); loads.length < 9 && (loads.length === 0 || now() - begun < timing); ) {
    const start = now();
    engine = peer.load(text);
    loads.push(now() - start);
    peer.winners(engine, peer.context(users[0], 0));
    colds.push(now() - start);
  }

  const startContexts = now();
  const contexts = users.map((user, number) => peer.context(user, number));
  const context_ns = (now() - startContexts) / users.length;

  const winners = [];
  for (const begun = now(); winners.length < users.length; ) {
    if (winners.length >= 10 && now() - begun > checking) break;
    winners.push(peer.winners(engine, contexts[winners.length]));
  }

  const pass = (count) => {
    const stride = Math.floor(users.length / count);
    const start = now();
    for (let number = 0; number < count; number += 1) peer.winners(engine, contexts[number * stride]);
    return now() - start;
  };
  // The compiler has had its time with the answers above; what is fast has some more.
  const probe = pass(4) / 4;
  const count = Math.min(users.length, Math.max(10, Math.floor(timing / (4 * probe))));
  for (const begun = now(); now() - begun < timing / 2; ) pass(count);
  const times = [];
  for (const begun = now(); times.length === 0 || now() - begun < timing; ) times.push(pass(count));

  console.log(
    JSON.stringify({
      // The first load is the cold one: later ones run compiled code.
      load_ns: loads[0],
      cold_ns: colds[0],
      context_ns,
      evaluation_ns: median(times) / count,
      users_timed: count,
      bytes: Buffer.byteLength(text),
      winners,
    }),
  );
}
