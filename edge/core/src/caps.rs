//! Counting where an edge stores it. A command is applied to what is stored of one visitor by [`apply`], wherever the
//! platform lets nobody come between: in a Durable Object, under a compare-and-set. So what may be granted is decided
//! here for all of them, by the same book that visitors carry elsewhere ([`skyful::ledger`]).

use skyful::context::Tally;
use skyful::ledger::{CapRule, Granted, HORIZON_MS, Ledger};
use skyful::limits;
use skyful::snapshot::DecodeError;
use skyful::snapshot::records::{Counted, Subject};
use skyful::snapshot::wire::{Reader, put_count};

use crate::{SnapshotStore, StoreError};

/// Of commands, and of replies.
const COMMAND: u8 = 2;
const REPLY: u8 = 1;
/// Of one command. A page has fewer counters, an answer fewer modules.
const ITEMS: usize = 100_000;

/// What is to be done with one visitor's book, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command {
    pub now_ms: i64,
    /// Marks that are not needed after all.
    pub release: Vec<u32>,
    /// Marks that an event confirms, and when it happened.
    pub confirm: Vec<(u32, i64)>,
    /// The caps that this is about.
    pub rules: Vec<CapRule>,
    /// All of it, or nothing if one cap has no room. Their rows are those of `rules`.
    pub reserve: Vec<Granted>,
}

/// What came of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// Of each rule, before anything was reserved.
    pub tallies: Vec<Tally>,
    /// Rows of the rules that had no room. Empty: all was reserved.
    pub refused: Vec<u32>,
}

/// What a command makes of what is stored.
pub struct Applied {
    /// None: as it was.
    pub stored: Option<Vec<u8>>,
    /// For whoever asked.
    pub reply: Vec<u8>,
}

/// Applies a command, as [`Command::to_bytes`] wrote it, to the stored value. Damaged values are an error: to begin anew
/// would grant everything again.
pub fn apply(stored: Option<&[u8]>, command: &[u8]) -> Result<Applied, StoreError> {
    let damaged = |what: &str| StoreError(format!("caps: {what}"));
    let command = Command::from_bytes(command).map_err(|_| damaged("a command is damaged"))?;
    let before = match stored {
        Some(bytes) => {
            Ledger::from_bytes(bytes).map_err(|_| damaged("a stored book is damaged"))?
        }
        None => Ledger::default(),
    };
    let mut ledger = before.clone();
    let reply = command.run(&mut ledger);
    Ok(Applied {
        stored: (ledger != before).then(|| ledger.to_bytes()),
        reply: reply.to_bytes(),
    })
}

/// When nothing in a stored book counts any more, so that it may be deleted. None: never, or it is damaged.
pub fn end_ms(stored: &[u8]) -> Option<i64> {
    Ledger::from_bytes(stored).ok()?.end_ms()
}

/// Applies a command to a value of a store that lets others come between: approximate mode. A write that was lost
/// grants its room once more.
pub async fn apply_in<S: SnapshotStore>(
    store: &S,
    subject: &str,
    command: &[u8],
) -> Result<Vec<u8>, StoreError> {
    let applied = apply(store.get(subject).await?.as_deref(), command)?;
    if let Some(book) = applied.stored {
        store.put(subject, &book).await?;
    }
    Ok(applied.reply)
}

impl Command {
    fn run(&self, ledger: &mut Ledger) -> Reply {
        let now_ms = self.now_ms;
        for element in &self.release {
            ledger.release(*element);
        }
        for (element, at_ms) in &self.confirm {
            ledger.confirm(*element, *at_ms, now_ms);
        }
        ledger.prune(&self.rules, now_ms, HORIZON_MS);
        let tallies = self
            .rules
            .iter()
            .map(|rule| ledger.tally(rule, now_ms, HORIZON_MS));
        let tallies = tallies.collect();
        let mut reserved = ledger.clone();
        let refused = reserve(&mut reserved, &self.rules, &self.reserve, now_ms);
        if refused.is_empty() {
            *ledger = reserved;
        }
        Reply { tallies, refused }
    }
}

