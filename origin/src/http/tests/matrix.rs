//! Every role on every route, in its own workspace and in another one.

use std::collections::BTreeSet;

use serde_json::Value;

use super::house::{Ask, By, House, PASSWORD, Seen, full};
use super::table::{Needs, Route, routes, samples};

/// The table of `app/access.rs`, written again, so that a slip there shows.
const ROLES: [(&str, &[&str]); 5] = [
    ("viewer", &["read"]),
    ("operator", &["read", "content", "release", "roll back"]),
    (
        "designer",
        &["read", "content", "design", "release", "roll back"],
    ),
    ("approver", &["read", "approve", "roll back"]),
    (
        "admin",
        &[
            "read",
            "content",
            "design",
            "release",
            "roll back",
            "approve",
            "administer",
        ],
    ),
];

/// Actions on the draft, which all environments share.
const SHARED: [&str; 3] = ["read", "content", "design"];

/// Who is tried: a name in the house, the role that they have in their workspace, and where it is held.
struct Caller {
    who: String,
    role: &'static str,
    /// In `dev` only.
    dev: bool,
    token: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Unauthenticated,
    Denied,
    NeedsPerson,
    NoWorkspace,
    Passed,
    /// Nothing that the table could mean: the sample is wrong, or the route.
    Odd,
}

fn callers() -> Vec<Caller> {
    let mut all = Vec::new();
    for (role, _) in ROLES {
        for dev in [false, true] {
            let suffix = if dev { "-dev" } else { "" };
            let who = format!("a/{role}{suffix}");
            let token = false;
            all.push(Caller {
                who,
                role,
                dev,
                token,
            });
        }
    }
    all.push(Caller {
        who: "a/token".into(),
        role: "admin",
        dev: false,
        token: true,
    });
    all
}

fn allowed(caller: &Caller, needs: Needs) -> bool {
    let (_, actions) = ROLES.iter().find(|(role, _)| *role == caller.role).unwrap();
    match needs {
        Needs::Nothing | Needs::Somebody => true,
        Needs::Root => false,
        Needs::In(action) => actions.contains(&action) && (!caller.dev || SHARED.contains(&action)),
        Needs::At(action) => actions.contains(&action) && !caller.dev,
    }
}

/// What the table says, in the caller's own workspace or in another.
fn wanted(caller: &Caller, route: &Route, own: bool) -> Answer {
    let about_workspace = matches!(route.needs, Needs::In(_) | Needs::At(_));
    if about_workspace && !own {
        Answer::NoWorkspace
    } else if !allowed(caller, route.needs) {
        Answer::Denied
    } else if route.person && caller.token {
        Answer::NeedsPerson
    } else {
        Answer::Passed
    }
}

fn answer(route: &Route, workspace: &str, seen: &Seen) -> Answer {
    let gone = format!("no workspace `{workspace}`");
    match (seen.status, seen.problem().as_str()) {
        (401, "unauthenticated") => Answer::Unauthenticated,
        (403, "denied") => Answer::Denied,
        (403, "needs-person") => Answer::NeedsPerson,
        (404, "not-found") if seen.json()["detail"] == gone.as_str() => Answer::NoWorkspace,
        (404, _) if route.absent || route.needs == Needs::Nothing => Answer::Passed,
        (401, "wrong-sign-in") | (200..=299 | 400 | 409 | 412 | 422 | 429, _) => Answer::Passed,
        _ => Answer::Odd,
    }
}

async fn ask(house: &House, route: &Route, workspace: &str, by: &By, address: u8) -> Seen {
    let path = route.filled(&samples(house, workspace));
    let mut headers = Vec::new();
    if route.method != "GET" {
        headers.push(("if-match", "\"999999\""));
    }
    let ask = Ask {
        method: route.method,
        path: &path,
        by: by.clone(),
        body: route.body,
        headers,
        address,
    };
    house.ask(ask).await
}

