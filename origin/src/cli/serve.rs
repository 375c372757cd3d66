//! `skyful serve`: an edge on this machine, alone or together with a publisher.

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use skyful::compile::Compiler;
use skyful::manifest::TrustSet;
use skyful_native::{Options, Reports, Server};

use crate::deliver::terms::Terms;
use crate::document::Document;
use crate::failure::{FAULT, Failure};
use crate::publisher::{self, Destination, Outcome, Publisher};
use crate::{key_file, output};

/// What a publisher and an edge on one machine keep, beside the document.
pub const DATA: &str = ".skyful";
/// Where the edge listens unless told otherwise.
pub const LISTEN: &str = "127.0.0.1:8787";

#[derive(clap::Args)]
pub struct Args {
    /// Document to publish at every save; without it, only what stands in the store is served
    file: Option<PathBuf>,
    /// Store directory [default with FILE: .skyful/store beside it]
    #[arg(long, value_name = "DIR", required_unless_present = "file")]
    store: Option<PathBuf>,
    /// Address to listen on; port 0 takes a free one
    #[arg(long, default_value = LISTEN, value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
    /// Environment
    #[arg(long, default_value = "dev", value_parser = super::name)]
    env: String,
    /// Workspace, if the store holds several
    #[arg(long, value_parser = super::name)]
    workspace: Option<String>,
    /// Signing key [default with FILE: .skyful/key beside it, made if missing]
    #[arg(long, value_name = "KEYFILE")]
    key: Option<PathBuf>,
    /// Whose manifests to serve: public keys, or a file with one
    #[arg(long, value_name = "PUBKEY", conflicts_with = "file")]
    trust: Option<String>,
    /// Let requests say what time it is and what was seen before
    #[arg(long)]
    preview: bool,
    /// Pictures to serve under /art/ [default with FILE: art beside it, if there]
    #[arg(long, value_name = "DIR")]
    assets: Option<PathBuf>,
    /// Origins that browsers may call from; `*` is all of them
    #[arg(long, value_name = "ORIGIN")]
    cors: Vec<String>,
    /// What seals receipts, 64 hex digits, the same on all edges; better set in the environment
    #[arg(
        long,
        env = "SKYFUL_SECRET",
        hide_env_values = true,
        value_name = "HEX"
    )]
    secret: Option<String>,
    /// Who may sign contexts: eddsa:NAME:HEX or hs256:NAME:HEX, several separated by commas
    #[arg(
        long,
        env = "SKYFUL_CONTEXT_KEYS",
        hide_env_values = true,
        value_name = "KEYS"
    )]
    context_keys: Option<String>,
    /// Where to report how releases do, for example http://127.0.0.1:8788; needs the secret
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
    /// Publish once instead of at every save
    #[arg(long, requires = "file")]
    no_watch: bool,
    /// End when stdin closes, so that an edge never outlives who started it
    #[arg(long, hide = true)]
    until_stdin_closes: bool,
}

pub fn run(args: &Args, json: bool) -> Result<(), Failure> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
        .init();
    let store = match (&args.store, &args.file) {
        (Some(store), _) => store.clone(),
        (None, Some(file)) => beside(file, DATA).join("store"),
        (None, None) => return Err(Failure::usage("no store given")),
    };
    let trust = match &args.file {
        Some(file) => publish(args, file, &store)?,
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

async fn serve(args: &Args, store: PathBuf, trust: TrustSet, json: bool) -> Result<(), Failure> {
    let mut stop = std::pin::pin!(stop(args.until_stdin_closes));
    let workspace = tokio::select! {
        workspace = workspace(args, &store) => workspace?,
        () = &mut stop => return Ok(()),
    };
    let mut options = Options::new(store, args.listen, workspace, args.env.clone(), trust);
    options.preview = args.preview;
    options.cors.clone_from(&args.cors);
    options.recheck_ms = 250;
    options.secret = args.secret.clone().unwrap_or_default();
    options.context_keys = args.context_keys.clone().unwrap_or_default();
    options.reports = reports(args)?;
    options.assets = args.assets.clone().or_else(|| {
        let art = beside(args.file.as_deref()?, crate::sample::PICTURES);
        art.is_dir().then_some(art)
    });
    let server = Server::bind(options).await.map_err(|error| match &error {
        skyful_native::Error::Listen(_, cause) if cause.kind() == std::io::ErrorKind::AddrInUse => {
            Failure::usage(format!("{} is taken by another program", args.listen))
                .hint("`--listen 127.0.0.1:0` takes a free port, `--listen ADDRESS:PORT` another")
        }
        _ => Failure::usage(error),
    })?;
    let url = format!("http://{}", server.local_addr());
    if json {
        output::json(&json!({"url": url}))?;
    } else {
        output::text(&format!("{url}\n"))?;
    }
    server.run(stop).await;
    Ok(())
}

fn reports(args: &Args) -> Result<Option<Reports>, Failure> {
    let Some(url) = args.collector.as_ref().filter(|url| !url.is_empty()) else {
        return Ok(None);
    };
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err(Failure::usage("a collector is an http or https address"));
    }
    if args.secret.as_deref().unwrap_or_default().is_empty() {
        return Err(
            Failure::usage("a collector believes no report without a secret")
                .hint("set SKYFUL_SECRET; `openssl rand -hex 32` makes one"),
        );
    }
    Ok(Some(Reports {
        url: url.clone(),
        token: args.collector_token.clone().unwrap_or_default(),
    }))
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
async fn workspace(args: &Args, store: &Path) -> Result<String, Failure> {
    const LOOK: Duration = Duration::from_millis(100);
    if let Some(given) = &args.workspace {
        return Ok(given.clone());
    }
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
async fn stop(with_stdin: bool) {
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
