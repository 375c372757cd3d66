//! OpenFeature: what a flag is, and what is said of one that isn't.

use serde_json::{Value as Json, json};
use skyful::manifest::Mode;
use skyful::secret::Secrets;

use crate::fixture::{ENV, WORKSPACE, release, snapshot};
use crate::world::{Answer, World, config};

const BULK: &str = "/ofrep/v1/evaluate/flags";

fn ask(world: &mut World, target: &str, context: &Json) -> Answer {
    let body = json!({ "context": context }).to_string();
    world.send("POST", target, body.as_bytes())
}

fn flag(world: &mut World, key: &str, context: &Json) -> Answer {
    ask(world, &format!("{BULK}/{key}"), context)
}

#[test]
fn a_page_is_a_flag_whose_value_is_the_resolution() {
    let mut world = World::published(7, &snapshot("one"));
    let context = json!({"targetingKey": "u-1", "locale": "zh-TW", "age": 67, "country": "CN", "device": "d"});
    let answer = flag(&mut world, "home", &context);
    let body = json!({"page": "home", "unit": "u-1", "device": "d", "locale": "zh-TW",
        "attributes": {"age": 67, "country": "CN"}});
    let resolved = world.send("POST", "/v1/resolve", body.to_string().as_bytes());
    assert_eq!(answer.response.status, 200);
    let flag = answer.json;
    assert_eq!(flag["key"], "home");
    assert_eq!(flag["value"], resolved.json);
    assert_eq!(flag["variant"], "senior");
    assert_eq!(flag["reason"], "TARGETING_MATCH");
    assert_eq!(
        flag["metadata"],
        json!({"release.sequence": 7, "release.snapshot": resolved.json["release"]["snapshot"],
            "release.track": "stable", "locale": "zh"})
    );
    // The very bytes, not another spelling of them.
    let (whole, part) = (&answer.response.body, &resolved.response.body);
    assert!(whole.windows(part.len()).any(|bytes| bytes == part));
}

#[test]
fn a_module_is_a_flag_whose_value_is_its_content() {
    let mut world = World::published(1, &snapshot("one"));
    for (context, variant, reason, title) in [
        (
            json!({"targetingKey": "u-1"}),
            "default",
            "DEFAULT",
            "one in en",
        ),
        (
            json!({"country": "CN"}),
            "cn",
            "TARGETING_MATCH",
            "one for cn in en",
        ),
    ] {
        let flag = flag(&mut world, "home.hero", &context).json;
        assert_eq!(flag["key"], "home.hero");
        assert_eq!(flag["value"], json!({ "title": title }));
        assert_eq!(
            (&flag["variant"], &flag["reason"]),
            (&json!(variant), &json!(reason))
        );
        assert_eq!(flag["metadata"]["release.sequence"], 1);
    }
}

#[test]
fn a_receipt_and_the_end_of_validity_are_among_the_metadata() {
    let mut sealed = config();
    sealed.secrets = Secrets::parse(&"5a".repeat(32), WORKSPACE, ENV).unwrap();
    let mut world = World::with(sealed);
    world.publish(1, &snapshot("one"));
    let context = json!({"targetingKey": "u-1"});
    let whole = flag(&mut world, "home", &context).json;
    let receipt = &whole["value"]["receipt"];
    assert!(receipt.is_string());
    assert_eq!(whole["metadata"]["receipt"], *receipt);
    assert_eq!(
        flag(&mut world, "home.hero", &context).json["metadata"]["receipt"],
        *receipt
    );
    // Metadata are never null.
    assert!(whole["metadata"].get("valid_until").is_none());
}

#[test]
fn all_listed_pages_come_in_one_answer_in_the_order_listed() {
    let mut world = World::published(3, &snapshot("one"));
    let context = json!({"targetingKey": "u-1"});
    let answer = ask(&mut world, BULK, &context);
    assert_eq!(answer.response.status, 200);
    let flags = answer.json["flags"].as_array().unwrap();
    let keys: Vec<_> = flags.iter().map(|flag| &flag["key"]).collect();
    assert_eq!(keys, ["home", "lists"]);
    for key in ["home", "lists"] {
        let single = flag(&mut world, key, &context).json;
        assert!(flags.contains(&single), "{single}");
    }
    assert_eq!(answer.json["metadata"]["release.sequence"], 3);
    assert_eq!(answer.json["metadata"]["release.track"], "stable");
}

