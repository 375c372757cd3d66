//! What clients and publishers do wrong is told alike everywhere, in the same bytes.

use serde_json::json;
use skyful::compile::Snapshot;
use skyful::manifest::Value;
use skyful_tests::product;

use crate::core_edge::CoreEdge;
use crate::platform::{Ask, Client, Settings, all};
use crate::publisher::Publisher;

pub fn workspace(title: &str) -> Snapshot {
    let plan = |key: &str, rule: serde_json::Value| json!({"key": key, "audience": rule, "content": {"title": format!("{title} {key}")}});
    let document = json!({
        "skyful": 1,
        "workspace": "vectors",
        "locales": {"default": "en", "supported": ["en", "zh"]},
        "attributes": {
            "age": {"type": "integer"},
            "agent": {"type": "string", "from": "header.x-agent"},
        },
        "segments": {"listed": {"ids": {"list": ["u-listed"]}}},
        "module_types": {"card": {"schema": {"type": "object", "properties": {"title": {"type": "string"}}}}},
        "modules": {"hero": {
            "type": "card",
            "default": {"content": {"title": title}},
            "plans": [
                plan("listed", json!({"segment": "listed"})),
                plan("senior", json!({"attr": "age", "op": "gte", "value": 60})),
                plan("robot", json!({"attr": "agent", "op": "eq", "value": "robot"})),
            ],
        }},
        "pages": {"home": {"slots": [{"key": "hero"}], "default": {"modules": {"hero": ["hero"]}}}},
        "ofrep": ["home"],
    });
    product::snapshot(&document, &Default::default()).expect("a workspace")
}

