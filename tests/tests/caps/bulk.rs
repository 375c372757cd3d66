//! Several pages in one answer, as OpenFeature's web clients ask for them: each page takes its own room.

use pollster::block_on;
use serde_json::{Value, json};
use skyful_edge::{CapMode, CapStore, Response};

use crate::world::World;

fn ask<C: CapStore>(world: &World<C>, token: Option<&str>) -> Response {
    let body = json!({"context": {"targetingKey": "u-1"}}).to_string();
    block_on(world.sent("POST", "/ofrep/v1/evaluate/flags", &body, token))
}

/// How many modules of all pages show their capped plan.
fn shown(response: &Response) -> usize {
    let flags: Value = serde_json::from_slice(&response.body).unwrap();
    let pages = flags["flags"].as_array().unwrap().iter();
    let modules = pages.flat_map(|flag| flag["value"]["modules"].as_array().unwrap());
    modules.filter(|module| module["plan"] == "promo").count()
}

fn tokens(response: &Response) -> Vec<&str> {
    let headers = response.headers.iter();
    let own = headers.filter(|(name, _)| *name == "skyful-caps");
    own.map(|(_, value)| &**value).collect()
}

#[test]
fn a_module_on_two_pages_counts_on_each() {
    for limit in 1..4 {
        let caps = json!([{"limit": limit, "per": "1d", "count": "served"}]);
        let world = World::new(CapMode::Exact, &[("hero", caps)]);
        let first = shown(&ask(&world, None));
        assert_eq!(first, limit.min(2), "two pages show it, {limit} may");
        let second = shown(&ask(&world, None));
        assert_eq!(
            first + second,
            limit.min(4),
            "and so do all answers together"
        );
    }
}

#[test]
fn pages_see_what_those_before_them_took() {
    for count in ["served", "exposure"] {
        let caps = json!([{"limit": 1, "per": "1d", "count": count}]);
        let world = World::new(CapMode::Ledger, &[("one", caps.clone()), ("two", caps)]);
        let first = ask(&world, None);
        assert_eq!(
            shown(&first),
            2,
            "each once, then the page with both has no room"
        );
        let carried = tokens(&first);
        assert_eq!(carried.len(), 1, "one book, whatever the number of pages");
        assert_eq!(shown(&ask(&world, Some(carried[0]))), 0);
    }
}

#[test]
fn a_group_has_one_room_for_all_pages() {
    for mode in [CapMode::Exact, CapMode::Ledger] {
        let caps = json!([{"group": "promo"}]);
        let world = World::new(mode, &[("one", caps.clone()), ("two", caps)]);
        assert_eq!(shown(&ask(&world, None)), 1, "{mode:?}");
    }
}

#[test]
fn an_event_confirms_the_mark_of_its_own_page() {
    let mut world = World::new(
        CapMode::Ledger,
        &[("hero", json!([{"limit": 2, "per": "1d"}]))],
    );
    let answer = ask(&world, None);
    assert_eq!(shown(&answer), 2);
    let flags: Value = serde_json::from_slice(&answer.body).unwrap();
    let seen = json!({
        "id": "e-1", "type": "exposure", "unit": "u-1", "page": "hero", "module": "hero",
        "receipt": flags["flags"][0]["metadata"]["receipt"], "at": "2026-11-22T00:00:00Z",
        "grant": answer.header("skyful-grant"),
    });
    let seen = world.ask(
        json!({"page": "hero", "seen": [seen]}),
        answer.header("skyful-caps"),
    );
    assert!(!seen.shows(), "one was seen, one is open");
    world.wait(11 * crate::world::MINUTE);
    let later = world.again("hero", &seen);
    assert!(later.shows(), "the other page's came to nothing");
    assert!(!world.again("hero", &later).shows());
}
