//! Which manifests are believed, and when they are looked at.

use skyful::compile::Snapshot;
use skyful::manifest::Mode;

use crate::fixture::{key, keys, objects, release, snapshot, value};
use crate::world::World;

const SECOND: i64 = 1_000;

#[test]
fn a_fresh_edge_answers_from_what_is_published_with_two_reads() {
    let mut world = World::published(1, &snapshot("one"));
    let answer = world.home();
    answer.check("one in en", 1, None);
    assert_eq!(answer.json["release"]["track"], "stable");
    assert_eq!(world.store.take_reads().len(), 2);
    world.home().check("one in en", 1, None);
    assert_eq!(world.store.take_reads().len(), 0);
}

#[test]
fn a_page_with_id_lists_costs_three_reads() {
    let mut world = World::published(1, &snapshot("one"));
    world
        .get("/v1/pages/lists?unit=u-1")
        .check("one for listed in en", 1, None);
    assert_eq!(world.store.take_reads().len(), 3);
    world
        .get("/v1/pages/lists?unit=u-2")
        .check("one in en", 1, None);
    world.get("/v1/pages/lists").check("one in en", 1, None);
}

#[test]
fn where_nothing_was_ever_published_the_answer_is_503_until_something_is() {
    let mut world = World::empty();
    let answer = world.home();
    assert_eq!(answer.response.status, 503);
    assert_eq!(answer.json["type"], "urn:skyful:problem:no-snapshot");
    assert_eq!(answer.response.header("retry-after"), Some("2"));
    assert_eq!(world.get("/healthz").response.status, 503);
    assert_eq!(world.status()["release"], serde_json::Value::Null);
    world.publish(1, &snapshot("one"));
    world.wait(SECOND);
    world.home().check("one in en", 1, None);
    assert_eq!(world.get("/healthz").response.status, 200);
}

#[test]
fn a_new_release_is_seen_after_the_interval_and_not_before() {
    let mut world = World::published(1, &snapshot("one"));
    world.home();
    world.publish(2, &snapshot("two"));
    world.wait(SECOND - 1);
    world.home().check("one in en", 1, None);
    world.wait(1);
    world.home().check("two in en", 2, None);
}

#[test]
fn a_clock_set_back_does_not_stop_the_looking() {
    let mut world = World::published(1, &snapshot("one"));
    world.home();
    world.publish(2, &snapshot("two"));
    world.wait(-86_400 * SECOND);
    world.home().check("two in en", 2, None);
}

/// After one good release, a bad value changes no answer and is told in the status.
fn refused(bad: &[u8], what: &str) {
    let mut world = World::published(5, &snapshot("good"));
    world.home();
    world.upload(&snapshot("bad"));
    world.store.insert(keys().manifest(), bad);
    world.wait(SECOND);
    world.home().check("good in en", 5, None);
    let status = world.status();
    let told = status["last_error"]["what"].as_str().unwrap_or("");
    assert!(told.contains(what), "{told}");
    // And a fresh edge, which has only the bad value, has never seen a snapshot.
    let mut fresh = World::empty();
    fresh.store.insert(keys().manifest(), bad);
    assert_eq!(fresh.home().response.status, 503);
}

#[test]
fn a_manifest_of_an_unknown_key_is_refused() {
    let envelope = release(6, &snapshot("bad")).sign(2);
    refused(&value(&envelope, &[]), "doesn't trust");
}

#[test]
fn a_forged_signature_is_refused() {
    let mut forged = release(6, &snapshot("bad")).sign(1);
    let header = u32::from_le_bytes(forged[..4].try_into().unwrap()) as usize;
    forged[4 + header] ^= 1;
    refused(&value(&forged, &[]), "signature");
}

#[test]
fn a_changed_header_is_refused() {
    let mut forged = release(6, &snapshot("bad")).sign(1);
    // The mode.
    forged[4 + 6] ^= 1;
    refused(&value(&forged, &[]), "signature");
}

#[test]
fn a_manifest_of_another_workspace_or_environment_is_refused() {
    let mut elsewhere = release(6, &snapshot("bad"));
    elsewhere.header.env = "staging".into();
    refused(&value(&elsewhere.sign(1), &[]), "another workspace");
    let mut elsewhere = release(6, &snapshot("bad"));
    elsewhere.header.workspace = "other".into();
    refused(&value(&elsewhere.sign(1), &[]), "another workspace");
}

