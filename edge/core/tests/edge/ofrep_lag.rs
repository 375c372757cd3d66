//! OpenFeature while edges lag behind clients and chunks behind manifests.

use serde_json::json;
use skyful::compile::{self, Snapshot};

use crate::fixture::{self, chunk_key, keys, release, snapshot};
use crate::world::{Answer, World};

const BULK: &str = "/ofrep/v1/evaluate/flags";
const HOME: &str = "/ofrep/v1/evaluate/flags/home";

fn ask(world: &mut World, target: &str, unit: &str, held: Option<&str>) -> Answer {
    world.headers.clear();
    if let Some(held) = held {
        world.headers.push(("if-none-match", held.to_owned()));
    }
    let body = json!({"context": {"targetingKey": unit}}).to_string();
    world.send("POST", target, body.as_bytes())
}

fn tag(answer: &Answer) -> String {
    answer.response.header("etag").unwrap().to_owned()
}

/// Status, release and what it is behind.
fn seen(answer: &Answer) -> (u16, u64, Option<&str>) {
    let sequence = answer.json["metadata"]["release.sequence"]
        .as_u64()
        .unwrap_or(0);
    (answer.response.status, sequence, answer.behind())
}

#[test]
fn unchanged_is_what_has_the_same_context_and_the_same_bytes() {
    for target in [BULK, HOME] {
        let mut world = World::published(1, &snapshot("one"));
        let first = ask(&mut world, target, "u-1", None);
        let held = tag(&first);
        let parts: Vec<&str> = held.trim_matches('"').split('.').collect();
        assert_eq!((parts.len(), parts[0]), (3, "1"), "{held}");
        for several in [held.clone(), format!("W/{held}"), format!("\"x\", {held}")] {
            let again = ask(&mut world, target, "u-1", Some(&several)).response;
            assert_eq!((again.status, again.body.len()), (304, 0));
            assert_eq!(again.header("etag"), Some(&*held));
        }
        // The same bytes for another context are another answer: whoever holds one must not keep it for the other.
        let other = ask(&mut world, target, "u-2", Some(&held));
        assert_eq!(other.response.status, 200);
        assert_ne!(tag(&other), held);
        // Another release with other words: equal context, other bytes.
        world.publish(2, &snapshot("two"));
        world.wait(1_000);
        assert_eq!(
            seen(&ask(&mut world, target, "u-1", Some(&held))),
            (200, 2, None)
        );
        // What is no tag of ours, or of everything, is none.
        for strange in [
            "*",
            "\"1.0.0\"",
            "\"9999999999999999999.x.y\"",
            "rubbish",
            "\"\"",
        ] {
            let status = ask(&mut world, target, "u-1", Some(strange))
                .response
                .status;
            assert_eq!(status, 200, "{strange}");
        }
    }
}

#[test]
fn the_body_counts_also_within_one_release() {
    let mut world = World::published(1, &snapshot("one"));
    let held = tag(&ask(&mut world, HOME, "u-1", None));
    world.facts.country = Some("CN".into());
    let moved = ask(&mut world, HOME, "u-1", Some(&held));
    assert_eq!(moved.response.status, 200);
    assert_eq!(moved.json["value"]["modules"][0]["plan"], "cn");
}

#[test]
fn an_edge_that_is_behind_lets_the_client_keep_what_it_holds_for_this_context() {
    for target in [BULK, HOME] {
        let mut ahead = World::published(2, &snapshot("two"));
        let held = tag(&ask(&mut ahead, target, "u-1", None));
        let mut lagging = World::published(1, &snapshot("one"));
        let kept = ask(&mut lagging, target, "u-1", Some(&held));
        assert_eq!((kept.response.status, kept.behind()), (304, Some("2")));
        assert_eq!(kept.response.header("etag"), Some(&*held));
        // Of another context it holds nothing: an older answer is better than none, and marked.
        let other = ask(&mut lagging, target, "u-2", Some(&held));
        assert_eq!(seen(&other), (200, 1, Some("2")));
        // That one's tag is the client's knowledge from now on: it never goes back below it.
        let mut further = World::published(1, &snapshot("zero"));
        let other = tag(&other);
        assert!(other.starts_with("\"1."), "{other}");
        assert_eq!(
            ask(&mut further, target, "u-2", Some(&other))
                .response
                .status,
            200
        );
        // The release comes: the client gets what it would have had.
        lagging.publish(2, &snapshot("two"));
        lagging.wait(60_000);
        let now = ask(&mut lagging, target, "u-1", Some(&held));
        assert_eq!((now.response.status, now.behind()), (304, None));
    }
}

