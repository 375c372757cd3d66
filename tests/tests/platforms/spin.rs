//! What only Spin does: instances come and go, settings are variables. Runs where Spin is among the
//! platforms.

use serde_json::{Value, json};
use skyful::compile::Snapshot;
use skyful_tests::product;
use skyful_tests::reader::Files;

use crate::caps;
use crate::platform::{Answer, Ask, Client, Settings, asked};
use crate::process::Process;
use crate::publisher::Publisher;
use crate::requests::workspace;

const HOME: &str = "/v1/pages/home?unit=u-1";

/// With one release of its own, settings changed like this.
fn published(snapshot: &Snapshot, change: &Value) -> Option<(Process, Client)> {
    let mut publisher = Publisher::new();
    let spin = start(&publisher.trust(), change)?;
    let client = Client::new();
    for ask in publisher.requests(snapshot) {
        let answer = client.send(&spin, &ask);
        assert!((200..203).contains(&answer.status), "{}", answer.json());
    }
    Some((spin, client))
}

fn start(trust: &str, change: &Value) -> Option<Process> {
    let line = asked().into_iter().find(|line| line.starts_with("spin="))?;
    let mut settings = Settings::preview(trust).json();
    for (name, value) in change.as_object().expect("settings") {
        settings[name] = value.clone();
    }
    Some(Process::start(&line, &settings))
}

#[test]
fn a_fresh_instance_for_each_request_answers_in_three_reads() {
    let Some((mut spin, client)) = published(&workspace("one"), &json!({"reuse": 1})) else {
        return;
    };
    let first = client.send(&spin, &Ask::get(HOME));
    for _ in 0..5 {
        let answer = client.send(&spin, &Ask::get(HOME));
        assert_eq!(answer.comparable(), first.comparable());
        assert_eq!((answer.status, answer.reads()), (200, 3));
    }
    let started = &spin.tell(&json!({"do": "instances"}))["started"];
    assert!(started.as_u64() >= Some(6), "{started} instances");
}

#[test]
fn requests_at_once_share_instances_and_get_the_same_answer() {
    let Some((mut spin, client)) = published(&workspace("one"), &json!({"recheck_ms": 1_000}))
    else {
        return;
    };
    let wanted = client.send(&spin, &Ask::get(HOME)).comparable();
    let ask = |client: Client| -> Vec<Answer> {
        let answers = (0..5).map(|_| client.send(&spin, &Ask::get(HOME)).comparable());
        answers.collect()
    };
    std::thread::scope(|scope| {
        let asking: Vec<_> = (0..64)
            .map(|_| scope.spawn(|| ask(Client::new())))
            .collect();
        for answers in asking {
            let answers = answers.join().expect("answered");
            assert!(answers.iter().all(|answer| *answer == wanted));
        }
    });
    let started = &spin.tell(&json!({"do": "instances"}))["started"];
    assert!(
        started.as_u64() < Some(64),
        "{started} instances for 320 requests"
    );
}

#[test]
fn a_wrong_variable_is_named_and_its_value_is_not() {
    let cases = [
        (json!({"trust": ""}), "trust"),
        (json!({"trust": "sesame"}), "trust"),
        (json!({"workspace": "Sesame"}), "workspace"),
        (json!({"recheck_ms": "sesame"}), "recheck_ms"),
    ];
    for (change, variable) in cases {
        let Some(spin) = start(&Publisher::new().trust(), &change) else {
            return;
        };
        for path in ["/healthz", HOME] {
            let answer = Client::new().send(&spin, &Ask::get(path));
            assert_eq!(answer.status, 503);
            let problem = answer.json();
            assert_eq!(problem["type"], "urn:skyful:problem:misconfigured");
            assert_eq!(problem["place"], variable);
            assert!(
                !problem.to_string().to_lowercase().contains("sesame"),
                "{problem}"
            );
        }
    }
}

#[test]
fn caps_are_counted_beside_what_is_published_or_not_at_all() {
    let change = json!({"caps": "approximate", "stores": ["default"]});
    let Some(spin) = start(&Publisher::new().trust(), &change) else {
        return;
    };
    let problem = Client::new().send(&spin, &Ask::get(HOME)).json();
    assert_eq!(problem["type"], "urn:skyful:problem:misconfigured");
    assert_eq!(problem["place"], "caps");

    let change = json!({"caps": "approximate"});
    let (mut spin, client) = published(&caps::capped(), &change).expect("it is there");
    let keys = |spin: &mut Process| spin.tell(&json!({"do": "values"}))["keys"].clone();
    let before = keys(&mut spin);
    let mut shown = 0;
    for visitor in 0..3 {
        for _ in 0..=caps::LIMIT {
            let ask = json!({"page": "served", "unit": format!("u-{visitor}")});
            let answer = client.send(&spin, &Ask::resolve(ask.to_string())).json();
            shown += usize::from(answer["modules"][0]["plan"] == "promo");
        }
    }
    assert_eq!(shown, 3 * caps::LIMIT);
    assert_eq!(keys(&mut spin), before, "visitors fill up another store");
}

#[test]
fn the_address_is_of_the_connection_whatever_a_client_says() {
    let local = json!({"attr": "ip", "op": "eq", "value": "127.0.0.1"});
    let document = json!({
        "skyful": 1,
        "workspace": "vectors",
        "locales": {"default": "en", "supported": ["en"]},
        "attributes": {"ip": {"type": "string", "from": "edge.ip"}},
        "pages": {"home": {"slots": [{"key": "a"}], "plans": [{"key": "local", "audience": local}]}},
    });
    let snapshot = product::snapshot(&document, &Files::default()).expect("a workspace");
    let Some((spin, client)) = published(&snapshot, &json!({})) else {
        return;
    };
    let ask = Ask::get(HOME);
    for ask in [ask.clone(), ask.header("spin-client-addr", "10.1.2.3:4")] {
        let answer = client.send(&spin, &ask);
        assert_eq!(answer.json()["plan"], "local", "{}", answer.json());
    }
}
