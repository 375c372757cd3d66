//! `skyful health`: asks an edge whether it can answer, for probes in images without any other program.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use serde_json::json;

use super::edge;
use crate::failure::{FAULT, Failure};
use crate::output;

/// A probe that waits longer would be counted as failed anyway.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(clap::Args)]
pub struct Args {
    /// Base address of the edge [default: this machine, where `skyful edge` listens]
    #[arg(value_name = "URL")]
    url: Option<String>,
    /// Where the edge listens, as it was told
    #[arg(long, default_value = edge::LISTEN, value_name = "ADDRESS:PORT", env = "SKYFUL_LISTEN")]
    #[arg(hide = true)]
    listen: SocketAddr,
}

pub fn run(args: &Args, json: bool) -> Result<(), Failure> {
    let base = match &args.url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => format!("http://{}", reachable(args.listen)),
    };
    let url = format!("{base}/healthz");
    let agent = ureq::Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .http_status_as_error(false)
        .build()
        .new_agent();
    let answer = agent.get(&url).call();
    let status = match &answer {
        Ok(answer) => Ok(answer.status().as_u16()),
        Err(error) => Err(error.to_string()),
    };
    if json {
        output::json(
            &json!({"url": url, "status": status.as_ref().ok(), "error": status.as_ref().err()}),
        )?;
    }
    match status {
        Ok(200) if json => Ok(()),
        Ok(200) => output::text("ok\n"),
        _ if json => Err(Failure::said(FAULT)),
        Ok(status) => Err(Failure::fault(format!("{url} answered {status}"))),
        Err(error) => Err(Failure::fault(format!("{url}: {error}"))),
    }
}

/// An edge that listens on all addresses is asked on its own.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}
