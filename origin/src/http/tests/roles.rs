//! Every role on every route about a workspace, on things that are there: whoever may gets what they want, and whoever may not
//! leaves everything as it was.

use std::collections::BTreeSet;

use super::house::{By, House};
use super::real::{Body, Use, steer, uses};
use super::stock::{RELEASES, bearer, dump, samples, spoil, stocked};
use super::table::{Needs, Route, routes};

/// Who is tried: their name in the house, and what they may. Written down here, not asked of the code.
struct Caller {
    who: &'static str,
    by: By,
    may: &'static [&'static str],
    /// In `dev` only, where the draft is concerned in all of it.
    dev: bool,
    token: bool,
}

const VIEWER: &[&str] = &["read"];
const OPERATOR: &[&str] = &["read", "content", "release", "roll back"];
const DESIGNER: &[&str] = &["read", "content", "design", "release", "roll back"];
const APPROVER: &[&str] = &["read", "approve", "roll back"];
const ADMIN: &[&str] = &[
    "read",
    "content",
    "design",
    "release",
    "roll back",
    "approve",
    "administer",
];
const DRAFT: [&str; 3] = ["read", "content", "design"];

async fn callers(house: &House) -> Vec<Caller> {
    let mut all = Vec::new();
    for (who, may) in [
        ("viewer", VIEWER),
        ("operator", OPERATOR),
        ("designer", DESIGNER),
        ("approver", APPROVER),
        ("admin", ADMIN),
    ] {
        let by = house.by(&format!("a/{who}"));
        let (dev, token) = (false, false);
        all.push(Caller {
            who,
            by,
            may,
            dev,
            token,
        });
    }
    for (who, role, env, may) in [
        ("a token to look", "viewer", None, VIEWER),
        ("a token of an operator", "operator", None, OPERATOR),
        ("a token of an admin of dev", "admin", Some("dev"), ADMIN),
    ] {
        let by = token(house, role, env).await;
        let (dev, token) = (env.is_some(), true);
        all.push(Caller {
            who,
            by,
            may,
            dev,
            token,
        });
    }
    all
}

async fn token(house: &House, role: &str, env: Option<&str>) -> By {
    let body = serde_json::json!({"name": "made here", "role": role, "env": env});
    let path = "/api/v1/workspaces/a/tokens";
    let seen = house.post(path, &house.by("a/admin"), &body).await;
    assert_eq!(seen.status, 201, "{}", seen.text);
    bearer(&seen)
}

/// What the table says of the route of a use.
fn declared(of: &Use) -> Route {
    let path = format!("/api/v1/workspaces/{{workspace}}{}", of.path);
    // What a path with a section needs depends on the section.
    let sections = |route: &Route| -> bool {
        let of_table = route.with.iter().find(|(name, _)| *name == "section");
        let of_use = of.with.iter().find(|(name, _)| *name == "section");
        of_table.is_none_or(|(_, section)| of_use.is_some_and(|(_, used)| used == section))
    };
    let mut found = routes()
        .into_iter()
        .filter(|route| (route.method, route.path) == (of.method, &*path) && sections(route));
    // The one that names the section comes last.
    found
        .next_back()
        .unwrap_or_else(|| panic!("{of:?} is no route"))
}

fn allowed(caller: &Caller, route: &Route) -> bool {
    match route.needs {
        Needs::In(action) => {
            caller.may.contains(&action) && (!caller.dev || DRAFT.contains(&action))
        }
        Needs::At(action) => caller.may.contains(&action) && !caller.dev,
        Needs::Nothing | Needs::Somebody | Needs::Root => {
            unreachable!("{route:?} is about no workspace")
        }
    }
}

