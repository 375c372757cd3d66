//! A ledger as an edge stores it: times to the millisecond, and no limit but what commands keep.
//!
//! Little-endian: version 2; a cap: id 4, span 1, count 4, and each mark: element 4, time doubled, odd if confirmed 8.
//! Version 1 had no span: whatever it counts, it counts for ever.

use alloc::vec::Vec;

use super::{FOREVER, Ledger, Mark};
use crate::limits;
use crate::snapshot::DecodeError;
use crate::snapshot::wire::{Reader, put_count};

const VERSION: u8 = 2;
const SPANLESS: u8 = 1;
/// Of one cap. Commands keep far fewer; this bounds what a damaged value makes an edge do.
const MARKS: usize = 4 * limits::CAP_LIMIT as usize;

impl Ledger {
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        out.push(VERSION);
        for marks in self.caps() {
            out.extend_from_slice(&marks.cap.to_le_bytes());
            out.push(marks.span);
            put_count(&mut out, marks.marks.len());
            for mark in &marks.marks {
                let packed = mark.at_ms.wrapping_mul(2) | i64::from(mark.confirmed);
                out.extend_from_slice(&mark.element.to_le_bytes());
                out.extend_from_slice(&packed.to_le_bytes());
            }
        }
        out
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let version = reader.u8()?;
        if version != VERSION && version != SPANLESS {
            return Err(DecodeError::Format(u16::from(version)));
        }
        let mut ledger = Self::default();
        while let Ok(cap) = reader.u32() {
            let span = match version {
                SPANLESS => FOREVER,
                _ => reader.u8()?,
            };
            ledger.of(cap, span);
            for _ in 0..reader.count(MARKS, "too many marks")? {
                let element = reader.u32()?;
                let packed = reader.i64()?;
                let mark = Mark {
                    element,
                    at_ms: packed >> 1,
                    confirmed: packed & 1 != 0,
                };
                ledger.mark(cap, mark);
            }
        }
        Ok(ledger)
    }
}
