//! An origin with its first user, and people who ask it things.

use std::time::Duration;

use serde_json::{Value, json};

use crate::process::Process;
use crate::support::Desk;

pub const SECRET: &str = "7777777777777777777777777777777777777777777777777777777777777777";
pub const COLLECTOR_TOKEN: &str = "a token of the tests";
pub const PASSWORD: &str = "correct horse battery staple";

pub struct Origin {
    pub desk: Desk,
    pub process: Process,
}

/// Somebody who is signed in.
#[derive(Clone)]
pub struct Person {
    agent: ureq::Agent,
    url: String,
    cookie: String,
}

/// Status, `ETag` and body. None where there was no answer.
pub struct Answer {
    pub status: u16,
    pub etag: String,
    pub body: Value,
}

impl Answer {
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:#}", self.body);
        self
    }
}

impl Origin {
    /// Running, with the workspace `wallet` and its environments `dev` and `prod`.
    pub fn with_first_user() -> (Self, Person) {
        let args = ["serve", "--data", "data", "--log-format", "json"];
        Self::first_user_of(Desk::with_sample(), Process::new(&args))
    }

    pub fn first_user_of(desk: Desk, process: Process) -> (Self, Person) {
        let mut process = process
            .with("SKYFUL_SECRET", SECRET)
            .with("SKYFUL_COLLECTOR_TOKEN", COLLECTOR_TOKEN);
        process.start(&desk);
        let origin = Self { desk, process };
        let setup = json!({"code": origin.setup_code(), "email": "ada@example.com", "name": "Ada",
            "password": PASSWORD, "workspace": {"key": "wallet", "name": "Wallet"}});
        let ada = origin.sign_in("/api/v1/setup", &setup, 201);
        (origin, ada)
    }

    /// What its log says to whoever started it.
    fn setup_code(&self) -> String {
        let log = std::fs::read_to_string(self.desk.path("serve.log")).expect("a log");
        let lines = log
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let code = lines
            .filter_map(|line| Some(line["code"].as_str()?.to_owned()))
            .next();
        code.expect("nobody is known yet")
    }

    pub fn sign_in(&self, path: &str, body: &Value, status: u16) -> Person {
        let mut person = Person {
            agent: agent(),
            url: format!("http://{}", self.process.address),
            cookie: String::new(),
        };
        let url = format!("{}{path}", person.url);
        let answer = person
            .agent
            .post(&url)
            .header("x-skyful", "1")
            .send_json(body);
        let mut answer = answer.expect("an answer");
        let text = answer.body_mut().read_to_string().expect("a body");
        assert_eq!(answer.status().as_u16(), status, "{text}");
        let cookie = answer.headers()["set-cookie"].to_str().expect("text");
        person.cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        person
    }
}

impl Person {
    /// The same one before an origin that listens elsewhere, or again: with no connection from before.
    pub fn before(&self, origin: &Process) -> Self {
        Self {
            agent: agent(),
            url: format!("http://{}", origin.address),
            ..self.clone()
        }
    }

    /// The same person at another device.
    pub fn on_a_connection_of_its_own(&self) -> Self {
        Self {
            agent: agent(),
            ..self.clone()
        }
    }

    /// None: there was no answer, or not all of it.
    pub fn try_ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Option<Answer> {
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header("cookie", &self.cookie)
            .header("origin", &self.url)
            .header("x-skyful", "1");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.to_vec()).expect("a request");
        let mut answer = self.agent.run(request).ok()?;
        let text = answer.body_mut().read_to_string().ok()?;
        let etag = answer
            .headers()
            .get("etag")
            .and_then(|etag| etag.to_str().ok());
        Some(Answer {
            status: answer.status().as_u16(),
            etag: etag.unwrap_or_default().to_owned(),
            body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
        })
    }

    #[track_caller]
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.try_ask(method, path, headers, body)
            .expect("an answer")
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], b"")
    }

    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask("POST", path, &[], body.to_string().as_bytes())
    }

    /// Changes what was seen.
    #[track_caller]
    pub fn put(&self, path: &str, etag: &str, body: &Value) -> Answer {
        self.ask(
            "PUT",
            path,
            &[("if-match", etag)],
            body.to_string().as_bytes(),
        )
    }

    /// Where nothing is yet.
    #[track_caller]
    pub fn make(&self, path: &str, body: &Value) -> Answer {
        self.ask(
            "PUT",
            path,
            &[("if-none-match", "*")],
            body.to_string().as_bytes(),
        )
    }

    /// For a program that does what this person may.
    #[track_caller]
    pub fn token(&self, role: &str) -> String {
        let wanted = json!({"name": role, "role": role});
        let made = self.post("/api/v1/workspaces/wallet/tokens", &wanted);
        let secret = made.is(201).body["secret"].clone();
        secret.as_str().expect("a token").to_owned()
    }

    /// The sample, with the list of ids that it names.
    pub fn imports_the_sample(&self, desk: &Desk) {
        let read = |name: &str| std::fs::read(desk.path(name)).expect("the sample");
        let wallet = "/api/v1/workspaces/wallet";
        self.ask(
            "PUT",
            &format!("{wallet}/id_lists/payday.csv"),
            &[("if-none-match", "*")],
            &read("payday.csv"),
        )
        .is(200);
        self.ask(
            "PUT",
            &format!("{wallet}/document"),
            &[("if-match", "*")],
            &read("wallet.yaml"),
        )
        .is(200);
    }
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(30)))
        .build();
    config.into()
}
