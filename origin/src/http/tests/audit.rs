//! The audit log over HTTP.

use serde_json::{Value, json};

use super::house::{By, House, full};

async fn items(house: &House, path: &str, by: &By) -> Vec<Value> {
    let seen = house.get(path, by).await;
    assert_eq!(seen.status, 200, "{}", seen.text);
    seen.json()["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn the_log_can_be_read_from_page_to_page_and_searched() {
    let house = full().await;
    let root = house.by("root");
    let body = json!({"name": "CI", "role": "viewer"});
    for _ in 0..30 {
        house
            .post("/api/v1/workspaces/a/tokens", &root, &body)
            .await;
    }
    let mut all: Vec<i64> = Vec::new();
    let mut cursor = String::new();
    loop {
        let seen = house
            .get(&format!("/api/v1/audit{cursor}"), &root)
            .await
            .json();
        let found = seen["items"].as_array().unwrap().clone();
        all.extend(found.iter().map(|item| item["seq"].as_i64().unwrap()));
        match seen["next"].as_str() {
            Some(next) => cursor = format!("?cursor={next}"),
            None => break,
        }
    }
    assert!(all.len() > 100, "more than one page: {}", all.len());
    let last = all[0];
    assert!(
        all.iter().copied().eq((1..=last).rev()),
        "each once, newest first"
    );

    let admin = house.people["a/admin"].clone();
    let actor = format!("user:{}", admin.id);
    let path = "/api/v1/workspaces/a/audit";
    let made = items(
        &house,
        &format!("{path}?actor={actor}&action=token"),
        &admin.by,
    )
    .await;
    assert_eq!(made.len(), 2, "{made:?}");
    assert_eq!(made[0]["action"], "token.make");
    let none = items(&house, &format!("{path}?action=tok"), &admin.by).await;
    assert!(none.is_empty(), "a noun is whole: {none:?}");
    let here = items(&house, path, &admin.by).await;
    assert!(here.iter().all(|item| item["workspace"] == "a"));

    // What was written is what is verified.
    let found = house.get("/api/v1/audit/verify", &root).await.json();
    assert_eq!(
        (&found["entries"], &found["sealed"]),
        (&json!(last), &json!(true))
    );
    assert_eq!(found["fault"], Value::Null);
    let expect = format!(
        "/api/v1/audit/verify?expect={}",
        found["last"].as_str().unwrap()
    );
    assert_eq!(house.get(&expect, &root).await.json(), found);
    let seen = house.get("/api/v1/audit/verify?expect=1", &root).await;
    assert_eq!(
        (seen.status, seen.json()["place"].as_str()),
        (400, Some("expect"))
    );
}
