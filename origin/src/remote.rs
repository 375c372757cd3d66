//! An origin as somebody with a token reaches it: by the API that everybody uses (`/api/v1`). What it refuses is told in its
//! own words; nothing is decided here.

pub mod events;
pub mod wire;

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use skyful::limits;
use tokio::runtime::Runtime;
use ureq::http::Method;

use crate::deliver::api::{Api, Call, Patience, Reply, escaped};
use crate::deliver::reach::Reach;
use crate::failure::{FAULT, Failure, USAGE};
use wire::{Environment, Items, Listed, Member, Workspace};

/// A person waits. What may come twice is asked for again.
const PATIENCE: Patience = Patience {
    attempts: 3,
    deadline: Duration::from_secs(60),
};
/// Lists of ids may take hundreds of megabytes.
const UPLOAD: Patience = Patience {
    attempts: 1,
    deadline: Duration::from_secs(1_800),
};
/// A document is written with more room by an origin than by people.
const ANSWER_BYTES: u64 = 4 * limits::DOCUMENT_BYTES as u64;
/// Problems of a document that are told to people.
const TOLD: usize = 20;

pub struct Origin {
    api: Api,
    uploads: Api,
    bearer: String,
    /// Requests wait one after another.
    runtime: Runtime,
}

/// An environment at an origin.
pub struct Place {
    pub origin: Origin,
    pub workspace: String,
    pub env: Environment,
}

impl Origin {
    pub fn new(url: &str, token: &str) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        Ok(Self {
            api: Api::new(url, PATIENCE, &Reach::everywhere()).reading(ANSWER_BYTES),
            uploads: Api::new(url, UPLOAD, &Reach::everywhere()),
            bearer: format!("Bearer {token}"),
            runtime: runtime.map_err(|error| Failure::usage(format!("cannot start: {error}")))?,
        })
    }

    pub fn address(&self) -> &str {
        &self.api.base
    }

    /// Whatever it answers.
    pub fn ask(&self, call: Call) -> Result<Reply, Failure> {
        self.ask_by(&self.api, call)
    }

    /// Something large goes there.
    pub fn upload(&self, call: Call) -> Result<Reply, Failure> {
        self.accepted(self.ask_by(&self.uploads, call)?)
    }

    fn ask_by(&self, api: &Api, call: Call) -> Result<Reply, Failure> {
        let call = call.header("authorization", &*self.bearer);
        self.runtime.block_on(api.send(call)).map_err(away)
    }

    /// An answer that says yes.
    pub fn send(&self, call: Call) -> Result<Reply, Failure> {
        self.accepted(self.ask(call)?)
    }

    pub fn accepted(&self, reply: Reply) -> Result<Reply, Failure> {
        match reply.succeeded() {
            true => Ok(reply),
            false => Err(refused(&reply.body, reply.status, self.address())),
        }
    }

    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let reply = self.send(Call::new(Method::GET, path))?;
        self.read(&reply)
    }

    pub fn read<T: DeserializeOwned>(&self, reply: &Reply) -> Result<T, Failure> {
        reply.json().ok_or_else(|| strange(self.address()))
    }

    /// What an answer says that is shown to programs as it came.
    pub fn understood<T: DeserializeOwned>(&self, answer: &Value) -> Result<T, Failure> {
        serde_json::from_value(answer.clone()).map_err(|_| strange(self.address()))
    }

    /// All of a list that comes in pieces.
    pub fn all<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, Failure> {
        let mut all = Vec::new();
        let mut from = String::new();
        loop {
            let page: Listed<T> = self.get(&format!("{path}{from}"))?;
            all.extend(page.items);
            match page.next {
                Some(next) => from = format!("?cursor={}", escaped(&next)),
                None => return Ok(all),
            }
        }
    }

    /// The workspace that was named, or the only one that the token sees.
    pub fn workspace(&self, named: Option<&str>) -> Result<String, Failure> {
        let seen: Items<Workspace> = self.get("/api/v1/workspaces")?;
        let seen: Vec<String> = seen.items.into_iter().map(|item| item.key).collect();
        let hint = match seen.as_slice() {
            [] => "this token sees none".to_owned(),
            seen => format!("this token sees {}", seen.join(", ")),
        };
        match named {
            Some(named) if seen.iter().any(|key| key == named) => Ok(named.to_owned()),
            Some(named) => {
                Err(Failure::usage(format!("there is no workspace `{named}`")).hint(hint))
            }
            None => match <[String; 1]>::try_from(seen) {
                Ok([only]) => Ok(only),
                Err(_) => {
                    let failure = Failure::usage("which workspace is not said");
                    Err(failure.hint(format!("--workspace, or SKYFUL_WORKSPACE: {hint}")))
                }
            },
        }
    }
}

impl Place {
    pub fn open(
        origin: Origin,
        workspace: Option<&str>,
        env: Option<&str>,
    ) -> Result<Self, Failure> {
        let workspace = origin.workspace(workspace)?;
        let path = format!("/api/v1/workspaces/{workspace}/environments");
        let known: Items<Environment> = origin.get(&path)?;
        let names: Vec<&str> = known.items.iter().map(|env| env.key.as_str()).collect();
        let has = format!("`{workspace}` has {}", names.join(", "));
        let Some(named) = env else {
            let failure = Failure::usage("which environment is not said");
            return Err(failure.hint(format!("--env, or SKYFUL_ENV: {has}")));
        };
        let unknown = || Failure::usage(format!("there is no environment `{named}`")).hint(&has);
        let env = known.items.iter().find(|known| known.key == named);
        let env = env.cloned().ok_or_else(unknown)?;
        Ok(Self {
            origin,
            workspace,
            env,
        })
    }

