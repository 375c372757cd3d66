//! The bytes around a manifest: value (current ‖ fallback), envelope (header ‖ signature ‖ tail), header.

use alloc::string::String;
use alloc::vec::Vec;

use crate::limits;
use crate::snapshot::wire::{Reader, put_count, put_text};
use crate::snapshot::{DecodeError, Digest};

/// Until the format is declared stable, readers and writers of other builds need not agree.
pub const FORMAT: u16 = 0;
const VALUE_MAGIC: [u8; 4] = *b"SKYV";
const HEADER_MAGIC: [u8; 4] = *b"SKYM";
const DOMAIN: &[u8] = b"skyful/manifest/1\0";
/// Everything but names is of fixed size.
const HEADER_BYTES: usize = 512;

/// What an edge does with its snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Mode {
    Run = 0,
    /// Stable only: the kill switch for a gray release.
    Hold = 1,
    /// Every default, no plan.
    Defaults = 2,
    /// Empty pages.
    Off = 3,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gray {
    pub snapshot: Digest,
    pub share_bps: u32,
    /// One a release.
    pub salt: u64,
}

/// What the signature covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub key_id: u64,
    pub workspace: String,
    pub env: String,
    pub sequence: u64,
    /// Unix milliseconds; `expires` only alarms.
    pub issued_ms: i64,
    pub expires_ms: i64,
    pub mode: Mode,
    pub no_fallback: bool,
    pub stable: Digest,
    pub gray: Option<Gray>,
    pub tail_root: Digest,
}

impl Header {
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(&HEADER_MAGIC);
        out.extend_from_slice(&FORMAT.to_le_bytes());
        out.push(self.mode as u8);
        out.push(u8::from(self.no_fallback));
        out.extend_from_slice(&self.key_id.to_le_bytes());
        put_text(&mut out, &self.workspace);
        put_text(&mut out, &self.env);
        out.extend_from_slice(&self.sequence.to_le_bytes());
        out.extend_from_slice(&self.issued_ms.to_le_bytes());
        out.extend_from_slice(&self.expires_ms.to_le_bytes());
        out.extend_from_slice(&self.stable.0);
        let none = Gray {
            snapshot: Digest::NONE,
            share_bps: 0,
            salt: 0,
        };
        let gray = self.gray.unwrap_or(none);
        out.extend_from_slice(&gray.snapshot.0);
        out.extend_from_slice(&gray.share_bps.to_le_bytes());
        out.extend_from_slice(&gray.salt.to_le_bytes());
        out.extend_from_slice(&self.tail_root.0);
        out
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        if reader.array()? != HEADER_MAGIC {
            return Err(DecodeError::Magic);
        }
        let format = reader.u16()?;
        if format != FORMAT {
            return Err(DecodeError::Format(format));
        }
        let mode = match reader.u8()? {
            0 => Mode::Run,
            1 => Mode::Hold,
            2 => Mode::Defaults,
            3 => Mode::Off,
            _ => return Err(DecodeError::Meaning("unknown mode")),
        };
        let no_fallback = match reader.u8()? {
            0 => false,
            1 => true,
            _ => return Err(DecodeError::Meaning("unknown flags")),
        };
        let key_id = reader.u64()?;
        let (workspace, env) = (reader.owned_text()?, reader.owned_text()?);
        let sequence = reader.u64()?;
        let (issued_ms, expires_ms) = (reader.i64()?, reader.i64()?);
        let stable = Digest(reader.array()?);
        let gray = Gray {
            snapshot: Digest(reader.array()?),
            share_bps: reader.u32()?,
            salt: reader.u64()?,
        };
        let tail_root = Digest(reader.array()?);
        reader.finish()?;
        if workspace.len() > limits::NAME_BYTES || env.len() > limits::NAME_BYTES {
            return Err(DecodeError::Meaning("name too long"));
        }
        if sequence == 0 || sequence >= 1 << 52 {
            return Err(DecodeError::Meaning("sequence out of range"));
        }
        if gray.share_bps > limits::BASIS_POINTS {
            return Err(DecodeError::Meaning("gray share above 10,000"));
        }
        let gray = (gray.snapshot != Digest::NONE).then_some(gray);
        Ok(Self {
            key_id,
            workspace,
            env,
            sequence,
            issued_ms,
            expires_ms,
            mode,
            no_fallback,
            stable,
            gray,
            tail_root,
        })
    }
}

/// The bytes that are signed: never re-encoded, always as stored.
pub fn signed_message(header: &[u8]) -> Vec<u8> {
    [DOMAIN, header].concat()
}

/// One signed manifest, unread.
#[derive(Clone, Copy)]
pub struct Envelope<'a> {
    pub header: &'a [u8],
    pub signature: &'a [u8; 64],
    pub tail: &'a [u8],
}

impl<'a> Envelope<'a> {
    pub fn split(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        if bytes.len() > limits::MANIFEST_BYTES {
            return Err(DecodeError::Meaning("manifest larger than allowed"));
        }
        let mut reader = Reader::new(bytes);
        let header_len = reader.count(HEADER_BYTES, "header larger than allowed")?;
        let header = reader.take(header_len)?;
        let signature = reader.take(64)?.first_chunk().ok_or(DecodeError::Length)?;
        Ok(Self {
            header,
            signature,
            tail: reader.rest(),
        })
    }

    pub fn join(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.tail.len().saturating_add(HEADER_BYTES));
        put_count(&mut out, self.header.len());
        out.extend_from_slice(self.header);
        out.extend_from_slice(self.signature);
        out.extend_from_slice(self.tail);
        out
    }
}

/// What stands under `manifest` in a store: the current envelope and the newest settled one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value<'a> {
    pub current: &'a [u8],
    /// Empty if nothing has settled yet.
    pub fallback: &'a [u8],
}

impl<'a> Value<'a> {
    pub fn split(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        if bytes.len() > limits::MANIFEST_BYTES {
            return Err(DecodeError::Meaning("manifest larger than allowed"));
        }
        let mut reader = Reader::new(bytes);
        if reader.array()? != VALUE_MAGIC {
            return Err(DecodeError::Magic);
        }
        let format = reader.u16()?;
        if format != FORMAT {
            return Err(DecodeError::Format(format));
        }
        // Kept free for an admission tag between the envelopes.
        if reader.u16()? != 0 {
            return Err(DecodeError::Meaning("unknown flags"));
        }
        let current_len = reader.count(limits::MANIFEST_BYTES, "manifest larger than allowed")?;
        let current = reader.take(current_len)?;
        Ok(Self {
            current,
            fallback: reader.rest(),
        })
    }

    pub fn join(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(
            self.current
                .len()
                .saturating_add(self.fallback.len())
                .saturating_add(16),
        );
        out.extend_from_slice(&VALUE_MAGIC);
        out.extend_from_slice(&FORMAT.to_le_bytes());
        out.extend_from_slice(&[0, 0]);
        put_count(&mut out, self.current.len());
        out.extend_from_slice(self.current);
        out.extend_from_slice(self.fallback);
        out
    }
}
