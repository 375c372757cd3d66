//! The small signed pointer: which snapshot is stable, which is gray and for how many, and the tables of
//! both. The signature covers the header; the header names the rest by digest.

pub mod envelope;
mod pass;
#[cfg(feature = "compile")]
pub mod sign;
mod tail;

use alloc::string::String;
use alloc::vec::Vec;

use ed25519_dalek::{Signature, VerifyingKey};

pub use envelope::{Header, Mode, Value};
pub use tail::Tail;

use crate::bucket::{SaltHash, UnitHash};
use crate::ids::IdKey;
use crate::resolve::write::{Release, Track};
use crate::snapshot::records::Subject;
use crate::snapshot::{DecodeError, Digest, Listing};

/// Sequence = era (12 bits) ‖ counter (40 bits), below 2^53, so that it is safe in JSON.
pub const COUNTER_BITS: u32 = 40;

pub fn era_of(sequence: u64) -> u64 {
    sequence >> COUNTER_BITS
}

/// Which keys may sign, and up to which era. Part of an edge's deployment, never of its store.
#[derive(Clone, Debug, Default)]
pub struct TrustSet {
    keys: Vec<(VerifyingKey, u64)>,
}

/// Why a key is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadKey;

impl core::fmt::Display for BadKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("a public key is 64 hex digits of an Ed25519 point, optionally followed by :highest-era")
    }
}

impl core::error::Error for BadKey {}

impl TrustSet {
    /// From `HEX` or `HEX:ERA`, separated by commas or white space.
    pub fn parse(text: &str) -> Result<Self, BadKey> {
        let mut keys = Vec::new();
        for item in text
            .split([',', ' ', '\n', '\t', '\r'])
            .filter(|item| !item.is_empty())
        {
            let (hex, era) = match item.split_once(':') {
                Some((hex, era)) => (hex, era.parse().map_err(|_| BadKey)?),
                None => (item, u64::MAX),
            };
            let bytes = Digest::from_hex(hex).ok_or(BadKey)?.0;
            keys.push((VerifyingKey::from_bytes(&bytes).map_err(|_| BadKey)?, era));
        }
        Ok(Self { keys })
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

/// The short name of a public key in headers.
pub fn key_id(key: &VerifyingKey) -> u64 {
    let hash = blake3::derive_key("skyful 1 key id", key.as_bytes());
    u64::from_le_bytes(*hash.first_chunk().unwrap_or(&[0; 8]))
}

/// Why a manifest is not accepted. The order is the order of the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    Decode(DecodeError),
    UnknownKey,
    /// The key may not sign in this era.
    Era,
    Signature,
    /// For another workspace or environment.
    Elsewhere,
}

impl From<DecodeError> for Refusal {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

impl core::fmt::Display for Refusal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Decode(error) => write!(f, "{error}"),
            Self::UnknownKey => f.write_str("signed with a key that this edge doesn't trust"),
            Self::Era => f.write_str("the key may not sign in this era"),
            Self::Signature => f.write_str("the signature doesn't fit"),
            Self::Elsewhere => f.write_str("made for another workspace or environment"),
        }
    }
}

impl core::error::Error for Refusal {}

/// A manifest whose signature and meaning were checked.
#[derive(Clone, Debug)]
pub struct Manifest {
    pub header: Header,
    header_bytes: Vec<u8>,
    stable: Listing,
    gray: Option<Listing>,
    allow: Vec<u64>,
}

/// How a manifest stands to the one that is held. Time never decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    Newer,
    /// The very same.
    Held,
    /// Equal sequence, other content: keep what is held, and raise an alarm.
    Conflict,
    /// Lag: ignore it.
    Older,
}

