//! Somebody who is let in, and may do less by the time that it is done. Requests are held right behind the gate, which found who
//! asks, as a busy database holds them.

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use futures_util::StreamExt as _;
use serde_json::json;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt as _;

use super::house::{By, House, full};
use super::people::put;
use super::real::uses;
use super::stock::{samples, spoil, stocked};
use crate::app::access::Actor;
use crate::app::drafts::Expect;
use crate::app::people::known::Shown;
use crate::app::people::{tokens, users};
use crate::app::{App, Error};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(20);

/// As the gate hands a request on.
async fn through_the_gate(house: &House, who: &str) -> Actor {
    let by = house.by(who);
    let shown = match &by {
        By::Cookie(pair) => Shown::Session(pair.split_once('=').unwrap().1),
        By::Token(secret) => Shown::Token(secret),
        By::Nobody => panic!("nobody"),
    };
    house.app.known(shown).await.unwrap().unwrap()
}

async fn demote(house: &House, workspace: &str, who: &str) {
    let path = format!(
        "/api/v1/workspaces/{workspace}/members/{}",
        house.people[who].id
    );
    let roles = json!({"roles": [{"role": "viewer", "env": null}]});
    let seen = put(house, &path, &house.by("root"), roles).await;
    assert_eq!(seen.status, 200, "{}", seen.text);
}

fn denied<T: std::fmt::Debug>(done: Result<T, Error>) {
    assert!(matches!(done, Err(Error::Denied(_))), "{done:?}");
}

#[tokio::test]
async fn nobody_looks_after_people_with_a_role_that_they_had_a_moment_ago() {
    let house = full().await;
    let app: &App = &house.app;
    let was = through_the_gate(&house, "a/admin").await;
    let own = house.people["a/admin"].id.clone();
    let guest = house.people["a/guest"].id.clone();
    let version = app.member(&was, "a", &guest).await.unwrap().version;
    demote(&house, "a", "a/admin").await;

    let env = None::<String>;
    denied(
        app.invite(&was, "a", "new@a.example", "admin", env)
            .await
            .map(|_| ()),
    );
    let open = house.people["a/invitation"].id.clone();
    denied(app.revoke_invitation(&was, "a", &open).await);
    let wanted = || vec![("admin".to_owned(), None)];
    let expect = Expect::Version(version);
    denied(app.set_member(&was, "a", &guest, expect, wanted()).await);
    let now = through_the_gate(&house, "root").await;
    let expect = Expect::Version(app.member(&now, "a", &own).await.unwrap().version);
    denied(app.set_member(&was, "a", &own, expect, wanted()).await);
    denied(app.remove_member(&was, "a", &guest, version).await);
    let token = tokens::Wanted {
        name: "mine".into(),
        role: "admin".into(),
        env: None,
        days: 1,
    };
    denied(app.make_token(&was, "a", token).await.map(|_| ()));
    // Those of others.
    let others = through_the_gate(&house, "a/operator").await;
    let token = tokens::Wanted {
        name: "theirs".into(),
        role: "operator".into(),
        env: None,
        days: 1,
    };
    let made = app.make_token(&others, "a", token).await.unwrap();
    denied(app.revoke_token(&was, "a", &made.token.id).await);
}

