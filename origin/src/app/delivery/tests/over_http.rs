//! Targets and keys as clients see them, and who may do what.

use axum::Extension;
use serde_json::{Value, json};
use ureq::http::{Method, Request};

use super::desk::{admin, desk, on_a_thread};
use crate::app::access::{Actor, Grant, Role};

struct Api {
    url: String,
    task: tokio::task::JoinHandle<()>,
}

struct Got {
    status: u16,
    etag: Option<String>,
    body: Value,
}

impl Api {
    async fn start(app: &crate::app::App, actor: Actor) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = crate::http::router(app.clone()).layer(Extension(actor));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, task }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        header: Option<(&str, &str)>,
        body: Value,
    ) -> Got {
        let at = "/api/v1/workspaces/wallet/environments/prod";
        let mut request = Request::builder()
            .method(method.clone())
            .uri(format!("{}{at}{path}", self.url));
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let with_body = method == Method::PUT || method == Method::POST;
        let sent = tokio::task::spawn_blocking(move || {
            let agent: ureq::Agent = ureq::Agent::config_builder()
                .http_status_as_error(false)
                .build()
                .into();
            let response = match with_body {
                true => agent.run(request.body(body.to_string()).unwrap()),
                false => agent.run(request.body(()).unwrap()),
            };
            let mut response = response.unwrap();
            let text = response.body_mut().read_to_string().unwrap();
            Got {
                status: response.status().as_u16(),
                etag: response
                    .headers()
                    .get("etag")
                    .map(|tag| tag.to_str().unwrap().to_owned()),
                body: serde_json::from_str(&text).unwrap_or_default(),
            }
        });
        sent.await.unwrap()
    }

    async fn get(&self, path: &str) -> Got {
        self.send(Method::GET, path, None, json!(null)).await
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[test]
fn targets_are_set_up_changed_by_version_and_forgotten() {
    on_a_thread(async || {
        let desk = desk(crate::document::now_ms, &["prod"]).await;
        let api = Api::start(&desk.app, admin()).await;
        let kv = json!({"settings": {"kind": "fastly_kv", "store": "s1", "token": "canary-token"}});
        let missing = api.send(Method::PUT, "/targets/kv", None, kv.clone()).await;
        assert_eq!(missing.status, 428);
        let make = Some(("if-none-match", "*"));
        let made = api.send(Method::PUT, "/targets/kv", make, kv.clone()).await;
        assert_eq!(made.status, 200, "{}", made.body);
        let first = made.etag.clone().unwrap();
        assert_eq!(made.body["has_secret"], true);
        assert!(!made.body.to_string().contains("canary"), "{}", made.body);
        let again = api.send(Method::PUT, "/targets/kv", make, kv.clone()).await;
        assert_eq!(again.status, 412);
        // Off, and the token stays without being said again.
        let off = json!({"settings": {"kind": "fastly_kv", "store": "s1"}, "enabled": false});
        let changed = api
            .send(
                Method::PUT,
                "/targets/kv",
                Some(("if-match", &*first)),
                off.clone(),
            )
            .await;
        assert_eq!(changed.status, 200, "{}", changed.body);
        let second = changed.etag.clone().unwrap();
        assert_ne!(second, first);
        assert_eq!(changed.body["has_secret"], true);
        let late = api
            .send(Method::PUT, "/targets/kv", Some(("if-match", &*first)), off)
            .await;
        assert_eq!(late.status, 412);
        let moved = json!({"settings": {"kind": "fastly_kv", "store": "s2"}});
        let moved = api
            .send(
                Method::PUT,
                "/targets/kv",
                Some(("if-match", &*second)),
                moved,
            )
            .await;
        assert_eq!(
            (moved.status, &moved.body["place"]),
            (400, &json!("/settings"))
        );
        for wrong in [
            json!({"settings": {"kind": "edge", "url": "http://edge.example"}}),
            json!({"settings": {"kind": "directory", "path": "/etc"}}),
            json!({"settings": {"kind": "s3", "bucket": "b"}}),
            json!({"settings": {"kind": "edge", "url": "https://edge.example", "token": "t"}}),
            json!({}),
        ] {
            let refused = api.send(Method::PUT, "/targets/other", make, wrong).await;
            assert_eq!(refused.status, 400, "{}", refused.body);
            assert!(refused.body["hint"].is_string(), "{}", refused.body);
        }
        let told = api.get("/delivery").await;
        assert_eq!(told.body["targets"][0]["state"], "off");
        assert_eq!(told.body["wanted"], Value::Null);
        let all = api.get("/targets").await;
        assert_eq!(all.body["items"].as_array().unwrap().len(), 1);
        let tag = Some(("if-match", &*second));
        let gone = api
            .send(Method::DELETE, "/targets/kv", tag, json!(null))
            .await;
        assert_eq!(gone.status, 204);
        assert_eq!(api.get("/targets/kv").await.status, 404);
    });
}

#[test]
fn only_admins_touch_targets_and_keys_and_viewers_see_how_far_it_is() {
    on_a_thread(async || {
        let desk = desk(crate::document::now_ms, &["prod"]).await;
        let with = |workspace: &str, role: Role| Actor {
            grants: vec![Grant {
                workspace: workspace.into(),
                env: None,
                role,
            }],
            root: false,
            ..admin()
        };
        let reads = ["/delivery", "/keys"];
        let guarded = [
            (Method::GET, "/targets"),
            (Method::GET, "/targets/kv"),
            (Method::PUT, "/targets/kv"),
            (Method::DELETE, "/targets/kv"),
            (Method::POST, "/targets/kv/check"),
            (Method::POST, "/keys"),
            (Method::POST, "/keys/abc/activate"),
            (Method::POST, "/keys/abc/retire"),
            (Method::POST, "/raise-era"),
        ];
        let body = |path: &str| match path {
            "/targets/kv" => json!({"settings": {"kind": "edge", "url": "https://edge.example"}}),
            _ => json!({}),
        };
        for role in [Role::Viewer, Role::Operator, Role::Designer, Role::Approver] {
            let api = Api::start(&desk.app, with("wallet", role)).await;
            for path in reads {
                assert_eq!(api.get(path).await.status, 200, "{role:?} {path}");
            }
            for (method, path) in &guarded {
                let header = Some(("if-match", "\"1\""));
                let got = api.send(method.clone(), path, header, body(path)).await;
                assert_eq!(got.status, 403, "{role:?} {method} {path}");
            }
        }
        let api = Api::start(&desk.app, with("other", Role::Admin)).await;
        for (method, path) in guarded.iter().chain(&reads.map(|path| (Method::GET, path))) {
            let header = Some(("if-match", "\"1\""));
            let got = api.send(method.clone(), path, header, body(path)).await;
            assert_eq!(got.status, 404, "a stranger: {method} {path}");
        }
    });
}

#[test]
fn keys_are_shown_made_and_replaced() {
    on_a_thread(async || {
        let desk = desk(crate::document::now_ms, &["prod"]).await;
        let api = Api::start(&desk.app, admin()).await;
        let post = async |path: &str, body: Value| api.send(Method::POST, path, None, body).await;
        let made = post("/keys", json!(null)).await;
        assert_eq!((made.status, &made.body["state"]), (201, &json!("new")));
        let id = made.body["id"].as_str().unwrap().to_owned();
        let active = post(&format!("/keys/{id}/activate"), json!({})).await;
        assert_eq!(
            (active.status, &active.body["state"]),
            (200, &json!("active"))
        );
        let shown = api.get("/keys").await;
        let trust = shown.body["trust"].as_str().unwrap();
        assert!(!skyful::manifest::TrustSet::parse(trust).unwrap().is_empty());
        let raised = post("/raise-era", json!({})).await;
        assert_eq!((raised.status, &raised.body["era"]), (200, &json!(1)));
        let refused = post(&format!("/keys/{id}/retire"), json!({})).await;
        assert_eq!(refused.status, 409);
        assert_eq!(post("/keys/nobody/retire", json!({})).await.status, 404);
        let sequence = desk.release("a").await;
        assert_eq!(sequence, (1 << 40) + 1);
    });
}
