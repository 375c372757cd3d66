//! An edge as a target: it checks what it is given and writes it into its own store.

use std::cell::Cell;
use std::io::Read;
use std::time::{Duration, Instant};

use ed25519_dalek::SigningKey;
use skyful::compile::Snapshot;
use skyful::limits;
use skyful::manifest::sign;
use skyful::snapshot::Digest;
use ureq::http::{Response, StatusCode};
use ureq::{Agent, Body};

use super::{LOOK, Progress, Target, not_kept};
use crate::failure::Failure;

const STATUS: &str = "/v1/status";
/// How long a store may lag.
const LAG: Duration = Duration::from_secs(300);
/// Attempts while an edge or its store is short of breath; the waits between them double.
const ATTEMPTS: u32 = 6;
const FIRST_WAIT: Duration = Duration::from_millis(500);

pub struct Edge<'a> {
    agent: Agent,
    /// Without a slash at its end.
    url: String,
    workspace: String,
    env: String,
    key: &'a SigningKey,
    settle_ms: Cell<i64>,
}

/// What of its status a publisher needs.
#[derive(serde::Deserialize)]
struct Status {
    workspace: String,
    env: String,
    settle_ms: i64,
}

#[derive(serde::Deserialize)]
struct Stored {
    visible: bool,
}

#[derive(serde::Deserialize)]
struct Problem {
    title: Option<String>,
    detail: Option<String>,
    hint: Option<String>,
}

impl<'a> Edge<'a> {
    /// Asks the edge who it is, so that a wrong address is told before anything is sent.
    pub fn connect(
        url: &str,
        workspace: &str,
        env: &str,
        key: &'a SigningKey,
    ) -> Result<Self, Failure> {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .timeout_connect(Some(Duration::from_secs(10)))
            .max_redirects(0)
            .build();
        let edge = Self {
            agent: config.into(),
            url: url.trim_end_matches('/').to_owned(),
            workspace: workspace.to_owned(),
            env: env.to_owned(),
            key,
            settle_ms: Cell::new(0),
        };
        let mut answer = edge.send("GET", STATUS, &[])?;
        let status: Option<Status> = (answer.status() == StatusCode::OK)
            .then(|| answer.body_mut().read_json().ok())
            .flatten();
        let Some(status) = status else {
            let message = format!("{} doesn't answer as an edge of Skyful", edge.url);
            return Err(told(message, answer));
        };
        if (&*status.workspace, &*status.env) != (workspace, env) {
            let message = format!(
                "{} serves {}/{}, not {workspace}/{env}",
                edge.url, status.workspace, status.env
            );
            return Err(
                Failure::usage(message).hint("name another edge, or its environment with --env")
            );
        }
        edge.settle_ms.set(status.settle_ms);
        Ok(edge)
    }

    /// Sends until there is an answer that isn't about being short of breath.
    fn send(&self, method: &str, path: &str, body: &[u8]) -> Result<Response<Body>, Failure> {
        let mut wait = FIRST_WAIT;
        for attempt in 1.. {
            // A first contact that fails is most often a wrong address.
            let last = attempt >= if path == STATUS { 2 } else { ATTEMPTS };
            match self.attempt(method, path, body) {
                Ok(answer) if last || !busy(answer.status()) => return Ok(answer),
                Err(error) if last || !passing(&error) => {
                    return Err(
                        Failure::usage(format!("{method} {}{path}: {error}", self.url)).hint(
                            "is the edge up, and is this its address, with http:// or https://?",
                        ),
                    );
                }
                _ => {}
            }
            std::thread::sleep(wait);
            wait *= 2;
        }
        unreachable!("the last attempt returns")
    }

    fn attempt(
        &self,
        method: &str,
        path: &str,
        body: &[u8],
    ) -> Result<Response<Body>, ureq::Error> {
        let url = format!("{}{path}", self.url);
        let name = "skyful-signature";
        // Whoever answers under a mistyped address gets none.
        let pass = match path {
            STATUS => String::new(),
            _ => sign::pass(self.key, &self.workspace, &self.env, method, path),
        };
        match method {
            "PUT" => self
                .agent
                .put(url)
                .header(name, pass)
                .content_type("application/octet-stream")
                .send(body),
            "HEAD" => self.agent.head(url).header(name, pass).call(),
            _ => self.agent.get(url).header(name, pass).call(),
        }
    }