/// Of several visitors, by every route that answers with a page.
pub fn pages() -> Vec<Ask> {
    let body = json!({"page": "home", "unit": "u-2", "locale": "zh", "attributes": {"age": 67}});
    let context = json!({"context": {"targetingKey": "u-3", "age": 30}}).to_string();
    vec![
        Ask::get("/v1/pages/home?unit=u-1"),
        Ask::resolve(body.to_string()),
        Ask::get("/v1/pages/home?unit=u-listed&locale=en"),
        Ask::post("/ofrep/v1/evaluate/flags/home.hero", context.clone()),
        Ask::get("/v1/pages/home?unit=u-4&attr.age=70"),
        Ask::post("/ofrep/v1/evaluate/flags", context),
        Ask::resolve(r#"{"page":"home","unit":"u-listed"}"#),
    ]
}

fn table(publisher: &Publisher, objects: &[Ask]) -> Vec<Ask> {
    let with = |method, target: &str, body: &[u8]| Ask {
        method,
        target: target.into(),
        headers: Vec::new(),
        body: body.to_vec(),
    };
    let deep = format!(
        r#"{{"page":"home","attributes":{{"age":{}{}}}}}"#,
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    let attributes: Vec<String> = (0..300).map(|i| format!("\"a{i}\":1")).collect();
    let many = format!(
        r#"{{"page":"home","attributes":{{{}}}}}"#,
        attributes.join(",")
    );
    let long = format!(
        r#"{{"page":"home","unit":"u","attributes":{{"agent":"{}"}}}}"#,
        "x".repeat(9_000)
    );
    let object = &objects[0];
    let mut flipped = object.clone();
    *flipped.body.last_mut().expect("bytes") ^= 1;
    let unsigned = Ask {
        headers: Vec::new(),
        ..object.clone()
    };
    let elsewhere = Ask {
        headers: vec![("skyful-signature", publisher.pass("PUT", "/v1/manifest"))],
        ..object.clone()
    };
    let mut asks: Vec<Ask> = [
        "/",
        "/v1",
        "/v1/pages/",
        "/v1/pages/a/b",
        "/v1/pages/nowhere",
        "/v1/pages/%ff",
        "/v2/resolve",
        "/v1/pages/home?color=red",
        "/v1/pages/home?unit=a&unit=b",
        "/v1/pages/home?unit=%ff",
        "/v1/pages/home?now=soon",
        "/v1/pages/home?explain=perhaps",
        "/v1/resolve",
        "/healthz",
        "/v1/pages/home?unit=u-1",
        "/v1/pages/home?unit=u-1&attr.age=67&locale=zh-Hant-HK",
        "/v1/pages/home?unit=u-listed&explain=true",
        "/v1/pages/home?unit=a%20b%2Bc+d",
        "/v1/pages/h%6Fme?unit=%E2%82%AC",
        "/v1/pages/home?unit=u-1&attr.age=6%37",
    ]
    .map(Ask::get)
    .into();
    asks.extend([
        Ask::resolve(""),
        Ask::resolve("{"),
        Ask::resolve("[]"),
        Ask::resolve("{}"),
        Ask::resolve(b"\xff".as_slice()),
        Ask::resolve(r#"{"page":"home","unit":"\ud800"}"#),
        Ask::resolve(r#"{"page":"home","colour":1}"#),
        Ask::resolve(r#"{"page":"home","page":"home"}"#),
        Ask::resolve(r#"{"page":"home","unit":"u","attributes":{"age":1e999}}"#),
        Ask::resolve(r#"{"page":"home","unit":"u\u0000\ud83d\ude00"}"#),
        Ask::resolve(deep),
        Ask::resolve(many),
        Ask::resolve(long),
        Ask::resolve(vec![b' '; 65_537]),
        with("PUT", "/v1/resolve", b"{}"),
        with("DELETE", "/v1/status", b""),
        with("PATCH", "/v1/pages/home", b""),
        with("POST", "/v1/manifest", b""),
        Ask::get("/v1/manifest"),
        Ask::get("/v1/settled").header("skyful-signature", "nonsense"),
        Ask::get("/v1/settled").header("skyful-signature", publisher.pass("GET", "/v1/settled")),
        with("PUT", "/v1/manifest", b"rubbish"),
        with("PUT", "/v1/manifest", &vec![0; 65_537]),
        with("PUT", "/v1/manifest", &vec![0; 2_000_001])
            .header("skyful-signature", publisher.pass("PUT", "/v1/manifest")),
        with("PUT", "/v1/settled", b""),
        flipped,
        unsigned,
        elsewhere,
        Ask::get("/v1/pages/home?unit=u-1").header("x-agent", "robot"),
        Ask::get("/v1/pages/home?unit=u-1").header("x-agent", "x".repeat(9_000)),
        Ask::get("/v1/pages/home?unit=u-1").header("if-none-match", "*"),
        Ask::get("/v1/pages/home?unit=u-1").header("skyful-sequence", "9"),
        Ask::get("/v1/pages/home?unit=u-1").header("origin", "https://shop.example"),
        Ask::get("/v1/pages/home?unit=u-1").header("origin", "https://other.example"),
        with("OPTIONS", "/v1/resolve", b"")
            .header("origin", "https://shop.example")
            .header("access-control-request-method", "POST"),
        with("OPTIONS", "/v1/manifest", b"")
            .header("origin", "https://shop.example")
            .header("access-control-request-method", "PUT"),
    ]);
    asks
}

#[test]
fn wrong_and_unusual_requests_are_answered_alike() {
    let mut publisher = Publisher::new();
    let settings = Settings {
        cors: vec!["https://shop.example".into()],
        ..Settings::preview(&publisher.trust())
    };
    let platforms = all(&settings);
    let core = CoreEdge::new(&settings);
    let client = Client::new();
    let nothing = Ask::get("/v1/pages/home?unit=u-1");
    for platform in &platforms {
        let found = client.send(&**platform, &nothing).comparable();
        assert_eq!(
            found,
            core.send(&nothing).comparable(),
            "before anything is published"
        );
    }
    let snapshot = workspace("one");
    publisher.publish(&snapshot, &platforms, &core, &client);
    let objects = Publisher::new().requests(&snapshot);
    for ask in table(&publisher, &objects) {
        let wanted = core.send(&ask).comparable();
        assert!(wanted.status < 500, "{} {}", ask.method, ask.target);
        for platform in &platforms {
            let found = client.send(&**platform, &ask);
            let what = format!(
                "{} {} {} on {}",
                ask.method,
                ask.target,
                String::from_utf8_lossy(&ask.body[..ask.body.len().min(60)]),
                platform.name()
            );
            assert_eq!(found.comparable(), wanted, "{what}");
            assert!(found.header("x-request-id").is_some(), "{what}");
            assert!(found.header("server-timing").is_some(), "{what}");
        }
    }
}

#[test]
fn an_older_and_a_forged_manifest_are_refused_alike() {
    let mut publisher = Publisher::new();
    let settings = Settings::preview(&publisher.trust());
    let platforms = all(&settings);
    let core = CoreEdge::new(&settings);
    let client = Client::new();
    let first = publisher.requests(&workspace("one"));
    publisher.publish(&workspace("two"), &platforms, &core, &client);
    let older = first.last().expect("a manifest").clone();
    let mut forged = older.clone();
    forged.body[60] ^= 1;
    // Another manifest under the number of the stored one.
    let mut twin = Publisher::new();
    twin.requests(&workspace("x"));
    let taken = twin
        .requests(&workspace("three"))
        .pop()
        .expect("a manifest");
    let value = Value::split(&older.body).expect("a value");
    let settled = Ask {
        target: "/v1/settled".into(),
        body: value.current.to_vec(),
        ..older.clone()
    };
    for ask in [older, forged, taken, settled] {
        let wanted = core.send(&ask).comparable();
        for platform in &platforms {
            let found = client.send(&**platform, &ask).comparable();
            assert_eq!(found, wanted, "{} on {}", ask.target, platform.name());
        }
    }
}

/// `panics.rs` asks builds of their own to panic. What is shipped knows nothing of that.
#[cfg(not(feature = "inject"))]
#[test]
fn nobody_can_tell_a_shipped_edge_to_panic() {
    let mut publisher = Publisher::new();
    let settings = Settings::preview(&publisher.trust());
    let (platforms, core) = (all(&settings), CoreEdge::new(&settings));
    let client = Client::new();
    publisher.publish(&workspace("one"), &platforms, &core, &client);
    for ask in pages() {
        let wanted = core.send(&ask).comparable();
        for place in ["first", "read", "locked", "trap"] {
            let told = ask.clone().header("skyful-inject-panic", place);
            for platform in &platforms {
                let found = client.send(&**platform, &told).comparable();
                assert_eq!(found, wanted, "{}, {place}", platform.name());
            }
        }
    }
}
