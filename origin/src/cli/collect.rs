//! `skyful collect`: where edges deliver their events.

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use crate::failure::Failure;
use crate::health::Health;
use crate::ingest::{Ingest, http};
use crate::output;
use crate::store::lock::Lock;
use crate::store::sqlite::Sqlite;

/// How often old ids are forgotten.
const EXPIRE: Duration = Duration::from_secs(3_600);
/// Shorter ones can be guessed.
const TOKEN: usize = 16;

#[derive(clap::Args)]
pub struct Args {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8788", value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
    /// Database file, made if missing
    #[arg(long, default_value = "events.sqlite", value_name = "FILE")]
    db: PathBuf,
    /// What edges have to send to be let in, at least 16 characters; better set in the environment
    #[arg(
        long,
        env = "SKYFUL_COLLECTOR_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN"
    )]
    token: String,
    /// The secret of the edges, to check receipts again; better set in the environment
    #[arg(
        long,
        env = "SKYFUL_SECRET",
        hide_env_values = true,
        value_name = "HEX"
    )]
    secret: Option<String>,
    /// End when stdin closes, so that a collector never outlives who started it
    #[arg(long, hide = true)]
    until_stdin_closes: bool,
}

pub fn run(args: &Args, json: bool) -> Result<(), Failure> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
        .init();
    if args.token.len() < TOKEN {
        let failure = Failure::usage(format!("a token has at least {TOKEN} characters"));
        return Err(failure.hint("`openssl rand -hex 32` makes a good one"));
    }
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Failure::usage(format!("cannot start: {error}")))?;
    let done = runtime.block_on(collect(args, json));
    // A wait for stdin has no end of its own.
    runtime.shutdown_background();
    done
}

async fn collect(args: &Args, json: bool) -> Result<(), Failure> {
    let _lock = Lock::take(&args.db)?;
    let store = Sqlite::open(&args.db)
        .await
        .map_err(|error| Failure::usage(format!("cannot open {}: {error}", args.db.display())))?;
    let secret = args.secret.clone().filter(|secret| !secret.is_empty());
    let health = Health::new(secret.clone());
    let ingest = Ingest::new(store, secret).map_err(Failure::usage)?;
    let listener = tokio::net::TcpListener::bind(args.listen)
        .await
        .map_err(|error| Failure::usage(format!("cannot listen on {}: {error}", args.listen)))?;
    let address = listener.local_addr().map_err(Failure::usage)?;
    let url = format!("http://{address}");
    if json {
        output::json(&json!({"url": url}))?;
    } else {
        output::text(&format!("{url}\n"))?;
    }
    let expiring = tokio::spawn(expire(ingest.clone()));
    let served = axum::serve(
        listener,
        http::router(ingest.clone(), health, args.token.clone()),
    )
    .with_graceful_shutdown(super::edge::stop(args.until_stdin_closes))
    .await;
    expiring.abort();
    ingest.store().close().await;
    served.map_err(|error| Failure::usage(format!("cannot serve: {error}")))
}

async fn expire(ingest: Ingest) {
    loop {
        if let Err(error) = ingest.expire(crate::document::now_ms()).await {
            tracing::error!(%error, "old events cannot be forgotten");
        }
        tokio::time::sleep(EXPIRE).await;
    }
}
