//! A ledger as the token that a visitor carries: sealed, for one unit or device of one environment, at most 1,536 bytes.
//!
//! Little-endian: version 2, secret id 1, scope 4, unit hash 8, issued minute 4; a cap: id 4, span 1, count 1, and each mark:
//! element 4, minutes before the issued one, doubled, odd if confirmed 3; seal 16. Version 1 had no span: whatever it
//! counts, it counts for ever.

use alloc::string::String;
use alloc::vec::Vec;

use super::{FOREVER, Ledger, Mark};
use crate::limits;
use crate::secret::{SEAL_BYTES, Sealed, Sealer, Secrets};
use crate::snapshot::wire::Reader;

const VERSION: u8 = 2;
const SPANLESS: u8 = 1;
/// Where the secret's id stands.
const ID_AT: usize = 1;
const HEAD_BYTES: usize = 18;
const CAP_BYTES: usize = 6;
const MARK_BYTES: usize = 7;
const MINUTE_MS: i64 = 60_000;
/// Minutes that fit beside the bit: sixteen years.
const OLDEST: i64 = (1 << 23) - 1;
/// Characters of the longest token.
const TEXT_BYTES: usize = limits::LEDGER_BYTES.div_ceil(3) * 4;

impl Ledger {
    /// Whether it fits into a token.
    pub fn fits(&self) -> bool {
        let caps = self.caps().iter().map(|marks| {
            let marks = marks.marks.len().saturating_mul(MARK_BYTES);
            marks.saturating_add(CAP_BYTES)
        });
        let small = |len: usize| len <= usize::from(u8::MAX);
        self.caps().iter().all(|marks| small(marks.marks.len()))
            && caps.fold(HEAD_BYTES.saturating_add(SEAL_BYTES), usize::saturating_add)
                <= limits::LEDGER_BYTES
    }

    /// As a token, which is never longer than one that opens: what doesn't fit into it is forgotten by [`Self::make_room`].
    /// A mark's time is rounded up to the minute: it then counts for longer, never shorter.
    pub fn seal(&self, sealer: Sealer<'_>, unit: u64, now_ms: i64) -> String {
        if !self.fits() {
            let mut fitting = self.clone();
            fitting.make_room(&[], now_ms);
            return fitting.sealed(sealer, unit, now_ms);
        }
        self.sealed(sealer, unit, now_ms)
    }

    pub(super) fn sealed(
        &self,
        Sealer { secret, scope }: Sealer<'_>,
        unit: u64,
        now_ms: i64,
    ) -> String {
        let minute = |at_ms: i64| at_ms.saturating_add(MINUTE_MS - 1).div_euclid(MINUTE_MS);
        let issued = minute(now_ms);
        let mut out = Vec::with_capacity(limits::LEDGER_BYTES);
        out.extend_from_slice(&[VERSION, secret.id]);
        out.extend_from_slice(&scope.to_le_bytes());
        out.extend_from_slice(&unit.to_le_bytes());
        out.extend_from_slice(&(issued as u32).to_le_bytes());
        for marks in self.caps() {
            out.extend_from_slice(&marks.cap.to_le_bytes());
            out.extend_from_slice(&[marks.span, marks.marks.len() as u8]);
            for mark in &marks.marks {
                let age = issued.saturating_sub(minute(mark.at_ms)).clamp(0, OLDEST);
                let [a, b, c, _] = ((age as u32) << 1 | u32::from(mark.confirmed)).to_le_bytes();
                out.extend_from_slice(&mark.element.to_le_bytes());
                out.extend_from_slice(&[a, b, c]);
            }
        }
        secret.seal(Sealed::Ledger, out)
    }

    /// The unit's hash and the book of a genuine token for this environment.
    pub fn open(text: &str, secrets: &Secrets) -> Option<(u64, Self)> {
        if text.len() > TEXT_BYTES {
            return None;
        }
        let bytes = secrets.open(Sealed::Ledger, text, ID_AT)?;
        let mut reader = Reader::new(&bytes);
        let [version, _] = reader.array().ok()?;
        let scope = reader.u32().ok()?;
        if !(SPANLESS..=VERSION).contains(&version) || scope != secrets.scope {
            return None;
        }
        let unit = reader.u64().ok()?;
        let issued = i64::from(reader.u32().ok()?);
        let mut ledger = Self::default();
        let mut rest = Reader::new(reader.rest());
        while let Ok(cap) = rest.u32() {
            let span = match version {
                SPANLESS => FOREVER,
                _ => rest.u8().ok()?,
            };
            ledger.of(cap, span);
            for _ in 0..rest.u8().ok()? {
                let element = rest.u32().ok()?;
                let [a, b, c] = rest.array().ok()?;
                let packed = u32::from_le_bytes([a, b, c, 0]);
                let minute = issued.saturating_sub(i64::from(packed >> 1));
                let mark = Mark {
                    element,
                    at_ms: minute.saturating_mul(MINUTE_MS),
                    confirmed: packed & 1 != 0,
                };
                ledger.mark(cap, mark);
            }
        }
        Some((unit, ledger))
    }
}
