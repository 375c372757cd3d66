//! Traces for an OpenTelemetry collector, by OTLP over HTTP (protobuf). Where they go and how many there are is
//! said by OpenTelemetry's own variables. No metrics and no logs: those have their places.

use std::pin::Pin;
use std::time::Duration;

use axum::http::HeaderMap;
use opentelemetry::KeyValue;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{Bytes, HeaderExtractor, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::registry::LookupSpan;

/// For one batch of spans.
const SEND: Duration = Duration::from_secs(10);
/// For what is left when the process ends.
const FLUSH: Duration = Duration::from_secs(3);
/// A collector answers with a few bytes.
const ANSWER_BYTES: u64 = 64 << 10;
const NAME: &str = "skyful-edge";

/// Where spans go. Batches are sent by a thread of its own.
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// As `OTEL_EXPORTER_OTLP_ENDPOINT` (or `…_TRACES_ENDPOINT`) says; none without one, or if
    /// `OTEL_SDK_DISABLED` is `true`. Sampling, batches and names follow `OTEL_TRACES_SAMPLER`, `OTEL_BSP_…`,
    /// `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES`.
    pub fn from_env() -> Result<Option<Self>, String> {
        let said = |name: &str| std::env::var(name).is_ok_and(|value| !value.trim().is_empty());
        let endpoint =
            said("OTEL_EXPORTER_OTLP_ENDPOINT") || said("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
        let disabled = std::env::var("OTEL_SDK_DISABLED")
            .is_ok_and(|value| value.eq_ignore_ascii_case("true"));
        if !endpoint || disabled {
            return Ok(None);
        }
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(SEND))
            .http_status_as_error(false)
            .build()
            .new_agent();
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Sender(agent))
            .build()
            .map_err(|error| format!("OpenTelemetry: {error}"))?;
        let mut resource = Resource::builder()
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
        if !said("OTEL_SERVICE_NAME") {
            resource = resource.with_service_name(NAME);
        }
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource.build())
            .build();
        Ok(Some(Self(provider)))
    }

    /// For the program's subscriber. Takes requests alone, whatever else is logged.
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer(NAME))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(Targets::new().with_target(crate::span::TARGET, LevelFilter::INFO))
    }

    /// Sends what is left. Blocks, so not on a thread that answers requests.
    pub fn end(self) {
        if let Err(error) = self.0.shutdown_with_timeout(FLUSH) {
            tracing::warn!(%error, "the last traces are lost");
        }
    }
}

/// Makes a span part of the trace that the caller's `traceparent` names, if it names one.
pub(crate) fn follow(span: &Span, headers: &HeaderMap) {
    if headers.contains_key("traceparent") {
        let parent = TraceContextPropagator::new().extract(&HeaderExtractor(headers));
        // Without the layer of this module there is nothing to follow with.
        let _ = span.set_parent(parent);
    }
}

/// The blocking client that the command line has anyway; it runs on the exporter's thread.
#[derive(Debug)]
struct Sender(ureq::Agent);

impl HttpClient for Sender {
    fn send_bytes<'a, 'f>(
        &'a self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'f>>
    where
        'a: 'f,
        Self: 'f,
    {
        Box::pin(async move {
            let (head, mut body) = self.0.run(request.map(Vec::from))?.into_parts();
            let bytes = body.with_config().limit(ANSWER_BYTES).read_to_vec()?;
            Ok(Response::from_parts(head, bytes.into()))
        })
    }
}