#[test]
fn a_listing_without_pages_is_refused() {
    let bad = snapshot("bad");
    let mut blank = bad.clone();
    blank.listing.pages.clear();
    refused(&value(&release(6, &blank).sign(1), &[]), "no pages");
    let gray = release(6, &bad).gray(&blank, 1).sign(1);
    refused(&value(&gray, &[]), "no pages");
}

#[test]
fn rubbish_is_refused() {
    refused(b"", "manifest");
    refused(b"SKYV", "manifest");
    refused(&[0xff; 4_096], "manifest");
    refused(&vec![0; 2_000_001], "larger");
}

#[test]
fn an_older_manifest_is_ignored() {
    let mut world = World::published(5, &snapshot("five"));
    world.home();
    world.publish(4, &snapshot("four"));
    world.wait(SECOND);
    world.home().check("five in en", 5, None);
}

#[test]
fn another_manifest_of_the_same_sequence_is_ignored_and_told() {
    let mut world = World::published(5, &snapshot("five"));
    world.home();
    world.publish(5, &snapshot("other"));
    world.wait(SECOND);
    world.home().check("five in en", 5, None);
    let status = world.status().to_string();
    assert!(status.contains("another one with sequence 5"), "{status}");
}

#[test]
fn the_era_that_a_key_may_sign_is_a_limit() {
    let public = skyful::snapshot::Digest(key(1).verifying_key().to_bytes()).hex();
    let mut config = crate::world::config();
    config.trust = skyful::manifest::TrustSet::parse(&format!("{public}:0")).unwrap();
    let mut world = World::with(config);
    world.publish(1, &snapshot("one"));
    world.home().check("one in en", 1, None);
    world.publish((1 << 40) + 1, &snapshot("two"));
    world.wait(SECOND);
    world.home().check("one in en", 1, None);
}

#[test]
fn a_missing_or_invalid_manifest_is_replaced_by_the_settled_one() {
    for bad in [None, Some(b"rubbish")] {
        let mut world = World::empty();
        let one = snapshot("one");
        world.upload(&one);
        world
            .store
            .insert(keys().settled(), release(3, &one).sign(1));
        if let Some(bad) = bad {
            world.store.insert(keys().manifest(), bad);
        }
        world.home().check("one in en", 3, None);
    }
}

#[test]
fn a_store_that_fails_changes_no_answer_and_is_asked_less_and_less() {
    let mut world = World::published(1, &snapshot("one"));
    world.home();
    world.store.fail(true);
    world.store.take_reads();
    for _ in 0..600 {
        world.wait(100);
        world.home().check("one in en", 1, None);
    }
    let reads = world.store.take_reads().len();
    assert!((4..=8).contains(&reads), "{reads} reads in a minute");
    world.store.fail(false);
    world.publish(2, &snapshot("two"));
    world.wait(30 * SECOND);
    world.home().check("two in en", 2, None);
}

#[test]
fn an_edge_that_holds_nothing_answers_as_soon_as_the_store_does() {
    let mut config = crate::world::config();
    // Where manifests are looked at behind answers.
    config.wait_ms = 30 * SECOND;
    let mut world = World::with(config);
    world.store.fail(true);
    for _ in 0..10 {
        assert_eq!(world.home().response.status, 503);
    }
    world.store.fail(false);
    assert_eq!(world.home().response.status, 503);
    world.publish(1, &snapshot("one"));
    world.home().check("one in en", 1, None);
}

#[test]
fn an_edge_that_holds_nothing_finds_what_another_has_kept_meanwhile() {
    let mut world = World::empty();
    world.store.fail(true);
    assert_eq!(world.home().response.status, 503);
    let one = snapshot("one");
    let keep = |world: &World, key: &str, bytes: &[u8]| {
        pollster::block_on(skyful_edge::SnapshotStore::keep(&world.store, key, bytes));
    };
    let envelope = release(1, &one).sign(1);
    keep(&world, &keys().manifest(), &value(&envelope, &[]));
    for (key, bytes) in objects(&one) {
        keep(&world, &key, &bytes);
    }
    world.home().check("one in en", 1, None);
}

