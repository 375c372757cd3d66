//! Making manifests. Only publishers do; the key never reaches an edge.

use alloc::string::String;
use alloc::vec::Vec;

use ed25519_dalek::{Signer, SigningKey};

use super::envelope::{Envelope, signed_message};
use super::{Header, Manifest, Tail, key_id, pass as passes};
use crate::snapshot::Digest;

/// A signed envelope. `key_id`, `stable`, the gray digest and `tail_root` of the header are filled in
/// from what they name.
pub fn sign(mut header: Header, tail: &Tail, key: &SigningKey) -> Vec<u8> {
    let tail_bytes = tail.encode();
    header.key_id = key_id(&key.verifying_key());
    header.stable = tail.stable.digest();
    if let (Some(gray), Some(listing)) = (&mut header.gray, &tail.gray) {
        gray.snapshot = listing.digest();
    }
    header.tail_root = Tail::root(&tail_bytes);
    let header = header.encode();
    let signature = key.sign(&signed_message(&header)).to_bytes();
    Envelope {
        header: &header,
        signature: &signature,
        tail: &tail_bytes,
    }
    .join()
}

impl Manifest {
    /// What its header names, for the next one to go on from.
    pub fn tail(&self) -> Tail {
        Tail {
            stable: self.stable.clone(),
            gray: self.gray.clone(),
            allow: self.allow.clone(),
        }
    }
}

/// A pass for one method on one path of one environment, as it goes into the header `Skyful-Signature`.
pub fn pass(key: &SigningKey, workspace: &str, env: &str, method: &str, path: &str) -> String {
    let message = passes::message(workspace, env, method, path);
    let signature = key.sign(&message).to_bytes();
    passes::write(key_id(&key.verifying_key()), &signature)
}

/// A header for a release to everybody, to be completed by [`sign`].
pub fn full_release(workspace: &str, env: &str, sequence: u64, issued_ms: i64) -> Header {
    /// An alarm after 90 days without a publish; serving goes on.
    const VALID_MS: i64 = 90 * 86_400_000;
    Header {
        key_id: 0,
        workspace: workspace.into(),
        env: env.into(),
        sequence,
        issued_ms,
        expires_ms: issued_ms.saturating_add(VALID_MS),
        mode: super::Mode::Run,
        no_fallback: false,
        stable: Digest::NONE,
        gray: None,
        tail_root: Digest::NONE,
    }
}
