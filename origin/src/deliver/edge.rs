//! An edge as a target: it checks what it is given and writes it into its own store.

use std::time::Duration;

use ed25519_dalek::SigningKey;
use skyful::manifest::sign;
use skyful::snapshot::Digest;
use ureq::http::Method;

use super::api::{Api, Call, Patience, Reply};
use super::reach::Reach;
use super::{Doing, LAG, Object, Rule, Ruling, Slot, Target, Traits};
use crate::failure::Failure;

const STATUS: &str = "/v1/status";

pub struct Edge {
    api: Api,
    workspace: String,
    env: String,
    key: SigningKey,
    settle_ms: i64,
}

/// What of its status a publisher needs.
#[derive(serde::Deserialize)]
struct Status {
    workspace: String,
    env: String,
    settle_ms: i64,
}

#[derive(serde::Deserialize)]
struct Problem {
    title: Option<String>,
    detail: Option<String>,
    hint: Option<String>,
}

#[derive(serde::Deserialize)]
struct Published {
    written: bool,
}

impl Edge {
    /// Asks the edge who it is, so that a wrong address is told before anything is sent.
    pub async fn connect(
        url: &str,
        (workspace, env): (&str, &str),
        key: SigningKey,
        patience: Patience,
        reach: &Reach,
    ) -> Result<Self, Failure> {
        let mut edge = Self {
            api: Api::new(url, patience, reach),
            workspace: workspace.to_owned(),
            env: env.to_owned(),
            key,
            settle_ms: 0,
        };
        let url = edge.api.base.clone();
        // A first contact that fails is most often a wrong address.
        let call = Call::new(Method::GET, STATUS).attempts(2);
        let call = call.hint("is the edge up, and is this its address, with http:// or https://?");
        let reply = edge.api.send(call).await?;
        let status: Option<Status> = (reply.status == 200).then(|| reply.json()).flatten();
        let Some(status) = status else {
            let message = format!("{url} doesn't answer as an edge of Skyful");
            return Err(told(message, &reply));
        };
        if (&*status.workspace, &*status.env) != (workspace, env) {
            let message = format!(
                "{url} serves {}/{}, not {workspace}/{env}",
                status.workspace, status.env
            );
            return Err(
                Failure::usage(message).hint("name another edge, or its environment with --env")
            );
        }
        edge.settle_ms = status.settle_ms;
        Ok(edge)
    }

    async fn send(&self, method: Method, path: &str, body: Vec<u8>) -> Result<Reply, Failure> {
        let pass = sign::pass(&self.key, &self.workspace, &self.env, method.as_str(), path);
        let mut call = Call::new(method.clone(), path).header("skyful-signature", pass);
        if method == Method::PUT {
            call = call.body("application/octet-stream", body);
        }
        self.api.send(call).await
    }

    fn refused(&self, method: &str, path: &str, reply: &Reply) -> Failure {
        told(
            format!("{method} {}{path} was refused", self.api.base),
            reply,
        )
    }
}

impl Target for Edge {
    fn get(&self, slot: Slot) -> Doing<'_, Option<Vec<u8>>> {
        Box::pin(async move {
            let reply = self.send(Method::GET, path(slot), Vec::new()).await?;
            match reply.status {
                200 => Ok(Some(reply.body)),
                404 => Ok(None),
                _ => Err(self.refused("GET", path(slot), &reply)),
            }
        })
    }

    /// The edge applies the rule itself, over what it has seen too.
    fn replace<'a>(&'a self, slot: Slot, value: &'a [u8], rule: Rule<'a>) -> Doing<'a, Ruling> {
        Box::pin(async move {
            let reply = self.send(Method::PUT, path(slot), value.to_vec()).await?;
            if reply.succeeded() {
                let published: Option<Published> = reply.json();
                return Ok(match published {
                    Some(Published { written: false }) => Ruling::Same,
                    _ => Ruling::Write,
                });
            }
            if reply.status == 409 {
                let ruling = rule(self.get(slot).await?.as_deref());
                if matches!(ruling, Ruling::Older(_) | Ruling::Conflict(_)) {
                    return Ok(ruling);
                }
            }
            Err(self.refused("PUT", path(slot), &reply))
        })
    }

    /// The edge has loaded and checked it.
    fn has<'a>(&'a self, digest: &'a Digest) -> Doing<'a, bool> {
        Box::pin(async move {
            let path = object(digest);
            let reply = self.send(Method::HEAD, &path, Vec::new()).await?;
            match reply.status {
                200 => Ok(true),
                404 => Ok(false),
                // An answer to HEAD has no body that could say why; GET is signed alike.
                _ => Err(match self.get(Slot::Manifest).await {
                    Err(failure) => failure,
                    Ok(_) => self.refused("HEAD", &path, &reply),
                }),
            }
        })
    }

    fn put<'a>(&'a self, objects: &'a [Object]) -> Doing<'a, ()> {
        Box::pin(async move {
            for (digest, bytes) in objects {
                let path = object(digest);
                let reply = self.send(Method::PUT, &path, bytes.clone()).await?;
                if !reply.succeeded() {
                    return Err(self.refused("PUT", &path, &reply));
                }
            }
            Ok(())
        })
    }

    fn delete<'a>(&'a self, _: &'a [Digest]) -> Doing<'a, ()> {
        Box::pin(async { Err(Failure::usage("an edge deletes nothing from its store")) })
    }

    fn probe(&self) -> Doing<'_, ()> {
        // Signed like a write, and connecting has shown whose edge it is.
        Box::pin(async { self.get(Slot::Manifest).await.map(drop) })
    }

    fn traits(&self) -> Traits {
        Traits {
            settle_ms: self.settle_ms,
            lag: if self.settle_ms == 0 {
                Duration::ZERO
            } else {
                LAG
            },
            deletes: false,
            ..Traits::AT_ONCE
        }
    }

    fn place(&self) -> String {
        format!("{}/v1/manifest", self.api.base)
    }
}

fn path(slot: Slot) -> &'static str {
    match slot {
        Slot::Manifest => "/v1/manifest",
        Slot::Settled => "/v1/settled",
    }
}

fn object(digest: &Digest) -> String {
    format!("/v1/snapshots/{digest}")
}

/// A refusal in the edge's own words.
fn told(message: String, reply: &Reply) -> Failure {
    let Some(problem) = reply.json::<Problem>() else {
        return Failure::fault(format!("{message} (status {})", reply.status));
    };
    let words = [problem.title, problem.detail];
    let words: Vec<String> = words.into_iter().flatten().collect();
    let mut failure = Failure::fault(format!("{message}: {}", words.join(": ")));
    failure.after = reply.retry_after();
    match problem.hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
