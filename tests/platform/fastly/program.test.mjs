// What is special to the edge on Fastly, with the program as it is deployed. What all platforms must do is tested once for
// all of them.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { Platform } from "./platform.mjs";

const root = path.resolve(import.meta.dirname, "../../..");
const target = process.env.CARGO_TARGET_DIR ?? path.join(root, "target");
const skyful = process.env.SKYFUL_BIN ?? path.join(target, "debug/skyful");
const program = path.join(root, "bin/main.wasm");

let folder;
let settings;
const at = (name) => path.join(folder, name);

before(() => {
  folder = mkdtempSync(path.join(tmpdir(), "skyful-published-"));
  const trust = execFileSync(skyful, ["keys", "new", "-o", at("key")], { stdio: ["ignore", "pipe", "ignore"] });
  settings = { trust: trust.toString().trim(), workspace: "wallet", env: "dev" };
});

after(() => rmSync(folder, { recursive: true, force: true }));

async function running(t, options) {
  const platform = new Platform({ program, settings, ...options });
  t.after(() => platform.stop());
  await platform.start();
  return platform;
}

const publish = (document, url) => execFileSync(skyful, ["publish", document, "--key", at("key"), "--to", url], { stdio: "pipe" });

test("what docs/fastly.md says, done: fastly.toml, a publisher, a visitor", async (t) => {
  const { url } = await running(t, { config: path.join(root, "fastly.toml") });
  const empty = await fetch(`${url}/healthz`);
  assert.equal(empty.status, 503);
  assert.equal((await empty.json()).type, "urn:skyful:problem:no-snapshot");
  publish(path.join(root, "examples/wallet/wallet.yaml"), url);
  const page = await fetch(`${url}/v1/pages/home?unit=u-1&locale=en&attr.age=67&attr.country=CN`);
  assert.equal(page.status, 200);
  const { plan, locale, release } = await page.json();
  assert.deepEqual([plan, locale, release.sequence], ["senior", "en", 1]);
});

const document = (title) => `
skyful: 1
workspace: wallet
locales: {default: en, supported: [en]}
attributes:
  country: {type: string, from: edge.country}
  region: {type: string, from: edge.region}
  ip: {type: string, from: edge.ip}
module_types:
  banner: {schema: {type: object, required: [title], properties: {title: {type: string}}}}
modules:
  hero:
    type: banner
    default: {content: {title: ${title}}}
    plans:
      - key: guangdong
        audience:
          all:
            - {attr: country, op: eq, value: CN}
            - {attr: region, op: eq, value: GD}
            - {attr: ip, op: eq, value: 127.0.0.1}
        content: {title: ${title} for Guangdong}
pages:
  home: {slots: [{key: hero, max: 1}], default: {modules: {hero: [hero]}}}
`;

/// A place as Viceroy wants it, whole.
const place = (country, region) => ({
  as_name: "?", as_number: 0, area_code: 0, city: "?", conn_speed: "broadband", conn_type: "wired", continent: "AS",
  country_code: country, country_code3: "?", country_name: "?", latitude: 0.5, longitude: 0.5, metro_code: 0,
  postal_code: "?", proxy_description: "?", proxy_type: "?", region, utc_offset: 800,
});

async function title({ url }) {
  const answer = await fetch(`${url}/v1/pages/home?unit=u-1`);
  assert.equal(answer.status, 200);
  return (await answer.json()).modules[0].content.title;
}

test("where the visitor is fills the declared attributes, unless nobody knows", async (t) => {
  const platform = await running(t, { place: place("CN", "GD") });
  writeFileSync(at("home.yaml"), document("Hello"));
  publish(at("home.yaml"), platform.url);
  assert.equal(await title(platform), "Hello for Guangdong");
  for (const elsewhere of [place("DE", "GD"), place("CN", "BJ"), place("**", "GD"), place("CN", "NO REGION")]) {
    await platform.move(elsewhere);
    assert.equal(await title(platform), "Hello");
  }
});

