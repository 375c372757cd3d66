//! Events from edges: read again, checked again, each id kept once. Edges deliver at least once and in any order; whoever
//! is answered may forget what it sent.

pub mod http;
mod known;

use serde::Serialize;
use skyful::event::{Event, Line, Why};
use skyful::limits;
use skyful::receipt::Receipt;
use skyful::resolve::write::Track;
use skyful::secret::{BadSecret, Secrets};

use self::known::Known;
use crate::store::sqlite::Sqlite;
use crate::store::{EventRow, StoreError};

/// What clocks may differ by on top of the time that an event may wait.
const SLACK_MS: i64 = 86_400_000;

/// Where batches of events arrive.
#[derive(Clone)]
pub struct Ingest {
    store: Sqlite,
    /// Of edges, as given; keys are derived from it for each environment. None: receipts are taken at the edges' word.
    secret: Option<String>,
    known: Known,
}

/// What became of a batch. Everything but the refused lines is in the database.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Collected {
    pub stored: u64,
    /// Were there already, or twice in this batch.
    pub duplicates: u64,
    pub refused: Vec<Refused>,
}

/// A line that will never be kept, counted from 0.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Refused {
    pub line: usize,
    pub id: Option<String>,
    pub why: &'static str,
}

impl Ingest {
    pub fn new(store: Sqlite, secret: Option<String>) -> Result<Self, BadSecret> {
        if let Some(secret) = &secret {
            Self::parsed(secret)?;
        }
        Ok(Self {
            store,
            secret,
            known: Known::default(),
        })
    }

    /// Whether it is a secret at all, of whatever environment.
    fn parsed(secret: &str) -> Result<(), BadSecret> {
        let secrets = Secrets::parse(secret, "", "")?;
        secrets.sealer().map(|_| ()).ok_or(BadSecret)
    }

    pub fn store(&self) -> &Sqlite {
        &self.store
    }

    /// Returns after the commit.
    pub async fn collect(&self, lines: &[&str], now_ms: i64) -> Result<Collected, StoreError> {
        let mut secrets = OfEnvironments::new(self.secret.as_deref());
        let mut rows = Vec::with_capacity(lines.len());
        let mut refused = Vec::new();
        for (number, text) in lines.iter().enumerate() {
            let row = match checked(text, &mut secrets, now_ms) {
                Ok((row, Some(receipt))) => {
                    let about = (&*row.page, row.module.as_deref());
                    let vouched = self
                        .known
                        .vouches(&self.store, &row.workspace, &receipt, about);
                    vouched.await?.map(|()| row)
                }
                Ok((row, None)) => Ok(row),
                Err(why) => Err(why),
            };
            match row {
                Ok(row) => rows.push(row),
                Err(why) => refused.push(Refused {
                    line: number,
                    id: Event::id_of(text).map(std::borrow::Cow::into_owned),
                    why: why.name(),
                }),
            }
        }
        let stored = match rows.as_slice() {
            [] => 0,
            rows => self.store.insert_events(rows).await?,
        };
        Ok(Collected {
            stored,
            duplicates: (rows.len() as u64).saturating_sub(stored),
            refused,
        })
    }

    /// Forgets ids that nobody can repeat any more.
    pub async fn expire(&self, now_ms: i64) -> Result<u64, StoreError> {
        let before_ms = now_ms.saturating_sub(limits::EVENT_KEPT_MS);
        self.store.expire_events(before_ms).await
    }
}

/// With its receipt, if that could be opened.
fn checked(
    text: &str,
    secrets: &mut OfEnvironments<'_>,
    now_ms: i64,
) -> Result<(EventRow, Option<Receipt>), Why> {
    let line = Line::read(text)?;
    // Its id may have been forgotten already: counting it could count it twice.
    let waited_ms = now_ms.saturating_sub(line.received_ms);
    if waited_ms > limits::EVENT_QUEUE_MS + SLACK_MS {
        return Err(Why::TooLate);
    }
    let event = &line.event;
    let (mut track, mut opened) = (None, None);
    if let Some(secrets) = secrets.of(&line.workspace, &line.env) {
        let receipt = Receipt::open(&event.receipt, secrets).ok_or(Why::ForgedReceipt)?;
        if !receipt.is_of(&event.page) {
            return Err(Why::ReceiptOfAnotherPage);
        }
        let sequence = i64::try_from(receipt.sequence).ok();
        track = sequence.map(|sequence| (sequence, receipt.track == Track::Gray));
        opened = Some(receipt);
    }
    let owned = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().map(str::to_owned);
    let row = EventRow {
        id: event.id.to_string(),
        kind: event.kind.name(),
        name: owned(&event.name),
        unit: event.unit.to_string(),
        page: event.page.to_string(),
        module: owned(&event.module),
        receipt: event.receipt.to_string(),
        at_ms: event.at_ms,
        received_ms: line.received_ms,
        sent_ms: line.sent_ms,
        grant: owned(&event.grant),
        value: event.value.map(|value| value.get().to_owned()),
        currency: owned(&event.currency),
        workspace: line.workspace.into_owned(),
        env: line.env.into_owned(),
        track,
    };
    Ok((row, opened))
}

/// Keys of the environments of one batch, which are hardly ever more than one.
struct OfEnvironments<'a> {
    secret: Option<&'a str>,
    known: Vec<(String, String, Secrets)>,
}

impl<'a> OfEnvironments<'a> {
    fn new(secret: Option<&'a str>) -> Self {
        Self {
            secret,
            known: Vec::new(),
        }
    }

    fn of(&mut self, workspace: &str, env: &str) -> Option<&Secrets> {
        let secret = self.secret?;
        let found = self
            .known
            .iter()
            .position(|(known, e, _)| known == workspace && e == env);
        let at = match found {
            Some(at) => at,
            None => {
                let secrets = Secrets::parse(secret, workspace, env).unwrap_or_default();
                self.known.push((workspace.into(), env.into(), secrets));
                self.known.len() - 1
            }
        };
        self.known.get(at).map(|(_, _, secrets)| secrets)
    }
}

#[cfg(test)]
mod tests;
