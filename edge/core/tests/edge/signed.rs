//! Attributes that only a customer's server can say.

use serde_json::{Value as Json, json};
use skyful_edge::ContextKeys;

use crate::fixture::snapshot;
use crate::token::{self, SECRET, claims, compact, eddsa, hs256, right, text};
use crate::world::{World, config};

const NOW_MS: i64 = 1_800_000_000_000;

fn world() -> World {
    let mut config = config();
    config.context_keys = ContextKeys::parse(&token::keys()).unwrap();
    let world = World::with(config);
    world.publish(1, &snapshot("one"));
    assert_eq!(world.now_ms, NOW_MS);
    world
}

/// Which plan of the hero the unit `u-9` gets with this header.
fn plan(world: &mut World, token: &str) -> String {
    world.headers = vec![("skyful-context", token.to_owned())];
    let body = br#"{"page":"home","unit":"u-9"}"#;
    let answer = world.send("POST", "/v1/resolve", body);
    // Never an error page.
    assert_eq!(answer.response.status, 200, "{token}");
    let plan = answer.json["modules"][0]["plan"].as_str().unwrap();
    plan.to_owned()
}

fn with(change: impl Fn(&mut Json)) -> Json {
    let mut claims = claims(NOW_MS);
    change(&mut claims);
    claims
}

