//! `skyful serve`: the origin. Settings come from flags, else the environment, else one TOML file, else defaults.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::json;

use super::folder::{DATABASE, ERAS, Folder, MASTER, Master, keep_private, keyring};
use crate::app::delivery;
use crate::deliver::reach::Reach;
use crate::failure::Failure;
use crate::server::logs::{self, Format};
use crate::server::{Options, Server};
use crate::{key_file, output};

/// Where it listens unless told otherwise.
pub const LISTEN: &str = "127.0.0.1:8700";

#[derive(clap::Args)]
pub struct Args {
    /// File with settings: the flags below without `--`, `_` for `-`
    #[arg(long, value_name = "FILE", env = "SKYFUL_CONFIG")]
    config: Option<PathBuf>,
    #[command(flatten)]
    folder: Folder,
    #[command(flatten)]
    master: Master,
    #[command(flatten)]
    settings: Settings,
    /// End when stdin closes, so that an origin never outlives who started it
    #[arg(long, hide = true)]
    until_stdin_closes: bool,
}

#[derive(clap::Args, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Of the file; as a flag it is the folder that other commands name as well.
    #[arg(skip)]
    data: Option<PathBuf>,
    /// Address to listen on; port 0 takes a free one [default: 127.0.0.1:8700]
    #[arg(long, value_name = "ADDRESS:PORT", env = "SKYFUL_ORIGIN_LISTEN")]
    listen: Option<SocketAddr>,
    /// Where browsers reach this origin, if that is another address than it listens on
    #[arg(long, value_name = "URL", env = "SKYFUL_PUBLIC_URL")]
    public_url: Option<String>,
    /// Proxies before this origin that say in X-Forwarded-For where a request comes from [default: 0]
    #[arg(long, value_name = "COUNT", env = "SKYFUL_PROXIES")]
    proxies: Option<usize>,
    /// Folders in which workspaces may have edges' stores delivered; repeat it for more [default: none]
    #[arg(
        long,
        value_name = "DIR",
        env = "SKYFUL_DELIVER_BELOW",
        value_delimiter = ','
    )]
    deliver_below: Option<Vec<PathBuf>>,
    /// Networks, addresses and names inside that workspaces may have releases delivered to; repeat it for more [default: this
    /// machine, if only it reaches this origin, otherwise none]
    #[arg(
        long,
        value_name = "NETWORK|NAME",
        env = "SKYFUL_DELIVER_INSIDE",
        value_delimiter = ','
    )]
    deliver_inside: Option<Vec<String>>,
    /// Address for Prometheus to ask for /metrics [default: none]
    #[arg(long, value_name = "ADDRESS:PORT", env = "SKYFUL_ORIGIN_METRICS")]
    metrics: Option<SocketAddr>,
    /// What is logged: error, warn, info or debug [default: info]
    #[arg(long, value_name = "LEVEL", env = "SKYFUL_LOG")]
    log: Option<String>,
    /// How it is logged: text or json [default: text to a terminal, json elsewhere]
    #[arg(long, value_name = "FORMAT", env = "SKYFUL_LOG_FORMAT")]
    log_format: Option<Format>,
    /// The same.
    #[arg(skip)]
    master_key: Option<String>,
    /// The secret of the edges, to check receipts and reports; better set in the environment
    #[arg(
        long,
        value_name = "HEX",
        env = "SKYFUL_SECRET",
        hide_env_values = true
    )]
    secret: Option<String>,
    /// What edges send to be let in with events and reports; without it none are taken
    #[arg(
        long,
        value_name = "TOKEN",
        env = "SKYFUL_COLLECTOR_TOKEN",
        hide_env_values = true
    )]
    collector_token: Option<String>,
}

