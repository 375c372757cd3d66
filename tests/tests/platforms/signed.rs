//! Signed contexts, alike on every platform: a right one counts, a wrong one is nothing and no error.

use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};
use skyful::compile::Snapshot;
use skyful::snapshot::Digest;
use skyful_tests::product;

use crate::core_edge::CoreEdge;
use crate::platform::{Ask, Client, Settings, all};
use crate::publisher::Publisher;

fn workspace() -> Snapshot {
    let document = json!({
        "skyful": 1,
        "workspace": "vectors",
        "locales": {"default": "en", "supported": ["en"]},
        "attributes": {"vip": {"type": "boolean", "from": "signed"}},
        "module_types": {"card": {"schema": {"type": "object", "properties": {"title": {"type": "string"}}}}},
        "modules": {"hero": {"type": "card", "default": {"content": {"title": "all"}}, "plans": [
            {"key": "vip", "audience": {"attr": "vip", "op": "eq", "value": true}, "content": {"title": "few"}},
        ]}},
        "pages": {"home": {"slots": [{"key": "hero"}], "default": {"modules": {"hero": ["hero"]}}}},
    });
    product::snapshot(&document, &Default::default()).expect("a workspace")
}

/// Base64url without padding, by hand: what the product uses is not used here.
fn text(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three
            .iter()
            .fold(0_u32, |all, byte| all << 8 | u32::from(*byte))
            << (8 * (3 - three.len()));
        for at in 0..=three.len() {
            let six = bits >> (18 - 6 * at) & 63;
            text.push(char::from(ALPHABET[six as usize]));
        }
    }
    text
}

fn token(header: &str, claims: &Value, key: &SigningKey) -> String {
    let message = format!(
        "{}.{}",
        text(header.as_bytes()),
        text(claims.to_string().as_bytes())
    );
    let signature = text(&key.sign(message.as_bytes()).to_bytes());
    format!("{message}.{signature}")
}

#[test]
fn what_a_customers_server_signed_counts_and_nothing_else_does() {
    let mut publisher = Publisher::new();
    let (key, other) = (
        SigningKey::from_bytes(&[5; 32]),
        SigningKey::from_bytes(&[6; 32]),
    );
    let public = Digest(key.verifying_key().to_bytes()).hex();
    let settings = Settings {
        context_keys: format!("eddsa:k1:{public},hs256:k2:{}", "07".repeat(32)),
        ..Settings::preview(&publisher.trust())
    };
    let platforms = all(&settings);
    let core = CoreEdge::new(&settings);
    let client = Client::new();
    publisher.publish(&workspace(), &platforms, &core, &client);
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let secs = since.expect("after 1970").as_secs();
    let claims = |sub: &str, aud: &str, exp: u64| json!({"sub": sub, "aud": aud, "exp": exp, "attributes": {"vip": true}});
    let (eddsa, soon) = (r#"{"alg":"EdDSA","kid":"k1"}"#, secs + 600);
    let good = claims("u-1", "vectors/dev", soon);
    let unsigned = format!(
        "{}.{}.",
        text(br#"{"alg":"none"}"#),
        text(good.to_string().as_bytes())
    );
    for (token, plan) in [
        (token(eddsa, &good, &key), "vip"),
        (token(eddsa, &good, &other), "default"),
        (
            token(r#"{"alg":"HS256","kid":"k1"}"#, &good, &key),
            "default",
        ),
        (
            token(r#"{"alg":"EdDSA","kid":"k2"}"#, &good, &key),
            "default",
        ),
        (
            token(eddsa, &claims("u-2", "vectors/dev", soon), &key),
            "default",
        ),
        (
            token(eddsa, &claims("u-1", "vectors/prod", soon), &key),
            "default",
        ),
        (
            token(eddsa, &claims("u-1", "vectors/dev", secs - 1), &key),
            "default",
        ),
        (
            token(eddsa, &claims("u-1", "vectors/dev", secs + 90_000), &key),
            "default",
        ),
        (unsigned, "default"),
        ("x".repeat(9_000), "default"),
        ("garbage".into(), "default"),
    ] {
        let asks = [
            Ask::get("/v1/pages/home?unit=u-1&explain=true&attr.vip=false"),
            Ask::post(
                "/ofrep/v1/evaluate/flags/home",
                r#"{"context":{"targetingKey":"u-1"}}"#,
            ),
        ];
        for ask in asks.map(|ask| ask.header("skyful-context", &*token)) {
            let wanted = core.send(&ask);
            let body = wanted.json();
            let page = body.get("value").unwrap_or(&body);
            assert_eq!(page["modules"][0]["plan"], plan, "{token}");
            for platform in &platforms {
                let found = client.send(&**platform, &ask);
                assert_eq!(
                    found.comparable(),
                    wanted.comparable(),
                    "{token} on {}",
                    platform.name()
                );
            }
        }
    }
}
