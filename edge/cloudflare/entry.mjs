// Stands before the built Worker and keeps a panic from harming others. A panic, like any trap, ends the Wasm instance, and
// whatever else was in flight in it would never be answered. So each call is made here; when an instance ends, its calls
// are made again on the next one, but for the call that ended it, which is answered with a 500. Every route may be asked
// twice: events have ids, objects are named by their digests, and a cap that counts twice grants less, never more.
//
// Decides nothing else. `src/blame.rs` says whose call it was.

import Worker, { Counter as RealCounter, Publisher as RealPublisher } from "./build/index.js";

/// How often one call is made again: after traps of other calls, of which none is made twice, and after those of work behind
/// answers, which is nobody's. Eight of the former were too few where one request in sixteen panicked.
const MOST = { harmed: 100, lost: 8 };
/// Longer than any call takes.
const AWAKE_MS = 600_000;

/// What became of a call whose instance ended.
const GUILTY = Symbol("guilty");
const HARMED = Symbol("harmed");
const LOST = Symbol("lost");

/// What settles each call that is in flight, by its number.
const live = new Map();
/// Calls whose handler was not polled yet. Handlers are polled for the first time in the order of their calls.
let waiting = [];
let last = 0;

/// `polled` is the call whose handler is being polled, 0 if none is.
const calls = globalThis.__skyful_calls;
calls.begun = () => {
  let number;
  do number = waiting.shift();
  while (number !== undefined && !live.has(number));
  return number ?? 0;
};

/// What V8 throws where an instance can't go on: a trap, or a stack that is too deep.
const ends = (error) => error instanceof WebAssembly.RuntimeError || error instanceof RangeError;

// Handlers are polled in microtasks, so a trap in one reaches nobody's promise. This runs before the next microtask does.
addEventListener("error", ({ error }) => {
  if (ends(error)) ended();
});
addEventListener("unhandledrejection", ({ reason }) => {
  if (ends(reason)) ended();
});

/// Puts the next instance in place and tells every call of the one that ended.
function ended() {
  const [culprit, told] = [calls.polled, [...live]];
  calls.polled = 0;
  waiting = [];
  live.clear();
  // At once: a callback of the old instance that came first would run on the memory of the new one.
  Worker.prototype.revive();
  // Otherwise worker-build's shim would replace the new instance as well, under the calls that are in it by then.
  globalThis.__worker_init_state.criticalError = false;
  const innocent = culprit === 0 ? LOST : HARMED;
  for (const [number, settle] of told) settle(number === culprit ? GUILTY : innocent);
}

/// One call. Its outcome is what the handler gives, or what became of its instance.
function made(call) {
  // Another request settles it, and the platform must go on with this one where it belongs. It knows where by a mark on the
  // promise, which code that V8 has optimized (after 17,000 calls) forgets to make in a `new Promise`.
  const { promise, resolve, reject } = Promise.withResolvers();
  last += 1;
  const number = last;
  live.set(number, resolve);
  waiting.push(number);
  const failed = (error) => {
    if (ends(error)) {
      // Thrown into its own face.
      calls.polled ||= number;
      ended();
    } else {
      live.delete(number);
      reject(error);
    }
  };
  try {
    call().then((answer) => {
      live.delete(number);
      resolve(answer);
    }, failed);
  } catch (error) {
    failed(error);
  }
  return promise;
}

/// Calls until an instance lives long enough to answer; `blamed` answers for a call that panicked.
async function unharmed(call, blamed) {
  // The platform gives a request up as hung once nothing that it knows of can wake it. Of another request's trap it knows
  // nothing.
  const awake = setTimeout(() => {}, AWAKE_MS);
  try {
    let [harmed, lost] = [0, 0];
    while (harmed <= MOST.harmed && lost <= MOST.lost) {
      const outcome = await made(call);
      if (outcome === HARMED) harmed += 1;
      else if (outcome === LOST) lost += 1;
      else if (outcome === GUILTY) break;
      else return outcome;
    }
    return blamed();
  } finally {
    clearTimeout(awake);
  }
}

/// A body that can be read again: each attempt gets what the ones before it read, then the rest. A clone of the request
/// would do as well, and cost every POST a tenth more.
class Body {
  #reader;
  /// Promises of what `read` gives, since the last may not be here yet.
  #steps = [];

  constructor(stream) {
    this.#reader = stream.getReader();
  }

  getReader() {
    let next = 0;
    const read = () => {
      next += 1;
      return (this.#steps[next - 1] ??= this.#reader.read());
    };
    return { read, cancel: () => this.#reader.cancel() };
  }
}

/// The same for a request.
function answered(request, call, blamed) {
  if (request.body !== null) Object.defineProperty(request, "body", { value: new Body(request.body) });
  return unharmed(call, blamed);
}

function bug(request, env) {
  try {
    return Worker.prototype.bug(request, env) ?? new Response(null, { status: 500 });
  } catch (error) {
    if (ends(error)) ended();
    return new Response(null, { status: 500 });
  }
}

/// The platform itself comes again with what was thrown back at it: a batch, an alarm.
function thrownBack() {
  throw new Error("skyful: it panicked");
}

/// A Durable Object of the built Worker.
class Guarded {
  #real;
  #make;

  constructor(make) {
    this.#make = make;
  }

  /// Made by the first call, so that a panic in there ends like any other.
  get real() {
    this.#real ??= this.#make();
    return this.#real;
  }

  fetch(request) {
    const blamed = () => new Response("the object panicked", { status: 500 });
    return answered(request, () => this.real.fetch(request), blamed);
  }
}

export class Publisher extends Guarded {
  constructor(state, env) {
    super(() => new RealPublisher(state, env));
  }

  alarm() {
    return unharmed(() => this.real.alarm(), thrownBack);
  }
}

export class Counter extends Guarded {
  constructor(state, env) {
    super(() => new RealCounter(state, env));
  }

  alarm() {
    return unharmed(() => this.real.alarm(), thrownBack);
  }
}

export default {
  fetch(request, env, context) {
    return answered(request, () => new Worker(context, env).fetch(request), () => bug(request, env));
  },
  queue(batch, env, context) {
    return unharmed(() => new Worker(context, env).queue(batch), thrownBack);
  },
};
