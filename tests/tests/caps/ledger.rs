//! Visitors who carry their own book.

use serde_json::json;
use skyful_edge::CapMode;

use crate::world::{Answer, DAY, HOUR, MINUTE, World};

fn world(caps: serde_json::Value) -> World {
    World::new(CapMode::Ledger, &[("hero", caps)])
}

/// Asks once more with what was carried and what happened meanwhile.
fn after(world: &World, before: &Answer, seen: &[serde_json::Value]) -> Answer {
    let body = json!({"page": "hero", "seen": seen});
    world.ask(body, before.caps.as_deref())
}

#[test]
fn a_grant_counts_for_ten_minutes_and_an_exposure_for_the_window() {
    let mut world = world(json!([{"limit": 2, "per": "1d"}]));
    let first = world.ask(json!({"page": "hero"}), None);
    assert!(first.shows() && first.grant.is_some(), "{first:?}");
    let second = world.again("hero", &first);
    assert!(second.shows());
    let third = world.again("hero", &second);
    assert!(!third.shows(), "two grants are open");
    assert!(third.grant.is_none(), "nothing was granted: {third:?}");

    // The first one was seen, of the second nobody ever hears.
    let third = after(&world, &third, &[first.event("exposure", world.now_ms)]);
    assert!(!third.shows());
    world.wait(12 * MINUTE);
    let fourth = world.again("hero", &third);
    assert!(fourth.shows(), "one was seen, the other came to nothing");
    let fifth = after(&world, &fourth, &[fourth.event("exposure", world.now_ms)]);
    assert!(!fifth.shows());
    world.wait(DAY - 13 * MINUTE);
    assert!(!world.again("hero", &fifth).shows());
    world.wait(15 * MINUTE);
    assert!(
        world.again("hero", &fifth).shows(),
        "the first is a day old"
    );
}

#[test]
fn an_event_counts_once_however_often_it_is_sent() {
    let world = world(json!([{"limit": 2, "per": "1d"}]));
    let first = world.ask(json!({"page": "hero"}), None);
    let seen = [first.event("exposure", world.now_ms)];
    let twice = after(&world, &first, &[seen.clone(), seen.clone()].concat());
    assert!(twice.shows(), "one exposure and one open grant");
    let again = after(&world, &twice, &seen);
    assert!(!again.shows());
}

#[test]
fn without_a_genuine_token_of_this_visitor_a_visit_is_the_first() {
    let world = world(json!([{"limit": 1, "per": "1d"}]));
    let first = world.ask(json!({"page": "hero"}), None);
    let token = first.caps.clone().unwrap();
    assert!(!world.again("hero", &first).shows());
    let mut forged = token.clone().into_bytes();
    forged[20] = if forged[20] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).unwrap();
    for wrong in ["", "nonsense", &forged, &token[1..], &"A".repeat(9_000)] {
        assert!(
            world.ask(json!({"page": "hero"}), Some(wrong)).shows(),
            "{wrong}"
        );
    }
    let other = world.ask(json!({"page": "hero", "unit": "u-2"}), Some(&token));
    assert!(other.shows(), "another's token");
}

#[test]
fn a_login_takes_both_books_along() {
    let world = world(json!([{"limit": 2, "per": "1d"}]));
    let guest = world.ask(json!({"page": "hero", "unit": "anon-7"}), None);
    let known = world.ask(json!({"page": "hero", "unit": "u-1"}), None);
    let tokens = [guest.caps.unwrap(), known.caps.unwrap()].join(", ");
    let login = json!({"page": "hero", "unit": "u-1", "previous_unit": "anon-7"});
    assert!(!world.ask(login, Some(&tokens)).shows());
    let nobody = json!({"page": "hero", "unit": "u-1"});
    assert!(
        world.ask(nobody, Some(&tokens)).shows(),
        "not said to be the same"
    );
}

#[test]
fn what_a_device_saw_stays_with_it() {
    let world = world(json!([{"limit": 1, "per": "1d", "by": "device"}]));
    let ask = |unit: &str, device: &str, token: Option<&str>| {
        world.ask(
            json!({"page": "hero", "unit": unit, "device": device}),
            token,
        )
    };
    let first = ask("u-1", "d-1", None);
    assert!(first.shows());
    let token = first.caps.as_deref();
    assert!(!ask("u-2", "d-1", token).shows(), "the same device");
    assert!(ask("u-1", "d-2", token).shows(), "another device");
}

#[test]
fn modules_of_one_answer_share_what_room_there_is() {
    let caps = json!([{"group": "promo"}]);
    let world = World::new(CapMode::Ledger, &[("one", caps.clone()), ("two", caps)]);
    let both = world.ask(json!({"page": "both"}), None);
    assert_eq!(both.plans(), ["one: promo", "two: default"]);
    assert!(
        !world.again("two", &both).shows(),
        "another page, the same group"
    );
}