#[test]
fn a_tag_that_no_release_can_have_had_keeps_nothing() {
    let mut world = World::published(1, &snapshot("one"));
    let held = tag(&ask(&mut world, HOME, "u-1", None));
    let far = held.replacen("\"1.", &format!("\"{}.", 1_u64 << 51), 1);
    assert_eq!(
        seen(&ask(&mut world, HOME, "u-1", Some(&far))),
        (200, 1, None)
    );
}

#[test]
fn a_client_that_is_ahead_makes_the_edge_look_once() {
    let mut world = World::published(1, &snapshot("one"));
    ask(&mut world, BULK, "u-1", None);
    world.publish(2, &snapshot("two"));
    let ahead = ask(&mut world, BULK, "u-1", Some("\"2.0.0\""));
    assert_eq!(seen(&ahead), (200, 2, None));
}

#[test]
fn one_missing_chunk_takes_all_pages_to_the_release_that_has_them() {
    let (one, two) = (snapshot("one"), snapshot("two"));
    let mut world = World::empty();
    world.upload(&one);
    world.upload(&two);
    world.store.remove(&chunk_key(&two, "lists"));
    let fallback = release(1, &one).sign(1);
    world.put_manifest(&release(2, &two).sign(1), &fallback);
    let bulk = ask(&mut world, BULK, "u-1", None);
    assert_eq!(seen(&bulk), (200, 1, Some("2")));
    for flag in bulk.json["flags"].as_array().unwrap() {
        assert_eq!(flag["metadata"]["release.sequence"], 1, "{flag}");
        assert_eq!(flag["value"]["release"]["sequence"], 1, "{flag}");
    }
    assert_eq!(bulk.json["flags"].as_array().unwrap().len(), 2);
    // Alone, the page that is there comes from the newer one.
    assert_eq!(seen(&ask(&mut world, HOME, "u-1", None)), (200, 2, None));
}

/// `lists` exists only in the second.
fn with_a_new_page() -> (Snapshot, Snapshot) {
    let mut before = fixture::workspace("one");
    before.pages.remove("lists");
    before.ofrep = vec!["home".into()];
    let before = compile::compile(&before, &mut |_, _| {}).unwrap();
    (before, snapshot("two"))
}

#[test]
fn a_new_page_that_is_not_readable_yet_does_not_take_the_others_away() {
    let (one, two) = with_a_new_page();
    let mut world = World::empty();
    world.upload(&one);
    world.upload(&two);
    world.store.remove(&chunk_key(&two, "lists"));
    let fallback = release(1, &one).sign(1);
    world.put_manifest(&release(2, &two).sign(1), &fallback);
    let bulk = ask(&mut world, BULK, "u-1", None);
    assert_eq!(seen(&bulk), (200, 1, Some("2")));
    let keys: Vec<_> = bulk.json["flags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| &f["key"])
        .collect();
    assert_eq!(keys, ["home"]);
}

#[test]
fn where_no_release_has_all_pages_they_are_empty_and_say_so() {
    let one = snapshot("one");
    let mut world = World::published(1, &one);
    for digest in one.objects.keys() {
        world.store.remove(&keys().object(digest));
    }
    let bulk = ask(&mut world, BULK, "u-1", None);
    assert_eq!(seen(&bulk), (200, 1, None));
    for flag in bulk.json["flags"].as_array().unwrap() {
        assert_eq!(flag["reason"], "ERROR");
        assert_eq!(flag["value"]["modules"], json!([]));
    }
    let hero = ask(
        &mut world,
        "/ofrep/v1/evaluate/flags/home.hero",
        "u-1",
        None,
    );
    assert_eq!(hero.json["reason"], "ERROR");
    assert!(
        hero.json.get("value").is_none(),
        "the default in the code counts"
    );
}
