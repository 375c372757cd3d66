//! Where attributes come from.

use skyful_edge::Facts;

use crate::fixture::snapshot;
use crate::world::World;

/// Which plan of the hero answers this query.
fn plan(world: &mut World, query: &str) -> String {
    let answer = world.get(&format!("/v1/pages/home?unit=u-9{query}"));
    answer.json["modules"][0]["plan"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn what_the_platform_knows_is_filled_in() {
    let mut world = World::published(1, &snapshot("one"));
    assert_eq!(plan(&mut world, ""), "default");
    let fact = |facts: Facts| facts;
    for (facts, expected) in [
        (
            fact(Facts {
                country: Some("CN".into()),
                ..Facts::default()
            }),
            "cn",
        ),
        (
            fact(Facts {
                ip: Some("127.0.0.1".into()),
                ..Facts::default()
            }),
            "local",
        ),
        (
            fact(Facts {
                region: Some("north".into()),
                ..Facts::default()
            }),
            "north",
        ),
    ] {
        world.facts = facts;
        assert_eq!(plan(&mut world, ""), expected);
    }
    world.facts = Facts::default();
    world.headers = vec![("x-agent", "robot".into())];
    assert_eq!(plan(&mut world, ""), "robot");
}

#[test]
fn what_the_client_says_goes_first() {
    let mut world = World::published(1, &snapshot("one"));
    world.facts.country = Some("CN".into());
    assert_eq!(plan(&mut world, "&attr.country=TH"), "default");
    let body = br#"{"page":"home","unit":"u-9","attributes":{"country":null}}"#;
    let answer = world.send("POST", "/v1/resolve", body);
    assert_eq!(answer.json["modules"][0]["plan"], "default");
}

#[test]
fn a_claim_to_a_signed_attribute_is_dropped() {
    let mut world = World::published(1, &snapshot("one"));
    assert_eq!(plan(&mut world, "&attr.vip=true"), "default");
    let body = br#"{"page":"home","unit":"u-9","attributes":{"vip":true}}"#;
    let answer = world.send("POST", "/v1/resolve", body);
    assert_eq!(answer.json["modules"][0]["plan"], "default");
}