impl Settings {
    fn or(self, file: Self) -> Self {
        Self {
            data: self.data.or(file.data),
            listen: self.listen.or(file.listen),
            public_url: self.public_url.or(file.public_url),
            proxies: self.proxies.or(file.proxies),
            deliver_below: self.deliver_below.or(file.deliver_below),
            deliver_inside: self.deliver_inside.or(file.deliver_inside),
            metrics: self.metrics.or(file.metrics),
            log: self.log.or(file.log),
            log_format: self.log_format.or(file.log_format),
            master_key: self.master_key.or(file.master_key),
            secret: self.secret.or(file.secret),
            collector_token: self.collector_token.or(file.collector_token),
        }
    }
}

pub fn run(args: &Args, json: bool) -> Result<(), Failure> {
    let file = args.config.as_deref().map(read).transpose()?;
    let mut settings = args.settings.clone();
    settings.data.clone_from(&args.folder.data);
    settings.master_key.clone_from(&args.master.master_key);
    let settings = settings.or(file.unwrap_or_default());
    logs::start(
        settings.log.as_deref().unwrap_or("info"),
        settings.log_format,
    )?;
    let options = options(settings)?;
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Failure::usage(format!("cannot start: {error}")))?;
    let done = runtime.block_on(serve(options, args.until_stdin_closes, json));
    // A wait for stdin has no end of its own.
    runtime.shutdown_background();
    done
}

fn read(path: &Path) -> Result<Settings, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::io("read", path, &error))?;
    toml::from_str(&text).map_err(|error| {
        let failure = Failure::usage(format!("{}: {error}", path.display()));
        failure.hint("`skyful serve --help` names the settings: `log_format` is `--log-format`")
    })
}

fn options(settings: Settings) -> Result<Options, Failure> {
    let folder = Folder {
        data: settings.data,
    };
    let data = folder.path();
    super::edge::keep_out_of_git(data)?;
    keep_private(data)?;
    let master = match &settings.master_key {
        Some(hex) => hex.clone(),
        None => key_file::seal_or_generate(&data.join(MASTER), key_file::SEALS_KEYS)?,
    };
    let listen = match settings.listen {
        Some(listen) => listen,
        None => LISTEN.parse().map_err(Failure::usage)?,
    };
    // Nobody but this machine reaches it, unless something on this machine lets others in.
    let alone =
        listen.ip().is_loopback() && settings.public_url.is_none() && settings.proxies.is_none();
    let reach = reach(settings.deliver_inside.as_deref(), alone)?;
    Ok(Options {
        database: data.join(DATABASE),
        eras: data.join(ERAS),
        listen,
        public_url: settings.public_url,
        metrics: settings.metrics,
        proxies: settings.proxies.unwrap_or(0),
        keyring: keyring(&master)?,
        delivery: delivery::Options {
            directories: folders(settings.deliver_below.unwrap_or_default())?,
            reach,
            ..delivery::Options::default()
        },
        secret: settings.secret.filter(|secret| !secret.is_empty()),
        collector_token: settings.collector_token.filter(|token| !token.is_empty()),
    })
}

fn reach(inside: Option<&[String]>, alone: bool) -> Result<Reach, Failure> {
    match inside {
        None if alone => Ok(Reach::default().with_loopback()),
        None => Ok(Reach::default()),
        Some(allowed) => Reach::and(allowed).map_err(|why| {
            Failure::usage(format!("--deliver-inside: {why}"))
                .hint("for example 10.1.0.0/16, 127.0.0.1 or redis.internal")
        }),
    }
}

/// From the root: settings of targets are compared with them.
fn folders(given: Vec<PathBuf>) -> Result<Vec<PathBuf>, Failure> {
    let absolute = |path: &PathBuf| {
        std::path::absolute(path).map_err(|error| Failure::io("find", path, &error))
    };
    given.iter().map(absolute).collect()
}

async fn serve(options: Options, with_stdin: bool, json: bool) -> Result<(), Failure> {
    let server = Server::bind(options).await?;
    let url = format!("http://{}", server.address);
    if json {
        let metrics = server
            .metrics
            .map(|address| format!("http://{address}/metrics"));
        output::json(&json!({"url": url, "metrics": metrics}))?;
    } else {
        output::text(&format!("{url}\n"))?;
    }
    server.run(super::edge::stop(with_stdin)).await
}
