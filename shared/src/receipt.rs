//! Receipts: the proof that an answer was given, compact enough for every event to carry it. One a response. It says
//! which release answered which page for which class of visitors, and neither for whom nor when, so that all
//! visitors of a class hold the same one.
//!
//! Little-endian: version 1, secret id 1, flags 1, vector length 1, scope 4, sequence 8, snapshot prefix 8, page 4,
//! vector (locale and class) up to 76, seal 16.

use alloc::string::String;
use alloc::vec::Vec;

use crate::resolve::write::{Release, Track};
use crate::secret::{Sealed, Sealer, Secrets};
use crate::snapshot::listing::page_hash;
use crate::snapshot::wire::Reader;

const VERSION: u8 = 1;
/// Where the secret's id stands.
const ID_AT: usize = 1;
/// A longer vector is replaced by its hash: what was decided can be told apart, not replayed.
pub const VECTOR_BYTES: usize = 76;
const FIXED_BYTES: usize = 28;
/// Characters of the longest receipt: 120 bytes in base64url.
pub const TEXT_BYTES: usize = 160;
const GRAY: u8 = 1;
const HASHED: u8 = 2;

/// What a receipt says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub track: Track,
    pub sequence: u64,
    /// The first bytes of the snapshot's digest.
    pub snapshot: [u8; 8],
    /// The low half of the page's hash.
    pub page: u32,
    /// The locale's number and the class vector, or their hash.
    pub vector: Vec<u8>,
    pub hashed: bool,
}

impl Receipt {
    /// Of an answer for a class of visitors in one locale.
    pub fn of(release: &Release, page: &str, locale: u32, class: &[u8]) -> Self {
        let mut vector = Vec::with_capacity(class.len().saturating_add(1));
        vector.push(locale as u8);
        vector.extend_from_slice(class);
        let hashed = vector.len() > VECTOR_BYTES;
        if hashed {
            let hash = blake3::derive_key("skyful 1 class", &vector);
            vector.clear();
            vector.extend(hash.iter().take(16));
        }
        Self {
            track: release.track,
            sequence: release.sequence,
            snapshot: release
                .snapshot
                .0
                .first_chunk()
                .copied()
                .unwrap_or_default(),
            page: page_hash(page) as u32,
            vector,
            hashed,
        }
    }

    /// Whether it is of an answer for this page.
    pub fn is_of(&self, page: &str) -> bool {
        self.page == page_hash(page) as u32
    }

    pub fn seal(&self, Sealer { secret, scope }: Sealer<'_>) -> String {
        let mut bytes = Vec::with_capacity(FIXED_BYTES.saturating_add(VECTOR_BYTES));
        let gray = if self.track == Track::Gray { GRAY } else { 0 };
        let hashed = if self.hashed { HASHED } else { 0 };
        bytes.extend_from_slice(&[VERSION, secret.id, gray | hashed, self.vector.len() as u8]);
        bytes.extend_from_slice(&scope.to_le_bytes());
        bytes.extend_from_slice(&self.sequence.to_le_bytes());
        bytes.extend_from_slice(&self.snapshot);
        bytes.extend_from_slice(&self.page.to_le_bytes());
        bytes.extend_from_slice(&self.vector);
        secret.seal(Sealed::Receipt, bytes)
    }

    /// None: not sealed by one of these secrets, or for another environment.
    pub fn open(text: &str, secrets: &Secrets) -> Option<Self> {
        if text.len() > TEXT_BYTES {
            return None;
        }
        let bytes = secrets.open(Sealed::Receipt, text, ID_AT)?;
        let mut reader = Reader::new(&bytes);
        let [version, _, flags, vector_len] = reader.array().ok()?;
        let scope = u32::from_le_bytes(reader.array().ok()?);
        if version != VERSION || scope != secrets.scope {
            return None;
        }
        let receipt = Self {
            track: if flags & GRAY == 0 {
                Track::Stable
            } else {
                Track::Gray
            },
            hashed: flags & HASHED != 0,
            sequence: reader.u64().ok()?,
            snapshot: reader.array().ok()?,
            page: u32::from_le_bytes(reader.array().ok()?),
            vector: reader.take(usize::from(vector_len)).ok()?.to_vec(),
        };
        reader.finish().ok()?;
        Some(receipt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::Digest;

    const SECRET: &str = "3333333333333333333333333333333333333333333333333333333333333333";

    fn secrets(env: &str) -> Secrets {
        Secrets::parse(SECRET, "wallet", env).expect("a secret")
    }

    fn release(track: Track) -> Release {
        Release {
            sequence: 42,
            snapshot: Digest([9; 32]),
            track,
        }
    }

    fn seal(receipt: &Receipt, secrets: &Secrets) -> String {
        receipt.seal(secrets.sealer().expect("a secret"))
    }

    #[test]
    fn says_what_answered_and_nothing_else() {
        let secrets = secrets("prod");
        for (track, class) in [(Track::Stable, [5; 75].as_slice()), (Track::Gray, &[])] {
            let receipt = Receipt::of(&release(track), "home", 3, class);
            let text = seal(&receipt, &secrets);
            assert!(text.len() <= TEXT_BYTES, "{}", text.len());
            let opened = Receipt::open(&text, &secrets).expect("genuine");
            assert_eq!(opened, receipt);
            assert!(opened.is_of("home") && !opened.is_of("other") && !opened.hashed);
            assert_eq!(opened.vector, [&[3], class].concat());
        }
    }

    #[test]
    fn a_long_vector_becomes_its_hash() {
        let of = |class: &[u8]| Receipt::of(&release(Track::Stable), "home", 0, class);
        let (long, other) = (of(&[1; 76]), of(&[2; 76]));
        assert!(long.hashed && long.vector.len() == 16);
        assert_ne!(long.vector, other.vector);
        let secrets = secrets("prod");
        assert_eq!(Receipt::open(&seal(&long, &secrets), &secrets), Some(long));
    }

    #[test]
    fn another_environment_does_not_take_it() {
        let text = seal(
            &Receipt::of(&release(Track::Stable), "home", 0, &[]),
            &secrets("prod"),
        );
        assert_eq!(Receipt::open(&text, &secrets("dev")), None);
        for text in ["", "AAAA", &text[1..], &alloc::format!("{text}A")] {
            assert_eq!(Receipt::open(text, &secrets("prod")), None, "{text}");
        }
    }
}
