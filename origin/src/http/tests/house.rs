//! An origin with two workspaces, `a` and `b`, alike in everything, and somebody in every role of each.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::net::SocketAddr;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt as _;

use crate::app::App;
use crate::app::keys::Keyring;
use crate::app::testing::{NOW, PAYDAY, WALLET};
use crate::store::sqlite::Sqlite;

const DATABASE: &str = "skyful.sqlite";
pub const PASSWORD: &str = "four words nobody says";

thread_local! {
    // Each test has a thread of its own.
    static CLOCK: Cell<i64> = const { Cell::new(NOW) };
}

pub fn clock() -> i64 {
    CLOCK.get()
}

pub fn pass(ms: i64) {
    CLOCK.set(CLOCK.get() + ms);
}

/// By what somebody asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum By {
    #[default]
    Nobody,
    Cookie(String),
    Token(String),
}

/// One request. What it doesn't say is as a browser on the origin's own pages does it.
#[derive(Clone, Debug, Default)]
pub struct Ask<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub by: By,
    pub body: &'a str,
    /// Instead of the usual ones; an empty value leaves one out.
    pub headers: Vec<(&'a str, &'a str)>,
    /// The last number of its address.
    pub address: u8,
}

pub struct Seen {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Seen {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// What kind of problem it is, if it is one.
    pub fn problem(&self) -> String {
        let kind = self.json()["type"].as_str().unwrap_or_default().to_owned();
        kind.replace("urn:skyful:problem:", "")
    }

    pub fn cookie(&self) -> By {
        let set = self.headers.get("set-cookie").expect("a cookie");
        let set = set.to_str().unwrap();
        By::Cookie(set.split(';').next().unwrap().to_owned())
    }
}

pub struct House {
    pub folder: TempDir,
    pub app: App,
    router: Router,
    /// By workspace and role, for example `a/viewer`; and `root`.
    pub people: BTreeMap<String, Person>,
}

#[derive(Clone, Debug)]
pub struct Person {
    pub id: String,
    pub email: String,
    pub by: By,
}

pub async fn send(router: &Router, ask: Ask<'_>) -> Seen {
    let mut headers = BTreeMap::from([("host", "localhost:8700"), ("user-agent", "test")]);
    if !matches!(ask.by, By::Token(_)) && ask.method != "GET" {
        headers.insert("origin", "http://localhost:8700");
        headers.insert("x-skyful", "1");
    }
    headers.extend(ask.headers);
    let mut request = Request::builder().method(ask.method).uri(ask.path);
    for (name, value) in headers.into_iter().filter(|(_, value)| !value.is_empty()) {
        request = request.header(name, value);
    }
    request = match &ask.by {
        By::Nobody => request,
        By::Cookie(pair) => request.header("cookie", pair),
        By::Token(secret) => request.header("authorization", format!("Bearer {secret}")),
    };
    let mut request = request.body(Body::from(ask.body.to_owned())).unwrap();
    let address = SocketAddr::from(([10, 0, 0, ask.address], 40_000));
    request.extensions_mut().insert(ConnectInfo(address));
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    Seen {
        status: parts.status.as_u16(),
        headers: parts.headers,
        text: String::from_utf8_lossy(&body).into_owned(),
    }
}

/// An origin that nobody has set up.
pub async fn empty() -> House {
    CLOCK.set(NOW);
    opened(tempfile::tempdir().unwrap()).await
}

async fn opened(folder: TempDir) -> House {
    let store = Sqlite::open(&folder.path().join(DATABASE)).await;
    let app = App::new(store.unwrap(), clock).with_keyring(Keyring::new([[7; 32]]));
    House {
        folder,
        router: crate::http::router(app.clone()),
        app,
        people: BTreeMap::new(),
    }
}

/// Set up, with the workspace `a`.
pub async fn begun() -> House {
    let mut house = empty().await;
    let code = house.app.setup_code().await.unwrap().unwrap();
    let body = json!({"code": code, "email": "Root@example.com ", "name": "Root", "password": PASSWORD,
        "workspace": {"key": "a", "name": "Same"}});
    let seen = house.post("/api/v1/setup", &By::Nobody, &body).await;
    assert_eq!(seen.status, 201, "{}", seen.text);
    house.keep("root", &seen);
    house
}

/// With everybody and everything in it.
pub async fn full() -> House {
    let mut house = begun().await;
    let root = house.by("root");
    let body = json!({"key": "b", "name": "Same"});
    let seen = house.post("/api/v1/workspaces", &root, &body).await;
    assert_eq!(seen.status, 201, "{}", seen.text);
    for env in ["dev", "prod"] {
        let seen = house
            .ask(Ask {
                method: "PUT",
                path: &format!("/api/v1/workspaces/b/environments/{env}"),
                by: root.clone(),
                body: r#"{"name": "Same"}"#,
                headers: vec![("if-none-match", "*")],
                ..Ask::default()
            })
            .await;
        assert_eq!(seen.status, 200, "{}", seen.text);
    }
    for workspace in ["a", "b"] {
        house.furnish(workspace).await;
    }
    house
}

impl House {
    /// Another one in which all is as it is here, and everybody is known.
    pub async fn copied(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (self.folder.path(), folder.path());
        let copied = Sqlite::copy(&from.join(DATABASE), &to.join(DATABASE)).await;
        copied.unwrap();
        Self {
            people: self.people.clone(),
            ..opened(folder).await
        }
    }

