//! Chunks that are not there yet, clients that are ahead.

use skyful::manifest::Mode;

use crate::fixture::{chunk_key, keys, objects, release, snapshot};
use crate::world::World;

const SECOND: i64 = 1_000;

#[test]
fn a_missing_chunk_is_answered_by_the_release_before_and_marked() {
    let mut world = World::published(1, &snapshot("one"));
    world.home();
    let two = snapshot("two");
    world.put_manifest(&release(2, &two).sign(1), &[]);
    world.wait(SECOND);
    world.home().check("one in en", 1, Some("2"));
    assert_eq!(world.status()["counters"]["fallbacks"], 1);
    world.upload(&two);
    world.wait(2 * SECOND);
    world.home().check("two in en", 2, None);
}

#[test]
fn a_fresh_edge_answers_a_missing_chunk_from_the_fallback_in_the_same_value() {
    let (one, two) = (snapshot("one"), snapshot("two"));
    let mut world = World::empty();
    world.upload(&one);
    let fallback = release(1, &one).sign(1);
    world.put_manifest(&release(2, &two).sign(1), &fallback);
    world.home().check("one in en", 1, Some("2"));
}

#[test]
fn a_fallback_is_verified_and_a_bad_one_is_none() {
    let (one, two) = (snapshot("one"), snapshot("two"));
    for fallback in [
        release(1, &one).sign(2),
        b"rubbish".to_vec(),
        release(7, &one).sign(1),
    ] {
        let mut world = World::empty();
        world.upload(&one);
        world.put_manifest(&release(2, &two).sign(1), &fallback);
        let answer = world.home();
        answer.check("", 2, None);
        assert_eq!(answer.json["reason"], "ERROR");
    }
}

#[test]
fn a_fallback_that_settles_later_is_taken_with_the_same_manifest() {
    let (one, two) = (snapshot("one"), snapshot("two"));
    let mut world = World::empty();
    world.upload(&one);
    let current = release(2, &two).sign(1);
    world.put_manifest(&current, &[]);
    world.home().check("", 2, None);
    world.put_manifest(&current, &release(1, &one).sign(1));
    world.wait(SECOND);
    world.home().check("one in en", 1, Some("2"));
}

#[test]
fn where_no_candidate_is_left_the_page_is_empty_and_says_so() {
    let two = snapshot("two");
    let mut world = World::empty();
    world.put_manifest(&release(2, &two).sign(1), &[]);
    let answer = world.get("/v1/pages/home?unit=u-1&locale=zh-TW");
    answer.check("", 2, None);
    assert_eq!(answer.json["reason"], "ERROR");
    assert_eq!(answer.json["plan"], "default");
    assert_eq!(answer.json["locale"], "zh");
    assert_eq!(world.status()["counters"]["errors_served"], 1);
}

#[test]
fn without_fallback_means_without() {
    let (one, two) = (snapshot("one"), snapshot("two"));
    let mut world = World::published(1, &one);
    world.home();
    let fallback = release(1, &one).sign(1);
    world.put_manifest(&release(2, &two).no_fallback().sign(1), &fallback);
    world.wait(SECOND);
    let answer = world.home();
    answer.check("", 2, None);
    assert_eq!(answer.json["reason"], "ERROR");
}

#[test]
fn a_missing_gray_chunk_is_answered_by_stable_of_the_same_manifest() {
    let (one, two) = (snapshot("one"), snapshot("two"));
    let mut world = World::published(1, &one);
    world.put_manifest(&release(2, &one).gray(&two, 10_000).sign(1), &[]);
    let answer = world.home();
    answer.check("one in en", 2, None);
    assert_eq!(answer.json["release"]["track"], "stable");
    assert_eq!(world.status()["counters"]["track_fallbacks"], 1);
}

#[test]
fn a_gray_share_takes_its_part_of_the_units() {
    let (one, two) = (snapshot("one"), snapshot("two"));
    let mut world = World::published(1, &one);
    world.upload(&two);
    world.put_manifest(&release(2, &one).gray(&two, 3_000).sign(1), &[]);
    let mut gray = 0;
    for unit in 0..1_000 {
        let answer = world.get(&format!("/v1/pages/home?unit=u-{unit}"));
        let wanted = match answer.json["release"]["track"].as_str() {
            Some("gray") => "two in en",
            _ => "one in en",
        };
        answer.check(wanted, 2, None);
        gray += u32::from(wanted == "two in en");
    }
    assert!((240..360).contains(&gray), "{gray}");
}

#[test]
fn hold_and_off_also_rule_an_answer_that_lags() {
    let (one, two, three) = (snapshot("one"), snapshot("two"), snapshot("three"));
    let mut world = World::published(1, &one);
    world.upload(&two);
    world.put_manifest(&release(2, &one).gray(&two, 10_000).sign(1), &[]);
    world.home().check("two in en", 2, None);
    // The chunk of the held stable is missing: the release before answers, by its stable track.
    world.put_manifest(&release(3, &three).mode(Mode::Hold).sign(1), &[]);
    world.wait(SECOND);
    world.home().check("one in en", 2, Some("3"));
    world.put_manifest(&release(4, &three).mode(Mode::Off).sign(1), &[]);
    world.wait(SECOND);
    world.home().check("", 4, None);
}

#[test]
fn defaults_also_rule_an_answer_that_lags() {
    let mut world = World::published(1, &snapshot("one"));
    world.home();
    let two = snapshot("two");
    world.put_manifest(&release(2, &two).mode(Mode::Defaults).sign(1), &[]);
    world.wait(SECOND);
    let answer = world.get("/v1/pages/home?unit=u-1&attr.age=67");
    answer.check("one in en", 1, Some("2"));
    assert_eq!(answer.json["reason"], "DEFAULT");
}

