//! A publisher's pass: its signature on one method and one address of one environment. It says who may
//! do that there, never what is written: an object is named by its digest and a manifest carries its own
//! signature, so that a pass that somebody copied writes nothing that its publisher didn't sign.

#[cfg(feature = "compile")]
use alloc::string::String;
use alloc::vec::Vec;

use ed25519_dalek::Signature;

use super::{Refusal, TrustSet, key_id};

const DOMAIN: &str = "skyful/publish/1";

/// What a pass signs: domain, workspace, environment, method and path, each ended by a zero byte.
pub(super) fn message(workspace: &str, env: &str, method: &str, path: &str) -> Vec<u8> {
    let mut message = Vec::new();
    for part in [DOMAIN, workspace, env, method, path] {
        message.extend_from_slice(part.as_bytes());
        message.push(0);
    }
    message
}

/// `KEYID.SIGNATURE`, both in hex.
#[cfg(feature = "compile")]
pub(super) fn write(key_id: u64, signature: &[u8; 64]) -> String {
    let mut text = alloc::format!("{key_id:016x}.");
    for byte in signature {
        text.push_str(&alloc::format!("{byte:02x}"));
    }
    text
}

fn read(text: &str) -> Option<(u64, Signature)> {
    let (key_id, hex) = text.trim().split_once('.')?;
    let digits = |hex: &str| hex.bytes().all(|b| b.is_ascii_hexdigit());
    if key_id.len() != 16 || hex.len() != 128 || !digits(key_id) || !digits(hex) {
        return None;
    }
    let mut bytes = [0; 64];
    let (pairs, _) = hex.as_bytes().as_chunks::<2>();
    for (slot, pair) in bytes.iter_mut().zip(pairs) {
        *slot = u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    let key_id = u64::from_str_radix(key_id, 16).ok()?;
    Some((key_id, Signature::from_bytes(&bytes)))
}

impl TrustSet {
    /// Whether a trusted publisher asked for this method on this path of this environment. A key counts
    /// while it may still sign in the era that is held.
    pub fn admits(
        &self,
        pass: &str,
        workspace: &str,
        env: &str,
        (method, path): (&str, &str),
        held_era: u64,
    ) -> Result<(), Refusal> {
        let (id, signature) = read(pass).ok_or(Refusal::Signature)?;
        let (key, era) = self
            .keys
            .iter()
            .find(|(key, _)| key_id(key) == id)
            .ok_or(Refusal::UnknownKey)?;
        if held_era > *era {
            return Err(Refusal::Era);
        }
        key.verify_strict(&message(workspace, env, method, path), &signature)
            .map_err(|_| Refusal::Signature)
    }
}
