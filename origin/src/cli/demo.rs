//! `skyful demo`: a publisher and an edge, each a process of its own, so that one can be killed and the
//! other seen to go on.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdin, Command};

use super::edge;
use crate::document::Document;
use crate::failure::Failure;
use crate::output::{self, BOLD, CYAN, DIM, PLAIN};
use crate::{key_file, sample};

/// Where the sample goes if no document is given.
const FOLDER: &str = "skyful-demo";
/// How long children get to end by themselves.
const PATIENCE: Duration = Duration::from_secs(3);
const LOOK: Duration = Duration::from_millis(50);

#[derive(clap::Args)]
pub struct Args {
    /// Workspace document [default: a sample, written to ./skyful-demo]
    file: Option<PathBuf>,
    /// Folder for key and store [default: .skyful beside the document]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Address of the edge; port 0 takes a free one
    #[arg(long, default_value = edge::LISTEN, value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
}

pub fn run(args: &Args, json: bool) -> Result<(), Failure> {
    let file = match &args.file {
        Some(file) => file.clone(),
        None => {
            sample::write(Path::new(FOLDER))?;
            Path::new(FOLDER).join(sample::DOCUMENT)
        }
    };
    super::publish::readable(&file)?;
    let data = match &args.data {
        Some(data) => data.clone(),
        None => edge::beside(&file, edge::DATA),
    };
    edge::keep_out_of_git(&data)?;
    let key = key_file::read_or_generate(&data.join("key"))?;
    let secret = key_file::seal_or_generate(&data.join(edge::SECRET), key_file::SEALS_RECEIPTS)?;
    let demo = Demo {
        secret,
        trust: key_file::public_hex(&key),
        file,
        data,
        listen: args.listen,
        json,
    };
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Failure::usage(format!("cannot start: {error}")))?;
    runtime.block_on(demo.run())
}

struct Demo {
    file: PathBuf,
    data: PathBuf,
    /// What seals receipts and ledgers.
    secret: String,
    /// Public half of the publisher's key.
    trust: String,
    listen: SocketAddr,
    json: bool,
}

impl Demo {
    async fn run(&self) -> Result<(), Failure> {
        let stop = super::asked_to_end();
        let mut publisher = self.publisher()?;
        let mut edge = self.edge()?;
        let done = self
            .watch(&mut publisher.process, &mut edge.process, stop)
            .await;
        edge.end().await;
        publisher.end().await;
        done
    }

    /// Until somebody ends the demo, or the edge ends.
    async fn watch(
        &self,
        publisher: &mut Child,
        edge: &mut Child,
        stop: impl Future<Output = ()>,
    ) -> Result<(), Failure> {
        let pid = publisher.id().unwrap_or(0);
        let url = edge.stdout.take().map(BufReader::new);
        let mut greeting = std::pin::pin!(async {
            let mut line = String::new();
            if let Some(mut url) = url {
                _ = url.read_line(&mut line).await;
            }
            if line.is_empty() {
                // The edge could not listen; that it ends is noticed below.
                std::future::pending::<()>().await;
            }
            self.greet(line.trim(), pid).await
        });
        let mut stop = std::pin::pin!(stop);
        let (mut greeted, mut alone) = (false, false);
        loop {
            tokio::select! {
                () = &mut stop => return Ok(()),
                result = &mut greeting, if !greeted => {
                    greeted = true;
                    result?;
                }
                _ = publisher.wait(), if !alone => {
                    alone = true;
                    output::say(&format!(
                        "{BOLD}the publisher ({pid}) is gone.{PLAIN} The edge keeps answering with what was published last."
                    ));
                }
                status = edge.wait() => {
                    // Why it ended, it has said itself.
                    let code = status.ok().and_then(|status| status.code());
                    let code = code.and_then(|code| u8::try_from(code).ok());
                    return Err(Failure::said(code.filter(|code| *code != 0).unwrap_or(1)));
                }
            }
        }
    }

