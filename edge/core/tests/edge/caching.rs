//! What a visitor's own cache may keep, and what a client that is ahead keeps.

use crate::fixture::snapshot;
use crate::world::World;

const HOME: &str = "/v1/pages/home?unit=u-1";

#[test]
fn an_unchanged_page_is_answered_by_its_headers_alone() {
    let mut world = World::published(1, &snapshot("one"));
    let first = world.home();
    let etag = first.response.header("etag").unwrap().to_owned();
    assert!(etag.starts_with("\"1-"), "{etag}");
    for held in [
        etag.clone(),
        format!("W/{etag}"),
        format!("\"x\", {etag}"),
        "*".into(),
    ] {
        world.headers = vec![("if-none-match", held)];
        let again = world.home().response;
        assert_eq!((again.status, again.body.len()), (304, 0));
        assert_eq!(again.header("etag"), Some(&*etag));
        assert_eq!(again.header("cache-control"), Some("private, no-cache"));
        assert_eq!(again.header("content-type"), None);
    }
    // Another visitor, another language, another release: other bytes.
    world.headers = vec![("if-none-match", etag.clone())];
    assert_eq!(
        world
            .get("/v1/pages/home?unit=u-1&locale=zh")
            .response
            .status,
        200
    );
    world.publish(2, &snapshot("one"));
    world.wait(1_000);
    world.home().check("one in en", 2, None);
}

#[test]
fn posts_and_problems_are_never_unmodified() {
    let mut world = World::published(1, &snapshot("one"));
    world.headers = vec![("if-none-match", "*".into())];
    let posted = world.send("POST", "/v1/resolve", br#"{"page":"home","unit":"u-1"}"#);
    assert_eq!(posted.response.status, 200);
    assert_eq!(world.get("/v1/pages/nowhere").response.status, 404);
}

#[test]
fn a_client_that_holds_a_newer_page_keeps_it() {
    let mut ahead = World::published(2, &snapshot("two"));
    let held = ahead
        .get(HOME)
        .response
        .header("skyful-have")
        .unwrap()
        .to_owned();
    let mut lagging = World::published(1, &snapshot("one"));
    let kept = lagging.get(&format!("{HOME}&have={held}"));
    assert_eq!(kept.response.body, br#"{"keep":true}"#);
    assert_eq!(kept.behind(), Some("2"));
    assert_eq!(kept.response.header("cache-control"), Some("no-store"));
    let body = format!(r#"{{"page":"home","unit":"u-1","have":"{held}"}}"#);
    let kept = lagging.send("POST", "/v1/resolve", body.as_bytes());
    assert_eq!(kept.json["keep"], true);
    // Another page, unit, language or attribute is not what it holds.
    for other in [
        "/v1/pages/lists?unit=u-1",
        "/v1/pages/home?unit=u-2",
        "/v1/pages/home?unit=u-1&locale=zh",
        "/v1/pages/home?unit=u-1&attr.age=67",
    ] {
        let answer = lagging.get(&format!("{other}&have={held}"));
        assert_eq!(
            (answer.sequence(), answer.behind()),
            (1, Some("2")),
            "{other}"
        );
    }
    for no_have in ["", "2", "x.y", "2.0", "1.0123456789abcdef"] {
        let answer = lagging.get(&format!("{HOME}&have={no_have}"));
        let behind = no_have.starts_with("2.").then_some("2");
        answer.check("one in en", 1, behind);
    }
}

#[test]
fn an_edge_that_caught_up_answers_and_keeps_nothing_back() {
    let two = snapshot("two");
    let mut world = World::published(2, &two);
    let held = world
        .get(HOME)
        .response
        .header("skyful-have")
        .unwrap()
        .to_owned();
    world.headers = vec![("skyful-sequence", "2".into())];
    world
        .get(&format!("{HOME}&have={held}"))
        .check("two in en", 2, None);
}

#[test]
fn a_cached_page_tells_what_its_holder_has_seen() {
    let mut ahead = World::published(2, &snapshot("two"));
    let etag = ahead.get(HOME).response.header("etag").unwrap().to_owned();
    let mut lagging = World::published(1, &snapshot("one"));
    lagging.headers = vec![("if-none-match", etag)];
    let answer = lagging.get(HOME);
    answer.check("one in en", 1, Some("2"));
    assert_eq!(answer.response.header("etag"), None);
}

#[test]
fn a_cold_page_costs_a_manifest_a_chunk_and_at_most_a_shard() {
    let one = snapshot("one");
    for (target, reads) in [(HOME, 2), ("/v1/pages/lists?unit=u-1", 3)] {
        let mut world = World::published(1, &one);
        assert_eq!(world.get(target).response.reads, reads);
        assert_eq!(world.get(target).response.reads, 0);
    }
}

#[test]
fn a_request_keeps_its_id_if_it_has_a_usual_one() {
    let mut world = World::published(1, &snapshot("one"));
    let mut id = |given: &str| {
        world.headers = vec![("x-request-id", given.into())];
        world
            .get(HOME)
            .response
            .header("x-request-id")
            .unwrap()
            .to_owned()
    };
    assert_eq!(id("01JD-a_b.c"), "01JD-a_b.c");
    let long = "x".repeat(65);
    for strange in ["", "a b", "a\r\nb", "ü", &long] {
        let minted = id(strange);
        assert!(minted.len() == 32 && minted != strange, "{minted}");
    }
    assert_ne!(id(""), id(""));
}
