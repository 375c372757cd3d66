//! Events: which are accepted, and that nobody is told so before they are durable. What becomes of them then is the
//! sink's, and counting them is the origin's.

use std::borrow::Cow;
use std::collections::HashSet;

use serde::Serialize;
use skyful::event::{Batch, Event, Line, Unreadable, Why};
use skyful::limits;
use skyful::receipt::Receipt;
use skyful::snapshot::records::Module;

use super::{Call, bad_request, page};
use crate::http::Problem;
use crate::load::Known;
use crate::ports::EventSink;
use crate::{Edge, Ports, Response, StoreError};

/// A batch, sorted.
#[derive(Default)]
struct Sorted<'a> {
    accepted: Vec<Event<'a>>,
    rejected: Vec<Rejected<'a>>,
    /// The accepted ones as the sink takes them.
    lines: Vec<u8>,
}

#[derive(Serialize)]
struct Rejected<'a> {
    /// Null if it cannot be read.
    id: Option<Cow<'a, str>>,
    why: &'static str,
}

#[derive(Serialize)]
struct Taken<'a> {
    accepted: usize,
    rejected: Vec<Rejected<'a>>,
}

impl Edge {
    /// `POST /v1/events`. An event that is refused takes no other along, and a batch without a good one is answered like
    /// any other: a client that sent it has nothing better to send.
    pub(super) async fn take_events<P: Ports>(
        &self,
        call: &Call<'_, P>,
    ) -> Result<Response, Problem> {
        let body = call.request.body;
        if body.len() > limits::REQUEST_BYTES {
            return Err(page::too_large());
        }
        if self.config.secrets.sealer().is_none() {
            return Err(no_secret());
        }
        let batch = Batch::read(body).map_err(unreadable)?;
        let Sorted {
            accepted,
            rejected,
            lines,
        } = self.sort(&batch, call.moment.now_ms);
        self.state().counters.events_rejected += rejected.len() as u64;
        let mut headers = Vec::new();
        if !accepted.is_empty() {
            let sent = call.ports.events().send(&lines).await;
            sent.map_err(|error| self.not_kept(call.moment.now_ms, error))?;
            let counted = self.confirm(call, &accepted).await;
            headers = counted.map_err(|_| not_counted())?;
            self.state().counters.events_accepted += accepted.len() as u64;
        }
        let taken = Taken {
            accepted: accepted.len(),
            rejected,
        };
        let body = serde_json::to_vec(&taken).unwrap_or_default();
        let mut response = Response::json(202, body).with("cache-control", "no-store");
        response.headers.extend(headers);
        Ok(response)
    }

    fn sort<'a>(&'a self, batch: &Batch<'a>, now_ms: i64) -> Sorted<'a> {
        let mut sorted = Sorted::default();
        let mut ids = HashSet::with_capacity(batch.events.len());
        for raw in &batch.events {
            let checked = Event::read(raw.get(), now_ms)
                .and_then(|event| self.vouched(&event).map(|()| event));
            let event = match checked {
                Ok(checked) => checked,
                Err(why) => {
                    sorted.rejected.push(Rejected {
                        id: Event::id_of(raw.get()),
                        why: why.name(),
                    });
                    continue;
                }
            };
            // Sent twice in one batch: the first one counts, and the second is no fault.
            if !ids.insert(event.id.clone()) {
                continue;
            }
            let line = Line {
                workspace: Cow::Borrowed(&self.config.workspace),
                env: Cow::Borrowed(&self.config.env),
                received_ms: now_ms,
                sent_ms: batch.sent_ms,
                event,
            };
            line.write(&mut sorted.lines);
            sorted.accepted.push(line.event);
        }
        sorted
    }

    /// Whether its receipt is genuine, of this page, and of a release on which the module stands.
    fn vouched(&self, event: &Event<'_>) -> Result<(), Why> {
        let receipt =
            Receipt::open(&event.receipt, &self.config.secrets).ok_or(Why::ForgedReceipt)?;
        if !receipt.is_of(&event.page) {
            return Err(Why::ReceiptOfAnotherPage);
        }
        match self.known(receipt.snapshot, &event.page) {
            // Nobody gets a receipt for a page that isn't there, but by the short hash in it.
            Known::NoPage => return Err(Why::UnknownPage),
            Known::Page(chunk) => {
                let known = |name: &str| {
                    let modules = chunk.table::<Module>();
                    modules.iter().any(|module| chunk.text(module.key) == name)
                };
                if event.module.as_deref().is_some_and(|name| !known(name)) {
                    return Err(Why::UnknownModule);
                }
            }
            Known::Nothing => {}
        }
        Ok(())
    }

    fn not_kept(&self, now_ms: i64, error: StoreError) -> Problem {
        let mut state = self.state();
        state.counters.events_unkept += 1;
        state.note(now_ms, format!("events: {error}"));
        Problem::new(
            503,
            "events-not-kept",
            "The events could not be kept",
            "none of these events is stored for certain",
        )
        .hint("send the same events again later, under the same ids: each is counted once")
    }
}

/// They are durable, but whoever sent them is who still has them: as long as a click is not counted, what it stops goes on.
fn not_counted() -> Problem {
    Problem::new(
        503,
        "caps-not-counted",
        "The events are not counted in caps yet",
        "the events are stored, but where caps are counted nobody answered",
    )
    .hint("send the same events again later, under the same ids: each is counted once")
}

fn no_secret() -> Problem {
    Problem::new(
        503,
        "no-secret",
        "This edge takes no events",
        "without a secret it can't tell a genuine receipt from a made up one",
    )
    .hint("set the environment's secret, the same one on all its edges and at the origin")
}

fn unreadable(error: Unreadable) -> Problem {
    match error {
        Unreadable::Json { place, why } => bad_request(why).at(place),
        Unreadable::TooMany(_) => Problem::new(
            413,
            "too-large",
            "The request is too large",
            error.to_string(),
        )
        .hint("send several batches"),
    }
}
