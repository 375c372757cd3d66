//! What an edge tells whoever runs it: numbers, that it is about to end, and what adapters need of it.

use skyful_edge::http::joined;
use skyful_edge::{Config, Request, Response, route_name};

use crate::fixture::snapshot;
use crate::world::{World, config};

#[test]
fn a_draining_edge_says_so_and_goes_on() {
    let mut world = World::published(1, &snapshot("one"));
    assert_eq!(world.get("/healthz").response.status, 200);
    world.edge.drain();
    let health = world.get("/healthz");
    assert_eq!(health.response.status, 503);
    assert_eq!(health.json["type"], "urn:skyful:problem:draining");
    world.home().check("one in en", 1, None);
}

#[test]
fn measures_count_what_was_answered() {
    let mut world = World::published(7, &snapshot("one"));
    let before = world.edge.measures(world.now_ms);
    assert_eq!((before.sequence, before.checked_ago_ms), (None, None));
    world.home();
    world.get("/v1/pages/home?unit=u-1&attr.country=CN");
    world.get("/v1/pages/lost?unit=u-1");
    world.wait(300);
    let measures = world.edge.measures(world.now_ms);
    let answered: u64 = measures.answers.iter().map(|(_, count)| count).sum();
    assert_eq!(answered, 2, "{measures:?}");
    assert_eq!(measures.sequence, Some(7));
    assert_eq!(measures.checked_ago_ms, Some(300));
    assert!(measures.cache_bytes > 0 && measures.cache_objects > 0);
    world.store.fail(true);
    world.wait(60_000);
    world.home();
    assert_eq!(world.edge.measures(world.now_ms).store_errors, 1);
}

#[test]
fn an_answer_tells_its_adapter_of_which_page_and_release_it_is() {
    let mut world = World::published(7, &snapshot("one"));
    let known = world.home().response;
    assert_eq!(
        (known.page.as_deref(), known.sequence),
        (Some("home"), Some(7))
    );
    // What a visitor made up is no name of anything.
    let unknown = world.get("/v1/pages/lost?unit=u-1").response;
    assert_eq!((unknown.page, unknown.sequence), (None, None));
}

#[test]
fn routes_have_few_names() {
    for (path, name) in [
        ("/v1/resolve", "resolve"),
        ("/v1/pages/home", "page"),
        ("/v1/pages/anything", "page"),
        ("/v1/manifest", "manifest"),
        ("/v1/snapshots/b3-0", "object"),
        ("/healthz", "health"),
        ("/v1/pages/", "other"),
        ("/wp-login.php", "other"),
    ] {
        assert_eq!(route_name(path), name, "{path}");
    }
}

#[test]
fn what_an_adapter_answers_itself_has_the_headers_of_every_answer() {
    let world = World::with(Config {
        cors: vec!["https://shop.example".into()],
        ..config()
    });
    let header = |name: &str| match name {
        "origin" => Some("https://shop.example".to_owned()),
        "x-request-id" => Some("r-1".to_owned()),
        _ => None,
    };
    let request = |path| Request {
        method: "POST",
        path,
        query: "",
        header: &header,
        body: &[],
        facts: skyful_edge::Facts::default(),
    };
    let late = world
        .edge
        .completed(&request("/v1/resolve"), Response::too_slow(), [1; 16]);
    assert_eq!(late.status, 408);
    assert_eq!(late.header("x-request-id"), Some("r-1"));
    let allowed = late.header("access-control-allow-origin");
    assert_eq!(allowed, Some("https://shop.example"));
    let publisher = world
        .edge
        .completed(&request("/v1/manifest"), Response::bug(), [1; 16]);
    assert_eq!(publisher.header("access-control-allow-origin"), None);
    let unset = Response::misconfigured("trust", "it is not set");
    let unset = unset.identified("HEAD", &|_: &str| None, [1; 16]);
    assert_eq!(unset.header("x-request-id").map(str::len), Some(32));
    assert!(unset.body.is_empty());
}

#[test]
fn several_headers_of_one_name_are_one_text() {
    assert_eq!(joined([]), None);
    assert_eq!(joined([&b"a"[..]]).as_deref(), Some("a"));
    assert_eq!(joined([&b"a"[..], b"b\tc"]).as_deref(), Some("a, b\tc"));
    assert_eq!(joined([&b"a"[..], b"\xe4"]), None);
    assert_eq!(joined([&b"a\x01"[..]]), None);
}
