//! A workspace or an environment that is made again under the name of one that is gone meets nothing of it.

use serde_json::{Value, json};

use super::house::{Ask, By, House, full};
use super::people::etag;

async fn delete(house: &House, path: &str) {
    let root = house.by("root");
    let etag = etag(house, path, &root).await;
    let seen = house
        .ask(Ask {
            method: "DELETE",
            path,
            by: root,
            headers: vec![("if-match", &etag)],
            ..Ask::default()
        })
        .await;
    assert_eq!(seen.status, 204, "{path}: {}", seen.text);
}

async fn make(house: &House, env: &str) -> String {
    let path = format!("/api/v1/workspaces/a/environments/{env}");
    let seen = house
        .ask(Ask {
            method: "PUT",
            path: &path,
            by: house.by("root"),
            body: r#"{"name": "Again"}"#,
            headers: vec![("if-none-match", "*")],
            ..Ask::default()
        })
        .await;
    assert_eq!(seen.status, 200, "{}", seen.text);
    seen.headers["etag"].to_str().unwrap().to_owned()
}

async fn release(house: &House, key: &str) -> Value {
    let seen = house
        .ask(Ask {
            method: "POST",
            path: "/api/v1/workspaces/a/environments/dev/releases",
            by: house.by("root"),
            body: "{}",
            headers: vec![("idempotency-key", key)],
            ..Ask::default()
        })
        .await;
    assert_eq!(seen.status, 201, "{}", seen.text);
    seen.json()
}

#[tokio::test]
async fn an_environment_made_again_repeats_no_answer_no_number_and_no_version() {
    let house = full().await;
    let root = house.by("root");
    let env = "/api/v1/workspaces/a/environments/dev";
    let before = etag(&house, env, &root).await;
    let first = release(&house, "once").await;
    assert_eq!((&first["id"], &first["sequence"]), (&json!(1), &json!(1)));
    let off = house
        .post(&format!("{env}/mode"), &root, &json!({"mode": "off"}))
        .await;
    assert_eq!(off.status, 200, "{}", off.text);
    delete(&house, env).await;
    // Whoever had a role or a token there has none in the next.
    let developer = house.by("a/operator-dev");
    assert_eq!(
        house.get("/api/v1/workspaces/a", &developer).await.status,
        404
    );
    let after = make(&house, "dev").await;
    assert_ne!(after, before, "an old page must not change the new one");
    assert_eq!(
        house.get("/api/v1/workspaces/a", &developer).await.status,
        404
    );
    assert_eq!(house.get(&format!("{env}/live"), &root).await.status, 404);

    let again = release(&house, "once").await;
    assert_eq!(again["id"], 2, "{again}");
    let sequence = again["sequence"].as_u64().unwrap();
    assert_eq!(skyful::manifest::era_of(sequence), 1, "{again}");
    assert_eq!(
        house.get(&format!("{env}/releases/1"), &root).await.status,
        404
    );
}

#[tokio::test]
async fn a_workspace_made_again_shows_nothing_of_the_first() {
    let house = full().await;
    let root = house.by("root");
    let at = "/api/v1/workspaces/a";
    let old = house.get(at, &root).await;
    let revision = old.json()["revision"].as_i64().unwrap();
    let version = etag(&house, at, &root).await;
    let picture = house
        .ask(Ask {
            method: "POST",
            path: &format!("{at}/media?name=dot.gif"),
            by: root.clone(),
            body: "GIF89a\u{1}",
            ..Ask::default()
        })
        .await;
    assert_eq!(picture.status, 201, "{}", picture.text);
    let picture = picture.json()["path"].as_str().unwrap().to_owned();
    let invited = house.invite("a", "late@a.example", "admin", None).await;
    delete(&house, at).await;
    let body = json!({"key": "a", "name": "Another"});
    let made = house.post("/api/v1/workspaces", &root, &body).await;
    assert_eq!(made.status, 201, "{}", made.text);

    assert!(
        made.json()["revision"].as_i64().unwrap() >= revision,
        "{}",
        made.text
    );
    assert_ne!(etag(&house, at, &root).await, version);
    for who in ["a/admin", "a/guest", "a/operator-dev"] {
        assert_eq!(house.get(at, &house.by(who)).await.status, 404, "{who}");
    }
    assert_eq!(
        house.get("/api/v1/me", &house.by("a/token")).await.status,
        401
    );
    assert_eq!(house.get(&picture, &By::Nobody).await.status, 404);
    let code = invited.json()["code"].clone();
    let joins = json!({"code": code, "name": "Late", "password": super::house::PASSWORD});
    let late = house
        .post("/api/v1/invitations/accept", &By::Nobody, &joins)
        .await;
    assert_eq!(late.status, 404, "{}", late.text);
    for list in [
        "environments",
        "history",
        "id_lists",
        "media",
        "tokens",
        "invitations",
        "modules",
    ] {
        let seen = house.get(&format!("{at}/{list}"), &root).await;
        assert_eq!(seen.json()["items"], json!([]), "{list}: {}", seen.text);
    }
    let members = house.get(&format!("{at}/members"), &root).await.json();
    assert_eq!(members["items"].as_array().unwrap().len(), 1, "{members}");
    // Its log begins with it; the whole one still has everything.
    let log = house.get(&format!("{at}/audit"), &root).await.json();
    let actions: Vec<&str> = log["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["action"].as_str().unwrap())
        .collect();
    assert_eq!(actions, ["workspace.create"], "{log}");
    let whole = house
        .get("/api/v1/audit?action=workspace.delete", &root)
        .await
        .json();
    assert_eq!(whole["items"].as_array().unwrap().len(), 1, "{whole}");
}
