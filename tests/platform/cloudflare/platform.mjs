// One Worker with its KV, Durable Object and Cache API on a loopback port, and ways to make them misbehave.

import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Miniflare } from "miniflare";

const here = import.meta.dirname;
const ENTRY = path.resolve(here, "../../../edge/cloudflare/entry.mjs");
const BUILD = path.join(path.dirname(ENTRY), "build");
/// `SKYFUL_WORKER` names another one, from the root of the repository.
const BUILT = process.env.SKYFUL_WORKER ? path.resolve(here, "../../..", process.env.SKYFUL_WORKER) : BUILD;
const CONTROL = "http://harness.invalid/";

export class Platform {
  #settings;
  #folder;
  #miniflare;
  #kind = "none";
  #reads = [];
  /// What the Worker wrote to its log.
  log = "";

  /// `vars` overrides single variables of the Worker; null leaves one out.
  constructor(settings) {
    this.#settings = { build: BUILT, workspace: "wallet", env: "dev", ...settings };
  }

  async start() {
    if (!existsSync(path.join(this.#settings.build, "index_bg.wasm"))) {
      throw new Error(`no built Worker in ${this.#settings.build}; run scripts/build-worker --quick`);
    }
    this.#folder ??= await mkdtemp(path.join(tmpdir(), "skyful-cloudflare-"));
    this.#miniflare = new Miniflare(this.#options());
    const url = await this.#miniflare.ready;
    if (this.#kind !== "none") await this.#control(`fault/${this.#kind}`);
    return url.origin;
  }

  async stop() {
    await this.#miniflare?.dispose();
    if (this.#folder) await rm(this.#folder, { recursive: true, force: true });
  }

  async restart() {
    this.#reads = await this.reads();
    await this.#miniflare.dispose();
    return this.start();
  }

  async forget() {
    await this.#control("forget");
  }

  async reads() {
    const reads = [...this.#reads, ...(await this.#control("reads"))];
    this.#reads = [];
    return reads;
  }

  /// What was put into the dead-letter queue, message by message.
  async dead() {
    return this.#control("dead");
  }

  async fault(kind) {
    await this.#control(`fault/${kind}`);
    this.#kind = kind;
  }

  async keys() {
    const kv = await this.kv();
    const keys = [];
    let cursor;
    do {
      const page = await kv.list({ cursor });
      keys.push(...page.keys.map((key) => key.name));
      cursor = page.list_complete ? undefined : page.cursor;
    } while (cursor);
    return keys;
  }

  /// KV from outside: neither counted nor disturbed.
  kv() {
    return this.#miniflare.getKVNamespace("SNAPSHOTS");
  }

  /// The object that counts for somebody.
  async counter(name) {
    const counters = await this.#miniflare.getDurableObjectNamespace("CAPS");
    return counters.get(counters.idFromName(name));
  }

  async #control(route) {
    const answer = await this.#miniflare.dispatchFetch(CONTROL + route);
    if (!answer.ok) throw new Error(await answer.text());
    return answer.json();
  }

  #options() {
    const { build, workspace, env, trust, preview, recheck_ms, cors, secret, caps, context_keys, cf, vars } = this.#settings;
    const { collector, collector_token, queue = true } = this.#settings;
    const bindings = {
      SKYFUL_WORKSPACE: workspace,
      SKYFUL_ENV: env,
      SKYFUL_TRUST: trust,
      SKYFUL_PREVIEW: preview === undefined ? undefined : String(preview),
      SKYFUL_RECHECK_MS: recheck_ms === undefined ? undefined : String(recheck_ms),
      SKYFUL_CORS: cors,
      SKYFUL_SECRET: secret,
      SKYFUL_COLLECTOR: collector,
      SKYFUL_COLLECTOR_TOKEN: collector_token,
      SKYFUL_CONTEXT_KEYS: context_keys,
      SKYFUL_CAPS: caps,
      ...vars,
    };
    const given = Object.entries(bindings).filter(([, value]) => value !== undefined && value !== null);
    const disk = (name) => path.join(this.#folder, name);
    return {
      host: "127.0.0.1",
      port: 0,
      // The two lie in different folders; their common root keeps the names of the modules apart.
      modulesRoot: "/",
      modules: [
        { type: "ESModule", path: path.join(here, "faults.mjs"), contents: read("faults.mjs") },
        { type: "ESModule", path: ENTRY, contents: entry(build) },
        { type: "ESModule", path: path.join(build, "index.js") },
        { type: "CompiledWasm", path: path.join(build, "index_bg.wasm") },
      ],
      compatibilityDate: "2026-04-01",
      bindings: Object.fromEntries(given),
      kvNamespaces: ["SNAPSHOTS"],
      durableObjects: {
        PUBLISHER: { className: "Publisher", useSQLite: true },
        CAPS: { className: "Counter", useSQLite: true },
      },
      ...(queue && queues(collector !== undefined)),
      kvPersist: disk("kv"),
      durableObjectsPersist: disk("objects"),
      cachePersist: disk("cache"),
      // Otherwise Miniflare asks the network where this machine is.
      cf: cf ? { country: cf.country, regionCode: cf.region } : false,
      handleRuntimeStdio: (out, error) => {
        const keep = (text) => {
          this.log += text;
          if (process.env.SHOW_LOG) process.stderr.write(text);
        };
        out.on("data", keep);
        error.on("data", keep);
      },
    };
  }
}

/// One queue from the edge to itself, and one for what can't be delivered. Nobody takes from it where there is no collector.
function queues(consumed) {
  const consumer = { maxBatchSize: 10, maxBatchTimeout: 0, maxRetries: 3, deadLetterQueue: "dead" };
  return {
    queueProducers: { EVENTS: { queueName: "events" }, EVENTS_DEAD: { queueName: "dead" } },
    queueConsumers: consumed ? { events: consumer, dead: { maxBatchTimeout: 0 } } : {},
  };
}

/// The Worker's own entry, which has to find it wherever it was built.
function entry(build) {
  const built = path.relative(path.dirname(ENTRY), path.join(build, "index.js"));
  return read(ENTRY).replace("./build/index.js", built.startsWith(".") ? built : `./${built}`);
}

function read(name) {
  return readFileSync(path.resolve(here, name), "utf8");
}
