//! `skyful edge`: an edge on this machine, alone or together with a publisher.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use skyful::compile::Compiler;
use skyful::manifest::TrustSet;
use skyful_native::{Options, Place, Server};

use crate::deliver::terms::Terms;
use crate::document::Document;
use crate::failure::{FAULT, Failure};
use crate::publisher::{self, Destination, Outcome, Publisher};
use crate::telemetry::Telemetry;
use crate::{key_file, output};

/// What a publisher and an edge on one machine keep, beside the document.
pub const DATA: &str = ".skyful";
/// Among it, what seals receipts and ledgers.
pub const SECRET: &str = "secret";
/// Where the edge listens unless told otherwise.
pub const LISTEN: &str = "127.0.0.1:8787";

#[derive(clap::Args)]
pub struct Args {
    /// Document to publish at every save; without it, only what stands in the store is served
    file: Option<PathBuf>,
    /// Store: a directory, or redis://, rediss://, redis+unix:// [default with FILE: .skyful/store beside it]
    #[arg(long, value_name = "DIR|URL", required_unless_present = "file")]
    #[arg(env = "SKYFUL_STORE", hide_env_values = true)]
    store: Option<String>,
    /// The edge's own copy, for a restart without a store [default: .edge-state in the store's directory]
    #[arg(long, value_name = "DIR", env = "SKYFUL_STATE")]
    state: Option<PathBuf>,
    /// Address to listen on; port 0 takes a free one
    #[arg(long, default_value = LISTEN, value_name = "ADDRESS:PORT", env = "SKYFUL_LISTEN")]
    listen: SocketAddr,
    /// Environment
    #[arg(long, default_value = "dev", value_parser = super::name, env = "SKYFUL_ENV")]
    env: String,
    /// Workspace, if the store holds several or is no directory
    #[arg(long, value_parser = super::name, env = "SKYFUL_WORKSPACE")]
    workspace: Option<String>,
    /// Signing key [default with FILE: .skyful/key beside it, made if missing]
    #[arg(long, value_name = "KEYFILE", env = "SKYFUL_KEY")]
    key: Option<PathBuf>,
    /// Whose manifests to serve: public keys, or a file with one
    #[arg(
        long,
        value_name = "PUBKEY",
        conflicts_with = "file",
        env = "SKYFUL_TRUST"
    )]
    trust: Option<String>,
    /// Let requests say what time it is and what was seen before
    #[arg(long, env = "SKYFUL_PREVIEW")]
    preview: bool,
    /// Pictures to serve under /art/ [default with FILE: art beside it, if there]
    #[arg(long, value_name = "DIR", env = "SKYFUL_ASSETS")]
    assets: Option<PathBuf>,
    /// Origins that browsers may call from; `*` is all of them
    #[arg(
        long,
        value_name = "ORIGIN",
        env = "SKYFUL_CORS",
        value_delimiter = ','
    )]
    cors: Vec<String>,
    /// Who may sign contexts: eddsa:NAME:HEX or hs256:NAME:HEX, several separated by commas
    #[arg(
        long,
        env = "SKYFUL_CONTEXT_KEYS",
        hide_env_values = true,
        value_name = "KEYS"
    )]
    context_keys: Option<String>,
    /// How caps are counted: off, ledger, or in Redis exact [default: ledger, if there is a secret]
    #[arg(long, value_name = "MODE", env = "SKYFUL_CAPS")]
    caps: Option<String>,
    /// Address for Prometheus to ask for /metrics [default: none]
    #[arg(long, value_name = "ADDRESS:PORT", env = "SKYFUL_METRICS")]
    metrics: Option<SocketAddr>,
    /// Seconds in which connections are still taken after SIGTERM, while /healthz says 503
    #[arg(
        long,
        default_value_t = 0,
        value_name = "SECONDS",
        env = "SKYFUL_DRAIN_DELAY"
    )]
    #[arg(value_parser = clap::value_parser!(u64).range(..=3_600))]
    drain_delay: u64,
    #[command(flatten)]
    events: super::events::EventArgs,
    /// Publish once instead of at every save
    #[arg(long, requires = "file")]
    no_watch: bool,
    /// End when stdin closes, so that an edge never outlives who started it
    #[arg(long, hide = true)]
    until_stdin_closes: bool,
}

