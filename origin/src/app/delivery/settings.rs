//! What is said of a target, what of it is secret, and which places are taken: whoever administers a workspace decides where
//! the origin connects to, so addresses are checked when they are set.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};
use skyful_native::RedisUrl;
use ureq::http::Uri;

use super::Options;
use crate::app::Error;
use crate::deliver::Target;
use crate::deliver::api::{Patience, escaped};
use crate::deliver::cloudflare_kv::{self, CloudflareKv};
use crate::deliver::dir::Directory;
use crate::deliver::edge::Edge;
use crate::deliver::fastly_kv::{self, FastlyKv};
use crate::deliver::reach::{self, Reach};
use crate::deliver::redis::RedisTarget;
use crate::failure::Failure;

pub const TEXT_BYTES: usize = 2_000;
/// Of what becomes part of a path.
pub const ID_BYTES: usize = 64;

/// Where edges read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Settings {
    /// A folder of the origin's machine, in one of those that its operator allows.
    Directory { path: String },
    /// An edge that writes into its own store what it is sent.
    Edge { url: String },
    Redis {
        /// `redis://` or `rediss://`, without a password.
        url: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<String>,
        /// Kept from before if it is left out. Never shown.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(write_only)]
        password: Option<String>,
    },
    CloudflareKv {
        account: String,
        namespace: String,
        /// Kept from before if it is left out. Never shown.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(write_only)]
        token: Option<String>,
        /// In place of Cloudflare's own address.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        api: Option<String>,
    },
    FastlyKv {
        /// Id of the KV Store.
        store: String,
        /// Kept from before if it is left out. Never shown.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(write_only)]
        token: Option<String>,
        /// In place of Fastly's own address.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        api: Option<String>,
    },
}

impl Settings {
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Directory { .. } => "directory",
            Self::Edge { .. } => "edge",
            Self::Redis { .. } => "redis",
            Self::CloudflareKv { .. } => "cloudflare_kv",
            Self::FastlyKv { .. } => "fastly_kv",
        }
    }

    /// Whether requests to it are signed with the environment's key.
    pub fn signs(&self) -> bool {
        matches!(self, Self::Edge { .. })
    }

    fn secret(&mut self) -> Option<&mut Option<String>> {
        match self {
            Self::Directory { .. } | Self::Edge { .. } => None,
            Self::Redis { password, .. } => Some(password),
            Self::CloudflareKv { token, .. } | Self::FastlyKv { token, .. } => Some(token),
        }
    }

    /// Takes the secret out.
    pub fn part(mut self) -> (Self, Option<String>) {
        let secret = self.secret().and_then(Option::take);
        (self, secret)
    }

    /// Puts it back.
    pub fn with(mut self, secret: Option<String>) -> Self {
        if let Some(slot) = self.secret() {
            *slot = secret;
        }
        self
    }

    pub fn needs_secret(&self) -> bool {
        matches!(self, Self::CloudflareKv { .. } | Self::FastlyKv { .. })
    }

    pub fn check(&self, options: &Options) -> Result<(), Error> {
        let at = |field: &str| format!("/settings/{field}");
        match self {
            Self::Directory { path } => directory(path, options).map_err(|e| e.at(at("path"))),
            Self::Edge { url } => web(url, options).map_err(|e| e.at(at("url"))),
            Self::Redis {
                url,
                user,
                password,
            } => {
                redis(url, options).map_err(|e| e.at(at("url")))?;
                for (field, text) in [("user", user), ("password", password)] {
                    short(text.as_deref().unwrap_or("-")).map_err(|e| e.at(at(field)))?;
                }
                Ok(())
            }
            Self::CloudflareKv {
                account,
                namespace,
                token,
                api,
            } => {
                id(account).map_err(|e| e.at(at("account")))?;
                id(namespace).map_err(|e| e.at(at("namespace")))?;
                hosted(token, api, options)
            }
            Self::FastlyKv { store, token, api } => {
                id(store).map_err(|e| e.at(at("store")))?;
                hosted(token, api, options)
            }
        }
    }

    /// Ready to be written to. The settings have their secret.
    pub async fn open(
        self,
        place: (&str, &str),
        key: Option<SigningKey>,
        reach: &Reach,
    ) -> Result<Arc<dyn Target>, Failure> {
        Ok(match self {
            Self::Directory { path } => {
                Arc::new(Directory::open(Path::new(&path), place.0, place.1))
            }
            Self::Edge { url } => {
                let key = key.ok_or_else(|| {
                    let failure = Failure::usage("this environment has no signing key yet");
                    failure.hint("a first release makes one, or make one under its keys")
                })?;
                Arc::new(Edge::connect(&url, place, key, Patience::WORKER, reach).await?)
            }
            Self::Redis {
                url,
                user,
                password,
            } => {
                let full = with_login(&url, user.as_deref(), password.as_deref());
                let full = RedisUrl::parse(&full).map_err(Failure::usage)?;
                Arc::new(RedisTarget::new(full, url, place, reach)?)
            }
            Self::CloudflareKv {
                account,
                namespace,
                token,
                api,
            } => {
                let api = api.as_deref().unwrap_or(cloudflare_kv::API);
                let token = token.unwrap_or_default();
                let base = (api, &*account, &*namespace);
                Arc::new(CloudflareKv::new(base, token, place, reach))
            }
            Self::FastlyKv { store, token, api } => {
                let api = api.as_deref().unwrap_or(fastly_kv::API);
                Arc::new(FastlyKv::new(
                    (api, &store),
                    token.unwrap_or_default(),
                    place,
                    reach,
                ))
            }
        })
    }
}