#[test]
fn a_restart_without_a_store_goes_on_from_the_own_copy() {
    let mut world = World::published(1, &snapshot("one"));
    world.home();
    world.store.clear();
    world.restart();
    world.home().check("one in en", 1, None);
    world.store.fail(true);
    world.restart();
    world.home().check("one in en", 1, None);
}

#[test]
fn a_restart_never_goes_back_to_an_older_manifest_of_the_store() {
    let mut world = World::published(5, &snapshot("five"));
    world.home();
    world.publish(4, &snapshot("four"));
    world.restart();
    world.home().check("five in en", 5, None);
}

#[test]
fn after_a_restart_what_the_last_manifest_replaced_still_stands_in() {
    let mut world = World::published(1, &snapshot("one"));
    world.home();
    let two = snapshot("two");
    world.put_manifest(&release(2, &two).sign(1), &[]);
    world.wait(SECOND);
    world.home().check("one in en", 1, Some("2"));
    world.store.clear();
    world.restart();
    world.home().check("one in en", 1, Some("2"));
}

#[test]
fn the_own_copy_holds_only_what_may_still_be_asked_for() {
    let mut world = World::empty();
    for sequence in 1..=4 {
        world.publish(sequence, &snapshot(&format!("release {sequence}")));
        world.wait(SECOND);
        world.home();
    }
    let kept = world.store.kept();
    let pages: Vec<&String> = kept.iter().filter(|key| key.contains("/o/")).collect();
    assert_eq!(pages.len(), 2, "{kept:?}");
}

#[test]
fn the_own_copy_is_verified_like_everything_else() {
    let mut world = World::empty();
    let forged = release(9, &snapshot("bad")).sign(2);
    let own = |world: &World, key: String, bytes: &[u8]| {
        pollster::block_on(skyful_edge::SnapshotStore::keep(&world.store, &key, bytes));
    };
    own(&world, keys().manifest(), &value(&forged, &[]));
    let one = snapshot("one");
    for (key, _) in objects(&one) {
        own(&world, key, b"rubbish");
    }
    world.publish(1, &one);
    world.home().check("one in en", 1, None);
}

fn in_mode(mode: Mode) -> (World, Snapshot) {
    let (one, two) = (snapshot("one"), snapshot("two"));
    let world = World::published(1, &one);
    world.upload(&two);
    let envelope = release(2, &one).gray(&two, 10_000).mode(mode).sign(1);
    world.put_manifest(&envelope, &[]);
    (world, one)
}

#[test]
fn each_mode_does_what_it_says() {
    let (mut run, _) = in_mode(Mode::Run);
    let answer = run.get("/v1/pages/home?unit=u-1&attr.age=67");
    answer.check("two in en", 2, None);
    assert_eq!(answer.json["release"]["track"], "gray");
    assert_eq!(answer.json["plan"], "senior");

    let (mut hold, _) = in_mode(Mode::Hold);
    let answer = hold.get("/v1/pages/home?unit=u-1&attr.age=67");
    answer.check("one in en", 2, None);
    assert_eq!(answer.json["plan"], "senior");

    let (mut defaults, _) = in_mode(Mode::Defaults);
    let answer = defaults.get("/v1/pages/home?unit=u-1&attr.age=67");
    answer.check("one in en", 2, None);
    assert_eq!(answer.json["reason"], "DEFAULT");

    let (mut off, _) = in_mode(Mode::Off);
    let answer = off.home();
    answer.check("", 2, None);
    assert_eq!(answer.json["reason"], "DEFAULT");
    assert_eq!(answer.json["modules"], serde_json::json!([]));
    assert_eq!(off.get("/v1/pages/nowhere").response.status, 404);
}

#[test]
fn an_expired_manifest_alarms_and_serves() {
    let mut world = World::empty();
    let one = snapshot("one");
    world.upload(&one);
    let mut draft = release(1, &one);
    draft.header.expires_ms = 1;
    world.put_manifest(&draft.sign(1), &[]);
    world.home().check("one in en", 1, None);
    assert_eq!(world.status()["release"]["expired"], true);
}
