//! How an answer's entry for a module begins. Written when a page is compiled and copied for each request; checked to the byte
//! when a chunk is opened, so that it cannot say anything else than the keys do.

use alloc::vec::Vec;

use super::chunk::Chunk;
use super::records::{Module, Slot};
use crate::value::quote::quote;

pub fn slot(out: &mut Vec<u8>, key: &str) {
    out.extend_from_slice(b"{\"slot\":");
    quote(out, key);
    out.push(b',');
}

/// Up to the plan's key, which follows without its first quotation mark.
pub fn module(out: &mut Vec<u8>, key: &str, kind: &str) {
    out.extend_from_slice(b"\"module\":");
    quote(out, key);
    out.extend_from_slice(b",\"type\":");
    quote(out, kind);
    out.extend_from_slice(b",\"plan\":\"");
}

/// Whether all openings of a chunk are those of its keys.
pub(super) fn all_fit(chunk: &Chunk) -> bool {
    let mut wanted = Vec::new();
    let mut fits = |opening, write: &dyn Fn(&mut Vec<u8>)| {
        wanted.clear();
        write(&mut wanted);
        chunk.text_bytes(opening) == wanted
    };
    chunk
        .table::<Slot>()
        .iter()
        .all(|row| fits(row.opening, &|out| slot(out, chunk.text(row.key))))
        && chunk.table::<Module>().iter().all(|row| {
            fits(row.opening, &|out| {
                module(out, chunk.text(row.key), chunk.text(row.kind));
            })
        })
}