test("the highest of manifests that arrive together is what stays", async (t) => {
  const store = at("store");
  const values = [];
  for (const name of ["First", "Second", "Third", "Fourth"]) {
    writeFileSync(at("race.yaml"), document(name));
    execFileSync(skyful, ["publish", at("race.yaml"), "--to", store, "--key", at("key")], { stdio: "pipe" });
    values.push(execFileSync("cat", [path.join(store, "s1/wallet/dev/manifest")]));
  }
  const platform = await running(t);
  const put = (value) => fetch(`${platform.url}/v1/manifest`, { method: "PUT", body: value });
  for (let round = 0; round < 5; round += 1) {
    const asked = [3, 1, 2, 3, 0, 2, 1, 3].map((at) => put(values[at]));
    for (const answer of await Promise.all(asked)) {
      // 503: it lost the comparison each time.
      assert.ok([200, 409, 503].includes(answer.status), await answer.text());
    }
  }
  const status = await (await fetch(`${platform.url}/v1/status`)).json();
  assert.equal(status.release.sequence, 4);
});

const capped = `
skyful: 1
workspace: wallet
locales: {default: en, supported: [en]}
module_types:
  banner: {schema: {type: object, required: [title], properties: {title: {type: string}}}}
modules:
  hero:
    type: banner
    default: {content: {title: Again}}
    plans:
      - {key: once, caps: [{limit: 1, per: lifetime, count: served}], content: {title: Once}}
pages:
  home: {slots: [{key: hero, max: 1}], default: {modules: {hero: [hero]}}}
`;

test("caps are counted in the KV Store, or in ledgers sealed by the secret of the Secret Store", async (t) => {
  const platform = await running(t, { settings: { ...settings, secret: "5e".repeat(32) } });
  writeFileSync(at("capped.yaml"), capped);
  publish(at("capped.yaml"), platform.url);
  const visit = (headers) => fetch(`${platform.url}/v1/pages/home?unit=u-1`, { headers });
  const first = await visit({});
  assert.equal((await first.json()).modules[0].content.title, "Once");
  const ledger = first.headers.get("skyful-caps");
  assert.ok(ledger, "no ledger");
  const second = await visit({ "skyful-caps": ledger });
  assert.equal((await second.json()).modules[0].content.title, "Again");
  await platform.change({ ...settings, caps: "approximate" });
  assert.equal(await title(platform), "Once");
  assert.equal(await title(platform), "Again");
});

test("a setting that is wrong is named, its value never", async (t) => {
  const platform = await running(t);
  const wrong = [
    [{ trust: "" }, "trust"],
    [{ trust: "hunter2" }, "trust"],
    [{ workspace: "Hunter 2" }, "workspace"],
    [{ preview: "hunter2" }, "preview"],
    [{ recheck_ms: "hunter2" }, "recheck_ms"],
  ];
  for (const [change, name] of wrong) {
    await platform.change({ ...settings, ...change });
    for (const route of ["/v1/pages/home", "/healthz"]) {
      const answer = await fetch(platform.url + route);
      const text = await answer.text();
      assert.equal(answer.status, 503);
      assert.equal(answer.headers.get("content-type"), "application/problem+json");
      assert.equal(JSON.parse(text).type, "urn:skyful:problem:misconfigured");
      assert.equal(JSON.parse(text).place, name);
      assert.ok(!/hunter/i.test(text + platform.log), text + platform.log);
    }
  }
  await platform.change(settings);
  assert.equal((await (await fetch(`${platform.url}/healthz`)).json()).type, "urn:skyful:problem:no-snapshot");
});

test("without a Config Store the answer says which name is missing", async (t) => {
  const platform = await running(t, { settings: undefined });
  const answer = await fetch(`${platform.url}/healthz`);
  assert.equal(answer.status, 503);
  assert.equal((await answer.json()).place, "skyful_settings");
});
