//! Caps around a decision: what is known of the visitor's past, and what the answer adds to it. A page is decided, what it
//! grants is reserved, and where there was no room it is decided again without.

mod books;
mod confirm;

use std::borrow::Cow;
use std::sync::{MutexGuard, PoisonError};

use skyful::bucket::UnitHash;
use skyful::context::{Context, Seen, Tally};
use skyful::event::EventKind;
use skyful::ledger::{CapRule, Grant, Grants, HOLD_MS, Ledger, counted, owner, rules};
use skyful::limits;
use skyful::resolve::Decided;
use skyful::resolve::fatigue::Tallies;
use skyful::snapshot::Chunk;
use skyful::snapshot::records::Subject;

use super::Call;
use crate::caps::{Command, Reply};
use crate::{CapMode, CapStore, Edge, Ports, StoreError};
use books::{Book, Books, FULL};

/// After so many refusals every cap counts as reached: a page that grants nothing can't be refused.
const ROUNDS: u32 = 3;

/// A decided page, and what its visitor has to carry.
pub(super) struct Fatigued {
    pub decided: Decided,
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
}

impl Edge {
    /// Decides a page whose chunk has caps. `decide` is asked once for each round, with what is known by then.
    pub(super) async fn fatigued<P: Ports>(
        &self,
        call: &Call<'_, P>,
        chunk: &Chunk,
        context: &Context<'_>,
        decide: impl Fn(Tallies) -> Decided,
    ) -> Fatigued {
        let mut books = self.books(call, chunk, context);
        let mut known = self.read(call, &mut books, context).await;
        let mut round = 0;
        let (decided, granted) = loop {
            round += 1;
            let rows = known.clone().unwrap_or_else(|| books.all_full());
            let decided = decide(Tallies::of(rows));
            let grants = books.grants(chunk, &decided.resolution);
            // Nothing to count, or nowhere, or nobody who will see it: then nothing was granted either.
            if grants.is_empty() || known.is_none() || call.request.method == "HEAD" {
                break (decided, false);
            }
            match self.reserve(call, &mut books, &grants).await {
                Ok(refused) if refused.is_empty() => break (decided, true),
                Ok(refused) if round < ROUNDS => {
                    for row in refused {
                        if let Some(tally) =
                            known.as_mut().and_then(|rows| rows.get_mut(row as usize))
                        {
                            *tally = FULL;
                        }
                    }
                }
                Ok(_) => known = None,
                Err(error) => {
                    self.uncounted(call.moment.now_ms, &error);
                    known = None;
                }
            }
        };
        let headers = self.carried(&books, granted);
        call.carry(books);
        Fatigued { decided, headers }
    }

