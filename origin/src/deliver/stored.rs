//! What a target already has, and which sequence comes next. A sequence counts only where the signature
//! holds: a flipped bit would otherwise move the count ahead for good, or back to where edges ignore it.

use std::sync::Arc;

use skyful::manifest::envelope::Gray;
use skyful::manifest::{Header, Manifest, Refusal, Tail, Value, era_of};

use super::rule::Own;
use super::terms::Next;
use super::{Slot, Target};
use crate::failure::Failure;
use crate::output;

/// The manifests of a target. Edges hold the count of the highest they have seen.
pub struct Stored {
    pub current: Held,
    pub fallback: Held,
    pub settled: Held,
}

/// A stored manifest, as an edge sees it that trusts this publisher alone.
pub enum Held {
    Missing,
    Damaged,
    /// Another key's, by its own account.
    Foreign,
    Verified(Box<Head>),
}

pub struct Head {
    pub header: Header,
    pub tail: Tail,
    pub envelope: Vec<u8>,
}

impl Stored {
    pub async fn read(target: &Arc<dyn Target>, own: &Own) -> Result<Self, Failure> {
        let manifest = target.get(Slot::Manifest).await?;
        let settled = target.get(Slot::Settled).await?;
        let value = manifest.as_deref().map(Value::split);
        let copy = |envelope| Held::read(envelope, own);
        Ok(Self {
            current: match &value {
                None => Held::Missing,
                Some(Ok(value)) => copy(value.current),
                Some(Err(_)) => Held::Damaged,
            },
            fallback: match &value {
                Some(Ok(value)) if !value.fallback.is_empty() => copy(value.fallback),
                _ => Held::Missing,
            },
            settled: settled.as_deref().map_or(Held::Missing, copy),
        })
    }

    fn copies(&self) -> [&Held; 3] {
        [&self.current, &self.fallback, &self.settled]
    }

    /// The sequence under which visitors already see this, if so.
    pub fn shown(&self, next: &Next) -> Option<u64> {
        let Head { header, tail, .. } = self.current.head()?;
        let share = |gray: Gray| (gray.snapshot, gray.share_bps);
        let shows = header.stable == next.tail.stable.digest()
            && header.gray.map(share) == next.gray.map(share)
            && tail.allow == next.tail.allow
            && header.mode == next.mode;
        shows.then_some(header.sequence)
    }

    /// The newest that has been stored for so long that every edge can load its objects.
    pub fn settled_before(&self, instant_ms: i64) -> Option<&Head> {
        let current = self.current.head();
        let current = current.filter(|head| head.header.issued_ms <= instant_ms);
        current.or_else(|| {
            let settled = [self.fallback.head(), self.settled.head()];
            let settled = settled.into_iter().flatten();
            settled.max_by_key(|head| head.header.sequence)
        })
    }

    /// Whether the target doesn't know yet that this has settled.
    pub fn is_news(&self, settled: &Head) -> bool {
        Some(settled.header.sequence) > self.settled.sequence()
    }

    /// One more than the highest that any edge can have seen here; the era is kept.
    pub fn next_sequence(&self, place: &str) -> Result<u64, Failure> {
        // After another key only what was settled since is evidence: the fallback may be from before.
        if matches!(self.current, Held::Foreign) && self.settled.sequence().is_none() {
            return self.first_sequence(place);
        }
        let known = self.copies().map(Held::sequence).into_iter().max();
        let Some(known) = known.flatten() else {
            return self.first_sequence(place);
        };
        let next = match self.current {
            Held::Verified(_) => known.saturating_add(1),
            // An unreadable manifest may have been one ahead of what was settled, or of its fallback.
            _ => known.saturating_add(2),
        };
        // Also the bound of all sequences, 2^52: the last era ends there. Going on in the next one is
        // a person's decision, as trust may end with an era.
        if era_of(next) == era_of(known) {
            return Ok(next);
        }
        let message = format!("no sequence is left after {known} in the era of {place}");
        Err(Failure::usage(message).hint("nothing was written; publish into another store"))
    }

    /// Where nothing tells how far the store was.
    fn first_sequence(&self, place: &str) -> Result<u64, Failure> {
        let any = |wanted: fn(&Held) -> bool| self.copies().into_iter().any(wanted);
        if any(|copy| matches!(copy, Held::Foreign)) {
            let message = format!("{place} was signed with another key");
            let hint = "publish with the key that signed it, or into another store";
            return Err(Failure::usage(message).hint(hint));
        }
        // A guess from the damaged bytes could be so high that nothing can follow it, and a publisher
        // remembers nothing outside its store. 1 is never wrong for edges that start with this store.
        if any(|copy| matches!(copy, Held::Damaged)) {
            output::warning(&format!(
                "{place} cannot be read, and nothing tells how far it was: it begins again with sequence 1; \
                 edges that have seen a higher one will ignore it"
            ));
        }
        Ok(1)
    }
}

impl Held {
    fn read(envelope: &[u8], own: &Own) -> Self {
        match Manifest::open(envelope, &own.trust, &own.workspace, &own.env) {
            Ok(manifest) => Self::Verified(Box::new(Head {
                tail: manifest.tail(),
                header: manifest.header,
                envelope: envelope.to_vec(),
            })),
            Err(Refusal::UnknownKey) => Self::Foreign,
            Err(_) => Self::Damaged,
        }
    }

    pub fn head(&self) -> Option<&Head> {
        match self {
            Self::Verified(head) => Some(head),
            _ => None,
        }
    }

    pub fn sequence(&self) -> Option<u64> {
        self.head().map(|head| head.header.sequence)
    }
}