    /// Of the environment.
    pub fn path(&self, rest: &str) -> String {
        self.draft(&format!("environments/{}/{rest}", self.env.key))
    }

    /// Of the workspace, whose draft all environments share.
    pub fn draft(&self, rest: &str) -> String {
        format!("/api/v1/workspaces/{}/{rest}", self.workspace)
    }

    /// None: nothing is released there yet.
    pub fn live(&self) -> Result<Option<wire::Live>, Failure> {
        let live = self.live_as_it_came()?;
        live.map(|live| self.origin.understood(&live)).transpose()
    }

    pub fn live_as_it_came(&self) -> Result<Option<Value>, Failure> {
        let reply = self.origin.ask(Call::new(Method::GET, self.path("live")))?;
        // The environment is known to be there.
        if reply.status == 404 {
            return Ok(None);
        }
        self.origin.read(&self.origin.accepted(reply)?).map(Some)
    }

    /// Who is who.
    pub fn members(&self) -> Result<Vec<Member>, Failure> {
        self.origin.all(&self.draft("members"))
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.workspace, self.env.key)
    }
}

/// There was no answer.
fn away(failure: Failure) -> Failure {
    failure
        .hint("is an origin up there (`skyful serve`)? --origin or SKYFUL_ORIGIN says where it is")
}

/// As a body.
pub fn json(call: Call, body: &Value) -> Call {
    call.body("application/json", body.to_string().into_bytes())
}

fn strange(address: &str) -> Failure {
    let failure = Failure::usage(format!("{address} doesn't answer as an origin of Skyful"));
    failure.hint("--origin or SKYFUL_ORIGIN says where it is")
}

/// What the origin said, with the exit code that says whose turn it is.
pub fn refused(body: &[u8], status: u16, address: &str) -> Failure {
    let problem: Option<Value> = serde_json::from_slice(body).ok();
    let Some(problem) = problem.filter(|problem| problem["type"].is_string()) else {
        return strange(address);
    };
    let text = |name: &str| problem[name].as_str().unwrap_or_default();
    let mut message = text("detail").to_owned();
    if !text("place").is_empty() {
        message = format!("{message} (at {})", text("place"));
    }
    for line in list(&problem) {
        message = format!("{message}\n  {line}");
    }
    let mut failure = Failure::fault(message);
    failure.code = match status {
        400 | 409 | 412 | 413 | 422 => FAULT,
        _ => USAGE,
    };
    failure.hint = match status {
        401 => {
            failure.message = format!("{address} lets nobody in with this token");
            Some("it may be over, revoked, or of another origin; docs/people.md says how to make one".into())
        }
        _ => problem["hint"].as_str().map(str::to_owned),
    };
    failure.answer = Some(Box::new(problem));
    failure
}

/// What stands in a draft that can't be, a line for each.
fn list(problem: &Value) -> Vec<String> {
    let found = |name: &str| problem[name].as_array().cloned().unwrap_or_default();
    let wrong = found("problems").into_iter().map(|wrong| {
        let text = |name: &str| wrong[name].as_str().unwrap_or_default().to_owned();
        format!(
            "{}[{}] {}: {}",
            text("severity"),
            text("code"),
            text("path"),
            text("message")
        )
    });
    let broken = found("breaks").into_iter();
    let broken = broken.map(|broken| broken.as_str().unwrap_or_default().to_owned());
    let mut lines: Vec<String> = wrong.chain(broken).collect();
    let more = lines.len().saturating_sub(TOLD);
    lines.truncate(TOLD);
    if more > 0 {
        lines.push(format!("… and {more} more"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: u16, problem: &Value) -> (u8, String, Option<String>) {
        let failure = refused(problem.to_string().as_bytes(), status, "http://o");
        (failure.code, failure.message, failure.hint)
    }

    #[test]
    fn a_refusal_says_what_where_and_whose_turn_it_is() {
        let problem = serde_json::json!({"type": "urn:skyful:problem:invalid", "detail": "`soon` is no instant",
            "place": "/start_at", "hint": "RFC 3339"});
        let expected = "`soon` is no instant (at /start_at)".to_owned();
        assert_eq!(
            told(400, &problem),
            (FAULT, expected, Some("RFC 3339".into()))
        );
        let problem = serde_json::json!({"type": "urn:skyful:problem:denied", "detail": "no"});
        assert_eq!(told(403, &problem), (USAGE, "no".into(), None));
    }

    #[test]
    fn lists_of_a_refusal_are_told_and_end() {
        let wrong = serde_json::json!({"severity": "error", "code": "unknown_page", "path": "/ofrep/0", "message": "no page"});
        let problem = serde_json::json!({"type": "x", "detail": "2 problems", "problems": [wrong]});
        let (_, message, _) = told(422, &problem);
        assert_eq!(
            message,
            "2 problems\n  error[unknown_page] /ofrep/0: no page"
        );
        let breaks = vec!["module hero"; 30];
        let problem = serde_json::json!({"type": "x", "detail": "no", "breaks": breaks});
        let (_, message, _) = told(409, &problem);
        assert_eq!(message.lines().count(), 1 + TOLD + 1);
        assert!(message.ends_with("… and 10 more"), "{message}");
    }

    #[test]
    fn what_is_no_origin_is_said_to_be_none() {
        for body in ["<html>", "{}", ""] {
            let failure = refused(body.as_bytes(), 404, "http://o");
            assert_eq!(failure.code, USAGE);
            assert!(failure.message.contains("doesn't answer as an origin"));
        }
    }
}