#[tokio::test]
async fn every_role_uses_what_is_there_or_leaves_it_as_it_was() {
    let house = stocked().await;
    let samples = samples(&house, "a").await;
    let callers = callers(&house).await;
    let expired = token(&house, "admin", None).await;
    spoil(
        &house,
        "UPDATE tokens SET until_ms = 1 WHERE rowid = (SELECT max(rowid) FROM tokens)",
    )
    .await;
    let revoked = token(&house, "admin", None).await;
    spoil(
        &house,
        "UPDATE tokens SET revoked_ms = 1 WHERE rowid = (SELECT max(rowid) FROM tokens)",
    )
    .await;
    let lapsed = [expired, revoked, By::Nobody];
    let before = dump(&house, None).await;
    let mut done = BTreeSet::new();
    for of in uses() {
        let (ready, route) = (of.ready(&house, &samples).await, declared(&of));
        done.insert(format!("{} {}", route.method, route.path));
        let what = format!("{} {}", ready.method, ready.path);
        for by in &lapsed {
            let seen = ready.send(&house, by).await;
            assert_eq!(seen.status, 401, "{what} by {by:?}: {}", seen.text);
        }
        for caller in &callers {
            let what = format!("{what} by {}", caller.who);
            if !allowed(caller, &route) || (route.person && caller.token) {
                let seen = ready.send(&house, &caller.by).await;
                let told = seen.problem();
                let right = match told.as_str() {
                    "denied" => !allowed(caller, &route),
                    "needs-person" => route.person && caller.token,
                    _ => false,
                };
                assert!(
                    seen.status == 403 && right,
                    "{what}: {} {}",
                    seen.status,
                    seen.text
                );
            } else if of.method == "GET" || of.status >= 400 {
                let seen = ready.send(&house, &caller.by).await;
                assert_eq!(seen.status, of.status, "{what}: {}", seen.text);
            } else {
                // On a copy: the next one finds everything as it was.
                let copy = house.copied().await;
                let seen = ready.send(&copy, &caller.by).await;
                assert_eq!(seen.status, of.status, "{what}: {}", seen.text);
            }
        }
    }
    assert_eq!(
        dump(&house, None).await,
        before,
        "a refusal changed something"
    );
    let about = routes()
        .into_iter()
        .filter(|route| matches!(route.needs, Needs::In(_) | Needs::At(_)));
    let about: BTreeSet<String> = about
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    assert_eq!(
        done, about,
        "every route about a workspace has a use in real.rs"
    );
}

/// What can be done with a release in a state by whoever may, as docs/releases.md says; all else is refused.
const STEPS: [(&str, &[&str]); 10] = [
    ("checked", &["approve", "reject", "cancel", "rollback"]),
    ("approved", &["cancel", "rollback"]),
    ("gray", &["pause", "skip", "rollback"]),
    ("paused", &["resume", "skip", "rollback"]),
    ("halted", &["pause", "resume", "skip", "rollback"]),
    ("full", &["rollback"]),
    ("superseded", &[]),
    ("rolled_back", &[]),
    ("rejected", &[]),
    ("cancelled", &[]),
];

const VERBS: [(&str, &str); 7] = [
    ("approve", "approve"),
    ("reject", "approve"),
    ("cancel", "release"),
    ("pause", "release"),
    ("resume", "release"),
    ("skip", "release"),
    ("rollback", "roll back"),
];

#[tokio::test]
async fn a_release_in_each_state_takes_what_the_table_says_from_whoever_may() {
    let house = stocked().await;
    let samples = samples(&house, "a").await;
    let callers = callers(&house).await;
    let before = dump(&house, None).await;
    for (state, env, id) in RELEASES {
        let (_, steps) = STEPS.iter().find(|(of, _)| *of == state).unwrap();
        let with: &'static [(&str, &str)] =
            vec![("env", env), ("release", &*id.to_string().leak())].leak();
        for (verb, action) in VERBS {
            let body = if verb == "approve" {
                Body::Digest
            } else {
                Body::Text("")
            };
            let ready = steer(verb, body, with).ready(&house, &samples).await;
            for caller in &callers {
                let what = format!("{verb} of one that is {state} by {}", caller.who);
                if !caller.may.contains(&action) || caller.dev {
                    let seen = ready.send(&house, &caller.by).await;
                    assert_eq!(
                        (seen.status, &*seen.problem()),
                        (403, "denied"),
                        "{what}: {}",
                        seen.text
                    );
                } else if !steps.contains(&verb) {
                    let seen = ready.send(&house, &caller.by).await;
                    assert_eq!(
                        (seen.status, &*seen.problem()),
                        (409, "conflict"),
                        "{what}: {}",
                        seen.text
                    );
                } else {
                    let copy = house.copied().await;
                    let seen = ready.send(&copy, &caller.by).await;
                    assert_eq!(seen.status, 200, "{what}: {}", seen.text);
                }
            }
        }
    }
    assert_eq!(
        dump(&house, None).await,
        before,
        "a refusal changed something"
    );
}
