//! Instances of the component and their lives, by the rules of Spin 4: reused for so many requests, some
//! of them at once, dropped after an idle second.

use std::hash::{DefaultHasher, Hasher};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http_body_util::BodyExt;
use hyper::client::conn::http1;
use tokio::net::TcpStream;
use wasmtime::component::{Component, GuestTaskId, Linker, ResourceTable};
use wasmtime::{Config, Engine, Result, Store, StoreContextMut, StoreLimits, StoreLimitsBuilder};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::handler::{
    HandlerState, Instance, ProxyHandler, ProxyPre, ShouldAccept, WorkerExpiration, WorkerState,
    WorkerStatus,
};
use wasmtime_wasi_http::io::TokioIo;
use wasmtime_wasi_http::p3::bindings::ServicePre;
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

use crate::spin::{self, Given};

/// Requests that one instance answers at once.
const AT_ONCE: usize = 16;
const IDLE: Duration = Duration::from_secs(1);
/// For one request.
const PATIENCE: Duration = Duration::from_secs(30);
/// What the hosted platform gives an instance.
const MEMORY_BYTES: usize = 128 << 20;

/// What one instance sees of its host.
pub struct Host {
    pub table: ResourceTable,
    pub given: Given,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: Calls,
    limits: StoreLimits,
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for Host {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            ctx: &mut self.http,
            table: &mut self.table,
            hooks: &mut self.hooks,
        }
    }
}

/// What `allowed_outbound_hosts` allows in tests: this machine. Without TLS, which would only be more to build.
struct Calls;
type Later<T> = Box<dyn Future<Output = Result<T, Error>> + Send>;

impl WasiHttpHooks for Calls {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Later<()>,
    ) -> Later<(http::Response<WasiBody>, Later<()>)> {
        Box::new(async move {
            let most = options.and_then(|options| options.first_byte_timeout);
            let answer = tokio::time::timeout(most.unwrap_or(PATIENCE), call(request));
            let answer = answer.await.map_err(|_| Error::ConnectionTimeout)??;
            Ok((answer, Box::new(async { Ok(()) }) as Later<()>))
        })
    }
}

async fn call(mut request: http::Request<WasiBody>) -> Result<http::Response<WasiBody>, Error> {
    let authority = request.uri().authority().cloned();
    let authority = authority.filter(|authority| authority.host() == "127.0.0.1");
    let authority = authority.ok_or(Error::HttpRequestDenied)?;
    let stream = TcpStream::connect(authority.as_str())
        .await
        .map_err(Error::Connect)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let path = request.uri().path_and_query().cloned();
    *request.uri_mut() = path.map(http::Uri::from).unwrap_or_default();
    let answer = sender.send_request(request).await?;
    Ok(answer.map(|body| body.map_err(Into::into).boxed_unsync()))
}

/// The compiled component, from which instances are made.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    engine: Engine,
    pre: ServicePre<Host>,
    given: Given,
    reuse: usize,
    started: AtomicU64,
    starting_ns: AtomicU64,
}

impl App {
    pub fn new(component: &Path, given: Given, reuse: usize) -> Result<Self> {
        let mut config = Config::new();
        config.wasm_component_model_async(true);
        let engine = Engine::new(&config)?;
        let component = compiled(&engine, component)?;
        let mut linker = Linker::new(&engine);
        // The standard library still calls the interfaces of preview 2.
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        wasmtime_wasi::p3::add_to_linker(&mut linker)?;
        wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
        spin::add_to_linker(&mut linker)?;
        let pre = ServicePre::new(linker.instantiate_pre(&component)?)?;
        Ok(Self(Arc::new(Inner {
            engine,
            pre,
            given,
            reuse,
            started: AtomicU64::new(0),
            starting_ns: AtomicU64::new(0),
        })))
    }