#[tokio::test]
async fn every_route_is_in_the_table() {
    let api: Value = serde_json::from_str(&crate::http::openapi().to_json().unwrap()).unwrap();
    let mut described = BTreeSet::new();
    let mut open = BTreeSet::new();
    for (path, methods) in api["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let route = format!("{} {path}", method.to_uppercase());
            let security = operation["security"].as_array();
            if security.is_some_and(|all| all.contains(&serde_json::json!({}))) {
                open.insert(route.clone());
            }
            described.insert(route);
        }
    }
    let name = |route: &Route| format!("{} {}", route.method, route.path);
    let table: BTreeSet<String> = routes().iter().map(name).collect();
    let undeclared: Vec<_> = described.difference(&table).collect();
    assert!(
        undeclared.is_empty(),
        "add these to `routes` in http/tests/table.rs, each with what it needs, for example \
         `route(\"POST\", \"/releases\", At(\"release\")).body(\"{{}}\")`: {undeclared:#?}"
    );
    let gone: Vec<_> = table.difference(&described).collect();
    assert!(gone.is_empty(), "the API has no such routes: {gone:#?}");
    let nothing = routes();
    let nothing = nothing.iter().filter(|route| route.needs == Needs::Nothing);
    assert_eq!(
        open,
        nothing.map(name).collect(),
        "`security(())` says that nobody is asked"
    );
}

#[tokio::test]
async fn every_role_may_do_what_the_table_says_and_nothing_else() {
    let house = full().await;
    let mut wrong = Vec::new();
    let mut tried = 0;
    for (number, caller) in callers().iter().enumerate() {
        for route in &routes() {
            let mut by = house.by(&caller.who);
            // It ends the session that asks.
            if (route.method, route.path) == ("DELETE", "/api/v1/session") && !caller.token {
                let email = &house.people[&caller.who].email;
                by = house
                    .sign_in(email, PASSWORD, 100 + number as u8)
                    .await
                    .cookie();
            }
            for (workspace, own) in [("a", true), ("b", false)] {
                let about_workspace = matches!(route.needs, Needs::In(_) | Needs::At(_));
                if !own && !about_workspace {
                    continue;
                }
                let seen = ask(&house, route, workspace, &by, number as u8).await;
                let (told, wanted) = (answer(route, workspace, &seen), wanted(caller, route, own));
                tried += 1;
                if told != wanted {
                    let what = format!("{} {} in {workspace}", route.method, route.path);
                    let text = &seen.text;
                    wrong.push(format!(
                        "{} {what}: {told:?}, not {wanted:?}: {text}",
                        caller.who
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(tried > 1_000, "{tried}");
}

#[tokio::test]
async fn root_looks_after_people_everywhere_and_sees_nothing_else() {
    let house = full().await;
    let root = house.by("root");
    let members = format!("/api/v1/workspaces/b/members/{}", house.people["root"].id);
    let etag = house.get(&members, &root).await.headers["etag"].clone();
    let leave = Ask {
        method: "DELETE",
        path: &members,
        by: root.clone(),
        headers: vec![("if-match", etag.to_str().unwrap())],
        ..Ask::default()
    };
    assert_eq!(house.ask(leave).await.status, 204);
    for route in &routes() {
        if (route.method, route.path) == ("DELETE", "/api/v1/session") {
            continue;
        }
        let seen = ask(&house, route, "b", &root, 1).await;
        let inside = matches!(route.needs, Needs::In(_) | Needs::At(_));
        let wanted = if inside && !route.root_too {
            Answer::NoWorkspace
        } else {
            Answer::Passed
        };
        let told = answer(route, "b", &seen);
        assert_eq!(
            told, wanted,
            "{} {}: {}",
            route.method, route.path, seen.text
        );
    }
}

#[tokio::test]
async fn nobody_gets_past_the_gate_without_being_known() {
    let house = full().await;
    let forged = [
        By::Nobody,
        By::Cookie("skyful=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".into()),
    ];
    for by in forged {
        for route in &routes() {
            let seen = ask(&house, route, "a", &by, 1).await;
            let wanted = match route.needs {
                Needs::Nothing => Answer::Passed,
                _ => Answer::Unauthenticated,
            };
            let told = answer(route, "a", &seen);
            assert_eq!(
                told, wanted,
                "{} {}: {}",
                route.method, route.path, seen.text
            );
        }
    }
    let token = By::Token("skyful_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".into());
    for route in &routes() {
        let seen = ask(&house, route, "a", &token, 1).await;
        assert_eq!(
            seen.status, 401,
            "{} {}: {}",
            route.method, route.path, seen.text
        );
    }
}