#[test]
fn what_was_clicked_is_not_shown_again() {
    let mut world = world(json!([{"stop_after": "click"}]));
    let first = world.ask(json!({"page": "hero"}), None);
    let second = world.again("hero", &first);
    assert!(second.shows(), "seeing is no click");
    world.wait(3 * DAY);
    let clicked = after(&world, &second, &[first.event("click", world.now_ms)]);
    assert!(!clicked.shows());
    world.wait(300 * DAY);
    assert!(!world.again("hero", &clicked).shows());
}

#[test]
fn a_cooldown_begins_with_the_last_grant() {
    let mut world = world(json!([{"cooldown": "2h"}]));
    let first = world.ask(json!({"page": "hero"}), None);
    assert!(first.shows());
    let seen = after(&world, &first, &[first.event("exposure", world.now_ms)]);
    assert!(!seen.shows());
    world.wait(2 * HOUR - MINUTE);
    assert!(!world.again("hero", &seen).shows());
    world.wait(2 * MINUTE);
    assert!(world.again("hero", &seen).shows());
}

#[test]
fn what_is_served_counts_without_any_event() {
    let mut world = world(
        json!([{"limit": 1, "per": {"calendar": "day", "timezone": "Asia/Shanghai"}, "count": "served"}]),
    );
    let first = world.ask(json!({"page": "hero"}), None);
    assert!(first.shows());
    world.wait(15 * HOUR);
    assert!(!world.again("hero", &first).shows(), "23:00 there");
    world.wait(HOUR + MINUTE);
    assert!(world.again("hero", &first).shows(), "the next day there");
}

#[test]
fn a_cap_that_no_token_can_hold_never_lets_through() {
    let world = world(json!([{"limit": 33, "per": "1d"}]));
    let answer = world.ask(json!({"page": "hero"}), None);
    assert!(!answer.shows() && answer.grant.is_none());
}

/// Shows each of many modules once, one after the other, and says what was carried in the end.
fn filled(world: &World, names: &[String], unit: &str) -> String {
    let mut token: Option<String> = None;
    for name in names {
        let answer = world.ask(json!({"page": name, "unit": unit}), token.as_deref());
        assert!(answer.shows(), "{name}: something new is always shown");
        token = answer.caps;
        assert!(token.as_ref().unwrap().len() <= 2_048);
    }
    token.unwrap()
}

fn many(caps: &serde_json::Value, count: usize) -> (World, Vec<String>) {
    let names: Vec<String> = (0..count).map(|n| format!("m{n:03}")).collect();
    let modules: Vec<(&str, serde_json::Value)> =
        names.iter().map(|n| (n.as_str(), caps.clone())).collect();
    (World::new(CapMode::Ledger, &modules), names)
}

/// 13 bytes a cap with one mark.
const ROOM: usize = (1_536 - 34) / 13;

#[test]
fn a_full_token_forgets_the_oldest_and_nothing_else() {
    let caps = json!([{"limit": 1, "per": "lifetime", "count": "served"}]);
    let (world, names) = many(&caps, 200);
    let token = filled(&world, &names, "u-1");
    let shows = |name: &String| world.ask(json!({"page": name}), Some(&token)).shows();
    let shown = names.iter().filter(|name| shows(name)).count();
    assert_eq!(shown, names.len() - ROOM, "what it holds, it holds");
}

#[test]
fn what_is_out_of_its_window_takes_no_room() {
    let caps = json!([{"limit": 1, "per": "1d", "count": "served"}]);
    let (mut world, names) = many(&caps, ROOM + 1);
    let token = filled(&world, &names[..ROOM], "u-1");
    world.wait(2 * DAY);
    let later = world.ask(json!({"page": names[ROOM]}), Some(&token));
    assert!(later.shows());
    assert!(
        later.caps.unwrap().len() < 100,
        "of all those only the last one is left"
    );
}

#[test]
fn a_login_with_two_full_tokens_loses_only_what_has_no_room() {
    let caps = json!([{"limit": 1, "per": "lifetime", "count": "served"}]);
    let (mut world, names) = many(&caps, 2 * ROOM);
    let guest = filled(&world, &names[..ROOM], "anon-7");
    world.wait(MINUTE);
    let known = filled(&world, &names[ROOM..], "u-1");
    let login = json!({"page": names[0], "unit": "u-1", "previous_unit": "anon-7"});
    let after = world.ask(login, Some(&[guest, known].join(", ")));
    assert!(!after.shows(), "shown to the guest");
    let token = after.caps.unwrap();
    assert!(token.len() <= 2_048);
    let shows = |name: &String| world.ask(json!({"page": name}), Some(&token)).shows();
    let again = names.iter().filter(|name| shows(name)).count();
    assert_eq!(again, ROOM, "half of them, not all");
}
