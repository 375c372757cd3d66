//! What one visitor was granted and what came of it: marks under caps. The same book is a token that visitors carry
//! ([`token`]) and what an edge stores of them ([`stored`]); they differ in how long a grant counts that nobody confirmed.
//!
//! A mark is made when an answer grants a capped plan, and confirmed by the event that its cap counts. An event names
//! page, module and grant but no plan, so a mark's name is a hash of grant, what is counted, page and module: an event finds
//! all its marks without any chunk, in whatever book they are, and pages of one answer have marks of their own.

mod room;
mod rules;
pub mod stored;
pub mod token;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use base64ct::{Base64UrlUnpadded, Encoding};
use xxhash_rust::xxh3::xxh3_64;

pub use room::{FOREVER, span};
pub use rules::{CapRule, Granted, Grants, rules};

use crate::context::Tally;
use crate::event::EventKind;
use crate::snapshot::records::Counted;

/// Longest time in which an event can still confirm a grant.
pub const HORIZON_MS: i64 = 7 * 86_400_000;
/// How long a visitor's own book counts what nobody confirmed.
pub const HOLD_MS: i64 = 600_000;
/// Occurrences of one module in one answer that are told apart; a module stands in a slot once.
pub const OCCURRENCES: u32 = 4;
/// Grants under one cap that wait for an event which the cap doesn't count before.
const WAITING: usize = 32;

/// What an answer with capped plans is known by, minted by the edge; events echo it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant(pub String);

impl Grant {
    /// From chance. Tells nothing about what else was made from it.
    pub fn mint(random: [u8; 16]) -> Self {
        let hash = blake3::derive_key("skyful 1 grant", &random);
        let nonce: [u8; 12] = hash.first_chunk().copied().unwrap_or_default();
        Self(Base64UrlUnpadded::encode_string(&nonce))
    }

    /// None: no edge minted this.
    pub fn read(text: &str) -> Option<Self> {
        let mut nonce = [0; 12];
        Base64UrlUnpadded::decode(text, &mut nonce)
            .ok()
            .filter(|bytes| bytes.len() == 12)?;
        Some(Self(text.into()))
    }

    /// The name of its mark for what is counted of an owner ([`owner`]).
    pub fn element(&self, counted: Counted, owner: &str, occurrence: u32) -> u32 {
        let mut bytes = Vec::with_capacity(96);
        for part in [self.0.as_bytes(), owner.as_bytes()] {
            bytes.extend_from_slice(part);
            bytes.push(0);
        }
        bytes.push(counted as u8);
        bytes.push(occurrence.min(OCCURRENCES.saturating_sub(1)) as u8);
        xxh3_64(&bytes) as u32
    }

    /// The names of all marks that an event confirms.
    pub fn elements(&self, counted: Counted, owner: &str) -> impl Iterator<Item = u32> {
        (0..OCCURRENCES).map(move |occurrence| self.element(counted, owner, occurrence))
    }
}

/// What something happened to, as marks are named by: `home` or `home/hero`. A module has marks of its own on each page.
pub fn owner(page: &str, module: Option<&str>) -> String {
    match module {
        Some(module) => format!("{page}/{module}"),
        None => page.into(),
    }
}

/// What an event counts as; none for one that no cap counts.
pub fn counted(kind: EventKind) -> Option<Counted> {
    match kind {
        EventKind::Exposure => Some(Counted::Exposure),
        EventKind::Click => Some(Counted::Click),
        EventKind::Dismiss => Some(Counted::Dismiss),
        EventKind::Conversion => Some(Counted::Conversion),
        EventKind::Custom => None,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    pub element: u32,
    pub at_ms: i64,
    pub confirmed: bool,
}

/// The marks under one cap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marks {
    /// Of the counter's name ([`CapRule::id`]).
    pub cap: u32,
    /// How long its confirmed marks matter ([`span`]), for pages that don't know the cap.
    pub span: u8,
    pub marks: Vec<Mark>,
}

/// One visitor's book.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Ascending by cap.
    caps: Vec<Marks>,
}

impl Ledger {
    pub fn is_empty(&self) -> bool {
        self.caps.is_empty()
    }

    pub fn caps(&self) -> &[Marks] {
        &self.caps
    }

    fn find(&self, cap: u32) -> &[Mark] {
        let found = self.caps.binary_search_by_key(&cap, |marks| marks.cap);
        let marks = found.ok().and_then(|at| self.caps.get(at));
        marks.map_or(&[], |marks| &marks.marks)
    }

    /// The marks under a cap. A cap that is new here has this span.
    fn of(&mut self, cap: u32, span: u8) -> Option<&mut Marks> {
        let at = match self.caps.binary_search_by_key(&cap, |marks| marks.cap) {
            Ok(at) => at,
            Err(at) => {
                let marks = Vec::new();
                self.caps.insert(at, Marks { cap, span, marks });
                at
            }
        };
        self.caps.get_mut(at)
    }

    /// Whether a mark is there, confirmed or not.
    pub fn has(&self, cap: u32, element: u32) -> bool {
        self.find(cap).iter().any(|mark| mark.element == element)
    }