    pub fn by(&self, who: &str) -> By {
        self.people[who].by.clone()
    }

    /// For answers that are read as they come.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    pub async fn ask(&self, ask: Ask<'_>) -> Seen {
        send(&self.router, ask).await
    }

    pub async fn get(&self, path: &str, by: &By) -> Seen {
        let by = by.clone();
        let method = "GET";
        self.ask(Ask {
            method,
            path,
            by,
            ..Ask::default()
        })
        .await
    }

    pub async fn post(&self, path: &str, by: &By, body: &Value) -> Seen {
        self.ask(Ask {
            method: "POST",
            path,
            by: by.clone(),
            body: &body.to_string(),
            ..Ask::default()
        })
        .await
    }

    pub async fn delete(&self, path: &str, by: &By) -> Seen {
        self.ask(Ask {
            method: "DELETE",
            path,
            by: by.clone(),
            ..Ask::default()
        })
        .await
    }

    pub async fn sign_in(&self, email: &str, password: &str, address: u8) -> Seen {
        self.ask(Ask {
            method: "POST",
            path: "/api/v1/session",
            body: &json!({"email": email, "password": password}).to_string(),
            address,
            ..Ask::default()
        })
        .await
    }

    fn keep(&mut self, who: &str, seen: &Seen) {
        let me = seen.json();
        let text = |name: &str| me[name].as_str().unwrap().to_owned();
        let person = Person {
            id: text("id"),
            email: text("email"),
            by: seen.cookie(),
        };
        self.people.insert(who.to_owned(), person);
    }

    pub async fn invite(
        &self,
        workspace: &str,
        email: &str,
        role: &str,
        env: Option<&str>,
    ) -> Seen {
        let path = format!("/api/v1/workspaces/{workspace}/invitations");
        let body = json!({"email": email, "role": role, "env": env});
        self.post(&path, &self.by("root"), &body).await
    }

    /// Somebody new, in one role, for one environment or for all.
    pub async fn join(&mut self, workspace: &str, who: &str, role: &str, env: Option<&str>) {
        let email = format!("{who}@{workspace}.example");
        let seen = self.invite(workspace, &email, role, env).await;
        assert_eq!(seen.status, 201, "{}", seen.text);
        let code = seen.json()["code"].clone();
        let body = json!({"code": code, "name": "Same", "password": PASSWORD});
        let path = "/api/v1/invitations/accept";
        let seen = self.post(path, &By::Nobody, &body).await;
        assert_eq!(seen.status, 200, "{}", seen.text);
        self.keep(&format!("{workspace}/{who}"), &seen);
    }

    /// People in all roles, the sample as draft, a token and an open invitation of the admin, and a token in each role.
    async fn furnish(&mut self, workspace: &str) {
        for role in ["viewer", "operator", "designer", "approver", "admin"] {
            self.join(workspace, role, role, None).await;
            self.join(workspace, &format!("{role}-dev"), role, Some("dev"))
                .await;
        }
        self.join(workspace, "guest", "viewer", None).await;
        let at = format!("/api/v1/workspaces/{workspace}");
        let admin = self.by(&format!("{workspace}/admin"));
        for name in ["token", "spare"] {
            let body = json!({"name": name, "role": "admin"});
            let seen = self.post(&format!("{at}/tokens"), &admin, &body).await;
            assert_eq!(seen.status, 201, "{}", seen.text);
            let made = seen.json();
            let person = Person {
                id: made["token"]["id"].as_str().unwrap().to_owned(),
                email: String::new(),
                by: By::Token(made["secret"].as_str().unwrap().to_owned()),
            };
            self.people.insert(format!("{workspace}/{name}"), person);
        }
        let email = format!("open@{workspace}.example");
        let seen = self.invite(workspace, &email, "viewer", None).await;
        let person = Person {
            id: seen.json()["invitation"]["id"].as_str().unwrap().to_owned(),
            email,
            by: By::Nobody,
        };
        self.people
            .insert(format!("{workspace}/invitation"), person);
        self.draft(&at, &admin).await;
    }

    async fn draft(&self, at: &str, admin: &By) {
        let put = |path: String, body: String, expect: (&'static str, String)| async move {
            let seen = self
                .ask(Ask {
                    method: "PUT",
                    path: &path,
                    by: admin.clone(),
                    body: &body,
                    headers: vec![(expect.0, &expect.1)],
                    ..Ask::default()
                })
                .await;
            assert!(seen.status < 300, "{path}: {} {}", seen.status, seen.text);
            seen
        };
        let none = || ("if-none-match", "*".to_owned());
        put(format!("{at}/id_lists/payday.csv"), PAYDAY.into(), none()).await;
        let workspace = at.rsplit('/').next().unwrap();
        let sample = WALLET.replace("workspace: wallet", &format!("workspace: {workspace}"));
        put(format!("{at}/document"), sample, ("if-match", "*".into())).await;
        // Changed twice, so that the first change can't be taken back.
        let path = format!("{at}/modules/hero");
        for n in 0..2 {
            let hero = self.get(&path, admin).await;
            let mut value = hero.json()["value"].clone();
            value["description"] = json!(format!("change {n}"));
            let etag = hero.headers["etag"].to_str().unwrap().to_owned();
            put(path.clone(), value.to_string(), ("if-match", etag)).await;
        }
    }
}
