//! How people get in, what they become, and how they get out again.

use serde_json::{Value, json};

use super::house::{Ask, By, House, PASSWORD, begun, empty, full, pass};

const DAY_MS: i64 = 86_400_000;

pub async fn etag(house: &House, path: &str, by: &By) -> String {
    let seen = house.get(path, by).await;
    seen.headers["etag"].to_str().unwrap().to_owned()
}

pub async fn put(house: &House, path: &str, by: &By, body: Value) -> super::house::Seen {
    let etag = etag(house, path, by).await;
    house
        .ask(Ask {
            method: "PUT",
            path,
            by: by.clone(),
            body: &body.to_string(),
            headers: vec![("if-match", &etag)],
            ..Ask::default()
        })
        .await
}

#[tokio::test]
async fn whoever_reads_the_log_becomes_the_first_user_once() {
    let house = empty().await;
    let code = house.app.setup_code().await.unwrap().unwrap();
    assert_eq!(house.app.setup_code().await.unwrap(), Some(code.clone()));
    let body =
        |code: &str| json!({"code": code, "email": "a@b", "name": "A", "password": PASSWORD});
    let wrong = house.post("/api/v1/setup", &By::Nobody, &body("x")).await;
    assert_eq!(
        (wrong.status, wrong.json()["place"].as_str()),
        (400, Some("/code"))
    );
    let short = json!({"code": code, "email": "a@b", "name": "A", "password": "short"});
    let short = house.post("/api/v1/setup", &By::Nobody, &short).await;
    assert_eq!(short.json()["place"], "/password", "{}", short.text);
    let done = house.post("/api/v1/setup", &By::Nobody, &body(&code)).await;
    assert_eq!(done.status, 201, "{}", done.text);
    assert_eq!(done.json()["root"], true);
    let again = house.post("/api/v1/setup", &By::Nobody, &body(&code)).await;
    assert_eq!(again.status, 409, "{}", again.text);
    assert_eq!(house.app.setup_code().await.unwrap(), None);
}

