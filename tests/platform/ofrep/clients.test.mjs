// Stock OpenFeature clients, unchanged, against the native edge and the Worker: what an application sees of a page.

import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { test } from "node:test";
import { OFREPProvider } from "@openfeature/ofrep-provider";
import { OFREPWebProvider } from "@openfeature/ofrep-web-provider";
import { OpenFeature as Server } from "@openfeature/server-sdk";
import { ClientProviderEvents, OpenFeature as Web, ProviderStatus } from "@openfeature/web-sdk";
import { edge } from "./edges.mjs";

/// For what a poll brings.
const SOON_MS = 20_000;
const KINDS = (process.env.SKYFUL_OFREP_EDGES ?? "native worker").split(" ");

let serial = 0;

/// A web client of its own, and the requests that it sent.
async function web(t, url, context, { domain = `d${serial++}`, ...options } = {}) {
  const sent = [];
  const fetchImplementation = async (request) => {
    const answer = await fetch(request);
    sent.push({ held: request.headers.get("if-none-match"), status: answer.status, etag: answer.headers.get("etag") });
    return answer;
  };
  const provider = new OFREPWebProvider({ baseUrl: url, cacheMode: "disabled", fetchImplementation, ...options });
  await Web.setContext(domain, context);
  await Web.setProviderAndWait(domain, provider);
  t.after(() => provider.onClose());
  return { client: Web.getClient(domain), provider, sent, domain };
}