/// Below one of the allowed folders, without a way out by `..`.
fn directory(path: &str, options: &Options) -> Result<(), Error> {
    short(path)?;
    let given = PathBuf::from(path);
    let plain = given
        .components()
        .all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    if !given.is_absolute() || !plain {
        let wrong = Error::invalid("the path of a directory begins at the root and has no `..`");
        return Err(wrong);
    }
    if options
        .directories
        .iter()
        .any(|root| given.starts_with(root))
    {
        return Ok(());
    }
    let wrong = Error::invalid("this origin delivers into no such folder");
    Err(wrong.hint(match options.directories.as_slice() {
        [] => "whoever runs the origin allows folders when it is started".to_owned(),
        roots => {
            let roots: Vec<String> = roots
                .iter()
                .map(|root| root.display().to_string())
                .collect();
            format!("choose one below {}", roots.join(" or "))
        }
    }))
}

/// `https://`, or `http://` to this very machine: nothing on the way reads along or answers in another's name.
fn web(url: &str, options: &Options) -> Result<(), Error> {
    short(url)?;
    let https = "an address is https://HOST[:PORT][/PATH]; http:// only to this machine";
    let wrong = || Error::invalid("not an address that is delivered to").hint(https);
    let uri: Uri = url.parse().map_err(|_| wrong())?;
    let host = uri.host().unwrap_or_default();
    let named = uri
        .authority()
        .is_some_and(|all| !all.as_str().contains('@'));
    if !named || host.is_empty() || uri.query().is_some() || url.contains('#') {
        return Err(wrong());
    }
    match uri.scheme_str() {
        Some("https") => {}
        Some("http") if loopback(host) => {}
        _ => return Err(wrong()),
    }
    within(host, options)
}

/// What a name leads to is looked at when it is connected to.
fn within(host: &str, options: &Options) -> Result<(), Error> {
    if options.reach.allows_written(host) {
        return Ok(());
    }
    let wrong = Error::invalid(format!(
        "{host} is inside, where this origin delivers nothing"
    ));
    Err(wrong.hint(reach::HINT))
}

/// This very machine.
pub fn loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<std::net::IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => host == "localhost",
    }
}

/// A socket would be a file of the origin's machine.
fn redis(url: &str, options: &Options) -> Result<(), Error> {
    short(url)?;
    let wrong = |why: &str| {
        Error::invalid(why).hint("redis://HOST[:PORT][/DB], or rediss:// with TLS; user and password stand by themselves")
    };
    let rest = ["redis://", "rediss://"]
        .iter()
        .find_map(|scheme| url.strip_prefix(scheme));
    match rest {
        None => return Err(wrong("not an address of Redis")),
        Some(rest) if rest.contains('@') => return Err(wrong("an address has no password in it")),
        Some(_) => {}
    }
    let parsed = RedisUrl::parse(url).map_err(wrong)?;
    within(parsed.host().unwrap_or_default(), options)
}

fn with_login(url: &str, user: Option<&str>, password: Option<&str>) -> String {
    match (url.split_once("://"), password) {
        (Some((scheme, rest)), Some(password)) => {
            let user = escaped(user.unwrap_or_default());
            format!("{scheme}://{user}:{}@{rest}", escaped(password))
        }
        _ => url.to_owned(),
    }
}

fn hosted(token: &Option<String>, api: &Option<String>, options: &Options) -> Result<(), Error> {
    if let Some(token) = token {
        // It becomes a header.
        let fits = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        if !fits || token.len() > TEXT_BYTES {
            return Err(Error::invalid("not a token").at("/settings/token"));
        }
    }
    match api {
        Some(api) => web(api, options).map_err(|e| e.at("/settings/api")),
        None => Ok(()),
    }
}

/// Part of a path.
fn id(text: &str) -> Result<(), Error> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if (1..=ID_BYTES).contains(&text.len()) && text.bytes().all(fits) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "an id has 1 to {ID_BYTES} letters, digits, - and _"
    )))
}

fn short(text: &str) -> Result<(), Error> {
    if text.is_empty() || text.len() > TEXT_BYTES || text.chars().any(char::is_control) {
        let wrong = Error::invalid(format!(
            "this is 1 to {TEXT_BYTES} bytes, and none of control"
        ));
        return Err(wrong);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
