//! What computes for long keeps nobody else waiting: every such route is held where its work begins, and others are answered
//! meanwhile by the one thread that there is.

use std::pin::pin;
use std::sync::Arc;

use tokio::sync::watch;

use super::house::{Ask, House, Seen, full, send};

/// Method, path in the workspace, body; and how many works there are one after another.
const ROUTES: [(&str, &str, &str, usize); 11] = [
    ("GET", "/problems", "", 1),
    ("GET", "/document", "", 1),
    ("PUT", "/document", "skyful: 1\nworkspace: a\n", 2),
    ("POST", "/preview", r#"{"page": "home"}"#, 3),
    ("GET", "/preview/listing", "", 1),
    ("POST", "/environments/prod/releases", "", 1),
    ("GET", "/environments/prod/releases/1/changes", "", 1),
    ("PUT", "/module_types/banner", r#"{"schema": {}}"#, 1),
    ("DELETE", "/module_types/banner", "", 1),
    ("PUT", "/id_lists/payday.csv", "u-1\n", 1),
    // A snapshot of before: its document is read again.
    ("POST", "/environments/dev/releases", "SNAPSHOT", 1),
];

async fn ask(house: &House, (method, path, body): (&str, &str, &str)) -> Seen {
    let path = format!("/api/v1/workspaces/a{path}");
    let ask = Ask {
        method,
        path: &path,
        by: house.by("a/admin"),
        body,
        headers: vec![("if-match", "\"999999\"")],
        ..Ask::default()
    };
    house.ask(ask).await
}

/// A draft that nobody has compiled yet.
async fn edited(house: &House, n: usize) {
    let by = house.by("a/admin");
    let path = "/api/v1/workspaces/a/modules/hero";
    let hero = house.get(path, &by).await;
    let mut value = hero.json()["value"].clone();
    value["description"] = format!("edit {n}").into();
    let body = value.to_string();
    let ask = Ask {
        method: "PUT",
        path,
        by,
        body: &body,
        headers: vec![("if-match", hero.headers["etag"].to_str().unwrap())],
        ..Ask::default()
    };
    let seen = house.ask(ask).await;
    assert_eq!(seen.status, 200, "{}", seen.text);
}

#[tokio::test]
async fn whoever_computes_keeps_nobody_else_waiting() {
    let house = full().await;
    let (_ending, ended) = watch::channel(false);
    let probes = crate::server::probes(house.app.clone(), ended);
    let first = ask(&house, ("POST", "/environments/prod/releases", "")).await;
    assert_eq!(first.status, 201, "{}", first.text);
    let snapshot = first.json()["snapshot"].clone();
    let again = serde_json::json!({"snapshot": snapshot}).to_string();
    let gate = Arc::clone(&house.app.heavy.gate);
    let mut edits = 0;
    for (method, path, body, works) in ROUTES {
        let body = if body == "SNAPSHOT" { &*again } else { body };
        for held in 0..works {
            edits += 1;
            edited(&house, edits).await;
            gate.shut_after(held);
            let mut asked = pin!(ask(&house, (method, path, body)));
            tokio::select! {
                seen = &mut asked => panic!("{method} {path}: work {held} was done in between: {}", seen.text),
                () = gate.holds() => {}
            }
            for path in ["/healthz", "/readyz"] {
                let probe = Ask {
                    method: "GET",
                    path,
                    ..Ask::default()
                };
                assert_eq!(send(&probes, probe).await.status, 200);
            }
            gate.open();
            let seen = asked.await;
            assert!(seen.status < 500, "{method} {path}: {}", seen.text);
        }
    }
}
