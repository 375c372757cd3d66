//! What programs may do with a token, and until when.

use serde_json::json;

use super::house::{By, begun, full, pass};
use super::people::put;

const DAY_MS: i64 = 86_400_000;

#[tokio::test]
async fn a_token_does_what_its_maker_may_where_it_was_made_until_it_ends() {
    let mut house = begun().await;
    house.join("a", "ops", "operator", None).await;
    house.join("a", "dev", "operator", Some("dev")).await;
    let (root, ops) = (house.by("root"), house.by("a/ops"));
    let tokens = "/api/v1/workspaces/a/tokens";
    for (who, role, env, days, wanted) in [
        ("a/ops", "operator", None, 1, 201),
        ("a/ops", "viewer", Some("prod"), 365, 201),
        ("a/ops", "designer", None, 1, 403),
        ("a/ops", "approver", None, 1, 403),
        ("a/dev", "operator", None, 1, 403),
        ("a/dev", "viewer", None, 1, 403),
        ("a/dev", "operator", Some("prod"), 1, 403),
        ("a/dev", "operator", Some("dev"), 1, 201),
        ("a/ops", "operator", Some("nowhere"), 1, 400),
        ("a/ops", "operator", None, 366, 400),
        ("a/ops", "operator", None, 0, 400),
        ("a/ops", "king", None, 1, 400),
    ] {
        let body = json!({"name": "CI", "role": role, "env": env, "expires_in_days": days});
        let seen = house.post(tokens, &house.by(who), &body).await;
        assert_eq!(seen.status, wanted, "{who} {body}: {}", seen.text);
    }
    let body = json!({"name": "CI", "role": "operator", "expires_in_days": 2});
    let made = house.post(tokens, &ops, &body).await.json();
    let token = By::Token(made["secret"].as_str().unwrap().to_owned());
    let me = house.get("/api/v1/me", &token).await.json();
    assert_eq!(
        me["id"],
        house.people["a/ops"].id.as_str(),
        "its user is the author"
    );
    assert_eq!(me["token"], made["token"]["id"]);
    let make = |by: By| {
        let (house, body) = (&house, json!({"name": "CI", "role": "viewer"}));
        async move { house.post(tokens, &by, &body).await }
    };
    let seen = make(token.clone()).await;
    assert_eq!((seen.status, seen.problem()), (403, "needs-person".into()));
    // Its user is made a viewer: so is the token.
    let member = format!("/api/v1/workspaces/a/members/{}", house.people["a/ops"].id);
    let lower = json!({"roles": [{"role": "viewer"}]});
    assert_eq!(put(&house, &member, &root, lower).await.status, 200);
    let held = house.get("/api/v1/me", &token).await.json();
    let held: Vec<_> = held["roles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|held| held["role"].clone())
        .collect();
    assert_eq!(held, [json!("viewer")]);
    pass(2 * DAY_MS - 1);
    assert_eq!(house.get("/api/v1/me", &token).await.status, 200);
    pass(1);
    assert_eq!(house.get("/api/v1/me", &token).await.status, 401);
}

#[tokio::test]
async fn a_token_is_seen_and_revoked_by_its_user_and_by_admins() {
    let house = full().await;
    let id = &house.people["a/token"].id;
    let path = format!("/api/v1/workspaces/a/tokens/{id}");
    assert_eq!(
        house.delete(&path, &house.by("a/operator")).await.status,
        403
    );
    let listed = |who: &str| {
        let by = house.by(who);
        let house = &house;
        async move { house.get("/api/v1/workspaces/a/tokens", &by).await.json() }
    };
    assert_eq!(listed("a/operator").await["items"], json!([]));
    let token = house.by("a/token");
    assert_eq!(house.get("/api/v1/me", &token).await.status, 200);
    let all = listed("a/admin").await["items"].clone();
    let all = all.as_array().unwrap();
    for (who, used) in [("a/token", true), ("a/spare", false)] {
        let found = all
            .iter()
            .find(|item| item["id"] == house.people[who].id.as_str());
        let used_at = &found.expect("it is listed")["used_at"];
        assert_eq!(used_at.is_string(), used, "{who}: {used_at}");
    }
    for _ in 0..2 {
        assert_eq!(house.delete(&path, &house.by("a/admin")).await.status, 204);
        assert_eq!(house.get("/api/v1/me", &token).await.status, 401);
    }
}

#[tokio::test]
async fn what_has_ended_goes_after_its_time_and_not_before() {
    let house = full().await;
    let count = async |table: &str| -> i64 {
        let mut tx = house.app.store.read().await.unwrap();
        let sql = format!("SELECT count(*) FROM {table}");
        let query = sqlx::query_scalar(sqlx::AssertSqlSafe(sql));
        query.fetch_one(&mut *tx).await.unwrap()
    };
    let by = house.by("a/token");
    // What this token changed stays known as its maker's.
    let path = "/api/v1/workspaces/a/modules/hero";
    let mut hero = house.get(path, &by).await.json()["value"].clone();
    hero["description"] = json!("by a program");
    let seen = put(&house, path, &by, hero).await;
    assert_eq!(seen.status, 200, "{}", seen.text);
    let reset = format!("/api/v1/users/{}/reset", house.people["a/guest"].id);
    house.post(&reset, &house.by("root"), &json!({})).await;
    let all = async || {
        [
            count("sessions").await,
            count("resets").await,
            count("invitations").await,
            count("tokens").await,
        ]
    };
    let before = all().await;
    assert_eq!(house.app.forget_ended().await.unwrap(), 0, "{before:?}");
    assert_eq!(all().await, before);
    // A day on nobody is signed in, and the code is worth nothing.
    pass(DAY_MS + 1);
    house.app.forget_ended().await.unwrap();
    assert_eq!(all().await, [0, 0, before[2], before[3]]);
    // Invitations and tokens are listed for ninety days after their end.
    pass(456 * DAY_MS);
    house.app.forget_ended().await.unwrap();
    assert_eq!(all().await, [0, 0, 0, 1], "{before:?}");
}
