//! What a server says about itself while it runs: warnings on stderr, and traces where a collector is named.

use std::io::IsTerminal as _;

#[cfg(feature = "otel")]
use skyful_native::telemetry::Traces;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::failure::Failure;

pub struct Telemetry {
    #[cfg(feature = "otel")]
    traces: Option<Traces>,
}

impl Telemetry {
    /// Once a process.
    pub fn start() -> Result<Self, Failure> {
        let log = tracing_subscriber::fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal())
            .with_filter(LevelFilter::WARN);
        let subscriber = tracing_subscriber::registry().with(log);
        #[cfg(feature = "otel")]
        {
            let traces = Traces::from_env().map_err(Failure::usage)?;
            let layer = traces.as_ref().map(Traces::layer);
            subscriber.with(layer).init();
            Ok(Self { traces })
        }
        #[cfg(not(feature = "otel"))]
        {
            subscriber.init();
            Ok(Self {})
        }
    }

    /// Sends what hasn't been sent yet.
    pub fn end(self) {
        #[cfg(feature = "otel")]
        if let Some(traces) = self.traces {
            traces.end();
        }
    }
}
