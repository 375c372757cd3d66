//! What was released is deleted only once edges were told that it is off.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::api::{Answer, Origin, Person};
use crate::restoring::{releases, unprotected, with_an_edge};
use crate::story::{PROD, WALLET, until_seen};

fn delete(ada: &Person, path: &str) -> Answer {
    let etag = ada.get(path).is(200).etag;
    ada.ask("DELETE", path, &[("if-match", &etag)], b"")
}

#[test]
fn an_environment_stays_until_every_target_was_told_that_it_is_off() {
    let (origin, ada) = Origin::with_first_user();
    ada.imports_the_sample(&origin.desk);
    unprotected(&ada);
    let edge = with_an_edge(&origin, &ada);
    releases(&ada, "First");
    until_seen(&edge, 1, Duration::from_secs(20));
    // A place where nobody answers.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let nobody = listener.local_addr().expect("an address");
    drop(listener);
    let target = json!({"settings": {"kind": "edge", "url": format!("http://{nobody}")}});
    ada.make(&format!("{PROD}/targets/nowhere"), &target)
        .is(200);
    delete(&ada, PROD).is(409);
    ada.post(&format!("{PROD}/mode"), &json!({"mode": "off"}))
        .is(200);
    let since = Instant::now();
    loop {
        let held = delete(&ada, PROD).is(409).body;
        let detail = held["detail"].as_str().expect("a reason").to_owned();
        // The one that can be told is; the other one is named for as long as it takes.
        if detail.contains("`nowhere`") {
            assert!(
                held["hint"]
                    .as_str()
                    .is_some_and(|hint| hint.contains("`nowhere`"))
            );
            break;
        }
        assert!(detail.contains("`frankfurt`"), "{held}");
        assert!(since.elapsed() < Duration::from_secs(20), "{held}");
    }
    let page = until_seen(&edge, 2, Duration::from_secs(20));
    assert_eq!(page["modules"], json!([]), "{page:#}");
    delete(&ada, WALLET).is(409);
    let nowhere = format!("{PROD}/targets/nowhere");
    let gone = delete(&ada, &nowhere);
    assert!((200..300).contains(&gone.status), "{}", gone.body);
    let gone = delete(&ada, PROD);
    assert!((200..300).contains(&gone.status), "{}", gone.body);
}