    /// How a cap stands, if grants that nobody confirmed count for `hold_ms`.
    pub fn tally(&self, rule: &CapRule, now_ms: i64, hold_ms: i64) -> Tally {
        let counts = |mark: &&Mark| mark.confirmed || (rule.adds() && mark.lives(now_ms, hold_ms));
        let marks = || self.find(rule.id).iter().filter(counts);
        let within = marks().filter(|mark| mark.at_ms >= rule.since_ms).count();
        Tally {
            count: u32::try_from(within).unwrap_or(u32::MAX),
            last_ms: marks().map(|mark| mark.at_ms).max(),
        }
    }

    /// Adds a mark. The same one again changes nothing but what is known of it better: confirmed wins over not, the later
    /// time over the earlier.
    pub fn mark(&mut self, cap: u32, mark: Mark) {
        let Some(Marks { marks, .. }) = self.of(cap, FOREVER) else {
            return;
        };
        match marks.iter_mut().find(|known| known.element == mark.element) {
            Some(known) if known.confirmed == mark.confirmed => {
                known.at_ms = known.at_ms.max(mark.at_ms);
            }
            Some(known) if mark.confirmed => *known = mark,
            Some(_) => {}
            None => marks.push(mark),
        }
    }

    /// Marks what an answer grants.
    pub fn grant(&mut self, rule: &CapRule, element: u32, now_ms: i64) {
        if let Some(marks) = self.of(rule.id, rule.span) {
            marks.span = rule.span;
        }
        self.mark(rule.id, rule.mark(element, now_ms));
    }

    /// Takes in another book of the same visitor.
    pub fn merge(&mut self, other: &Self) {
        for marks in &other.caps {
            if let Some(own) = self.of(marks.cap, marks.span) {
                own.span = own.span.max(marks.span);
            }
            for mark in &marks.marks {
                self.mark(marks.cap, *mark);
            }
        }
    }

    /// An event: its mark, under whatever caps it stands, counts from now on. The event's time lies between the grant and
    /// now, whatever it says. What was never granted is not there to be confirmed.
    pub fn confirm(&mut self, element: u32, at_ms: i64, now_ms: i64) -> bool {
        let mut found = false;
        let all = self.caps.iter_mut().flat_map(|marks| &mut marks.marks);
        for mark in all.filter(|mark| mark.element == element) {
            found = true;
            if !mark.confirmed {
                mark.confirmed = true;
                mark.at_ms = at_ms.max(mark.at_ms).min(now_ms.max(mark.at_ms));
            }
        }
        found
    }

    /// Takes back what was granted but will not be shown. What an event confirmed stays.
    pub fn release(&mut self, element: u32) {
        for marks in &mut self.caps {
            marks
                .marks
                .retain(|mark| mark.confirmed || mark.element != element);
        }
    }

    /// Forgets what can't count any more: for caps of `rules` everything but what they can still need, for others what
    /// their span leaves and grants that no event can confirm.
    pub fn prune(&mut self, rules: &[CapRule], now_ms: i64, hold_ms: i64) {
        for book in &mut self.caps {
            let rule = rules.iter().find(|rule| rule.id == book.cap);
            book.span = rule.map_or(book.span, |rule| rule.span);
            let mut marks = core::mem::take(&mut book.marks);
            marks.retain(|mark| book.end_ms(mark) > now_ms);
            book.marks = marks;
            let (Some(rule), marks) = (rule, &mut book.marks) else {
                continue;
            };
            let hold_ms = if rule.adds() { hold_ms } else { HORIZON_MS };
            let needed = rule.since_ms.min(now_ms.saturating_sub(rule.cooldown_ms));
            marks.retain(|mark| match mark.confirmed {
                true => mark.at_ms >= needed,
                false => mark.lives(now_ms, hold_ms),
            });
            // Apart: in one list, grants that came to nothing would push out what counts.
            let keep = rule.keep as usize;
            newest(marks, true, keep);
            newest(marks, false, if rule.adds() { keep } else { WAITING });
        }
        self.caps.retain(|marks| !marks.marks.is_empty());
    }
}

/// Keeps the newest so many of the confirmed marks, or of the others. Nearly always there is none too many, or one.
fn newest(marks: &mut Vec<Mark>, confirmed: bool, keep: usize) {
    let alike = |marks: &[Mark]| marks.iter().filter(|m| m.confirmed == confirmed).count();
    for _ in keep..alike(marks) {
        let of_kind = marks
            .iter()
            .enumerate()
            .filter(|(_, m)| m.confirmed == confirmed);
        if let Some((oldest, _)) = of_kind.min_by_key(|(_, mark)| mark.at_ms) {
            marks.remove(oldest);
        }
    }
}

impl Mark {
    /// Whether it is young enough for an event to confirm it.
    fn lives(&self, now_ms: i64, hold_ms: i64) -> bool {
        self.at_ms.saturating_add(hold_ms) > now_ms
    }
}

#[cfg(test)]
mod tests;
