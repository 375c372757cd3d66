//! Which events an edge takes, and what it says of the others.

use serde_json::{Value as Json, json};
use skyful::manifest::Mode;
use skyful::secret::Secrets;

use crate::fixture::{ENV, WORKSPACE, release, snapshot, value};
use crate::world::{Answer, World, config};

const SECRET: &str = "4444444444444444444444444444444444444444444444444444444444444444";
const OTHER: &str = "5555555555555555555555555555555555555555555555555555555555555555";
const NOW: &str = "2027-01-15T08:00:00Z";

fn world(secret: &str) -> World {
    let mut config = config();
    config.secrets = Secrets::parse(secret, WORKSPACE, ENV).unwrap();
    let world = World::with(config);
    world.publish(1, &snapshot("one"));
    world
}

impl World {
    fn receipt(&mut self, page: &str) -> String {
        let answer = self.get(&format!("/v1/pages/{page}?unit=u-1"));
        answer.json["receipt"].as_str().expect("a receipt").into()
    }

    fn post(&mut self, body: &Json) -> Answer {
        self.send("POST", "/v1/events", body.to_string().as_bytes())
    }
}

fn event(id: &str, receipt: &str) -> Json {
    json!({
        "id": id, "type": "exposure", "unit": "u-1", "page": "home", "module": "hero",
        "receipt": receipt, "at": NOW,
    })
}

fn changed(receipt: &str, change: &Json) -> Json {
    let mut event = event("e-1", receipt);
    for (name, value) in change.as_object().expect("fields") {
        event[name] = value.clone();
    }
    event
}

fn taken(answer: &Answer) -> (u64, Vec<(Option<&str>, &str)>) {
    assert_eq!(answer.response.status, 202, "{}", answer.json);
    let rejected = answer.json["rejected"].as_array().expect("a list");
    let rejected = rejected
        .iter()
        .map(|one| (one["id"].as_str(), one["why"].as_str().expect("a reason")));
    (
        answer.json["accepted"].as_u64().expect("a number"),
        rejected.collect(),
    )
}

#[test]
fn a_genuine_event_is_kept_as_it_was_sent_and_where() {
    let mut world = world(SECRET);
    let receipt = world.receipt("home");
    let mut event = changed(
        &receipt,
        &json!({"value": 12.5, "currency": "EUR", "later": [1]}),
    );
    let answer = world.post(&event);
    assert_eq!(taken(&answer), (1, vec![]));
    assert_eq!(answer.response.header("cache-control"), Some("no-store"));
    let lines = world.events.take();
    assert_eq!(lines.len(), 1);
    let line: Json = serde_json::from_str(&lines[0]).unwrap();
    event.as_object_mut().unwrap().remove("later");
    event["workspace"] = WORKSPACE.into();
    event["env"] = ENV.into();
    event["received_at"] = NOW.into();
    assert_eq!(line, event);
}

#[test]
fn each_of_the_three_forms_is_taken() {
    let mut world = world(SECRET);
    let receipt = world.receipt("home");
    let (one, two) = (event("e-1", &receipt), event("e-2", &receipt));
    let forms = [
        (one.clone(), 1),
        (json!([one, two]), 2),
        (json!({"events": [one, two], "sent_at": NOW}), 2),
        (json!([]), 0),
        (json!([one, one, two, one]), 2),
    ];
    for (body, count) in forms {
        assert_eq!(taken(&world.post(&body)), (count, vec![]), "{body}");
        let lines = world.events.take();
        assert_eq!(lines.len() as u64, count, "{body}");
        let sent = body["sent_at"].is_string();
        assert!(lines.iter().all(|line| line.contains("sent_at") == sent));
    }
}

#[test]
fn an_event_is_refused_by_itself() {
    let mut world = world(SECRET);
    let receipt = world.receipt("home");
    let foreign = self::world(OTHER).receipt("home");
    let lists = world.receipt("lists");
    let mut altered = receipt.clone().into_bytes();
    altered[20] = if altered[20] == b'A' { b'B' } else { b'A' };
    let altered = String::from_utf8(altered).unwrap();
    let cases = [
        (json!({"receipt": foreign}), "forged_receipt"),
        (json!({"receipt": altered}), "forged_receipt"),
        (json!({"receipt": lists}), "receipt_of_another_page"),
        (json!({"module": "listed"}), "unknown_module"),
        (json!({"at": "2027-01-22T08:00:00.001Z"}), "at_too_far"),
        (json!({"type": "served"}), "bad_type"),
        (json!({"unit": ""}), "bad_unit"),
        (json!({"later": "x".repeat(5_000)}), "too_large"),
    ];
    for (change, why) in cases {
        let body = json!([changed(&receipt, &change), event("e-2", &receipt), 7]);
        let answer = world.post(&body);
        let id = Some("e-1");
        assert_eq!(
            taken(&answer),
            (1, vec![(id, why), (None, "unreadable")]),
            "{change}"
        );
        assert_eq!(world.events.take().len(), 1);
    }
    // Nothing but wrong ones: answered alike, and nothing is sent anywhere.
    world.events.fail(true);
    let answer = world.post(&changed(&receipt, &json!({"unit": ""})));
    assert_eq!(taken(&answer), (0, vec![(Some("e-1"), "bad_unit")]));
}

