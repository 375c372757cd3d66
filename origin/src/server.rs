//! The origin as a process: what is opened, which routes stand where, what runs beside them, and how it ends.

pub mod logs;
mod metrics;

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::app::keys::{Eras, Keyring};
use crate::app::{App, Reached, delivery};
use crate::document::now_ms;
use crate::failpoint::{self, Point};
use crate::failure::Failure;
use crate::health::Health;
use crate::http::problem::{Problem, json_response};
use crate::ingest::{self, Ingest};
use crate::store::StoreError;
use crate::store::lock::Lock;
use crate::store::replace;
use crate::store::sqlite::Sqlite;
use metrics::Metrics;

/// How long requests under way have after the origin was asked to end.
const DRAIN: Duration = Duration::from_secs(10);
/// For the database to take a change that changes nothing.
const READY: Duration = Duration::from_secs(2);
/// How often old events are forgotten, and what lets nobody in any more.
const EXPIRE: Duration = Duration::from_secs(3_600);

pub struct Options {
    pub database: PathBuf,
    /// Where the highest eras stand, whatever becomes of the database.
    pub eras: PathBuf,
    pub listen: SocketAddr,
    pub public_url: Option<String>,
    pub metrics: Option<SocketAddr>,
    /// Before the origin, each of which says where a request comes from.
    pub proxies: usize,
    /// Seals what is secret in the database.
    pub keyring: Keyring,
    pub delivery: delivery::Options,
    /// Of edges, to check receipts and reports.
    pub secret: Option<String>,
    /// What edges send to be let in. None: nothing is collected.
    pub collector_token: Option<String>,
}

/// An origin that has its ports and its database, and answers once it runs.
pub struct Server {
    /// Until the process ends, or this is dropped.
    _lock: Lock,
    pub address: SocketAddr,
    pub metrics: Option<SocketAddr>,
    listener: TcpListener,
    metrics_listener: Option<TcpListener>,
    app: App,
    ingest: Ingest,
    health: Health,
    options: Options,
}