function within(what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${SOON_MS} ms`)), SOON_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

const changed = (client) =>
  within("a change", new Promise((resolve) => client.addHandler(ClientProviderEvents.ConfigurationChanged, resolve)));

function token(privateKey, claims) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const message = `${part({ alg: "EdDSA", kid: "shop-1" })}.${part(claims)}`;
  return `${message}.${sign(null, Buffer.from(message), privateKey).toString("base64url")}`;
}

for (const kind of KINDS) {
  test(`${kind}: the web client gets each listed page as an object`, async (t) => {
    const { url } = await edge(t, kind, { title: "Hello" });
    const { client, domain } = await web(t, url, { targetingKey: "u-1", locale: "zh", age: 67 });
    const home = client.getObjectDetails("home", {});
    assert.equal(home.variant, "senior");
    assert.equal(home.reason, "TARGETING_MATCH");
    assert.equal(home.errorCode, undefined);
    assert.equal(home.value.modules[0].content.title, "Hello 中文");
    assert.equal(home.flagMetadata["release.sequence"], 1);
    assert.equal(home.flagMetadata["release.track"], "stable");
    assert.equal(home.flagMetadata.locale, "zh");
    assert.match(home.flagMetadata["release.snapshot"], /^b3-/);
    assert.equal(client.getObjectDetails("help", {}).variant, "default");
    const none = client.getObjectDetails("nowhere", { mine: true });
    assert.deepEqual([none.errorCode, none.value], ["FLAG_NOT_FOUND", { mine: true }]);
    assert.equal(client.getStringDetails("home", "text").errorCode, "TYPE_MISMATCH");

    await Web.setContext(domain, { targetingKey: "u-1", locale: "en", age: 20 });
    const young = client.getObjectDetails("home", {});
    assert.deepEqual([young.variant, young.value.modules[0].content.title], ["default", "Hello"]);
  });

  test(`${kind}: polling costs 304 until something is released`, async (t) => {
    const { url, publish } = await edge(t, kind, { title: "First" });
    const { client, sent } = await web(t, url, { targetingKey: "u-1" }, { pollInterval: 50 });
    await within("some polls", (async () => {
      while (sent.length < 5) await new Promise((next) => setTimeout(next, 10));
    })());
    assert.deepEqual([sent[0].held, sent[0].status], [null, 200]);
    for (const poll of sent.slice(1, 5)) {
      assert.deepEqual([poll.held, poll.status, poll.etag], [sent[0].etag, 304, sent[0].etag]);
    }
    const change = changed(client);
    publish("Second");
    const { flagsChanged } = await change;
    assert.deepEqual(flagsChanged.toSorted(), ["help", "home"]);
    assert.equal(client.getObjectValue("home", {}).modules[0].content.title, "Second");
  });

  test(`${kind}: a context that a server signed counts, one that a client claims doesn't`, async (t) => {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    const raw = Buffer.from(publicKey.export({ format: "jwk" }).x, "base64url").toString("hex");
    const { url } = await edge(t, kind, { title: "Hello", keys: `eddsa:shop-1:${raw}` });
    const exp = Math.floor(Date.now() / 1000) + 300;
    const claims = { sub: "u-1", aud: "shop/dev", exp, attributes: { vip: true } };
    const signed = token(privateKey, claims);
    const plan = async (context, headers) => {
      const { client } = await web(t, url, context, { headersFactory: () => headers });
      return client.getObjectValue("home", {}).modules[0].plan;
    };
    assert.equal(await plan({ targetingKey: "u-1" }, [["Skyful-Context", signed]]), "vip");
    assert.equal(await plan({ targetingKey: "u-2" }, [["Skyful-Context", signed]]), "default");
    assert.equal(await plan({ targetingKey: "u-1", vip: true }, []), "default");
  });

  test(`${kind}: a stored answer is shown at once and never by an older one replaced`, async (t) => {
    const { url, publish } = await edge(t, kind, { title: "Old" });
    const stored = new Map();
    globalThis.localStorage = {
      getItem: (key) => stored.get(key) ?? null,
      setItem: (key, value) => stored.set(key, value),
      removeItem: (key) => stored.delete(key),
    };
    t.after(() => delete globalThis.localStorage);
    publish("New");
    const options = { cacheMode: "local-cache-first" };
    const first = await web(t, url, { targetingKey: "u-1" }, options);
    assert.equal(first.client.getObjectValue("home", {}).modules[0].content.title, "New");
    assert.equal(stored.size, 1);
    // An edge of the same address that knows only the older release.
    const lagging = await edge(t, kind, { title: "Old" });
    const looked = [];
    const moved = async (request) => {
      const target = new URL(request.url);
      const headers = Object.fromEntries(request.headers);
      const body = await request.text();
      const answer = await fetch(`${lagging.url}${target.pathname}`, { method: "POST", headers, body });
      looked.push(answer.status);
      return answer;
    };
    // What is stored belongs to the client of this name.
    const again = { ...options, domain: first.domain, fetchImplementation: moved, pollInterval: 50 };
    const second = await web(t, url, { targetingKey: "u-1" }, again);
    await within("some polls", (async () => {
      while (looked.length < 5) await new Promise((next) => setTimeout(next, 10));
    })());
    assert.deepEqual(new Set(looked), new Set([304]));
    assert.equal(second.client.getObjectValue("home", {}).modules[0].content.title, "New");
    assert.equal(second.client.getObjectDetails("home", {}).reason, "CACHED");
  });

  test(`${kind}: the server client gets pages and modules`, async (t) => {
    const { url } = await edge(t, kind, { title: "Hello" });
    const domain = `s${serial++}`;
    await Server.setProviderAndWait(domain, new OFREPProvider({ baseUrl: url }));
    const client = Server.getClient(domain);
    const context = { targetingKey: "u-1", age: 67 };
    const home = await client.getObjectDetails("home", {}, context);
    assert.deepEqual([home.variant, home.reason], ["senior", "TARGETING_MATCH"]);
    const hero = await client.getObjectDetails("home.hero", {}, context);
    assert.deepEqual([hero.variant, hero.value], ["default", { title: "Hello", big: false }]);
    const news = await client.getObjectDetails("home.news", {}, { ...context, country: "TH" });
    assert.deepEqual([news.variant, news.value], ["thai", { title: "Sawasdee" }]);
    // On the page, but not for this visitor: the code's default.
    assert.deepEqual(await client.getObjectValue("home.news", { mine: true }, context), { mine: true });
    const none = await client.getObjectDetails("home.nothing", { mine: true }, context);
    assert.deepEqual([none.errorCode, none.value], ["FLAG_NOT_FOUND", { mine: true }]);
  });

  test(`${kind}: without a release the web client isn't ready, and recovers`, async (t) => {
    const { url, publish } = await edge(t, kind);
    const domain = `n${serial++}`;
    const provider = new OFREPWebProvider({ baseUrl: url, cacheMode: "disabled" });
    t.after(() => provider.onClose());
    await Web.setContext(domain, { targetingKey: "u-1" });
    await assert.rejects(Web.setProviderAndWait(domain, provider));
    const client = Web.getClient(domain);
    // Not fatal: that would be the end of this provider.
    assert.equal(client.providerStatus, ProviderStatus.ERROR);
    assert.deepEqual(client.getObjectValue("home", { mine: true }), { mine: true });
    publish("Hello");
    await Web.setContext(domain, { targetingKey: "u-1", age: 20 });
    assert.equal(client.getObjectValue("home", {}).modules[0].content.title, "Hello");
  });
}