impl Manifest {
    /// Checks one envelope.
    pub fn open(
        envelope: &[u8],
        trust: &TrustSet,
        workspace: &str,
        env: &str,
    ) -> Result<Self, Refusal> {
        let envelope = envelope::Envelope::split(envelope)?;
        let header = Header::decode(envelope.header)?;
        let (key, era) = trust
            .keys
            .iter()
            .find(|(key, _)| key_id(key) == header.key_id)
            .ok_or(Refusal::UnknownKey)?;
        if era_of(header.sequence) > *era {
            return Err(Refusal::Era);
        }
        let signature = Signature::from_bytes(envelope.signature);
        key.verify_strict(&envelope::signed_message(envelope.header), &signature)
            .map_err(|_| Refusal::Signature)?;
        if header.workspace != workspace || header.env != env {
            return Err(Refusal::Elsewhere);
        }
        if Tail::root(envelope.tail) != header.tail_root {
            return Err(DecodeError::Digest.into());
        }
        let tail = Tail::decode(envelope.tail, &header)?;
        let Tail {
            stable,
            gray,
            allow,
        } = tail;
        Ok(Self {
            header,
            header_bytes: envelope.header.to_vec(),
            stable,
            gray,
            allow,
        })
    }

    pub fn sequence(&self) -> u64 {
        self.header.sequence
    }

    pub fn admission(&self, held: Option<&Self>) -> Admission {
        match held {
            Some(held) if self.sequence() < held.sequence() => Admission::Older,
            Some(held)
                if self.sequence() == held.sequence() && self.header_bytes == held.header_bytes =>
            {
                Admission::Held
            }
            Some(held) if self.sequence() == held.sequence() => Admission::Conflict,
            _ => Admission::Newer,
        }
    }

    /// Whether it compares a gray snapshot with a stable one.
    pub fn has_gray(&self) -> bool {
        self.gray.is_some()
    }

    /// Gray iff the mode is `run` and the unit is allowed or within the share.
    pub fn track(&self, unit: Option<&str>) -> Track {
        let (Mode::Run, Some(unit)) = (self.header.mode, unit) else {
            return Track::Stable;
        };
        let Some(gray) = self.header.gray.filter(|_| self.gray.is_some()) else {
            return Track::Stable;
        };
        let within = || UnitHash::of(unit).bucket(SaltHash(gray.salt)) < gray.share_bps;
        let allowed = || {
            !self.allow.is_empty()
                && self
                    .allow
                    .contains(&IdKey::of_workspace(&self.header.workspace).hash(unit))
        };
        if within() || allowed() {
            Track::Gray
        } else {
            Track::Stable
        }
    }

    pub fn listing(&self, track: Track) -> &Listing {
        match (track, &self.gray) {
            (Track::Gray, Some(gray)) => gray,
            _ => &self.stable,
        }
    }

    pub fn release(&self, track: Track) -> Release {
        let snapshot = match (track, self.header.gray) {
            (Track::Gray, Some(gray)) => gray.snapshot,
            _ => self.header.stable,
        };
        Release {
            sequence: self.sequence(),
            snapshot,
            track,
        }
    }
}

/// Names of objects in an edge store.
pub struct Keys {
    prefix: String,
}

impl Keys {
    pub fn new(workspace: &str, env: &str) -> Self {
        Self {
            prefix: alloc::format!("s1/{workspace}/{env}"),
        }
    }

    pub fn manifest(&self) -> String {
        alloc::format!("{}/manifest", self.prefix)
    }

    pub fn settled(&self) -> String {
        alloc::format!("{}/settled", self.prefix)
    }

    /// Where an edge counts what one visitor was granted. The id itself is not in it.
    pub fn subject(&self, by: Subject, id: &str) -> String {
        let kind = match by {
            Subject::Unit => "unit",
            Subject::Device => "device",
        };
        let name = alloc::format!("{}/{kind}/{id}", self.prefix);
        let hash = blake3::derive_key("skyful 1 subject", name.as_bytes());
        let hex = hash
            .iter()
            .take(16)
            .map(|byte| alloc::format!("{byte:02x}"));
        alloc::format!("{}/u/{}", self.prefix, hex.collect::<String>())
    }

    pub fn object(&self, digest: &Digest) -> String {
        alloc::format!("{}{}", self.objects(), digest.hex())
    }

    /// What the names of all objects begin with.
    pub fn objects(&self) -> String {
        alloc::format!("{}/o/", self.prefix)
    }
}