impl Server {
    pub async fn bind(options: Options) -> Result<Self, Failure> {
        let lock = Lock::take(&options.database)?;
        if let Some(kept) = replace::finish(&options.database)? {
            tracing::warn!(kept = %kept.display(), "a restore that was cut off is finished");
        }
        let store = Sqlite::open(&options.database).await.map_err(|error| {
            let failure = format!("cannot open {}: {error}", options.database.display());
            Failure::usage(failure).hint("another version of Skyful may have made it")
        })?;
        failpoint::reach(Point::DatabaseMade);
        let listener = bind(options.listen).await?;
        let metrics_listener = match options.metrics {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        let metrics = metrics_listener.as_ref().map(TcpListener::local_addr);
        let health = Health::new(options.secret.clone());
        let app = App::new(store.clone(), now_ms)
            .with_health(health.clone())
            .with_delivery(options.delivery.clone())
            .with_keyring(options.keyring.clone())
            .with_eras(Eras::at(options.eras.clone()))
            .reached_by(Reached {
                public_url: options.public_url.clone(),
                proxies: options.proxies,
            });
        keep_eras(&app).await?;
        reseal(&app).await?;
        app.end_leases().await.map_err(Failure::fault)?;
        say_setup_code(&app).await?;
        Ok(Self {
            _lock: lock,
            address: listener.local_addr().map_err(Failure::usage)?,
            metrics: metrics.transpose().map_err(Failure::usage)?,
            listener,
            metrics_listener,
            app,
            ingest: Ingest::new(store, options.secret.clone()).map_err(Failure::usage)?,
            health,
            options,
        })
    }

    /// Answers until `stop`; then finishes what is under way and closes the database.
    pub async fn run(
        mut self,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), Failure> {
        let (ending, ended) = watch::channel(false);
        let metrics = Arc::new(Metrics::default());
        let router = self.router(&metrics, ended.clone());
        let beside = self.beside(&metrics, &ended);
        tokio::spawn(async move {
            stop.await;
            _ = ending.send(true);
        });
        tracing::info!(address = %self.address, "the origin answers");
        let router = router.into_make_service_with_connect_info::<SocketAddr>();
        let serving = axum::serve(self.listener, router);
        let serving = serving.with_graceful_shutdown(told(ended.clone()));
        let hurried = async {
            told(ended).await;
            tokio::time::sleep(DRAIN).await;
        };
        let served = tokio::select! {
            served = serving => served,
            () = hurried => Ok(()),
        };
        for task in beside {
            // Work of their own ends at a safe place by itself; the rest may be cut off.
            if tokio::time::timeout(DRAIN, task).await.is_err() {
                tracing::warn!("something did not end in time");
            }
        }
        self.app.store.close().await;
        tracing::info!("the origin has ended");
        served.map_err(|error| Failure::usage(format!("cannot serve: {error}")))
    }

    fn router(&self, metrics: &Arc<Metrics>, ended: watch::Receiver<bool>) -> Router {
        let probes = probes(self.app.clone(), ended);
        let mut router = crate::http::router(self.app.clone()).merge(probes);
        if let Some(token) = &self.options.collector_token {
            let (ingest, health) = (self.ingest.clone(), self.health.clone());
            router = router.merge(ingest::http::routes(ingest, health, token.clone()));
        }
        metrics::counted(router, Arc::clone(metrics))
    }

    /// What runs beside the answers, and ends when told.
    fn beside(
        &mut self,
        metrics: &Arc<Metrics>,
        ended: &watch::Receiver<bool>,
    ) -> Vec<JoinHandle<()>> {
        let (app, stop) = (self.app.clone(), told(ended.clone()));
        let mut tasks = vec![
            tokio::spawn(expire(self.ingest.clone(), app.clone(), ended.clone())),
            tokio::spawn(async move { app.run_releases(stop).await }),
        ];
        tasks.push(tokio::spawn(self.app.clone().deliver(ended.clone())));
        if let Some(listener) = self.metrics_listener.take() {
            let serving = axum::serve(
                listener,
                metrics::router(Arc::clone(metrics), self.app.clone()),
            );
            let serving = serving.with_graceful_shutdown(told(ended.clone()));
            tasks.push(tokio::spawn(async move {
                if let Err(error) = serving.await {
                    tracing::error!(%error, "metrics are not served any more");
                }
            }));
        }
        tasks
    }
}

/// Whether the process lives, and whether more requests are wanted here.
pub fn probes(app: App, ended: watch::Receiver<bool>) -> Router {
    let healthy = get(async || json_response(200, &json!({"status": "ok"})));
    Router::new()
        .route("/healthz", healthy)
        .route("/readyz", get(ready))
        .with_state((app, ended))
}

/// For restores that come; and a database that was put in place by hand is told.
async fn keep_eras(app: &App) -> Result<(), Failure> {
    let lower = app.keep_eras().await.map_err(Failure::fault)?;
    for (workspace, env) in lower {
        tracing::error!(
            workspace,
            env,
            "the database is older than what was signed here: raise the era"
        );
    }
    Ok(())
}

/// A new master secret takes over at the first start with it.
async fn reseal(app: &App) -> Result<(), Failure> {
    let found = app.reseal().await;
    let found = found.map_err(|error| Failure::fault(format!("not sealed anew: {error:?}")))?;
    if found.needs_older() {
        tracing::info!(
            secrets = found.older,
            "sealed anew under the first master secret: the older one may go"
        );
    }
    for what in &found.closed {
        tracing::error!(
            what,
            "sealed with another master secret than this origin was given: see `skyful doctor`"
        );
    }
    Ok(())
}

/// Whoever reads the log of a new origin is its first user.
async fn say_setup_code(app: &App) -> Result<(), Failure> {
    let code = app.setup_code().await;
    let code = code.map_err(|error| Failure::fault(format!("no setup code: {error:?}")))?;
    if let Some(code) = code {
        tracing::warn!(
            code,
            "nobody is known yet: POST /api/v1/setup with this code makes the first user"
        );
    }
    Ok(())
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        let failure = Failure::usage(format!("cannot listen on {address}: {error}"));
        failure.hint("`--listen 127.0.0.1:0` takes a free port")
    })
}

/// Once the origin was asked to end, or whoever could ask is gone.
async fn told(mut ended: watch::Receiver<bool>) {
    _ = ended.wait_for(|ended| *ended).await;
}

/// Whether more requests are wanted here: the database takes changes, and nobody asked the origin to end.
async fn ready(State((app, ended)): State<(App, watch::Receiver<bool>)>) -> Response {
    let says_no = |detail: &str| Problem::new(503, "not-ready", "Not ready", detail).response();
    if *ended.borrow() {
        return says_no("the origin is ending");
    }
    let nothing = app
        .store
        .write(|_| Box::pin(async { Ok::<_, StoreError>(()) }));
    match tokio::time::timeout(READY, nothing).await {
        Ok(Ok(())) => json_response(200, &json!({"status": "ready"})),
        Ok(Err(error)) => {
            tracing::error!(%error, "the database takes no changes");
            says_no("the database takes no changes")
        }
        Err(_) => says_no("the database takes changes too slowly"),
    }
}

async fn expire(ingest: Ingest, app: App, ended: watch::Receiver<bool>) {
    let mut ended = std::pin::pin!(told(ended));
    loop {
        if let Err(error) = ingest.expire(now_ms()).await {
            tracing::error!(%error, "old events cannot be forgotten");
        }
        if let Err(error) = app.forget_ended().await {
            tracing::error!(?error, "what has ended cannot be forgotten");
        }
        tokio::select! {
            () = &mut ended => return,
            () = tokio::time::sleep(EXPIRE) => {}
        }
    }
}