pub fn run(args: &Args, json: bool) -> Result<(), Failure> {
    let telemetry = Telemetry::start()?;
    let done = run_edge(args, json);
    telemetry.end();
    done
}

fn run_edge(args: &Args, json: bool) -> Result<(), Failure> {
    let store = match (&args.store, &args.file) {
        // The text may hold a password, so it isn't repeated.
        (Some(store), _) => {
            Place::parse(store).map_err(|why| Failure::usage(format!("the store is {why}")))?
        }
        (None, Some(file)) => Place::Directory(beside(file, DATA).join("store")),
        (None, None) => return Err(Failure::usage("no store given")),
    };
    let trust = match &args.file {
        Some(file) => match &store {
            Place::Directory(store) => publish(args, file, store)?,
            Place::Redis(_) => {
                return Err(
                    Failure::usage("a document is published into a directory only").hint(
                        "run the edge without it, and publish with `skyful publish FILE --to URL`",
                    ),
                );
            }
        },
        None => trusted(args)?,
    };
    let trust = TrustSet::parse(&trust).map_err(Failure::usage)?;
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Failure::usage(format!("cannot start: {error}")))?;
    let done = runtime.block_on(serve(args, store, trust, json));
    // A publisher's thread and a wait for stdin have no end of their own.
    runtime.shutdown_background();
    done
}

async fn serve(args: &Args, store: Place, trust: TrustSet, json: bool) -> Result<(), Failure> {
    let mut stop = std::pin::pin!(stop(args.until_stdin_closes));
    let workspace = tokio::select! {
        workspace = workspace(args, &store) => workspace?,
        () = &mut stop => return Ok(()),
    };
    let mut options = Options::new(store, args.listen, workspace, args.env.clone(), trust);
    options.state.clone_from(&args.state);
    options.preview = args.preview;
    options.caps.clone_from(&args.caps);
    options.metrics = args.metrics;
    options.drain = Duration::from_secs(args.drain_delay);
    options.cors.clone_from(&args.cors);
    options.recheck_ms = 250;
    options.secret = match (&args.events.secret, &args.file) {
        (Some(secret), _) => secret.clone(),
        (None, Some(file)) => {
            key_file::seal_or_generate(&data(file)?.join(SECRET), key_file::SEALS_RECEIPTS)?
        }
        (None, None) => String::new(),
    };
    options.context_keys = args.context_keys.clone().unwrap_or_default();
    options.events = args.events.options(&options.secret)?;
    options.reports = args.events.reports(&options.secret)?;
    options.assets = args.assets.clone().or_else(|| {
        let art = beside(args.file.as_deref()?, crate::sample::PICTURES);
        art.is_dir().then_some(art)
    });
    let server = Server::bind(options).await.map_err(|error| match &error {
        skyful_native::Error::Listen(address, cause)
            if cause.kind() == std::io::ErrorKind::AddrInUse =>
        {
            Failure::usage(format!("{address} is taken by another program"))
                .hint("`--listen 127.0.0.1:0` takes a free port, `--listen ADDRESS:PORT` another")
        }
        _ => Failure::usage(error),
    })?;
    let url = format!("http://{}", server.local_addr());
    let metrics = server
        .metrics_addr()
        .map(|address| format!("http://{address}/metrics"));
    if json {
        output::json(&json!({"url": url, "metrics": metrics}))?;
    } else {
        output::text(&format!("{url}\n"))?;
    }
    tokio::select! {
        () = server.run(stop) => {}
        () = asked_twice() => {}
    }
    Ok(())
}

/// Somebody who asks again doesn't want to wait for open requests.
async fn asked_twice() {
    super::asked_to_end().await;
    super::asked_to_end().await;
}