#[tokio::test]
async fn setup_makes_a_workspace_with_a_protected_production() {
    let house = begun().await;
    let root = house.by("root");
    let me = house.get("/api/v1/me", &root).await.json();
    assert_eq!(me["email"], "root@example.com");
    assert_eq!(
        me["roles"],
        json!([{"workspace": "a", "env": null, "role": "admin"}])
    );
    let seen = house.get("/api/v1/workspaces/a/environments", &root).await;
    let envs: Vec<(Value, Value)> = seen.json()["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|env| (env["key"].clone(), env["protected"].clone()))
        .collect();
    assert_eq!(
        envs,
        [(json!("dev"), json!(false)), (json!("prod"), json!(true))]
    );
}

#[tokio::test]
async fn a_session_is_new_at_each_sign_in_and_ends_when_asked() {
    let house = begun().await;
    let old = house.by("root");
    let By::Cookie(pair) = &old else { panic!() };
    let body = json!({"email": "ROOT@example.com", "password": PASSWORD}).to_string();
    let seen = house
        .ask(Ask {
            method: "POST",
            path: "/api/v1/session",
            by: old.clone(),
            body: &body,
            ..Ask::default()
        })
        .await;
    assert_eq!(seen.status, 200, "{}", seen.text);
    let new = seen.cookie();
    assert_ne!(new, old);
    assert_eq!(house.get("/api/v1/me", &old).await.status, 401, "{pair}");
    let listed = house.get("/api/v1/me/sessions", &new).await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert_eq!(listed["items"][0]["current"], true);
    assert_eq!(house.delete("/api/v1/session", &new).await.status, 204);
    assert_eq!(house.get("/api/v1/me", &new).await.status, 401);
}

#[tokio::test]
async fn a_session_ends_when_it_is_not_used_and_after_a_week_in_any_case() {
    let house = begun().await;
    let idle = house.by("root");
    let used = house
        .sign_in("root@example.com", PASSWORD, 1)
        .await
        .cookie();
    pass(DAY_MS / 2 - 1);
    assert_eq!(house.get("/api/v1/me", &used).await.status, 200);
    pass(1);
    assert_eq!(house.get("/api/v1/me", &idle).await.status, 401);
    for _ in 0..25 {
        pass(DAY_MS / 4);
        assert_eq!(house.get("/api/v1/me", &used).await.status, 200);
    }
    pass(DAY_MS / 4);
    assert_eq!(house.get("/api/v1/me", &used).await.status, 401);
}

#[tokio::test]
async fn one_s_own_sessions_can_be_ended_from_another() {
    let mut house = begun().await;
    house.join("a", "vic", "viewer", None).await;
    let (root, vic) = (house.by("root"), house.by("a/vic"));
    let lost = house
        .sign_in("root@example.com", PASSWORD, 1)
        .await
        .cookie();
    let listed = house.get("/api/v1/me/sessions", &root).await.json();
    let lost_id = listed["items"].as_array().unwrap().iter();
    let lost_id = lost_id.filter(|item| item["current"] == false);
    let lost_id = lost_id
        .map(|item| item["id"].as_str().unwrap())
        .next()
        .unwrap();
    let path = format!("/api/v1/me/sessions/{lost_id}");
    assert_eq!(house.delete(&path, &vic).await.status, 404);
    assert_eq!(house.get("/api/v1/me", &lost).await.status, 200);
    assert_eq!(house.delete(&path, &root).await.status, 204);
    assert_eq!(house.get("/api/v1/me", &lost).await.status, 401);
}

#[tokio::test]
async fn a_new_password_ends_all_sessions_but_the_one_that_it_begins() {
    let house = begun().await;
    let root = house.by("root");
    let other = house
        .sign_in("root@example.com", PASSWORD, 1)
        .await
        .cookie();
    let new = "another four words";
    let wrong = json!({"current": "not this one at all", "new": new});
    let wrong = house.post("/api/v1/me/password", &root, &wrong).await;
    assert_eq!(wrong.json()["place"], "/current", "{}", wrong.text);
    let body = json!({"current": PASSWORD, "new": new});
    let seen = house.post("/api/v1/me/password", &root, &body).await;
    assert_eq!(seen.status, 200, "{}", seen.text);
    let now = seen.cookie();
    for (by, wanted) in [(root, 401), (other, 401), (now, 200)] {
        assert_eq!(house.get("/api/v1/me", &by).await.status, wanted);
    }
    let old = house.sign_in("root@example.com", PASSWORD, 2).await;
    assert_eq!(old.status, 401, "{}", old.text);
    assert_eq!(house.sign_in("root@example.com", new, 2).await.status, 200);
}

#[tokio::test]
async fn whoever_forgot_their_password_gets_back_in_by_a_code_once() {
    let mut house = begun().await;
    house.join("a", "vic", "viewer", None).await;
    let (root, vic) = (house.by("root"), house.people["a/vic"].clone());
    let path = format!("/api/v1/users/{}/reset", vic.id);
    let make = || async { house.post(&path, &root, &json!({})).await.json()["code"].clone() };
    let (old, code) = (make().await, make().await);
    // Nothing happened yet.
    assert_eq!(house.get("/api/v1/me", &vic.by).await.status, 200);
    let new = "another four words";
    for (code, password, wanted) in [
        (&old, new, 404),
        (&json!("x"), new, 404),
        (&code, "short", 400),
        (&code, new, 200),
        (&code, new, 404),
    ] {
        let body = json!({"code": code, "password": password});
        let seen = house.post("/api/v1/password", &By::Nobody, &body).await;
        assert_eq!(seen.status, wanted, "{body}: {}", seen.text);
    }
    assert_eq!(house.get("/api/v1/me", &vic.by).await.status, 401);
    let old = house.sign_in(&vic.email, PASSWORD, 1).await;
    assert_eq!(old.status, 401, "{}", old.text);
    assert_eq!(house.sign_in(&vic.email, new, 1).await.status, 200);

    let late = make().await;
    pass(DAY_MS);
    let body = json!({"code": late, "password": PASSWORD});
    let seen = house.post("/api/v1/password", &By::Nobody, &body).await;
    assert_eq!(seen.status, 404, "{}", seen.text);
}

#[tokio::test]
async fn guesses_are_slowed_down_and_strangers_are_told_the_same() {
    let house = begun().await;
    let known = house
        .sign_in("root@example.com", "not this one at all", 1)
        .await;
    let stranger = house
        .sign_in("nobody@example.com", "not this one at all", 2)
        .await;
    assert_eq!((known.status, &known.text), (401, &stranger.text));
    for address in 3..7 {
        let seen = house
            .sign_in("root@example.com", "not this one at all", address)
            .await;
        assert_eq!(seen.status, 401);
    }
    // Even the right one has to wait, or a guess would tell.
    let seen = house.sign_in("root@example.com", PASSWORD, 9).await;
    assert_eq!(seen.status, 429, "{}", seen.text);
    let wait: i64 = seen.headers["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    pass(wait * 1_000);
    assert_eq!(
        house.sign_in("root@example.com", PASSWORD, 9).await.status,
        200
    );
}

#[tokio::test]
async fn an_invitation_is_good_once_for_its_address_and_not_for_long() {
    let mut house = begun().await;
    let accept = "/api/v1/invitations/accept";
    let code = |seen: &super::house::Seen| seen.json()["code"].as_str().unwrap().to_owned();
    let newcomer = |code: &str| json!({"code": code, "name": "Vic", "password": PASSWORD});

    let invited = code(
        &house
            .invite("a", "vic@a.example", "viewer", Some("dev"))
            .await,
    );
    let body = newcomer(&invited);
    let seen = house.post(accept, &By::Nobody, &body).await;
    assert_eq!(seen.status, 200, "{}", seen.text);
    let held = json!([{"workspace": "a", "env": "dev", "role": "viewer"}]);
    assert_eq!(seen.json()["roles"], held);
    let vic = seen.cookie();
    assert_eq!(house.post(accept, &By::Nobody, &body).await.status, 404);

    // Somebody who has an account signs in, and only that one may.
    let more = code(&house.invite("a", "vic@a.example", "operator", None).await);
    let seen = house.post(accept, &By::Nobody, &newcomer(&more)).await;
    assert_eq!(seen.status, 409, "{}", seen.text);
    house.join("a", "eve", "viewer", None).await;
    let signed_in = json!({"code": more});
    let seen = house.post(accept, &house.by("a/eve"), &signed_in).await;
    assert_eq!(seen.status, 409, "{}", seen.text);
    let seen = house.post(accept, &vic, &signed_in).await;
    assert_eq!(seen.status, 200, "{}", seen.text);
    assert_eq!(seen.json()["roles"].as_array().unwrap().len(), 2);

    let late = code(&house.invite("a", "late@a.example", "viewer", None).await);
    pass(7 * DAY_MS);
    let seen = house.post(accept, &By::Nobody, &newcomer(&late)).await;
    assert_eq!(seen.status, 404, "{}", seen.text);
}

#[tokio::test]
async fn an_invitation_ends_with_its_admin_or_when_it_is_revoked() {
    let mut house = begun().await;
    house.join("a", "adm", "admin", None).await;
    let (root, adm) = (house.by("root"), house.by("a/adm"));
    let path = "/api/v1/workspaces/a/invitations";
    let mut codes = Vec::new();
    for by in [&root, &adm] {
        let body = json!({"email": "new@a.example", "role": "viewer"});
        let seen = house.post(path, by, &body).await.json();
        let id = seen["invitation"]["id"].as_str().unwrap().to_owned();
        codes.push((id, seen["code"].clone()));
    }
    let revoked = format!("{path}/{}", codes[0].0);
    assert_eq!(house.delete(&revoked, &root).await.status, 204);
    let member = format!("/api/v1/workspaces/a/members/{}", house.people["a/adm"].id);
    let roles = json!({"roles": [{"role": "operator"}]});
    let seen = put(&house, &member, &root, roles).await;
    assert_eq!(seen.status, 200, "{}", seen.text);
    for (_, code) in codes {
        let body = json!({"code": code, "name": "New", "password": PASSWORD});
        let seen = house
            .post("/api/v1/invitations/accept", &By::Nobody, &body)
            .await;
        assert_eq!(seen.status, 404, "{}", seen.text);
    }
}

#[tokio::test]
async fn there_is_always_an_admin_and_always_a_root() {
    let mut house = begun().await;
    let root = house.by("root");
    let own = house.people["root"].id.clone();
    let member = format!("/api/v1/workspaces/a/members/{own}");
    let lower = json!({"roles": [{"role": "admin", "env": "dev"}]});
    let seen = put(&house, &member, &root, lower.clone()).await;
    assert_eq!(seen.status, 409, "{}", seen.text);
    let etag = etag(&house, &member, &root).await;
    let remove = Ask {
        method: "DELETE",
        path: &member,
        by: root.clone(),
        headers: vec![("if-match", &etag)],
        ..Ask::default()
    };
    assert_eq!(house.ask(remove.clone()).await.status, 409);
    // Nor by an invitation that gives less.
    let code = house.invite("a", "root@example.com", "viewer", None).await;
    let body = json!({"code": code.json()["code"]});
    let seen = house.post("/api/v1/invitations/accept", &root, &body).await;
    assert_eq!(seen.status, 409, "{}", seen.text);
    let user = format!("/api/v1/users/{own}");
    let out = json!({"name": "Root", "root": true, "disabled": true});
    let seen = put(&house, &user, &root, out).await;
    assert_eq!(seen.json()["breaks"], json!(["a"]), "{}", seen.text);
    let no_root = json!({"name": "Root", "root": false, "disabled": false});
    let seen = put(&house, &user, &root, no_root).await;
    assert_eq!(seen.status, 409, "{}", seen.text);

    house.join("a", "adm", "admin", None).await;
    assert_eq!(put(&house, &member, &root, lower).await.status, 200);
}

#[tokio::test]
async fn whoever_is_shut_out_is_out_at_once_and_their_tokens_too() {
    let mut house = begun().await;
    house.join("a", "adm", "admin", None).await;
    let (root, adm) = (house.by("root"), house.by("a/adm"));
    let body = json!({"name": "CI", "role": "operator"});
    let made = house.post("/api/v1/workspaces/a/tokens", &adm, &body).await;
    let token = By::Token(made.json()["secret"].as_str().unwrap().to_owned());
    assert_eq!(house.get("/api/v1/workspaces/a", &token).await.status, 200);
    let user = format!("/api/v1/users/{}", house.people["a/adm"].id);
    for disabled in [true, false] {
        let body = json!({"name": "Adm", "root": false, "disabled": disabled});
        assert_eq!(put(&house, &user, &root, body).await.status, 200);
        // Also when they may come back: with their password, not with what they had.
        for by in [&adm, &token] {
            assert_eq!(house.get("/api/v1/me", by).await.status, 401);
        }
        let seen = house.sign_in("adm@a.example", PASSWORD, 1).await;
        assert_eq!(seen.status, if disabled { 401 } else { 200 });
    }
}

#[tokio::test]
async fn roles_go_with_their_environment() {
    let house = full().await;
    let path = "/api/v1/workspaces/a/environments/dev";
    let before = house.get("/api/v1/me", &house.by("a/operator-dev")).await;
    assert_eq!(before.json()["roles"].as_array().unwrap().len(), 1);
    let etag = etag(&house, path, &house.by("root")).await;
    let seen = house
        .ask(Ask {
            method: "DELETE",
            path,
            by: house.by("root"),
            headers: vec![("if-match", &etag)],
            ..Ask::default()
        })
        .await;
    assert_eq!(seen.status, 204, "{}", seen.text);
    let after = house.get("/api/v1/me", &house.by("a/operator-dev")).await;
    assert_eq!(after.json()["roles"], json!([]));
}
