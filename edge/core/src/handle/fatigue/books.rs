//! What is counted for one answer, and in which book.

use skyful::context::Tally;
use skyful::ledger::{CapRule, Grant, Granted, Grants, Ledger};
use skyful::limits;
use skyful::resolve::Resolution;
use skyful::snapshot::Chunk;
use skyful::snapshot::records::Subject;

use crate::CapMode;

/// Everything that is counted for one answer.
pub(super) struct Books<'a> {
    pub mode: CapMode,
    pub rules: Vec<CapRule>,
    pub grant: Grant,
    pub now_ms: i64,
    pub readers: Vec<Book<'a>>,
}

/// The book of the unit, or of the device.
pub(super) struct Book<'a> {
    pub id: &'a str,
    pub by: Subject,
    /// Rows of the rules that are counted in it.
    pub rows: Vec<u32>,
    /// What the visitor carries of it; empty where an edge stores it.
    pub ledger: Ledger,
    /// Where an edge stores it.
    pub key: String,
}

pub(super) const FULL: Tally = Tally {
    count: u32::MAX,
    last_ms: Some(i64::MAX),
};

impl Books<'_> {
    pub fn all_full(&self) -> Vec<Tally> {
        vec![FULL; self.rules.len()]
    }

    pub fn grants(&self, chunk: &Chunk, resolution: &Resolution) -> Grants {
        Grants::of(chunk, &self.rules, resolution, &self.grant)
    }

    /// Into the books that the visitor carries. A cap whose marks don't fit has no room.
    pub fn note(&mut self, grants: &Grants) -> Vec<u32> {
        let mut refused = Vec::new();
        let noted = self.readers.iter().map(|book| {
            let mut ledger = book.ledger.clone();
            let rules: Vec<CapRule> = book.rules(&self.rules).collect();
            for granted in book.share(grants) {
                let before = ledger.clone();
                let mut countable = true;
                for (row, element) in &granted.marks {
                    if let Some(rule) = rules.get(*row as usize) {
                        countable &= rule.keep <= limits::LEDGER_MARKS;
                        ledger.grant(rule, *element, self.now_ms);
                    }
                }
                ledger.make_room(&rules, self.now_ms);
                if !countable || !ledger.fits() {
                    let rows: Vec<u32> = granted.marks.iter().map(|(row, _)| *row).collect();
                    refused.extend(book.rows_of(&rows));
                    ledger = before;
                }
            }
            ledger
        });
        let noted: Vec<Ledger> = noted.collect();
        if refused.is_empty() {
            for (book, ledger) in self.readers.iter_mut().zip(noted) {
                book.ledger = ledger;
            }
        }
        refused
    }
}

impl Book<'_> {
    /// Of the counters in this book, in its order.
    pub fn rules<'r>(&'r self, all: &'r [CapRule]) -> impl Iterator<Item = CapRule> + 'r {
        self.rows
            .iter()
            .filter_map(|row| all.get(*row as usize).copied())
    }

    /// What of an answer is counted in this book, by its own rows.
    pub fn share(&self, grants: &Grants) -> Vec<Granted> {
        let own = |(row, element): &(u32, u32)| {
            let at = self.rows.iter().position(|own| own == row)?;
            Some((at as u32, *element))
        };
        let shares = grants.0.iter().map(|granted| Granted {
            marks: granted.marks.iter().filter_map(own).collect(),
        });
        shares.filter(|granted| !granted.marks.is_empty()).collect()
    }

    /// Rows of this book as rows of the chunk.
    pub fn rows_of(&self, own: &[u32]) -> Vec<u32> {
        own.iter()
            .filter_map(|row| self.rows.get(*row as usize).copied())
            .collect()
    }
}
