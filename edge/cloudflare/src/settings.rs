//! From a deployment's variables to an edge, or to the name of the variable that is wrong. Its value is never
//! told: a secret may have been put into the wrong place.

use std::fmt;

use skyful::manifest::TrustSet;
use skyful_edge::{Config, ConfigError, Edge, Response};
use worker::Env;

/// KV itself answers from a copy for up to 30 s; this is about the isolate's.
const RECHECK_MS: i64 = 5_000;
/// Nobody waits for a look while what is held is younger.
const WAIT_MS: i64 = 60_000;
/// KV shows a write everywhere after a minute or so; ten times that is safe.
const SETTLE_MS: i64 = 600_000;
/// Of an isolate's 128 MB: verified objects, beside the program, bodies and what JavaScript holds.
const CACHE_BYTES: usize = 32 << 20;

#[derive(Clone, Copy, Debug)]
pub struct Misconfigured {
    pub name: &'static str,
    pub why: &'static str,
}

impl fmt::Display for Misconfigured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.why)
    }
}

impl Misconfigured {
    pub fn problem(&self) -> Response {
        Response::misconfigured(self.name, self.why)
    }
}

pub fn edge(env: &Env) -> Result<Edge, Misconfigured> {
    Edge::new(config(env)?).map_err(|error| match error {
        ConfigError::Workspace => Misconfigured {
            name: "SKYFUL_WORKSPACE",
            why: "a workspace is 1 to 40 of a-z, 0-9 and -",
        },
        ConfigError::Env => Misconfigured {
            name: "SKYFUL_ENV",
            why: "an environment is 1 to 40 of a-z, 0-9 and -",
        },
        ConfigError::NoKey => NO_KEY,
    })
}

const NO_KEY: Misconfigured = Misconfigured {
    name: "SKYFUL_TRUST",
    why: "names no public key to trust; set it by `wrangler secret put SKYFUL_TRUST`",
};

fn config(env: &Env) -> Result<Config, Misconfigured> {
    let trust = text(env, "SKYFUL_TRUST").ok_or(NO_KEY)?;
    let trust = TrustSet::parse(&trust).map_err(|_| Misconfigured {
        name: "SKYFUL_TRUST",
        why: "a public key is 64 hex digits of an Ed25519 point, optionally followed by :highest-era",
    })?;
    let workspace = text(env, "SKYFUL_WORKSPACE").unwrap_or_default();
    let name = text(env, "SKYFUL_ENV").unwrap_or_default();
    let mut config = Config::new(workspace, name, trust);
    config.preview = match text(env, "SKYFUL_PREVIEW").as_deref() {
        None | Some("" | "false") => false,
        Some("true") => true,
        Some(_) => {
            return Err(Misconfigured {
                name: "SKYFUL_PREVIEW",
                why: "is true or false",
            });
        }
    };
    let cors = text(env, "SKYFUL_CORS").unwrap_or_default();
    config.cors = cors
        .split(',')
        .map(str::trim)
        .filter(|origin| !origin.is_empty())
        .map(str::to_owned)
        .collect();
    let recheck = text(env, "SKYFUL_RECHECK_MS").filter(|text| !text.is_empty());
    config.recheck_ms = match recheck.map(|text| text.parse::<u32>()) {
        None => RECHECK_MS,
        Some(Ok(recheck)) => recheck.into(),
        Some(Err(_)) => {
            return Err(Misconfigured {
                name: "SKYFUL_RECHECK_MS",
                why: "is a number of milliseconds",
            });
        }
    };
    // Zero asks for the newest at every answer, which no look behind an answer can give.
    config.wait_ms = match config.recheck_ms {
        0 => 0,
        recheck => WAIT_MS.max(recheck),
    };
    config.settle_ms = SETTLE_MS;
    config.cache_bytes = CACHE_BYTES;
    Ok(config)
}

fn text(env: &Env, name: &str) -> Option<String> {
    Some(env.var(name).ok()?.to_string())
}
