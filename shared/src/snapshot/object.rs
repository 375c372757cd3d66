//! The envelope of everything in an edge store but the manifest: a header that says what it is, and a
//! body. The name in the store is the digest of both.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::DecodeError;
use super::wire::{Reader, put_text};
use crate::limits;

/// Until the format is declared stable, readers and writers of other builds need not agree.
pub const FORMAT: u16 = 0;
const MAGIC: [u8; 4] = *b"SKYO";

/// What an object holds. Each kind hashes under its own context, so none passes as another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// All that one page needs (for some of its locales, if it is big).
    Page = 1,
    /// Id lists of units whose hash has one prefix.
    Ids = 2,
    /// The table of a snapshot: page → digest.
    Snapshot = 3,
}

impl Kind {
    fn from_u8(byte: u8) -> Option<Self> {
        [Self::Page, Self::Ids, Self::Snapshot]
            .into_iter()
            .find(|k| *k as u8 == byte)
    }

    fn hash_context(self) -> &'static str {
        match self {
            Self::Page => "skyful 1 page",
            Self::Ids => "skyful 1 ids shard",
            Self::Snapshot => "skyful 1 snapshot",
        }
    }

    pub fn digest(self, object: &[u8]) -> Digest {
        let mut hasher = blake3::Hasher::new_derive_key(self.hash_context());
        hasher.update(object);
        Digest(*hasher.finalize().as_bytes())
    }
}

/// The BLAKE3 digest of an object.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Stands for "none" in a manifest.
    pub const NONE: Self = Self([0; 32]);

    /// 64 lower-case hex digits.
    pub fn hex(&self) -> String {
        self.digits()
            .iter()
            .flatten()
            .map(|d| char::from(*d))
            .collect()
    }

    /// The same in pairs.
    pub fn digits(&self) -> [[u8; 2]; 32] {
        self.0.map(crate::value::quote::hex)
    }

    pub fn from_hex(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() != 64 || bytes.iter().any(u8::is_ascii_uppercase) {
            return None;
        }
        let mut digest = [0; 32];
        for (slot, pair) in digest.iter_mut().zip(bytes.chunks_exact(2)) {
            *slot = u8::from_str_radix(
                core::str::from_utf8(pair)
                    .ok()
                    .filter(|p| !p.starts_with('+'))?,
                16,
            )
            .ok()?;
        }
        Some(Self(digest))
    }
}

/// As it stands in answers: `b3-` and the hex digits.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b3-{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A verified header and the place of the body behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object<'a> {
    pub kind: Kind,
    pub workspace: &'a str,
    /// Within its kind: a page's key, a shard's number.
    pub name: &'a str,
    pub body: &'a [u8],
}

impl<'a> Object<'a> {
    /// Reads an object whose digest somebody already vouched for.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        if bytes.len() > limits::OBJECT_BYTES {
            return Err(DecodeError::Meaning("object larger than allowed"));
        }
        let mut reader = Reader::new(bytes);
        if reader.array()? != MAGIC {
            return Err(DecodeError::Magic);
        }
        let format = reader.u16()?;
        if format != FORMAT {
            return Err(DecodeError::Format(format));
        }
        let kind =
            Kind::from_u8(reader.u8()?).ok_or(DecodeError::Meaning("unknown kind of object"))?;
        // Kept free for a table of block hashes before the body.
        if reader.u8()? != 0 {
            return Err(DecodeError::Meaning("unknown flags"));
        }
        let body_len = reader.u32()? as usize;
        let workspace = reader.text()?;
        let name = reader.text()?;
        let body = reader.rest();
        if body.len() != body_len {
            return Err(DecodeError::Length);
        }
        Ok(Self {
            kind,
            workspace,
            name,
            body,
        })
    }

    /// Checks the digest first, then reads.
    pub fn open(bytes: &'a [u8], kind: Kind, digest: Digest) -> Result<Self, DecodeError> {
        if bytes.len() > limits::OBJECT_BYTES {
            return Err(DecodeError::Meaning("object larger than allowed"));
        }
        if kind.digest(bytes) != digest {
            return Err(DecodeError::Digest);
        }
        let object = Self::decode(bytes)?;
        if object.kind == kind {
            Ok(object)
        } else {
            Err(DecodeError::Misplaced)
        }
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.body.len().saturating_add(128));
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&FORMAT.to_le_bytes());
        out.push(self.kind as u8);
        out.push(0);
        super::wire::put_count(&mut out, self.body.len());
        put_text(&mut out, self.workspace);
        put_text(&mut out, self.name);
        out.extend_from_slice(self.body);
        out
    }
}