#[tokio::test]
async fn whoever_was_shut_out_meanwhile_does_nothing_and_no_root_acts_after_its_time() {
    let house = full().await;
    let app: &App = &house.app;
    let root = through_the_gate(&house, "root").await;
    let guest = house.people["a/guest"].id.clone();
    // Somebody else becomes root, and takes it from the first one.
    let wanted = |root, disabled| users::Wanted {
        name: "Same".into(),
        root,
        disabled,
    };
    let other = house.people["a/admin"].id.clone();
    let made = app.set_user(&root, &other, 1, wanted(true, false)).await;
    made.unwrap();
    let second = through_the_gate(&house, "a/admin").await;
    let version = app.user(&second, &root.user).await.unwrap().version;
    let done = app
        .set_user(&second, &root.user, version, wanted(false, false))
        .await;
    done.unwrap();
    denied(app.set_user(&root, &guest, 1, wanted(true, false)).await);
    denied(app.make_reset(&root, &guest).await.map(|_| ()));
    denied(app.create_workspace(&root, "late", "Late").await);

    let token = tokens::Wanted {
        name: "mine".into(),
        role: "viewer".into(),
        env: None,
        days: 1,
    };
    let was = through_the_gate(&house, "a/guest").await;
    app.set_user(&second, &guest, 1, wanted(false, true))
        .await
        .unwrap();
    let late = app.make_token(&was, "a", token).await.map(|_| ());
    assert!(matches!(late, Err(Error::Unauthenticated)), "{late:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_admins_who_demote_each_other_at_once_one_is_too_late() {
    let mut house = full().await;
    house.join("a", "second", "admin", None).await;
    for _ in 0..8 {
        let pair = [
            through_the_gate(&house, "a/admin").await,
            through_the_gate(&house, "a/second").await,
        ];
        let mut races = Vec::new();
        for (by, at) in [(0, 1), (1, 0)] {
            let (app, by, at) = (house.app.clone(), pair[by].clone(), pair[at].user.clone());
            let version = app.member(&by, "a", &at).await.unwrap().version;
            races.push(tokio::spawn(async move {
                let wanted = vec![("viewer".to_owned(), None)];
                app.set_member(&by, "a", &at, Expect::Version(version), wanted)
                    .await
            }));
        }
        let mut done = 0;
        for race in races {
            match race.await.unwrap() {
                Ok(_) => done += 1,
                Err(error) => assert!(matches!(error, Error::Denied(_)), "{error:?}"),
            }
        }
        assert_eq!(
            done, 1,
            "one of them is no admin any more when it is their turn"
        );
        for who in ["a/admin", "a/second"] {
            let path = format!("/api/v1/workspaces/a/members/{}", house.people[who].id);
            let roles = json!({"roles": [{"role": "admin", "env": null}]});
            put(&house, &path, &house.by("root"), roles).await;
        }
    }
}

/// Listens to a release that waits for its approval, and gives what is heard until it ends.
async fn listen(house: &House, path: &str, by: &By) -> tokio::task::JoinHandle<String> {
    let mut request = Request::builder()
        .uri(path)
        .header("host", "localhost:8700");
    request = match by {
        By::Cookie(pair) => request.header("cookie", pair),
        By::Token(secret) => request.header("authorization", format!("Bearer {secret}")),
        By::Nobody => request,
    };
    let mut request = request.body(Body::empty()).unwrap();
    let address = SocketAddr::from(([10, 0, 0, 9], 40_000));
    request.extensions_mut().insert(ConnectInfo(address));
    let response = house.router().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    let mut heard = response.into_body().into_data_stream();
    let first = heard.next().await.expect("it begins").unwrap();
    tokio::spawn(async move {
        let mut text = String::from_utf8_lossy(&first).into_owned();
        while let Some(Ok(piece)) = heard.next().await {
            text.push_str(&String::from_utf8_lossy(&piece));
        }
        text
    })
}

#[tokio::test]
async fn what_is_heard_ends_with_the_session_the_token_and_the_role() {
    let house = full().await;
    let at = "/api/v1/workspaces/a/environments/prod/releases";
    let made = house.post(at, &house.by("a/operator"), &json!({})).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(made.json()["state"], "checked");
    let path = format!("{at}/1/events");

    let stays = listen(&house, &path, &house.by("a/viewer")).await;
    let signed_out = listen(&house, &path, &house.by("a/designer")).await;
    let revoked = listen(&house, &path, &house.by("a/spare")).await;
    let removed = listen(&house, &path, &house.by("a/guest")).await;
    let shut_out = listen(&house, &path, &house.by("a/approver")).await;

    let root = house.by("root");
    let ended = house
        .delete("/api/v1/session", &house.by("a/designer"))
        .await;
    assert_eq!(ended.status, 204);
    let spare = format!("/api/v1/workspaces/a/tokens/{}", house.people["a/spare"].id);
    assert_eq!(house.delete(&spare, &root).await.status, 204);
    let member = format!(
        "/api/v1/workspaces/a/members/{}",
        house.people["a/guest"].id
    );
    let etag = super::people::etag(&house, &member, &root).await;
    let gone = house
        .ask(super::house::Ask {
            method: "DELETE",
            path: &member,
            by: root.clone(),
            headers: vec![("if-match", &etag)],
            ..Default::default()
        })
        .await;
    assert_eq!(gone.status, 204, "{}", gone.text);
    let user = format!("/api/v1/users/{}", house.people["a/approver"].id);
    let body = json!({"name": "Same", "root": false, "disabled": true});
    assert_eq!(put(&house, &user, &root, body).await.status, 200);

    for (who, heard) in [
        ("signed out", signed_out),
        ("revoked", revoked),
        ("removed", removed),
        ("shut out", shut_out),
    ] {
        let text = tokio::time::timeout(LONG, heard).await;
        let text = text
            .unwrap_or_else(|_| panic!("{who}: still heard"))
            .unwrap();
        assert!(!text.contains("event: end"), "{who}: {text}");
    }
    assert!(!stays.is_finished(), "whoever may listen goes on");
    // What happens now is heard by those who may.
    let cancelled = house
        .post(
            &format!("{at}/1/cancel"),
            &house.by("a/operator"),
            &json!({}),
        )
        .await;
    assert_eq!(cancelled.status, 200, "{}", cancelled.text);
    let text = tokio::time::timeout(LONG, stays)
        .await
        .expect("it ends")
        .unwrap();
    assert!(text.contains("event: end"), "{text}");
}

#[tokio::test]
async fn nothing_is_changed_by_whoever_was_shut_out_before_they_sent_it_all() {
    changes_nothing_after("UPDATE users SET disabled_ms = 1").await;
}

#[tokio::test]
async fn nothing_is_changed_by_whoever_signed_out_before_they_sent_it_all() {
    changes_nothing_after("DELETE FROM sessions").await;
}

/// Whoever holds back what they send was let in long before it is read.
async fn changes_nothing_after(shuts_out: &'static str) {
    let house = stocked().await;
    let samples = samples(&house, "a").await;
    let By::Cookie(pair) = house.by("a/admin") else {
        panic!("a session");
    };
    let mut tried = 0;
    for of in uses().iter().filter(|of| of.method != "GET") {
        let ready = of.ready(&house, &samples).await;
        // What has no body can't be held back; what only looks changes nothing.
        if ready.body.is_empty() || of.path.ends_with("/preview") || of.status >= 300 {
            continue;
        }
        let copy = Arc::new(house.copied().await);
        let (within, body) = (Arc::clone(&copy), ready.body.clone());
        let held_back = futures_util::stream::once(async move {
            spoil(&within, shuts_out).await;
            Ok::<_, Infallible>(body)
        });
        let mut request = Request::builder()
            .method(ready.method)
            .uri(&ready.path)
            .header("host", "localhost:8700")
            .header("origin", "http://localhost:8700")
            .header("x-skyful", "1")
            .header("cookie", &pair);
        if let Some(version) = &ready.version {
            request = request.header("if-match", version);
        }
        let mut request = request.body(Body::from_stream(held_back)).unwrap();
        let address = SocketAddr::from(([10, 0, 0, 9], 40_000));
        request.extensions_mut().insert(ConnectInfo(address));
        let seen = copy.router().oneshot(request).await.unwrap();
        let what = format!("{} {}", ready.method, ready.path);
        assert_eq!(seen.status(), 401, "{what}");
        tried += 1;
    }
    assert!(tried > 20, "{tried}");
}