#[test]
fn nothing_is_acknowledged_that_is_not_kept() {
    let mut world = world(SECRET);
    let receipt = world.receipt("home");
    let body = json!([
        event("e-1", &receipt),
        changed(&receipt, &json!({"unit": ""}))
    ]);
    world.events.fail(true);
    let answer = world.post(&body);
    assert_eq!(answer.response.status, 503);
    assert_eq!(answer.json["type"], "urn:skyful:problem:events-not-kept");
    assert!(answer.response.header("retry-after").is_some());
    world.events.fail(false);
    assert_eq!(taken(&world.post(&body)).0, 1);
    let counters = &world.status()["counters"];
    assert_eq!(counters["events_accepted"], 1);
    assert_eq!(counters["events_unkept"], 1);
    assert_eq!(counters["events_rejected"], 2);
}

#[test]
fn an_edge_without_a_secret_takes_none_and_says_so() {
    let mut world = world("");
    let answer = world.post(&event("e-1", "AAAA"));
    assert_eq!(answer.response.status, 503);
    assert_eq!(answer.json["type"], "urn:skyful:problem:no-secret");
    assert!(answer.response.header("retry-after").is_some());
}

#[test]
fn a_body_that_cannot_be_read_is_refused_as_a_whole() {
    let mut world = world(SECRET);
    let receipt = world.receipt("home");
    let many: Vec<Json> = (0..101)
        .map(|n| event(&format!("e-{n}"), &receipt))
        .collect();
    let table: Vec<(Vec<u8>, u16)> = vec![
        (b"".to_vec(), 400),
        (b"{".to_vec(), 400),
        (b"7".to_vec(), 400),
        (b"\xff".to_vec(), 400),
        (br#"{"events":7}"#.to_vec(), 400),
        (br#"{"events":[],"sent_at":"now"}"#.to_vec(), 400),
        (br#"[{"id":"\ud800"}]"#.to_vec(), 400),
        (
            format!("{}{}", "[".repeat(10_000), "]".repeat(10_000)).into_bytes(),
            400,
        ),
        (json!(many).to_string().into_bytes(), 413),
        (vec![b' '; 65_537], 413),
    ];
    for (body, status) in table {
        let answer = world.send("POST", "/v1/events", &body);
        let start = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        assert_eq!(answer.response.status, status, "{start}: {}", answer.json);
        assert_eq!(answer.json["status"], status, "{start}");
    }
    assert_eq!(world.send("GET", "/v1/events", b"").response.status, 405);
    assert!(world.events.take().is_empty());
}

/// The module's page is asked only where it is in memory; an older release's events still count, and no event costs a read.
#[test]
fn events_of_other_releases_are_taken_without_asking_the_store() {
    let mut world = world(SECRET);
    let first = world.receipt("home");
    world.publish(2, &snapshot("two"));
    world.wait(1_000);
    let second = world.receipt("home");
    assert_ne!(first, second);
    let stranger = |receipt: &str| changed(receipt, &json!({"module": "stranger"}));
    let why = |answer: &Answer| answer.json["rejected"][0]["why"].clone();
    // Of both releases that this instance has answered from, the modules are known.
    for receipt in [&first, &second] {
        assert_eq!(why(&world.post(&stranger(receipt))), "unknown_module");
        assert_eq!(taken(&world.post(&event("e-1", receipt))).0, 1);
    }
    // After a restart there is nothing to ask; the collector asks where it knows the release.
    world.restart();
    world.store.take_reads();
    world.store.fail(true);
    for receipt in [&first, &second] {
        assert_eq!(taken(&world.post(&stranger(receipt))).0, 1);
    }
    assert!(world.store.take_reads().is_empty());
}

#[test]
fn events_are_taken_whatever_the_mode_and_before_anything_is_held() {
    let mut world = world(SECRET);
    let receipt = world.receipt("home");
    let off = release(2, &snapshot("one")).mode(Mode::Off).sign(1);
    world
        .store
        .insert(crate::fixture::keys().manifest(), value(&off, &[]));
    world.wait(1_000);
    assert_eq!(world.home().json["modules"], json!([]));
    assert_eq!(taken(&world.post(&event("e-1", &receipt))).0, 1);
}

#[test]
fn browsers_elsewhere_may_send_events_if_they_may_ask_for_pages() {
    let mut config = config();
    config.secrets = Secrets::parse(SECRET, WORKSPACE, ENV).unwrap();
    config.cors = vec!["https://shop.example".into()];
    let mut world = World::with(config);
    world.publish(1, &snapshot("one"));
    let receipt = world.receipt("home");
    world.headers = vec![("origin", "https://shop.example".into())];
    let answer = world.post(&event("e-1", &receipt));
    let allowed = answer.response.header("access-control-allow-origin");
    assert_eq!(allowed, Some("https://shop.example"));
    world
        .headers
        .push(("access-control-request-method", "POST".into()));
    let answer = world.send("OPTIONS", "/v1/events", b"");
    let methods = answer.response.header("access-control-allow-methods");
    assert_eq!(methods, Some("POST, OPTIONS"));
}

/// An edge remembers nothing of an event: whoever floods it with made up ones only costs the work.
#[test]
fn random_ids_leave_nothing_behind() {
    let mut world = world(SECRET);
    let receipt = world.receipt("home");
    let before = world.status()["cache"].clone();
    for round in 0..200 {
        let events: Vec<Json> = (0..100)
            .map(|n| {
                let id = format!("{round}-{n}");
                changed(
                    &receipt,
                    &json!({"id": id, "unit": id, "module": id.replace('-', "_")}),
                )
            })
            .collect();
        assert_eq!(taken(&world.post(&json!(events))).0, 0);
    }
    assert_eq!(world.status()["cache"], before);
    assert!(world.events.take().is_empty());
}
