// Stands in front of the built Worker, in the same isolate: hands it an `env` whose KV counts its reads and fails as told.
// Miniflare emulates none of the ways in which KV misbehaves. Nothing of this is in what is deployed.

import { WorkerEntrypoint } from "cloudflare:workers";
import edge, { Counter as RealCounter, Publisher as RealPublisher } from "../../../edge/cloudflare/entry.mjs";

let kind = "none";
let reads = [];
const dead = [];

const KINDS = {
  none: (kv, key, options) => kv.get(key, options),
  down: async () => {
    throw new Error("KV GET failed: 503 Service Unavailable");
  },
  throttled: async () => {
    throw new Error("KV GET failed: 429 Too Many Requests");
  },
  missing: async () => null,
  torn: async (kv, key, options) => {
    const value = await kv.get(key, options);
    return value && value.slice(0, value.byteLength >> 1);
  },
  swapped: async (kv, key, options) => {
    const { keys } = await kv.list();
    const other = keys.find(({ name }) => name !== key);
    return other ? kv.get(other.name, options) : null;
  },
  // Only writes go wrong; for the tests of the publisher.
  unwritable: (kv, key, options) => kv.get(key, options),
  late: (kv, key, options) => kv.get(key, options),
};

let puts = 0;

const WRITES = {
  unwritable: async () => {
    throw new Error("KV PUT failed: 429 Too Many Requests");
  },
  // The first write arrives long after the ones that follow it would.
  late: async (kv, key, value) => {
    puts += 1;
    if (puts === 1) await scheduler.wait(1_500);
    return kv.put(key, value);
  },
};

function disturbed(kv) {
  return new Proxy(kv, {
    get(target, name) {
      if (name === "get") {
        return (key, options) => {
          reads.push(key);
          return KINDS[kind](target, key, options);
        };
      }
      if (name === "put" && kind in WRITES) {
        return (key, value) => WRITES[kind](target, key, value);
      }
      const member = Reflect.get(target, name);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

const wrapped = (env) => ({ ...env, SNAPSHOTS: disturbed(env.SNAPSHOTS) });

/// What the Worker keeps in the Cache API, which cannot be listed, goes by the keys of what is published.
async function forget(kv) {
  const cache = await caches.open("skyful");
  const gone = (key) => cache.delete(`https://skyful.invalid/${key}`);
  let cursor;
  do {
    const page = await kv.list({ cursor });
    for (const { name } of page.keys) {
      await Promise.all([gone(name), gone(`${name}-before`), gone(`fresh/${name}`)]);
    }
    cursor = page.list_complete ? undefined : page.cursor;
  } while (cursor);
}

async function control(route, env) {
  if (route === "forget") {
    await forget(env.SNAPSHOTS);
    return Response.json({});
  }
  if (route === "dead") return Response.json(dead);
  if (route === "reads") {
    const seen = reads;
    reads = [];
    return Response.json(seen);
  }
  const wanted = route.split("/")[1];
  if (!(wanted in KINDS)) return new Response(`no such fault: ${wanted}`, { status: 400 });
  kind = wanted;
  return Response.json({});
}

export class Publisher {
  constructor(state, env) {
    this.real = new RealPublisher(state, wrapped(env));
  }
  fetch(request) {
    return this.real.fetch(request);
  }
  alarm() {
    return this.real.alarm();
  }
}

export default class extends WorkerEntrypoint {
  fetch(request) {
    const { hostname, pathname } = new URL(request.url);
    if (hostname === "harness.invalid") return control(pathname.slice(1), this.env);
    return edge.fetch(request, wrapped(this.env), this.ctx);
  }
  queue(batch) {
    // Nothing of the product takes from here: a person looks at it.
    if (batch.queue === "dead") {
      dead.push(...batch.messages.map((message) => message.body));
      return;
    }
    return edge.queue(batch, wrapped(this.env), this.ctx);
  }
}

/// Says also what its object stores.
export class Counter extends RealCounter {
  #sql;

  constructor(state, env) {
    super(state, env);
    this.#sql = state.storage.sql;
  }

  fetch(request) {
    if (!request.url.endsWith("/tables")) return super.fetch(request);
    const tables = this.#sql.exec("SELECT name FROM sqlite_master WHERE type = 'table'").toArray();
    return Response.json(tables.map(({ name }) => name).filter((name) => !name.startsWith("_cf")));
  }
}