    fn publisher(&self) -> Result<Part, Failure> {
        let mut command = child()?;
        command.arg("publish").arg(&self.file).arg("--watch");
        command.arg("--to").arg(self.data.join("store"));
        command.arg("--key").arg(self.data.join("key"));
        command.stdout(Stdio::null());
        Part::start(command)
    }

    fn edge(&self) -> Result<Part, Failure> {
        let mut command = child()?;
        command.args(["edge", "--preview", "--cors", "*"]);
        command.arg("--store").arg(self.data.join("store"));
        command.args(["--trust", &self.trust]);
        command.args(["--listen", &self.listen.to_string()]);
        // Not among the arguments, which everybody on the machine can read.
        command.env("SKYFUL_SECRET", &self.secret);
        let pictures = edge::beside(&self.file, sample::PICTURES);
        if pictures.is_dir() {
            command.arg("--assets").arg(pictures);
        }
        command.stdout(Stdio::piped());
        Part::start(command)
    }

    /// Says hello once the edge has something to say.
    async fn greet(&self, url: &str, publisher: u32) -> Result<(), Failure> {
        let page = self.page();
        let path = match page.as_str() {
            "home" => "/v1/pages/home?unit=u-1&locale=en&attr.age=67&attr.country=CN".to_owned(),
            page => format!("/v1/pages/{page}?unit=u-1"),
        };
        while matches!(status(url, &path).await, None | Some(503)) {
            tokio::time::sleep(LOOK).await;
        }
        if self.json {
            return output::json(&json!({
                "url": url,
                "document": self.file,
                "publisher_pid": publisher,
            }));
        }
        let file = self.file.display();
        output::text(&format!(
            "\n{BOLD}Skyful is up.{PLAIN}\n\n  \
             edge      {CYAN}{url}{PLAIN}\n  \
             ask it    curl '{url}{path}'\n  \
             edit      {file}   {DIM}the edge shows a save within a second{PLAIN}\n  \
             publisher process {publisher}   {DIM}kill it: the edge keeps answering{PLAIN}\n\n\
             Ctrl-C ends both.\n\n"
        ))
    }

    /// A page worth asking for.
    fn page(&self) -> String {
        let workspace = Document::read(&self.file).ok();
        let workspace = workspace.and_then(|document| document.checked.workspace);
        let pages = workspace
            .map(|workspace| workspace.pages)
            .unwrap_or_default();
        match pages.keys().next() {
            Some(first) if !pages.contains_key("home") => first.clone(),
            _ => "home".to_owned(),
        }
    }
}

/// A child, and the pipe whose closing tells it that this process is gone or wants it to end. Kept
/// apart, since waiting for a child closes a pipe that it still has.
struct Part {
    process: Child,
    lifeline: Option<ChildStdin>,
}

impl Part {
    fn start(mut command: Command) -> Result<Self, Failure> {
        command.arg("--until-stdin-closes");
        let mut process = command
            .spawn()
            .map_err(|error| Failure::usage(format!("cannot start a part of the demo: {error}")))?;
        let lifeline = process.stdin.take();
        Ok(Self { process, lifeline })
    }

    /// Asks the child to end, and sees to it that it does.
    async fn end(mut self) {
        drop(self.lifeline.take());
        let ended = tokio::time::timeout(PATIENCE, self.process.wait()).await;
        if ended.is_err() {
            _ = self.process.kill().await;
        }
    }
}

/// This program once more.
fn child() -> Result<Command, Failure> {
    let program = std::env::current_exe()
        .map_err(|error| Failure::usage(format!("cannot find this program: {error}")))?;
    let mut command = Command::new(program);
    command.stdin(Stdio::piped()).kill_on_drop(true);
    // Ctrl-C reaches the parent alone, which then ends them in order.
    #[cfg(unix)]
    command.process_group(0);
    Ok(command)
}

/// The status of a GET, if there is an answer.
async fn status(url: &str, path: &str) -> Option<u16> {
    let host = url.strip_prefix("http://")?;
    let mut stream = TcpStream::connect(host).await.ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut head = [0; 12];
    stream.read_exact(&mut head).await.ok()?;
    core::str::from_utf8(head.get(9..)?).ok()?.parse().ok()
}