#[test]
fn what_a_known_key_signed_for_this_unit_counts() {
    let mut world = world();
    let said = claims(NOW_MS).to_string();
    let hmac = |message: &str| hs256(&SECRET, message);
    for token in [
        right(&claims(NOW_MS)),
        compact(r#"{"alg":"EdDSA"}"#, &said, eddsa),
        compact(r#"{"alg":"HS256"}"#, &said, hmac),
        compact(r#"{"typ":"JWT","kid":"h1","alg":"HS256"}"#, &said, hmac),
        right(&with(|c| c["aud"] = json!(["other/prod", "wallet/prod"]))),
        right(&with(|c| c["nbf"] = json!(NOW_MS / 1_000 + 60))),
        right(&with(|c| c["iat"] = json!(NOW_MS / 1_000 - 80_000))),
        right(&with(|c| c["exp"] = json!(NOW_MS / 1_000 + 86_400 + 60))),
        right(&with(|c| c["attributes"]["color"] = json!("red"))),
    ] {
        assert_eq!(plan(&mut world, &token), "vip", "{token}");
    }
    // By the address and by OpenFeature alike.
    let page = world.get("/v1/pages/home?unit=u-9").json;
    assert_eq!(page["modules"][0]["plan"], "vip");
    let body = br#"{"context":{"targetingKey":"u-9","vip":false}}"#;
    let flag = world.send("POST", "/ofrep/v1/evaluate/flags/home.hero", body);
    assert_eq!(flag.json["variant"], "vip");
    let all = world.send("POST", "/ofrep/v1/evaluate/flags", body).json;
    assert_eq!(all["flags"][0]["value"]["modules"][0]["plan"], "vip");
}

#[test]
fn it_says_only_what_is_declared_to_be_signed() {
    let mut world = world();
    let token = right(&with(|c| {
        c["attributes"] = json!({"vip": "yes", "age": 67, "country": "CN"});
    }));
    assert_eq!(plan(&mut world, &token), "default");
    let answer = world.send("POST", "/v1/resolve", br#"{"page":"home","unit":"u-9"}"#);
    assert_eq!(answer.json["plan"], "default");
}

/// Forged, expired, swapped, unsigned, confused, broken: none is accepted, and none is an error.
fn bad_tokens() -> Vec<(&'static str, String)> {
    let good = right(&claims(NOW_MS));
    let parts: Vec<&str> = good.split('.').collect();
    let said = claims(NOW_MS).to_string();
    let secs = NOW_MS / 1_000;
    let nobody = |_: &str| Vec::new();
    let public = token::signing().verifying_key().to_bytes();
    let hmac = |message: &str| hs256(&SECRET, message);
    let other = ed25519_dalek::SigningKey::from_bytes(&[6; 32]);
    let foreign = |message: &str| {
        use ed25519_dalek::Signer as _;
        other.sign(message.as_bytes()).to_bytes().to_vec()
    };
    let vip_for = |sub: &str| with(|c| c["sub"] = json!(sub)).to_string();
    let no_context = "the signed context is no compact JWS";
    let bad_claims = "the signed context lacks sub, aud, exp or attributes";
    let no_key = "no key of this edge signed the context";
    let algorithm = "the signed context has an algorithm that is not accepted";
    let mut bad = vec![
        // Another key, another algorithm, none.
        (no_key, compact(r#"{"alg":"EdDSA"}"#, &said, foreign)),
        (
            no_key,
            compact(r#"{"alg":"HS256"}"#, &said, |m| hs256(&[8; 32], m)),
        ),
        (no_key, compact(r#"{"alg":"EdDSA"}"#, &said, nobody)),
        (no_key, compact(r#"{"alg":"HS256"}"#, &said, nobody)),
        (algorithm, compact(r#"{"alg":"none"}"#, &said, nobody)),
        (algorithm, compact(r#"{"alg":"None"}"#, &said, eddsa)),
        (algorithm, compact(r#"{"alg":""}"#, &said, nobody)),
        (algorithm, compact(r#"{"alg":"hs256"}"#, &said, hmac)),
        (algorithm, compact(r#"{"alg":"HS512"}"#, &said, hmac)),
        (algorithm, compact(r#"{"alg":"ES256"}"#, &said, eddsa)),
        // The public key as the secret of an HMAC, and each key under the other's name.
        (
            no_key,
            compact(r#"{"alg":"HS256"}"#, &said, |m| hs256(&public, m)),
        ),
        (
            no_key,
            compact(r#"{"alg":"HS256","kid":"e1"}"#, &said, |m| {
                hs256(&public, m)
            }),
        ),
        (
            no_key,
            compact(r#"{"alg":"HS256","kid":"e1"}"#, &said, hmac),
        ),
        (
            no_key,
            compact(r#"{"alg":"EdDSA","kid":"h1"}"#, &said, eddsa),
        ),
        (
            no_key,
            compact(r#"{"alg":"EdDSA","kid":"e2"}"#, &said, eddsa),
        ),
        (no_key, compact(r#"{"alg":"EdDSA","kid":""}"#, &said, eddsa)),
        // Signed, and not for this.
        (
            "the signed context has expired",
            right(&with(|c| c["exp"] = json!(secs))),
        ),
        (
            "the signed context has expired",
            right(&with(|c| c["exp"] = json!(-1))),
        ),
        (
            "the signed context is valid for more than a day",
            right(&with(|c| c["exp"] = json!(secs + 86_461))),
        ),
        (
            "the signed context is valid for more than a day",
            right(&with(|c| c["exp"] = json!(i64::MAX))),
        ),
        (
            "the signed context begins later",
            right(&with(|c| c["nbf"] = json!(secs + 61))),
        ),
        (
            "the signed context begins later",
            right(&with(|c| c["iat"] = json!(i64::MAX))),
        ),
        (
            "the signed context is for another unit",
            right(&with(|c| c["sub"] = json!("u-8"))),
        ),
        (
            "the signed context is for another unit",
            right(&with(|c| c["sub"] = json!("U-9"))),
        ),
        (
            "the signed context is for another unit",
            right(&with(|c| c["sub"] = json!(""))),
        ),
        (
            "the signed context is for another environment",
            right(&with(|c| c["aud"] = json!("wallet/dev"))),
        ),
        (
            "the signed context is for another environment",
            right(&with(|c| c["aud"] = json!(["wallet", "prod"]))),
        ),
        (
            "the signed context is for another environment",
            right(&with(|c| c["aud"] = json!({"a": "wallet/prod"}))),
        ),
        (
            "the signed context is for another environment",
            right(&with(|c| c["aud"] = json!(null))),
        ),
        // Signed, and wrongly said.
        (bad_claims, right(&with(|c| c["exp"] = json!("2030")))),
        (bad_claims, right(&with(|c| c["exp"] = json!(1e18)))),
        (bad_claims, right(&with(|c| c["exp"] = json!(null)))),
        (bad_claims, right(&with(|c| c["sub"] = json!(9)))),
        (bad_claims, right(&json!([]))),
        (bad_claims, compact(r#"{"alg":"EdDSA"}"#, "", eddsa)),
        (
            bad_claims,
            compact(
                r#"{"alg":"EdDSA"}"#,
                &said.replacen('{', r#"{"sub":"u-8","#, 1),
                eddsa,
            ),
        ),
        (
            "the attributes of the signed context are no object, or too many",
            right(&with(|c| c["attributes"] = json!([true]))),
        ),
        (
            "the attributes of the signed context are no object, or too many",
            right(&with(|c| c["attributes"] = json!("vip"))),
        ),
        (
            "the signed context demands an extension",
            compact(
                r#"{"alg":"EdDSA","crit":["b64"],"b64":false}"#,
                &said,
                eddsa,
            ),
        ),
        // Not one at all.
        (no_context, String::new()),
        (no_context, ".".into()),
        (no_context, "..".into()),
        (no_context, "a.b.c".into()),
        (no_context, parts[..2].join(".")),
        (no_key, format!("{good}.")),
        (no_context, format!("{good}=")),
        (no_context, format!(" {good}")),
        (no_context, format!("Bearer {good}")),
        (no_key, format!("{good}, {good}")),
        (
            no_context,
            format!("{}.{}.{}", text(b"{"), parts[1], parts[2]),
        ),
        (
            no_context,
            format!("{}.{}.{}", text(b"\xff"), parts[1], parts[2]),
        ),
        (
            no_context,
            compact(r#"{"alg":"EdDSA","alg":"EdDSA"}"#, &said, eddsa),
        ),
        (no_context, compact(r#"{"typ":"JWT"}"#, &said, eddsa)),
        (no_context, compact("[]", &said, eddsa)),
        (
            "the signed context is too long",
            right(&with(|c| c["pad"] = json!("x".repeat(4_096)))),
        ),
        ("the signed context is too long", "x".repeat(100_000)),
    ];
    for name in ["sub", "aud", "exp", "attributes"] {
        let lacking = with(|c| _ = c.as_object_mut().unwrap().remove(name));
        bad.push((bad_claims, right(&lacking)));
    }
    // Another's claims under this one's signature.
    let swapped = text(vip_for("u-9").replace("300", "301").as_bytes());
    bad.push((no_key, format!("{}.{swapped}.{}", parts[0], parts[2])));
    bad
}

#[test]
fn nothing_else_is_ever_accepted() {
    let mut world = world();
    let bad = bad_tokens();
    for (why, token) in &bad {
        assert_eq!(plan(&mut world, token), "default", "{why}: {token}");
    }
    // Each bit of a right one.
    let good = right(&claims(NOW_MS));
    let mut tried = bad.len();
    for at in 0..good.len() {
        for bit in 0..7 {
            let mut bytes = good.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            let Ok(changed) = String::from_utf8(bytes) else {
                continue;
            };
            assert_eq!(plan(&mut world, &changed), "default", "{changed}");
            tried += 1;
        }
        let cut = &good[..at];
        assert_eq!(plan(&mut world, cut), "default", "{cut}");
    }
    assert!(tried > 1_500, "{tried}");
    assert_eq!(plan(&mut world, &good), "vip");
}

#[test]
fn an_explanation_says_why_a_signed_attribute_is_missing() {
    let mut world = world();
    let body = br#"{"page":"home","unit":"u-9","explain":true}"#;
    for (why, token) in bad_tokens() {
        world.headers = vec![("skyful-context", token.clone())];
        let ignored = &world.send("POST", "/v1/resolve", body).json["trace"]["ignored"];
        assert_eq!(
            *ignored,
            json!([{"attribute": "vip", "why": why}]),
            "{token}"
        );
    }
    world.headers.clear();
    let claimed = br#"{"page":"home","unit":"u-9","explain":true,"attributes":{"vip":true}}"#;
    let ignored = &world.send("POST", "/v1/resolve", claimed).json["trace"]["ignored"];
    let why = "counts only in a signed context";
    assert_eq!(*ignored, json!([{"attribute": "vip", "why": why}]));
    let none = &world.send("POST", "/v1/resolve", body).json["trace"]["ignored"];
    assert_eq!(*none, json!([]));
}

#[test]
fn it_ends_when_it_says() {
    let mut world = world();
    let token = right(&claims(NOW_MS));
    world.wait(299_999);
    assert_eq!(plan(&mut world, &token), "vip");
    world.wait(1);
    assert_eq!(plan(&mut world, &token), "default");
}

#[test]
fn a_claim_beside_a_right_token_counts_for_nothing() {
    let mut world = world();
    let token = right(&with(|c| c["attributes"] = json!({"vip": false})));
    world.headers = vec![("skyful-context", token)];
    let body = br#"{"page":"home","unit":"u-9","attributes":{"vip":true}}"#;
    let answer = world.send("POST", "/v1/resolve", body);
    assert_eq!(answer.json["modules"][0]["plan"], "default");
}

#[test]
fn without_a_unit_or_without_keys_nothing_is_signed_for_anybody() {
    let mut with_keys = world();
    let token = right(&claims(NOW_MS));
    with_keys.headers = vec![("skyful-context", token.clone())];
    let answer = with_keys.get("/v1/pages/home");
    assert_eq!(answer.json["modules"][0]["plan"], "default");
    let mut without = World::published(1, &snapshot("one"));
    assert_eq!(plan(&mut without, &token), "default");
}
