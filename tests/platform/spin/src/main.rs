//! Runs the real Spin component where the `spin` command isn't: instances as Spin makes them, the
//! interfaces of Spin that it imports, and a line protocol by which tests steer it.
//!
//! `spin-host COMPONENT.wasm '{"workspace":"w","env":"dev","trust":"HEX","reuse":128}'` prints
//! `{"url":"http://127.0.0.1:PORT"}` when it listens, and ends when its input does. Whatever the JSON
//! says besides `reuse` and `stores` is a variable. Each line of input is a command, answered by one line: see
//! [`Command`].

mod instance;
mod spin;
mod values;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use wasmtime::Result;
use wasmtime::error::Context;
use wasmtime_wasi_http::handler::ProxyHandler;
use wasmtime_wasi_http::io::TokioIo;

use instance::App;
use spin::Given;
use values::{Fault, Values};

/// Requests per instance, where nothing else is said: the default of Spin 4.
const REUSE: u64 = 128;
/// The store that commands are about.
const SNAPSHOTS: &str = "default";
/// Granted where nothing else is said: as where caps are counted in a store.
const STORES: [&str; 2] = [SNAPSHOTS, "caps"];

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "lowercase")]
enum Command {
    /// Drops all instances; what is stored stays.
    Restart,
    /// Drops the edge's own copies, of which there are none on Spin.
    Forget,
    /// The keys read since last asked.
    Reads,
    Fault {
        kind: Fault,
    },
    Values,
    /// Stores a file's bytes behind the edge's back.
    Put {
        key: String,
        file: PathBuf,
    },
    /// How many instances were started, and how long that took them together.
    Instances,
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(component), Some(given)) = (arguments.next(), arguments.next()) else {
        wasmtime::bail!("usage: spin-host COMPONENT.wasm '{{\"workspace\":…}}'");
    };
    let mut given: BTreeMap<String, Value> =
        serde_json::from_slice(given.as_encoded_bytes()).context("reading the variables")?;
    let reuse = given.remove("reuse");
    let reuse = reuse.and_then(|reuse| reuse.as_u64()).unwrap_or(REUSE);
    let labels = match given.remove("stores") {
        Some(labels) => serde_json::from_value(labels).context("reading the labels of stores")?,
        None => STORES.map(str::to_owned).to_vec(),
    };
    let text = |value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    let variables = given.into_iter().map(|(name, value)| (name, text(value)));
    let values = Values::default();
    let stores = labels.into_iter().map(|label| {
        let of = (label == SNAPSHOTS).then(|| values.clone());
        (label, of.unwrap_or_default())
    });
    let given = Given {
        stores: Arc::new(stores.collect()),
        variables: Arc::new(variables.collect()),
    };
    let app = App::new(&PathBuf::from(component), given, usize::try_from(reuse)?)?;
    let serving = Arc::new(Mutex::new(app.serve()));

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    say(&json!({ "url": url }))?;
    tokio::spawn(accept(listener, Arc::clone(&serving)));

    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let answer = match serde_json::from_str(&line) {
            Ok(Command::Restart) => {
                *serving.lock().unwrap_or_else(PoisonError::into_inner) = app.serve();
                json!({ "url": url })
            }
            Ok(Command::Forget) => json!({}),
            Ok(Command::Reads) => json!({ "reads": values.take_reads() }),
            Ok(Command::Fault { kind }) => {
                values.fail(kind);
                json!({})
            }
            Ok(Command::Values) => json!({ "keys": values.keys() }),
            Ok(Command::Put { key, file }) => match std::fs::read(&file) {
                Ok(value) => {
                    values.set(key, value);
                    json!({})
                }
                Err(error) => json!({ "error": error.to_string() }),
            },
            Ok(Command::Instances) => {
                let (started, micros) = app.started();
                json!({ "started": started, "micros": micros })
            }
            Err(error) => json!({ "error": error.to_string() }),
        };
        say(&answer)?;
    }
    // Open connections and instances have nothing left to do.
    std::process::exit(0)
}

fn say(answer: &Value) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{answer}")?;
    Ok(out.flush()?)
}

type Serving = Arc<Mutex<ProxyHandler<App>>>;

async fn accept(listener: TcpListener, serving: Serving) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => drop(tokio::spawn(connection(stream, peer, serving.clone()))),
            Err(error) => eprintln!("spin-host: cannot accept: {error}"),
        }
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, serving: Serving) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let handler = serving.lock().unwrap_or_else(PoisonError::into_inner);
        let handler = handler.clone();
        async move { Ok::<_, Infallible>(answer(&handler, request, peer).await) }
    });
    // Clients go away all the time; that is nothing to report.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

type Body = UnsyncBoxBody<Bytes, wasmtime_wasi_http::Error>;

async fn answer(
    handler: &ProxyHandler<App>,
    request: Request<Incoming>,
    peer: SocketAddr,
) -> Response<Body> {
    let mut request = request.map(|body| body.map_err(Into::into).boxed_unsync());
    // As Spin does: from the connection, over whatever a client sent.
    if let Ok(address) = HeaderValue::from_str(&peer.to_string()) {
        let name = HeaderName::from_static("spin-client-addr");
        request.headers_mut().insert(name, address);
    }
    match handler.handle((), request).await {
        Ok(response) => response,
        Err(error) => {
            eprintln!("spin-host: no answer: {error:?}");
            let body = Full::new(Bytes::new()).map_err(|never| match never {});
            let mut response = Response::new(body.boxed_unsync());
            *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
            response
        }
    }
}
