//! A Worker's variables. What they mean is read by the core; here stand their names and what this platform
//! takes where nothing is said.

use std::fmt;

use skyful_edge::settings::{self, Defaults, Setting};
use skyful_edge::{Edge, Response};
use worker::Env;

use crate::caps;

const DEFAULTS: Defaults = Defaults {
    // KV itself answers from a copy for up to 30 s; this is about the isolate's.
    recheck_ms: 5_000,
    // Looks follow answers; nobody waits for one while what is held is younger.
    wait_ms: Some(60_000),
    // KV shows a write everywhere after a minute or so; ten times that is safe.
    settle_ms: 600_000,
    // Of an isolate's 128 MB: verified objects, beside the program, bodies and what JavaScript holds.
    cache_bytes: 32 << 20,
    cap_stores: &[],
};

/// A variable or binding by its name, and what is wrong with it.
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
    let value = |setting| Some(env.var(name(setting)).ok()?.to_string());
    let defaults = Defaults {
        cap_stores: caps::modes(env),
        ..DEFAULTS
    };
    settings::edge(value, defaults).map_err(|wrong| Misconfigured {
        name: name(wrong.setting),
        why: wrong.why,
    })
}

fn name(setting: Setting) -> &'static str {
    match setting {
        Setting::Workspace => "SKYFUL_WORKSPACE",
        Setting::Env => "SKYFUL_ENV",
        Setting::Trust => "SKYFUL_TRUST",
        Setting::Preview => "SKYFUL_PREVIEW",
        Setting::Cors => "SKYFUL_CORS",
        Setting::RecheckMs => "SKYFUL_RECHECK_MS",
        Setting::SettleMs => "SKYFUL_SETTLE_MS",
        Setting::Secret => "SKYFUL_SECRET",
        Setting::Caps => "SKYFUL_CAPS",
        Setting::ContextKeys => "SKYFUL_CONTEXT_KEYS",
    }
}