    fn books<'a, P: Ports>(
        &self,
        call: &Call<'_, P>,
        chunk: &Chunk,
        context: &'a Context<'_>,
    ) -> Books<'a> {
        let now_ms = context.now_ms.unwrap_or(call.moment.now_ms);
        let rules = rules(chunk, now_ms);
        let unit = context.unit.as_deref().unwrap_or_default();
        // Who says nothing of a device is one by itself.
        let device = context.device.as_deref();
        let subject = |rule: &CapRule| match (rule.by, device) {
            (Subject::Device, Some(_)) => Subject::Device,
            _ => Subject::Unit,
        };
        let book = |by: Subject, id: &'a str| {
            let row = |(row, rule)| (subject(rule) == by).then_some(row);
            Book {
                id,
                by,
                rows: (0..).zip(&rules).filter_map(row).collect(),
                ledger: Ledger::default(),
                key: self.keys.subject(by, id),
            }
        };
        let mut readers = vec![book(Subject::Unit, unit)];
        readers.extend(device.map(|device| book(Subject::Device, device)));
        // What visitors carry comes back whole, also what this page doesn't count.
        let carried = self.config.caps == CapMode::Ledger;
        readers.retain(|book| carried || !book.rows.is_empty());
        Books {
            mode: self.config.caps,
            grant: Grant::mint(call.random),
            rules,
            now_ms,
            readers,
        }
    }

    /// How every counter stands. None: nobody can say, so nothing capped may be granted.
    async fn read<P: Ports>(
        &self,
        call: &Call<'_, P>,
        books: &mut Books<'_>,
        context: &Context<'_>,
    ) -> Option<Vec<Tally>> {
        let marks = |seen: &Seen<'_>| {
            let owner = owner(&seen.page, seen.module.as_deref());
            marks_of(seen.kind, Some(&seen.grant), &owner, seen.at_ms)
        };
        let confirm: Vec<(u32, i64)> = context.seen.iter().flat_map(marks).collect();
        let mut tallies = vec![Tally::default(); books.rules.len()];
        let (rules, now_ms) = (&books.rules, books.now_ms);
        for book in &mut books.readers {
            let own: Vec<CapRule> = book.rules(rules).collect();
            let counts = if books.mode == CapMode::Ledger {
                book.ledger = self.carried_by(call, book, context);
                for (element, at_ms) in &confirm {
                    book.ledger.confirm(*element, *at_ms, now_ms);
                }
                book.ledger.prune(&own, now_ms, HOLD_MS);
                // Of what visitors bring along, too much for one token may be left.
                book.ledger.make_room(&own, now_ms);
                let tally = |rule: &CapRule| book.ledger.tally(rule, now_ms, HOLD_MS);
                own.iter().map(tally).collect()
            } else {
                let command = Command {
                    now_ms,
                    confirm: confirm.clone(),
                    rules: own,
                    ..Command::default()
                };
                match run(call, &book.key, &command).await {
                    Ok(reply) => reply.tallies,
                    Err(error) => {
                        self.uncounted(call.moment.now_ms, &error);
                        return None;
                    }
                }
            };
            for (row, tally) in book.rows.iter().zip(counts) {
                if let Some(slot) = tallies.get_mut(*row as usize) {
                    *slot = tally;
                }
            }
        }
        Some(tallies)
    }

    /// What the visitor's tokens say of this unit, of the unit before its login, or of this device.
    fn carried_by<P: Ports>(
        &self,
        call: &Call<'_, P>,
        book: &Book<'_>,
        context: &Context<'_>,
    ) -> Ledger {
        let previous = context.previous_unit.as_deref();
        let previous = previous.filter(|_| book.by == Subject::Unit);
        let own = [Some(book.id), previous].map(|id| id.map(|id| name(book.by, id)));
        let mut ledger = Ledger::default();
        for (of, token) in self.tokens(call) {
            if own.contains(&Some(of)) {
                ledger.merge(&token);
            }
        }
        ledger
    }

    /// The genuine tokens of a request, or what its page before made of them.
    fn tokens<P: Ports>(&self, call: &Call<'_, P>) -> Vec<(u64, Ledger)> {
        if let Some(carried) = &*call.carried() {
            return carried.clone();
        }
        let header = (call.request.header)("skyful-caps").unwrap_or_default();
        let tokens = header.split(',').map(str::trim).take(limits::LEDGER_TOKENS);
        tokens
            .filter_map(|token| Ledger::open(token, &self.config.secrets))
            .collect()
    }

    /// Rows of the counters that have no room for it. If there are any, nothing was reserved.
    async fn reserve<P: Ports>(
        &self,
        call: &Call<'_, P>,
        books: &mut Books<'_>,
        grants: &Grants,
    ) -> Result<Vec<u32>, StoreError> {
        if books.mode == CapMode::Ledger {
            return Ok(books.note(grants));
        }
        for at in 0..books.readers.len() {
            let Some(book) = books.readers.get(at) else {
                continue;
            };
            let command = Command {
                now_ms: books.now_ms,
                rules: book.rules(&books.rules).collect(),
                reserve: book.share(grants),
                ..Command::default()
            };
            let reply = run(call, &book.key, &command).await;
            let refused = reply.map(|reply| book.rows_of(&reply.refused));
            if !matches!(&refused, Ok(rows) if rows.is_empty()) {
                // Unheard, it counts until its window ends: that grants too little, never too much.
                for earlier in books.readers.iter().take(at) {
                    let release = earlier
                        .share(grants)
                        .into_iter()
                        .flat_map(|granted| granted.marks);
                    let command = Command {
                        now_ms: books.now_ms,
                        release: release.map(|(_, element)| element).collect(),
                        ..Command::default()
                    };
                    let _ = run(call, &earlier.key, &command).await;
                }
                return refused;
            }
        }
        Ok(Vec::new())
    }

    fn carried(&self, books: &Books<'_>, granted: bool) -> Vec<(&'static str, Cow<'static, str>)> {
        let mut headers = Vec::new();
        if let (CapMode::Ledger, Some(sealer)) = (books.mode, self.config.secrets.sealer()) {
            let full = books.readers.iter().filter(|book| !book.ledger.is_empty());
            let token = |book: &Book<'_>| {
                let unit = name(book.by, book.id);
                book.ledger.seal(sealer, unit, books.now_ms)
            };
            let tokens: Vec<String> = full.map(token).collect();
            if !tokens.is_empty() {
                headers.push(("skyful-caps", tokens.join(", ").into()));
            }
        }
        if granted {
            headers.push(("skyful-grant", books.grant.0.clone().into()));
        }
        headers
    }

    fn uncounted(&self, now_ms: i64, error: &StoreError) {
        let mut state = self.state();
        state.counters.cap_errors += 1;
        state.note(now_ms, format!("caps: {error}"));
    }
}

impl<P: Ports> Call<'_, P> {
    fn carried(&self) -> MutexGuard<'_, Option<Vec<(u64, Ledger)>>> {
        self.carried.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For the next page of this request. Of one context all pages have the same books.
    fn carry(&self, books: Books<'_>) {
        if books.mode == CapMode::Ledger {
            let readers = books.readers.into_iter();
            let left = readers.map(|book| (name(book.by, book.id), book.ledger));
            *self.carried() = Some(left.collect());
        }
    }
}

async fn run<P: Ports>(
    call: &Call<'_, P>,
    key: &str,
    command: &Command,
) -> Result<Reply, StoreError> {
    let reply = call.ports.caps().run(key, &command.to_bytes()).await?;
    Reply::from_bytes(&reply).map_err(|_| StoreError("caps: an answer is damaged".into()))
}

/// The marks that an event confirms.
fn marks_of(kind: EventKind, grant: Option<&str>, owner: &str, at_ms: i64) -> Vec<(u32, i64)> {
    let (Some(counted), Some(grant)) = (counted(kind), grant.and_then(Grant::read)) else {
        return Vec::new();
    };
    let elements = grant.elements(counted, owner);
    elements.map(|element| (element, at_ms)).collect()
}

/// Of a unit or device, in the token that it carries.
fn name(by: Subject, id: &str) -> u64 {
    match by {
        Subject::Unit => UnitHash::of(id).bits(),
        Subject::Device => UnitHash::of(&format!("device/{id}")).bits(),
    }
}
