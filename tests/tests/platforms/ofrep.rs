//! OpenFeature's protocol, alike on every platform: the same bytes, tags and refusals.

use serde_json::json;

use crate::core_edge::CoreEdge;
use crate::platform::{Ask, Client, Settings, all};
use crate::publisher::Publisher;
use crate::requests::workspace;

const ALL: &str = "/ofrep/v1/evaluate/flags";

fn flag(key: &str, body: &str) -> Ask {
    Ask::post(format!("{ALL}/{key}"), body)
}

fn asks() -> Vec<Ask> {
    let somebody = json!({"context": {"targetingKey": "u-listed", "locale": "zh_CN", "age": 67.0,
        "agent": "robot", "nested": {"a": [1, 2]}, "when": null}});
    let somebody = somebody.to_string();
    let large = format!(r#"{{"context":{{"pad":"{}"}}}}"#, "x".repeat(66_000));
    let many: Vec<String> = (0..300).map(|i| format!("\"a{i}\":1")).collect();
    let many = format!(r#"{{"context":{{{}}}}}"#, many.join(","));
    let origin = "https://shop.example";
    vec![
        Ask::post(ALL, somebody.clone()),
        Ask::post(ALL, "{}"),
        Ask::post(format!("{ALL}?flagConfigEtag=1"), somebody.clone()),
        flag("home", &somebody),
        flag("home.hero", &somebody),
        flag("h%6Fme.hero", &somebody),
        flag(
            "home.hero",
            r#"{"context":{"targetingKey":"u-1","age":67}}"#,
        ),
        flag("home.nobody", "{}"),
        flag("nowhere", "{}"),
        flag("nowhere.hero", "{}"),
        flag("%ff", "{}"),
        flag("", "{}"),
        flag("home/hero", "{}"),
        flag("home", ""),
        flag("home", "{"),
        flag("home", "[]"),
        flag("home", r#"{"context":[]}"#),
        flag("home", r#"{"context":{"targetingKey":7}}"#),
        flag("home", r#"{"context":{"targetingKey":"\ud800"}}"#),
        flag("home", &large),
        flag("home", &many),
        Ask::post(ALL, large),
        Ask::get(ALL),
        Ask::get("/ofrep/v1/configuration"),
        Ask::post(ALL, somebody.clone()).header("if-none-match", "*"),
        Ask::post(ALL, somebody.clone()).header("skyful-sequence", "9"),
        Ask::post(ALL, somebody.clone()).header("origin", origin),
        flag("nowhere", "{}").header("origin", origin),
        Ask {
            method: "OPTIONS",
            ..Ask::post(ALL, "")
        }
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header(
            "access-control-request-headers",
            "content-type,if-none-match",
        ),
    ]
}

#[test]
fn flags_and_refusals_are_the_same_bytes_everywhere() {
    let mut publisher = Publisher::new();
    let settings = Settings {
        cors: vec!["https://shop.example".into()],
        secret: "5a".repeat(32),
        ..Settings::preview(&publisher.trust())
    };
    let platforms = all(&settings);
    let core = CoreEdge::new(&settings);
    let client = Client::new();
    for published in [false, true] {
        if published {
            publisher.publish(&workspace("one"), &platforms, &core, &client);
        }
        for ask in asks() {
            let wanted = core.send(&ask);
            let body = String::from_utf8_lossy(&ask.body[..ask.body.len().min(60)]);
            let what = format!("{} {} {body}", ask.method, ask.target);
            assert!(!matches!(wanted.status, 401 | 403 | 500), "{what}");
            let mut again = ask.clone();
            if let Some(tag) = wanted.header("etag") {
                again = again.header("if-none-match", tag);
            }
            for platform in &platforms {
                let found = client.send(&**platform, &ask);
                assert_eq!(
                    found.comparable(),
                    wanted.comparable(),
                    "{what} on {}",
                    platform.name()
                );
                if wanted.status == 200 && ask.headers.is_empty() {
                    let unchanged = client.send(&**platform, &again);
                    let seen = (unchanged.status, unchanged.body.len());
                    assert_eq!(seen, (304, 0), "{what} on {}", platform.name());
                    assert_eq!(unchanged.header("etag"), wanted.header("etag"));
                }
            }
        }
    }
}
