//! What `skyful edge` is told about events.

use std::path::PathBuf;

use skyful_native::{Collector, EventOptions, Reports};

use crate::failure::Failure;

#[derive(clap::Args)]
pub struct EventArgs {
    /// What seals receipts and ledgers, 64 hex digits, the same on all edges; several separated by commas while one follows
    /// another; better set in the environment [default with FILE: .skyful/secret beside it, made if missing]
    #[arg(
        long,
        env = "SKYFUL_SECRET",
        hide_env_values = true,
        value_name = "HEX"
    )]
    pub secret: Option<String>,
    /// Take events and keep them in this directory until the collector has them
    #[arg(long, env = "SKYFUL_EVENTS", value_name = "DIR")]
    events: Option<PathBuf>,
    /// Where events are counted and reports of how releases do are taken, for example http://127.0.0.1:8788
    #[arg(long, env = "SKYFUL_COLLECTOR", value_name = "URL")]
    collector: Option<String>,
    /// What the collector wants to be told; better set in the environment
    #[arg(
        long,
        env = "SKYFUL_COLLECTOR_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN"
    )]
    collector_token: Option<String>,
}

impl EventArgs {
    pub fn options(&self, secret: &str) -> Result<Option<EventOptions>, Failure> {
        let Some(folder) = &self.events else {
            return Ok(None);
        };
        if secret.is_empty() {
            return Err(Failure::usage("events need the secret that seals receipts")
                .hint("set SKYFUL_SECRET; `openssl rand -hex 32` makes one"));
        }
        let mut options = EventOptions::new(folder);
        options.collector = self.collector()?;
        Ok(Some(options))
    }

    /// Where to report how releases do; nobody believes a report without a seal.
    pub fn reports(&self, secret: &str) -> Result<Option<Reports>, Failure> {
        let Some(Collector { url, token }) = self.collector()? else {
            return Ok(None);
        };
        if secret.is_empty() {
            return Err(
                Failure::usage("a collector believes no report without a secret")
                    .hint("set SKYFUL_SECRET; `openssl rand -hex 32` makes one"),
            );
        }
        Ok(Some(Reports { url, token }))
    }

    fn collector(&self) -> Result<Option<Collector>, Failure> {
        let Some(url) = self.collector.as_ref().filter(|url| !url.is_empty()) else {
            return Ok(None);
        };
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(Failure::usage("a collector is an http or https address"));
        }
        Ok(Some(Collector {
            url: url.clone(),
            token: self.collector_token.clone().unwrap_or_default(),
        }))
    }
}
