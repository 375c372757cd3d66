// One Viceroy with a Fastly Compute program, on a loopback port.

import { execFileSync, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "../../..");
const READY_MS = 120_000;
/// Fixed when Viceroy starts.
const SECRET = ["secret", "collector_token"];

/// Where `scripts/tools` keeps it; installed if it is missing.
export function viceroy() {
  const folder = execFileSync(path.join(root, "scripts/tools"), ["viceroy"], { encoding: "utf8" });
  return path.join(folder.trim(), "viceroy");
}

export class Platform {
  #options;
  #folder;
  #child;
  #url;
  /// What Viceroy and the program wrote to their logs.
  log = "";

  /// `program` is the file, `settings` are the entries of the Config Store (none: it isn't linked), of which
  /// those of `SECRET` go to the Secret Store, `config` is a file instead of the one that is made here,
  /// `place` is what is known about where the visitors are.
  constructor(options) {
    this.#options = { viceroy: options.viceroy ?? viceroy(), ...options };
  }

  get url() {
    return this.#url;
  }

  async start() {
    this.#folder ??= await mkdtemp(path.join(tmpdir(), "skyful-fastly-"));
    const config = this.#options.config ?? path.join(this.#folder, "fastly.toml");
    if (this.#options.settings) await this.change(this.#options.settings);
    if (this.#options.place) await this.move(this.#options.place);
    if (!this.#options.config) await writeFile(config, this.#toml());
    // Port 0: the system gives a free one, and the log says which. Files are named from where it is started.
    const args = ["-v", "--addr", "127.0.0.1:0", "-C", config, path.resolve(this.#options.program)];
    this.#child = spawn(this.#options.viceroy, args, { cwd: this.#folder, stdio: ["ignore", "pipe", "pipe"] });
    this.#url = await this.#listening();
    return this.#url;
  }

  async stop() {
    const child = this.#child;
    if (child && child.exitCode === null && child.signalCode === null) {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill();
      await ended;
    }
    if (this.#folder) await rm(this.#folder, { recursive: true, force: true });
  }

  /// Other entries from the next request on: Viceroy reads the file for each.
  change(settings) {
    const entries = Object.fromEntries(Object.entries(settings).filter(([name]) => !SECRET.includes(name)));
    return writeFile(path.join(this.#folder, "fastly.local.json"), JSON.stringify(entries));
  }

  /// Visitors are elsewhere from the next request on, likewise.
  move(place) {
    return writeFile(path.join(this.#folder, "fastly.geo.json"), JSON.stringify({ "127.0.0.1": place }));
  }

  /// A command to the program that stands in front of the edge; its answer.
  command(route) {
    return new Promise((resolve, reject) => {
      const asked = request(`${this.#url}/${route}`, { headers: { host: "harness.invalid" } }, (answer) => {
        let text = "";
        answer.setEncoding("utf8");
        answer.on("data", (data) => (text += data));
        answer.on("end", () => (answer.statusCode === 200 ? resolve(text) : reject(new Error(`${route}: ${text}`))));
      });
      asked.on("error", reject);
      asked.end();
    });
  }

  #listening() {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`Viceroy isn't ready: ${this.log}`)), READY_MS);
      const heard = (data) => {
        this.log += data;
        if (process.env.SHOW_LOG) process.stderr.write(data);
        const found = this.log.match(/Listening on (http:\/\/[\d.:]+)/);
        if (found) {
          clearTimeout(late);
          resolve(found[1]);
        }
      };
      this.#child.stdout.setEncoding("utf8").on("data", heard);
      this.#child.stderr.setEncoding("utf8").on("data", heard);
      this.#child.once("error", reject);
      this.#child.once("exit", (code) => reject(new Error(`Viceroy ended with ${code}: ${this.log}`)));
    });
  }

  #toml() {
    const { settings, place } = this.#options;
    const lines = ["manifest_version = 3", 'name = "skyful"', 'language = "other"', "[local_server.kv_stores]"];
    lines.push("skyful_snapshots = []", "harness = []");
    if (settings) {
      lines.push("[local_server.config_stores.skyful_settings]", 'format = "json"', 'file = "fastly.local.json"');
    }
    const secrets = SECRET.filter((name) => settings?.[name]);
    if (secrets.length > 0) {
      const entries = secrets.map((name) => `{ key = "${name}", data = ${JSON.stringify(settings[name])} }`);
      lines.push("[local_server.secret_stores]", `skyful_secrets = [${entries.join(", ")}]`);
    }
    if (place) lines.push("[local_server.geolocation]", 'format = "json"', 'file = "fastly.geo.json"');
    return `${lines.join("\n")}\n`;
  }
}