/// Publishes the document, and goes on doing so in a thread of its own. Returns whom to trust.
fn publish(args: &Args, file: &Path, store: &Path) -> Result<String, Failure> {
    super::publish::readable(file)?;
    let key = match &args.key {
        Some(path) => key_file::read(path)?,
        None => key_file::read_or_generate(&data(file)?.join("key"))?,
    };
    let trust = key_file::public_hex(&key);
    let publisher = Publisher {
        document: file.to_owned(),
        to: Destination::Directory(store.to_owned()),
        env: args.env.clone(),
        key,
        terms: Terms::EVERYBODY,
    };
    if args.no_watch {
        let (document, outcome) = publisher.publish(&mut Compiler::default(), &|_, _| ())?;
        publisher::tell(&document, &outcome);
        return match outcome {
            Outcome::Delivered { .. } => Ok(trust),
            Outcome::Refused => Err(Failure::said(FAULT)),
        };
    }
    std::thread::spawn(move || {
        publisher.watch(
            &mut |document, outcome| publisher::tell(document, outcome),
            &|| false,
        );
    });
    Ok(trust)
}

fn trusted(args: &Args) -> Result<String, Failure> {
    match (&args.trust, &args.key) {
        (Some(given), _) => key_file::trust(given),
        (None, Some(path)) => Ok(key_file::public_hex(&key_file::read(path)?)),
        (None, None) => Err(Failure::usage("an edge has to know whom to trust").hint(
            "give `--trust` a public key, for example the file that `skyful keys new` wrote",
        )),
    }
}

/// A file or folder beside a document.
pub fn beside(file: &Path, name: &str) -> PathBuf {
    file.with_file_name(name)
}

/// The folder for keys and store beside a document, kept out of git.
pub fn data(file: &Path) -> Result<PathBuf, Failure> {
    let folder = beside(file, DATA);
    keep_out_of_git(&folder)?;
    Ok(folder)
}

pub fn keep_out_of_git(folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|error| Failure::io("make", folder, &error))?;
    let ignore = folder.join(".gitignore");
    if ignore.exists() {
        return Ok(());
    }
    std::fs::write(&ignore, "*\n").map_err(|error| Failure::io("write", &ignore, &error))
}

/// Which workspace to serve: the one given, or that of the document, or the only one that the store
/// has. Waits for the first one to be published.
async fn workspace(args: &Args, store: &Place) -> Result<String, Failure> {
    const LOOK: Duration = Duration::from_millis(100);
    if let Some(given) = &args.workspace {
        return Ok(given.clone());
    }
    let Place::Directory(store) = store else {
        return Err(Failure::usage("which workspace to serve is not said")
            .hint("give `--workspace`: only a directory can be searched for it"));
    };
    let of_document = |file: &PathBuf| {
        let document = Document::read(file).ok()?;
        document.checked.workspace.map(|workspace| workspace.key)
    };
    let wanted = args.file.as_ref().and_then(of_document);
    let mut told = args.file.is_some() || args.until_stdin_closes;
    loop {
        match published(store, &args.env).as_slice() {
            names if wanted.as_ref().is_some_and(|key| names.contains(key)) => {
                return Ok(wanted.unwrap_or_default());
            }
            [only] if wanted.is_none() => return Ok(only.clone()),
            [] if !told => {
                told = true;
                let store = store.display();
                output::say(&format!(
                    "waiting for something to be published into {store}"
                ));
            }
            several if several.len() > 1 && wanted.is_none() => {
                let failure = Failure::usage("the store holds several workspaces");
                let names = several.join(", ");
                return Err(failure.hint(format!("choose with --workspace: {names}")));
            }
            _ => {}
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Workspaces that have a manifest for an environment.
fn published(store: &Path, env: &str) -> Vec<String> {
    let entries = std::fs::read_dir(store.join("s1")).into_iter().flatten();
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| {
            let keys = skyful::manifest::Keys::new(name, env);
            store.join(keys.manifest()).is_file()
        })
        .collect();
    names.sort_unstable();
    names
}

/// Ctrl-C, a polite request to end, or the end of who started this.
pub async fn stop(with_stdin: bool) {
    let (closed, closing) = tokio::sync::oneshot::channel::<()>();
    if with_stdin {
        std::thread::spawn(move || {
            super::wait_until_stdin_closes();
            _ = closed.send(());
        });
        tokio::select! {
            () = super::asked_to_end() => {}
            _ = closing => {}
        }
    } else {
        super::asked_to_end().await;
    }
}
