//! Tells a collector every few seconds how the tracks of the held releases do. What is told, and how often, is the core's.

use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

use skyful_edge::health::{PATH, Report, SEAL};

use crate::App;
use crate::serve::now_ms;

/// Between two looks whether there is something to report.
const LOOK: Duration = Duration::from_secs(1);
/// For a whole answer: a report that takes longer is overtaken by the next one.
const ANSWER: Duration = Duration::from_secs(3);
/// Nothing of use is longer, and a connection is kept only if its answer was read.
const ANSWER_BYTES: u64 = 64 << 10;
/// How often an outage is told of.
const REMIND: Duration = Duration::from_secs(600);

/// Where reports go.
#[derive(Clone)]
pub struct Reports {
    /// Of a collector, without the path.
    pub url: String,
    pub token: String,
}

/// No token is ever printed.
impl std::fmt::Debug for Reports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reports").field("url", &self.url).finish()
    }
}

/// Without end. A report that is lost is no loss: the next one says the same and more.
pub(crate) async fn send(app: Arc<App>, reports: Reports) {
    let agent = ureq::Agent::config_builder()
        .max_redirects(0)
        .timeout_global(Some(ANSWER))
        .build();
    let agent: ureq::Agent = agent.into();
    let mut told: Option<Instant> = None;
    loop {
        tokio::time::sleep(LOOK).await;
        let Some(report) = app.edge.report(now_ms()) else {
            continue;
        };
        let (agent, reports) = (agent.clone(), reports.clone());
        let sent = tokio::task::spawn_blocking(move || post(&agent, &reports, &report)).await;
        let Ok(Err(error)) = sent else {
            told = None;
            continue;
        };
        if told.is_none_or(|told| told.elapsed() >= REMIND) {
            told = Some(Instant::now());
            tracing::warn!(%error, "the collector takes no report of how releases do");
        }
    }
}

fn post(agent: &ureq::Agent, reports: &Reports, report: &Report) -> Result<(), ureq::Error> {
    let url = format!("{}{PATH}", reports.url.trim_end_matches('/'));
    let mut answer = agent
        .post(url)
        .header("authorization", format!("Bearer {}", reports.token))
        .header("content-type", "application/json")
        .header(SEAL, &report.seal)
        .send(&report.body[..])?;
    let mut rest = Vec::new();
    let body = answer.body_mut().as_reader();
    body.take(ANSWER_BYTES).read_to_end(&mut rest)?;
    Ok(())
}