#[test]
fn each_wrong_request_has_its_status_and_error_code() {
    let mut world = World::published(1, &snapshot("one"));
    let long = format!(r#"{{"context":{{"targetingKey":"{}"}}}}"#, "x".repeat(129));
    let large = vec![b' '; 65_537];
    let table: &[(&str, &[u8], u16, &str)] = &[
        ("/home", b"", 400, "PARSE_ERROR"),
        ("", b"{", 400, "PARSE_ERROR"),
        ("", b"[]", 400, "PARSE_ERROR"),
        ("", b"\xff", 400, "PARSE_ERROR"),
        ("/home", br#"{"context":7}"#, 400, "INVALID_CONTEXT"),
        (
            "",
            br#"{"context":{"targetingKey":7}}"#,
            400,
            "INVALID_CONTEXT",
        ),
        ("/home", long.as_bytes(), 400, "INVALID_CONTEXT"),
        ("/home", &large, 413, "INVALID_CONTEXT"),
        ("/nowhere", b"{}", 404, "FLAG_NOT_FOUND"),
        ("/home.nobody", b"{}", 404, "FLAG_NOT_FOUND"),
        ("/nowhere.hero", b"{}", 404, "FLAG_NOT_FOUND"),
        ("/%ff", b"{}", 404, "FLAG_NOT_FOUND"),
        ("/home.hero.title", b"{}", 404, "FLAG_NOT_FOUND"),
    ];
    for (key, body, status, code) in table {
        let answer = world.send("POST", &format!("{BULK}{key}"), body);
        let what = String::from_utf8_lossy(body)
            .chars()
            .take(60)
            .collect::<String>();
        assert_eq!(answer.response.status, *status, "{key} {what}");
        assert_eq!(answer.json["errorCode"], *code, "{key} {what}");
        assert!(answer.json["errorDetails"].is_string());
        assert_eq!(answer.json.get("key").is_some(), !key.is_empty(), "{key}");
        let kind = answer.response.header("content-type");
        assert_eq!(kind, Some("application/json"));
        assert_eq!(answer.response.header("etag"), None);
    }
    for method in ["GET", "PUT"] {
        assert_eq!(world.send(method, BULK, b"").response.status, 405);
    }
}

#[test]
fn an_edge_without_a_release_asks_to_come_again() {
    let mut world = World::empty();
    for target in [BULK, "/ofrep/v1/evaluate/flags/home"] {
        let answer = world.send("POST", target, b"{}");
        assert_eq!(answer.response.status, 503);
        assert_eq!(answer.response.header("retry-after"), Some("2"));
        assert_eq!(answer.json["errorCode"], "GENERAL");
    }
}

#[test]
fn a_flag_without_a_value_leaves_the_default_to_the_code() {
    let mut world = World::empty();
    let one = snapshot("one");
    world.upload(&one);
    world.put_manifest(&release(1, &one).mode(Mode::Off).sign(1), &[]);
    let flag_of = flag(&mut world, "home.hero", &json!({})).json;
    assert!(flag_of.get("value").is_none());
    assert_eq!(
        (&flag_of["reason"], &flag_of["variant"]),
        (&json!("DISABLED"), &json!("none"))
    );
    let page = flag(&mut world, "home", &json!({})).json;
    assert_eq!(page["value"]["modules"], json!([]));
    assert_eq!(page["reason"], "DEFAULT");
}

/// A unit that were minted anew at each request would draw another variant at each.
#[test]
fn nobody_is_drawn_for_nobody() {
    let (one, two) = (snapshot("one"), snapshot("two"));
    let mut world = World::empty();
    world.upload(&one);
    world.upload(&two);
    world.put_manifest(&release(1, &one).gray(&two, 10_000).sign(1), &[]);
    let track = |answer: Answer| answer.json["metadata"]["release.track"].clone();
    assert_eq!(track(flag(&mut world, "home", &json!({}))), "stable");
    assert_eq!(track(ask(&mut world, BULK, &json!({}))), "stable");
    let somebody = json!({"targetingKey": "u-1"});
    assert_eq!(track(flag(&mut world, "home", &somebody)), "gray");
    let nobody = flag(&mut world, "lists", &json!({}));
    assert_eq!(nobody.json["value"]["modules"][0]["plan"], "default");
    assert_eq!(nobody.response.header("skyful-unit"), None);
}

#[test]
fn browsers_of_allowed_origins_may_ask_conditionally_and_read_the_tag() {
    let mut open = config();
    open.cors = vec!["https://shop.example".into()];
    let mut world = World::with(open);
    world.publish(1, &snapshot("one"));
    world.headers = vec![
        ("origin", "https://shop.example".into()),
        ("access-control-request-method", "POST".into()),
    ];
    let preflight = world.send("OPTIONS", BULK, b"").response;
    assert_eq!(preflight.status, 204);
    let allowed = preflight.header("access-control-allow-headers").unwrap();
    assert!(allowed.contains("if-none-match") && allowed.contains("content-type"));
    assert_eq!(
        preflight.header("access-control-allow-methods"),
        Some("POST, OPTIONS")
    );
    for target in [BULK, "/ofrep/v1/evaluate/flags/nowhere"] {
        let answer = world.send("POST", target, b"{}").response;
        let exposed = answer.header("access-control-expose-headers").unwrap();
        assert!(exposed.contains("etag") && exposed.contains("retry-after"));
    }
}
