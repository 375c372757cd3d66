//! Who gets a snapshot, and what edges do with it: from what is released and what is wanted to what is signed next.

use skyful::bucket::SaltHash;
use skyful::compile::Snapshot;
use skyful::ids::IdKey;
use skyful::manifest::envelope::Gray;
use skyful::manifest::{Mode, Tail};

use super::stored::Head;
use crate::failure::Failure;

/// Who gets a snapshot. Without terms everybody does.
#[derive(Clone, Debug)]
pub struct Terms {
    pub gray: Option<Share>,
    pub mode: Mode,
}

impl Terms {
    pub const EVERYBODY: Self = Self {
        gray: None,
        mode: Mode::Run,
    };
}

/// Some visitors, while all others stay with what is stable.
#[derive(Clone, Debug)]
pub struct Share {
    pub bps: u32,
    /// Units that get it whatever their bucket.
    pub allow: Vec<String>,
}

/// What a manifest is to say, but for its sequence.
pub struct Next {
    pub tail: Tail,
    pub gray: Option<Gray>,
    pub mode: Mode,
}

impl Next {
    /// A snapshot on its terms, over what is released so far.
    pub fn release(
        snapshot: &Snapshot,
        terms: &Terms,
        released: Option<&Head>,
    ) -> Result<Self, Failure> {
        let mode = terms.mode;
        let Some(share) = &terms.gray else {
            let tail = Tail {
                stable: snapshot.listing.clone(),
                gray: None,
                allow: Vec::new(),
            };
            let gray = None;
            return Ok(Self { tail, gray, mode });
        };
        let Some(released) = released else {
            let failure =
                Failure::usage("nothing is released yet, so there is nothing to be gray beside");
            return Err(failure.hint("publish to everybody first, without --gray"));
        };
        let digest = snapshot.listing.digest();
        let ids = IdKey::of_workspace(&snapshot.listing.workspace);
        let mut allow: Vec<u64> = share.allow.iter().map(|unit| ids.hash(unit)).collect();
        allow.sort_unstable();
        allow.dedup();
        // One salt a release: whoever sees it keeps seeing it while its share grows, and the next release begins with
        // others.
        let same = released.header.gray.filter(|gray| gray.snapshot == digest);
        let fresh = || SaltHash::of(&format!("gray/{}/{digest}", released.header.sequence)).0;
        let gray = Gray {
            snapshot: digest,
            share_bps: share.bps,
            salt: same.map_or_else(fresh, |gray| gray.salt),
        };
        Ok(Self {
            tail: Tail {
                stable: released.tail.stable.clone(),
                gray: Some(snapshot.listing.clone()),
                allow,
            },
            gray: Some(gray),
            mode,
        })
    }

    /// The same snapshots for the same visitors, in another mode.
    pub fn switched(released: &Head, mode: Mode) -> Self {
        Self {
            tail: released.tail.clone(),
            gray: released.header.gray,
            mode,
        }
    }
}