    /// Answers requests by instances of its own, none of which exists yet.
    pub fn serve(&self) -> ProxyHandler<Self> {
        ProxyHandler::new(self.clone())
    }

    /// How many instances were started so far, and how many microseconds that took them together.
    pub fn started(&self) -> (u64, u64) {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (load(&self.0.started), load(&self.0.starting_ns) / 1_000)
    }

    fn store(&self) -> Store<Host> {
        let host = Host {
            table: ResourceTable::new(),
            given: self.0.given.clone(),
            wasi: WasiCtxBuilder::new().inherit_stderr().build(),
            http: WasiHttpCtx::new(),
            hooks: Calls,
            limits: StoreLimitsBuilder::new().memory_size(MEMORY_BYTES).build(),
        };
        let mut store = Store::new(&self.0.engine, host);
        store.limiter(|host| &mut host.limits);
        store
    }
}

/// Compiling takes seconds, and every test starts a host: the machine code is kept beside the component,
/// under the hash of its bytes.
fn compiled(engine: &Engine, path: &Path) -> Result<Component> {
    let bytes = std::fs::read(path)?;
    let mut hasher = DefaultHasher::new();
    hasher.write(&bytes);
    let kept = path.with_extension(format!("{:016x}.machine", hasher.finish()));
    // SAFETY: only this function writes such a file, whole, into the folder of our own build; one of
    // another wasmtime, or of other settings, is refused.
    if let Ok(component) = unsafe { Component::deserialize_file(engine, &kept) } {
        return Ok(component);
    }
    let component = Component::new(engine, bytes)?;
    let partial = path.with_extension(format!("{}.part", std::process::id()));
    std::fs::write(&partial, component.serialize()?)?;
    std::fs::rename(&partial, &kept)?;
    Ok(component)
}

impl HandlerState for App {
    type StoreData = Host;
    type WorkerExpiration = Expiry;
    type WorkerState = Worker;

    async fn instantiate(&self) -> Result<Instance<Host, Expiry, Worker>> {
        let begun = Instant::now();
        let mut store = self.store();
        let proxy = ProxyPre::P3(self.0.pre.clone());
        let proxy = proxy.instantiate_async(&mut store).await?;
        let nanos = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.0.starting_ns.fetch_add(nanos, Ordering::Relaxed);
        self.0.started.fetch_add(1, Ordering::Relaxed);
        Ok(Instance {
            store,
            proxy,
            view: WasiHttpView::http,
            expiration: Expiry(Box::pin(tokio::time::sleep(IDLE))),
            state: Worker {
                reuse: self.0.reuse,
            },
        })
    }
}

pub struct Expiry(Pin<Box<tokio::time::Sleep>>);

impl WorkerExpiration for Expiry {
    fn poll(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        status: WorkerStatus,
        since: Instant,
    ) -> Poll<()> {
        let span = if status == WorkerStatus::Idle {
            IDLE
        } else {
            PATIENCE
        };
        let end = tokio::time::Instant::from_std(since + span);
        if self.0.deadline() != end {
            self.0.as_mut().reset(end);
        }
        self.0.as_mut().poll(context)
    }
}

pub struct Worker {
    reuse: usize,
}

impl WorkerState for Worker {
    type StoreData = Host;
    type RequestData = ();

    fn should_accept_request(&self, at_once: usize, total: usize) -> ShouldAccept {
        if total >= self.reuse {
            ShouldAccept::Never
        } else if at_once >= AT_ONCE {
            ShouldAccept::No
        } else {
            ShouldAccept::Yes
        }
    }

    fn on_request_start(
        &self,
        _: StoreContextMut<'_, Host>,
        (): (),
        _: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + 'static + Send + Sync>> {
        Box::pin(tokio::time::sleep(PATIENCE))
    }

    fn drop(&self, _: Store<Host>, result: Result<()>) {
        if let Err(error) = result {
            eprintln!("spin-host: an instance ended by {error:?}");
        }
    }
}
