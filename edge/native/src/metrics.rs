//! What Prometheus is told. All labels are of fixed sets: nothing that a visitor sends becomes one.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, text};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use skyful_edge::Edge;

use crate::serve::now_ms;

/// Upper bounds in seconds: a warm answer takes some 20 µs, a store may take a second.
const BUCKETS: [f64; 14] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0,
    5.0,
];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    route: &'static str,
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: &'static str,
}

pub struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    seconds: Family<Route, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
}

impl Metrics {
    pub fn new(edge: Arc<Edge>) -> Self {
        let requests = Family::default();
        let seconds =
            Family::new_with_constructor((|| Histogram::new(BUCKETS)) as fn() -> Histogram);
        let in_flight = Gauge::default();
        let mut registry = Registry::with_prefix("skyful_edge");
        registry.register("requests", "Requests answered", requests.clone());
        registry.register_with_unit(
            "request_duration",
            "From the head of a request to its answer",
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
            "The version of this edge",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
        registry.register_collector(Box::new(Held(edge)));
        Self {
            registry,
            requests,
            seconds,
            in_flight,
        }
    }

    /// Counts a request as in flight until the value is dropped.
    pub fn begin(&self) -> InFlight<'_> {
        self.in_flight.inc();
        InFlight(&self.in_flight)
    }

    /// `route` is one of few words.
    pub fn answered(&self, route: &'static str, status: u16, took: Duration) {
        let status = match status / 100 {
            2 => "2xx",
            3 => "3xx",
            4 => "4xx",
            _ => "5xx",
        };
        self.requests
            .get_or_create(&Answered { route, status })
            .inc();
        self.seconds
            .get_or_create(&Route { route })
            .observe(took.as_secs_f64());
    }
}

pub struct InFlight<'a>(&'a Gauge);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// For a listener of its own.
pub fn router(metrics: Arc<Metrics>) -> Router {
    Router::new()
        .route("/metrics", get(write))
        .with_state(metrics)
}

async fn write(State(metrics): State<Arc<Metrics>>) -> impl IntoResponse {
    let mut body = String::new();
    // Writing into a string can't fail.
    let _ = text::encode(&mut body, &metrics.registry);
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], body)
}

/// What the edge itself counts, read when somebody asks.
struct Held(Arc<Edge>);

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Held")
    }
}

impl Collector for Held {
    fn encode(&self, mut to: DescriptorEncoder<'_>) -> std::fmt::Result {
        let measures = self.0.measures(now_ms());
        let count = |value| ConstCounter::new(value);
        labelled(
            &mut to,
            ("answers", "Pages answered, by their reason"),
            "reason",
            measures.answers,
        )?;
        labelled(
            &mut to,
            ("fallbacks", "Pages answered by another release or track"),
            "to",
            [
                ("release", measures.fallbacks),
                ("track", measures.track_fallbacks),
            ],
        )?;
        labelled(
            &mut to,
            ("events", "Events, and batches of them without a place"),
            "outcome",
            measures.events,
        )?;
        for (name, help, value) in [
            (
                "cap_errors",
                "Capped plans left out because nobody knew their caps",
                measures.cap_errors,
            ),
            ("behind", "Answers marked as older", measures.behind),
            (
                "manifests_refused",
                "Manifests that were not genuine or not whole",
                measures.refused_manifests,
            ),
            (
                "store_errors",
                "Reads that the store didn't answer",
                measures.store_errors,
            ),
        ] {
            one(&mut to, name, help, None, &count(value))?;
        }
        let gauge = |value| ConstGauge::<f64>::new(value);
        let seconds = |ms: i64| ms as f64 / 1_000.0;
        for (name, help, unit, value) in [
            (
                "sequence",
                "Of the manifest that is held",
                None,
                measures.sequence.map(|sequence| sequence as f64),
            ),
            (
                "manifest_age",
                "Since the manifest that is held was issued",
                Some(Unit::Seconds),
                measures.issued_ago_ms.map(seconds),
            ),
            (
                "manifest_checked_age",
                "Since the store last answered with a manifest that counts",
                Some(Unit::Seconds),
                measures.checked_ago_ms.map(seconds),
            ),
            (
                "cache_size",
                "Verified objects in memory",
                Some(Unit::Bytes),
                Some(measures.cache_bytes as f64),
            ),
            (
                "cache_objects",
                "Verified objects in memory",
                None,
                Some(measures.cache_objects as f64),
            ),
        ] {
            if let Some(value) = value {
                one(&mut to, name, help, unit.as_ref(), &gauge(value))?;
            }
        }
        Ok(())
    }
}

fn one(
    to: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    unit: Option<&Unit>,
    metric: &impl EncodeMetric,
) -> std::fmt::Result {
    let metric_encoder = to.encode_descriptor(name, help, unit, metric.metric_type())?;
    metric.encode(metric_encoder)
}

fn labelled<const N: usize>(
    to: &mut DescriptorEncoder<'_>,
    (name, help): (&str, &str),
    label: &'static str,
    counts: [(&'static str, u64); N],
) -> std::fmt::Result {
    let kind = prometheus_client::metrics::MetricType::Counter;
    let mut family = to.encode_descriptor(name, help, None, kind)?;
    for (value, count) in counts {
        let metric = ConstCounter::new(count);
        metric.encode(family.encode_family(&[(label, value)])?)?;
    }
    Ok(())
}
