//! What Prometheus is told. Labels of requests are of fixed sets: routes as they are declared, never paths as they are sent. How
//! far deliveries and releases are is read from the database whenever somebody asks.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use tokio::sync::Mutex;

use crate::app::App;
use crate::store::StoreError;
use crate::store::sqlite::figures::{self, ReleaseFigures, TargetFigures};

/// Upper bounds in seconds: a change waits for the disk, an import is checked as a whole.
const BUCKETS: [f64; 11] = [
    0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0,
];
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    method: &'static str,
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Target {
    workspace: String,
    env: String,
    target: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Release {
    workspace: String,
    env: String,
    state: String,
}

/// As it was when somebody last asked.
#[derive(Default)]
struct Standing {
    lag: Family<Target, Gauge<f64, AtomicU64>>,
    failures: Family<Target, Gauge>,
    releases: Family<Release, Gauge>,
    changes: Counter,
    transactions: Counter,
}

pub struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    seconds: Family<Asked, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
    /// Held while they are renewed and told.
    standing: Mutex<Standing>,
}

impl Default for Metrics {
    fn default() -> Self {
        let requests = Family::default();
        let seconds =
            Family::new_with_constructor((|| Histogram::new(BUCKETS)) as fn() -> Histogram);
        let in_flight = Gauge::default();
        let standing = Standing::default();
        let mut all = Registry::with_prefix("skyful");
        standing.register(&mut all);
        let registry = all.sub_registry_with_prefix("origin");
        standing.count(registry);
        registry.register("requests", "Requests answered", requests.clone());
        registry.register_with_unit(
            "request_duration",
            "From the head of a request to the head of its answer",
            Unit::Seconds,
            seconds.clone(),
        );
        registry.register(
            "requests_in_flight",
            "Requests that wait for their answer",
            in_flight.clone(),
        );
        registry.register(
            "build",
            "The version of this origin",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
        Self {
            registry: all,
            requests,
            seconds,
            in_flight,
            standing: Mutex::new(standing),
        }
    }
}

impl Standing {
    fn register(&self, registry: &mut Registry) {
        registry.register_with_unit(
            "delivery_lag",
            "How long the newest manifest has been missing at a target",
            Unit::Seconds,
            self.lag.clone(),
        );
        registry.register(
            "delivery_failures",
            "Failures at a target since the last success",
            self.failures.clone(),
        );
        registry.register(
            "releases",
            "Releases of an environment by state",
            self.releases.clone(),
        );
    }

    /// What the process counts itself.
    fn count(&self, registry: &mut Registry) {
        registry.register(
            "changes",
            "Changes that the database has kept",
            self.changes.clone(),
        );
        registry.register(
            "transactions",
            "Transactions in which it kept them, each with one wait for the disk",
            self.transactions.clone(),
        );
    }

    async fn renew(&self, app: &App) -> Result<(), StoreError> {
        let (changes, transactions) = app.store.written();
        self.changes
            .inc_by(changes.saturating_sub(self.changes.get()));
        self.transactions
            .inc_by(transactions.saturating_sub(self.transactions.get()));
        let mut tx = app.store.read().await?;
        let targets = figures::targets(&mut tx).await?;
        let releases = figures::releases(&mut tx).await?;
        drop(tx);
        self.lag.clear();
        self.failures.clear();
        self.releases.clear();
        for row in targets {
            self.target(row, app.now_ms());
        }
        for row in releases {
            let ReleaseFigures {
                workspace,
                env,
                state,
                releases,
            } = row;
            let label = Release {
                workspace,
                env,
                state,
            };
            self.releases.get_or_create(&label).set(releases);
        }
        Ok(())
    }

    fn target(&self, row: TargetFigures, now_ms: i64) {
        let since_ms = row.behind_since_ms.unwrap_or(now_ms);
        let lag_ms = now_ms.saturating_sub(since_ms).max(0);
        let label = Target {
            workspace: row.workspace,
            env: row.env,
            target: row.target,
        };
        self.lag.get_or_create(&label).set(lag_ms as f64 / 1_000.0);
        self.failures.get_or_create(&label).set(row.failures);
    }
}

/// A router whose answers are counted, and told to the log.
pub fn counted(router: Router, metrics: Arc<Metrics>) -> Router {
    router.layer(middleware::from_fn_with_state(metrics, count))
}

async fn count(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("none", MatchedPath::as_str).to_owned();
    let method = method(request.method().as_str());
    let began = Instant::now();
    let in_flight = InFlight::one_more(&metrics.in_flight);
    let response = next.run(request).await;
    drop(in_flight);
    let (status, took) = (response.status().as_u16(), began.elapsed());
    tracing::debug!(
        method,
        route,
        status,
        ms = took.as_secs_f64() * 1_000.0,
        "answered"
    );
    let asked = Asked {
        method,
        route: route.clone(),
    };
    metrics
        .seconds
        .get_or_create(&asked)
        .observe(took.as_secs_f64());
    let answered = Answered {
        method,
        route,
        status,
    };
    metrics.requests.get_or_create(&answered).inc();
    response
}

/// Counts down also where a client leaves before its answer.
struct InFlight(Gauge);

impl InFlight {
    fn one_more(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Clients can invent methods.
fn method(sent: &str) -> &'static str {
    ["GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS"]
        .into_iter()
        .find(|known| *known == sent)
        .unwrap_or("other")
}

pub fn router(metrics: Arc<Metrics>, app: App) -> Router {
    Router::new()
        .route("/metrics", get(tell))
        .with_state((metrics, app))
}

async fn tell(State((metrics, app)): State<(Arc<Metrics>, App)>) -> Response {
    let standing = metrics.standing.lock().await;
    if let Err(error) = standing.renew(&app).await {
        // Everything else is told all the same.
        tracing::error!(%error, "how far deliveries are can't be read");
    }
    let mut body = String::new();
    // Writing into a string can't fail.
    _ = text::encode(&mut body, &metrics.registry);
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], body).into_response()
}