#[test]
fn a_taken_back_gray_never_stands_in() {
    let (one, bad) = (snapshot("one"), snapshot("bad"));
    let mut world = World::published(1, &one);
    world.upload(&bad);
    world.put_manifest(&release(2, &one).gray(&bad, 10_000).sign(1), &[]);
    world.home().check("bad in en", 2, None);
    world.store.remove(&chunk_key(&one, "home"));
    world.store.forget();
    world.put_manifest(&release(3, &one).sign(1), &[]);
    world.wait(SECOND);
    assert_eq!(world.home().title(), "");
}

#[test]
fn a_candidate_counts_only_with_its_id_shard() {
    let one = snapshot("one");
    let mut world = World::published(1, &one);
    world.get("/v1/pages/lists?unit=u-1");
    let mut two = snapshot("two");
    // Another shard than the one that is stored: no other list, but another digest.
    let chunk = two.listing.chunk("lists", 0).unwrap();
    two.listing.id_shards = vec![skyful::snapshot::Digest([9; 32])];
    world
        .store
        .insert(keys().object(&chunk), two.objects[&chunk].clone());
    world.put_manifest(&release(2, &two).sign(1), &[]);
    world.wait(SECOND);
    world
        .get("/v1/pages/lists?unit=u-1")
        .check("one for listed in en", 1, Some("2"));
}

#[test]
fn a_missing_chunk_is_not_asked_for_at_every_request() {
    let two = snapshot("two");
    let mut world = World::empty();
    world.put_manifest(&release(2, &two).sign(1), &[]);
    let chunk = chunk_key(&two, "home");
    let mut reads = 0;
    for _ in 0..600 {
        world.home();
        world.wait(100);
        reads += world
            .store
            .take_reads()
            .iter()
            .filter(|key| **key == chunk)
            .count();
    }
    assert!((4..=8).contains(&reads), "{reads} reads in a minute");
}

#[test]
fn a_client_that_is_ahead_makes_the_edge_look_once() {
    let mut world = World::published(1, &snapshot("one"));
    world.home();
    world.publish(2, &snapshot("two"));
    world.headers = vec![("skyful-sequence", "2".into())];
    world.wait(10);
    world.home().check("two in en", 2, None);
}

#[test]
fn a_client_that_stays_ahead_gets_the_older_answer_marked() {
    let mut config = crate::world::config();
    // Only what the client says makes this edge look.
    config.wait_ms = i64::MAX;
    let mut world = World::with(config);
    world.publish(1, &snapshot("one"));
    world.home();
    world.store.take_reads();
    world.headers = vec![("skyful-sequence", "9".into())];
    for _ in 0..600 {
        world.wait(100);
        world.home().check("one in en", 1, Some("9"));
    }
    let reads = world.store.take_reads().len();
    assert!((4..=8).contains(&reads), "{reads} reads in a minute");
}

#[test]
fn an_implausible_claim_is_ignored() {
    let mut world = World::published(1, &snapshot("one"));
    world.home();
    world.store.take_reads();
    for claim in [
        "66000",
        "9007199254740991",
        "-1",
        "x",
        "",
        "2, 3",
        "18446744073709551616",
    ] {
        world.headers = vec![("skyful-sequence", claim.into())];
        world.home().check("one in en", 1, None);
    }
    assert_eq!(world.store.take_reads().len(), 0);
}

#[test]
fn a_page_that_a_new_release_adds_is_no_404_while_its_chunk_is_missing() {
    let one = snapshot("one");
    let mut world = World::published(1, &one);
    world.home();
    let mut two = snapshot("two");
    let mut entry = two.listing.pages[0];
    entry.page = skyful::snapshot::listing::page_hash("new");
    two.listing.pages.push(entry);
    two.listing.pages.sort_unstable();
    world.upload(&two);
    world.put_manifest(&release(2, &two).sign(1), &[]);
    world.wait(SECOND);
    world.home().check("two in en", 2, None);
    world
        .get("/v1/pages/lists?unit=u-2")
        .check("two in en", 2, None);
    // The chunk that the listing names is another page's, whether or not it is in memory.
    let answer = world.get("/v1/pages/new?unit=u-1");
    answer.check("", 2, None);
    assert_eq!(answer.json["page"], "new");
    world.home().check("two in en", 2, None);
    assert_eq!(world.get("/v1/pages/new?unit=u-1").json["reason"], "ERROR");
}

#[test]
fn objects_are_dropped_from_memory_at_its_limit_and_read_again() {
    let one = snapshot("one");
    let mut config = crate::world::config();
    config.cache_bytes = objects(&one)
        .iter()
        .map(|(_, bytes)| bytes.len())
        .max()
        .unwrap()
        + 600;
    let mut world = World::with(config);
    world.publish(1, &one);
    for _ in 0..3 {
        world.home().check("one in en", 1, None);
        world
            .get("/v1/pages/lists?unit=u-1")
            .check("one for listed in en", 1, None);
    }
    let cache = &world.status()["cache"];
    assert!(
        cache["bytes"].as_u64() <= cache["limit_bytes"].as_u64(),
        "{cache}"
    );
}

#[test]
fn a_chunk_without_the_locale_that_its_listing_promises_never_counts() {
    let mut two = snapshot("two");
    two.listing.locales.supported.push("th".into());
    for entry in &mut two.listing.pages {
        entry.locale_mask |= 0b100;
    }
    let mut world = World::published(1, &snapshot("one"));
    world.home();
    world.publish(2, &two);
    world.wait(SECOND);
    world
        .get("/v1/pages/home?unit=u-1&locale=th")
        .check("one in en", 1, Some("2"));
    world
        .get("/v1/pages/home?unit=u-1&locale=zh")
        .check("two in zh", 2, None);
}