    fn get(&self, path: &str) -> Result<Option<Vec<u8>>, Failure> {
        let mut answer = self.send("GET", path, &[])?;
        match answer.status() {
            StatusCode::OK => {
                let mut bytes = Vec::new();
                let limit = limits::MANIFEST_BYTES as u64 + 1;
                let mut body = answer.body_mut().as_reader().take(limit);
                body.read_to_end(&mut bytes)
                    .map_err(|error| Failure::usage(format!("GET {}{path}: {error}", self.url)))?;
                Ok(Some(bytes))
            }
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(told(format!("GET {}{path} was refused", self.url), answer)),
        }
    }

    fn put(&self, path: &str, body: &[u8]) -> Result<Response<Body>, Failure> {
        let answer = self.send("PUT", path, body)?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        Err(told(format!("PUT {}{path} was refused", self.url), answer))
    }

    fn has(&self, digest: &Digest) -> Result<bool, Failure> {
        let path = object(digest);
        let answer = self.send("HEAD", &path, &[])?;
        match answer.status() {
            StatusCode::OK => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            // An answer to HEAD has no body that could say why; GET is signed alike.
            _ => Err(match self.get("/v1/manifest") {
                Err(failure) => failure,
                Ok(_) => told(format!("HEAD {}{path} was refused", self.url), answer),
            }),
        }
    }

    /// Whether it could be read back at once.
    fn put_object(&self, digest: &Digest, bytes: &[u8]) -> Result<bool, Failure> {
        let mut answer = self.put(&object(digest), bytes)?;
        let stored = answer.body_mut().read_json::<Stored>();
        Ok(stored.is_ok_and(|stored| stored.visible))
    }
}

impl Target for Edge<'_> {
    fn manifest(&self) -> Result<Option<Vec<u8>>, Failure> {
        self.get("/v1/manifest")
    }

    fn settled(&self) -> Result<Option<Vec<u8>>, Failure> {
        self.get("/v1/settled")
    }

    fn put_objects(&self, snapshot: &Snapshot, progress: Progress<'_>) -> Result<(), Failure> {
        let total = snapshot.objects.len();
        let mut lagging = Vec::new();
        for (at, (digest, bytes)) in (1..).zip(&snapshot.objects) {
            if !self.has(digest)? && !self.put_object(digest, bytes)? {
                lagging.push(digest);
            }
            progress(at - lagging.len(), total);
        }
        let since = Instant::now();
        while let Some(digest) = lagging.last() {
            if self.has(digest)? {
                lagging.pop();
                progress(total - lagging.len(), total);
            } else if since.elapsed() > LAG {
                return Err(not_kept(digest, &self.url)
                    .hint("the store of this edge lags very far; publish again"));
            } else {
                std::thread::sleep(LOOK);
            }
        }
        Ok(())
    }

    fn put_manifest(&self, value: &[u8]) -> Result<(), Failure> {
        self.put("/v1/manifest", value).map(drop)
    }

    fn put_settled(&self, envelope: &[u8]) -> Result<(), Failure> {
        self.put("/v1/settled", envelope).map(drop)
    }

    fn settle_ms(&self) -> i64 {
        self.settle_ms.get()
    }

    fn lag(&self) -> Duration {
        if self.settle_ms() == 0 {
            Duration::ZERO
        } else {
            LAG
        }
    }

    fn place(&self) -> String {
        format!("{}/v1/manifest", self.url)
    }
}

fn object(digest: &Digest) -> String {
    format!("/v1/snapshots/{digest}")
}

/// Worth another attempt: nothing was decided.
fn busy(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 500 | 502 | 503 | 504)
}

/// What may be otherwise in a moment. A wrong address is not.
fn passing(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::Timeout(_) => true,
        ureq::Error::Io(error) => error.kind() != std::io::ErrorKind::ConnectionRefused,
        _ => false,
    }
}

/// A refusal in the edge's own words.
fn told(message: String, mut answer: Response<Body>) -> Failure {
    let status = answer.status();
    let problem = answer.body_mut().read_json::<Problem>().ok();
    let Some(problem) = problem else {
        return Failure::fault(format!("{message} (status {status})"));
    };
    let words = [problem.title, problem.detail];
    let words: Vec<String> = words.into_iter().flatten().collect();
    let failure = Failure::fault(format!("{message}: {}", words.join(": ")));
    match problem.hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
