//! Two workspaces that are alike in everything: nobody in one learns anything about the other.

use std::collections::BTreeMap;

use super::house::{Ask, House, Seen, full};
use super::table::{Needs, Route, routes, samples};

async fn ask(house: &House, route: &Route, who: &str, path: &str) -> Seen {
    let versioned = route.method != "GET";
    let ask = Ask {
        method: route.method,
        path,
        by: house.by(who),
        body: route.body,
        headers: versioned
            .then_some(("if-match", "\"1\""))
            .into_iter()
            .collect(),
        ..Ask::default()
    };
    house.ask(ask).await
}

/// What of an answer could tell something.
fn told(seen: &Seen) -> (u16, String, BTreeMap<String, String>) {
    let headers = seen.headers.iter();
    let headers = headers.map(|(name, value)| (name.to_string(), format!("{value:?}")));
    (seen.status, seen.text.clone(), headers.collect())
}

#[tokio::test]
async fn a_workspace_of_others_is_one_that_does_not_exist() {
    let house = full().await;
    let mut tried = 0;
    for route in routes() {
        if !matches!(route.needs, Needs::In(_) | Needs::At(_)) {
            continue;
        }
        let theirs = samples(&house, "b");
        let mut nowhere = theirs.clone();
        nowhere.insert("workspace", "z".into());
        for who in ["a/admin", "a/token", "a/viewer"] {
            let seen = ask(&house, &route, who, &route.filled(&theirs)).await;
            let none = ask(&house, &route, who, &route.filled(&nowhere)).await;
            let mut of_none = told(&none);
            of_none.1 = of_none.1.replace("`z`", "`b`");
            let what = format!("{who} {} {}", route.method, route.path);
            assert_eq!(told(&seen), of_none, "{what}");
            assert_eq!(seen.status, 404, "{what}");
            tried += 1;
        }
    }
    assert!(tried > 150, "{tried}");
}

#[tokio::test]
async fn an_id_of_another_workspace_is_one_that_does_not_exist() {
    let house = full().await;
    let (ours, theirs) = (samples(&house, "a"), samples(&house, "b"));
    let mut tried = 0;
    for route in routes() {
        if !matches!(route.needs, Needs::In(_) | Needs::At(_)) {
            continue;
        }
        for name in ["user", "token", "invitation"] {
            if !route.path.contains(&format!("{{{name}}}")) {
                continue;
            }
            let foreign = &theirs[name];
            let (kind, _) = foreign.split_once('-').unwrap();
            let nothing = format!("{kind}-0000000000000000");
            let with = |id: &str| {
                let mut samples = ours.clone();
                samples.insert(name, id.to_owned());
                route.filled(&samples)
            };
            let seen = ask(&house, &route, "a/admin", &with(foreign)).await;
            let none = ask(&house, &route, "a/admin", &with(&nothing)).await;
            let mut of_none = told(&none);
            of_none.1 = of_none.1.replace(&nothing, foreign);
            let what = format!("{} {}", route.method, route.path);
            assert_eq!(told(&seen), of_none, "{what}");
            assert_eq!(seen.status, 404, "{what}");
            tried += 1;
        }
    }
    assert!(tried >= 5, "{tried}");
    // And nothing was done to any of them.
    for (path, who) in [
        ("members", "guest"),
        ("tokens", "spare"),
        ("invitations", "invitation"),
    ] {
        let path = format!("/api/v1/workspaces/b/{path}");
        let seen = house.get(&path, &house.by("b/admin")).await.json();
        let id = house.people[&format!("b/{who}")].id.as_str();
        let kept = seen["items"].as_array().unwrap().iter().find(|item| {
            [&item["id"], &item["user"]]
                .into_iter()
                .any(|found| *found == id)
        });
        let kept = kept.expect("it is still there");
        assert!(kept["revoked_at"].is_null(), "{kept}");
        assert!(kept["state"].is_null() || kept["state"] == "open", "{kept}");
    }
}

#[tokio::test]
async fn lists_and_the_log_show_one_s_own_workspace_only() {
    let house = full().await;
    let theirs: Vec<&str> = house
        .people
        .iter()
        .filter(|(who, _)| who.starts_with("b/"))
        .map(|(_, person)| person.id.as_str())
        .collect();
    for route in routes() {
        if route.method != "GET" || route.needs == Needs::Root || route.absent {
            continue;
        }
        let path = route.filled(&samples(&house, "a"));
        let seen = ask(&house, &route, "a/admin", &path).await;
        assert_eq!(seen.status, 200, "{path}: {}", seen.text);
        for id in &theirs {
            assert!(!seen.text.contains(id), "{path} shows {id}");
        }
        assert!(!seen.text.contains("@b.example"), "{path}: {}", seen.text);
    }
}