/// Marks what is granted, in order, and says which rules have no room for it. What is marked already has its room.
fn reserve(ledger: &mut Ledger, rules: &[CapRule], grants: &[Granted], now_ms: i64) -> Vec<u32> {
    let mut refused = Vec::new();
    for Granted { marks } in grants {
        let full = |(row, element): &(u32, u32)| {
            let Some(rule) = rules.get(*row as usize) else {
                return true;
            };
            !ledger.has(rule.id, *element)
                && rule.reached(ledger.tally(rule, now_ms, HORIZON_MS), now_ms)
        };
        let rows: Vec<u32> = marks
            .iter()
            .filter(|mark| full(mark))
            .map(|mark| mark.0)
            .collect();
        if rows.is_empty() {
            for (row, element) in marks {
                if let Some(rule) = rules.get(*row as usize) {
                    ledger.grant(rule, *element, now_ms);
                }
            }
        }
        refused.extend(rows);
    }
    refused
}

impl Command {
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![COMMAND];
        out.extend_from_slice(&self.now_ms.to_le_bytes());
        put_count(&mut out, self.release.len());
        for element in &self.release {
            out.extend_from_slice(&element.to_le_bytes());
        }
        put_count(&mut out, self.confirm.len());
        for (element, at_ms) in &self.confirm {
            out.extend_from_slice(&element.to_le_bytes());
            out.extend_from_slice(&at_ms.to_le_bytes());
        }
        put_count(&mut out, self.rules.len());
        for rule in &self.rules {
            out.extend_from_slice(&rule.id.to_le_bytes());
            out.extend_from_slice(&[rule.counted as u8, rule.span]);
            for number in [rule.limit, rule.keep] {
                out.extend_from_slice(&number.to_le_bytes());
            }
            for time in [rule.since_ms, rule.cooldown_ms] {
                out.extend_from_slice(&time.to_le_bytes());
            }
        }
        put_count(&mut out, self.reserve.len());
        for granted in &self.reserve {
            put_count(&mut out, granted.marks.len());
            for (row, element) in &granted.marks {
                out.extend_from_slice(&row.to_le_bytes());
                out.extend_from_slice(&element.to_le_bytes());
            }
        }
        out
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let version = reader.u8()?;
        if version != COMMAND {
            return Err(DecodeError::Format(u16::from(version)));
        }
        let mut command = Self {
            now_ms: reader.i64()?,
            ..Self::default()
        };
        for _ in 0..items(&mut reader)? {
            command.release.push(reader.u32()?);
        }
        for _ in 0..items(&mut reader)? {
            command.confirm.push((reader.u32()?, reader.i64()?));
        }
        for _ in 0..items(&mut reader)? {
            let id = reader.u32()?;
            let counted = Counted::from_code(u32::from(reader.u8()?));
            command.rules.push(CapRule {
                id,
                span: reader.u8()?,
                counted: counted.ok_or(DecodeError::Meaning("nothing that is counted"))?,
                // Settled before: whose book it is.
                by: Subject::Unit,
                limit: reader.u32()?,
                keep: reader.u32()?.min(limits::CAP_LIMIT),
                since_ms: reader.i64()?,
                cooldown_ms: reader.i64()?,
            });
        }
        for _ in 0..items(&mut reader)? {
            let mut marks = Vec::new();
            for _ in 0..items(&mut reader)? {
                marks.push((reader.u32()?, reader.u32()?));
            }
            command.reserve.push(Granted { marks });
        }
        reader.finish()?;
        Ok(command)
    }
}

impl Reply {
    fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![REPLY];
        put_count(&mut out, self.tallies.len());
        for tally in &self.tallies {
            out.extend_from_slice(&tally.count.to_le_bytes());
            out.extend_from_slice(&tally.last_ms.unwrap_or(i64::MIN).to_le_bytes());
        }
        put_count(&mut out, self.refused.len());
        for row in &self.refused {
            out.extend_from_slice(&row.to_le_bytes());
        }
        out
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let version = reader.u8()?;
        if version != REPLY {
            return Err(DecodeError::Format(u16::from(version)));
        }
        let mut reply = Self::default();
        for _ in 0..items(&mut reader)? {
            let count = reader.u32()?;
            let last_ms = Some(reader.i64()?).filter(|at| *at != i64::MIN);
            reply.tallies.push(Tally { count, last_ms });
        }
        for _ in 0..items(&mut reader)? {
            reply.refused.push(reader.u32()?);
        }
        reader.finish()?;
        Ok(reply)
    }
}

fn items(reader: &mut Reader<'_>) -> Result<usize, DecodeError> {
    reader.count(ITEMS, "more than a command has")
}
