//! The secret that edges and origin of one environment share: what is sealed with it comes back from clients
//! unchanged, or not at all. Nothing secret is in it for clients to find; what is sealed can be read by anybody.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};

use crate::snapshot::Digest;

/// Bytes of a seal.
pub const SEAL_BYTES: usize = 16;

/// What is sealed. Each kind has a key of its own, so that none passes as another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sealed {
    Receipt,
    Ledger,
    /// What an edge reports about itself.
    Health,
}

/// One secret, as keys that are derived from it.
#[derive(Clone)]
pub struct Secret {
    /// Finds the secret again by which something was sealed.
    pub id: u8,
    receipts: [u8; 32],
    ledgers: [u8; 32],
    health: [u8; 32],
}

impl Secret {
    fn new(secret: &[u8; 32]) -> Self {
        let [id, ..] = blake3::derive_key("skyful 1 secret id", secret);
        Self {
            id,
            receipts: blake3::derive_key("skyful 1 receipt", secret),
            ledgers: blake3::derive_key("skyful 1 ledger", secret),
            health: blake3::derive_key("skyful 1 health", secret),
        }
    }

    fn tag(&self, kind: Sealed, bytes: &[u8]) -> [u8; SEAL_BYTES] {
        let key = match kind {
            Sealed::Receipt => &self.receipts,
            Sealed::Ledger => &self.ledgers,
            Sealed::Health => &self.health,
        };
        let hash = blake3::keyed_hash(key, bytes);
        hash.as_bytes().first_chunk().copied().unwrap_or_default()
    }

    /// The bytes and their seal, as text for headers and JSON.
    pub fn seal(&self, kind: Sealed, mut bytes: Vec<u8>) -> String {
        let tag = self.tag(kind, &bytes);
        bytes.extend_from_slice(&tag);
        Base64UrlUnpadded::encode_string(&bytes)
    }
}

/// No secret is ever printed.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.id)
    }
}

/// The secrets of an environment: the first one seals, all of them open, so that one follows another without losing
/// what clients hold.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    secrets: Vec<Secret>,
    /// Of workspace and environment, in everything that is sealed.
    pub scope: u32,
}

/// The secret that seals, and for which environment.
#[derive(Clone, Copy)]
pub struct Sealer<'a> {
    pub secret: &'a Secret,
    pub scope: u32,
}

impl Sealer<'_> {
    /// A seal that stands beside what it seals, which may be long: the secret's id and the tag. Of this environment only.
    pub fn sign(&self, kind: Sealed, message: &[u8]) -> String {
        let tag = self.secret.tag(kind, &scoped(self.scope, message));
        let mut bytes = Vec::with_capacity(SEAL_BYTES.saturating_add(1));
        bytes.push(self.secret.id);
        bytes.extend_from_slice(&tag);
        Base64UrlUnpadded::encode_string(&bytes)
    }
}

fn scoped(scope: u32, message: &[u8]) -> Vec<u8> {
    [&scope.to_le_bytes(), message].concat()
}

/// Why a text is no list of secrets. Says nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadSecret;

impl fmt::Display for BadSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a secret is 64 hex digits; several are separated by commas, the newest first")
    }
}

impl core::error::Error for BadSecret {}

impl Secrets {
    /// Several are separated by commas or white space. An empty text is no secret at all.
    pub fn parse(text: &str, workspace: &str, env: &str) -> Result<Self, BadSecret> {
        let secrets = text
            .split([',', ' ', '\n', '\t', '\r'])
            .filter(|item| !item.is_empty())
            .map(|item| Digest::from_hex(item).map(|bytes| Secret::new(&bytes.0)))
            .collect::<Option<_>>()
            .ok_or(BadSecret)?;
        let name = alloc::format!("{workspace}/{env}");
        let hash = blake3::derive_key("skyful 1 scope", name.as_bytes());
        Ok(Self {
            secrets,
            scope: u32::from_le_bytes(hash.first_chunk().copied().unwrap_or_default()),
        })
    }

    pub fn sealer(&self) -> Option<Sealer<'_>> {
        self.secrets.first().map(|secret| Sealer {
            secret,
            scope: self.scope,
        })
    }

    /// The bytes within a seal, if one of these secrets made it. `id` says where in the bytes a secret's id stands.
    pub fn open(&self, kind: Sealed, text: &str, id: usize) -> Option<Vec<u8>> {
        let mut bytes = Base64UrlUnpadded::decode_vec(text).ok()?;
        let (content, tag) = bytes.split_last_chunk::<SEAL_BYTES>()?;
        let id = content.get(id)?;
        let genuine = |secret: &Secret| same(&secret.tag(kind, content), tag);
        let found = self.secrets.iter().any(|s| s.id == *id && genuine(s));
        bytes.truncate(bytes.len().saturating_sub(SEAL_BYTES));
        found.then_some(bytes)
    }
}

impl Secrets {
    /// Whether one of these secrets made this seal ([`Sealer::sign`]) of the message.
    pub fn signed(&self, kind: Sealed, message: &[u8], seal: &str) -> bool {
        let Ok(bytes) = Base64UrlUnpadded::decode_vec(seal) else {
            return false;
        };
        let Some((id, Ok(tag))) = bytes.split_first().map(|(id, tag)| (id, tag.try_into())) else {
            return false;
        };
        let message = scoped(self.scope, message);
        let genuine = |secret: &Secret| same(&secret.tag(kind, &message), tag);
        self.secrets.iter().any(|s| s.id == *id && genuine(s))
    }
}

/// In a time that doesn't tell where they differ.
fn same(a: &[u8; SEAL_BYTES], b: &[u8; SEAL_BYTES]) -> bool {
    a.iter().zip(b).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "1111111111111111111111111111111111111111111111111111111111111111";
    const NEW: &str = "2222222222222222222222222222222222222222222222222222222222222222";

    fn secrets(text: &str) -> Secrets {
        Secrets::parse(text, "wallet", "prod").expect("secrets")
    }

    #[test]
    fn what_was_sealed_opens_with_the_secret_that_sealed_it() {
        let old = secrets(OLD);
        let secret = old.sealer().expect("a secret").secret;
        let text = secret.seal(Sealed::Receipt, alloc::vec![secret.id, 7]);
        let both = secrets(&alloc::format!("{NEW},{OLD}"));
        for opens in [&old, &both] {
            assert_eq!(
                opens.open(Sealed::Receipt, &text, 0),
                Some(alloc::vec![secret.id, 7])
            );
        }
        assert_eq!(old.open(Sealed::Ledger, &text, 0), None, "another kind");
        assert_eq!(secrets(NEW).open(Sealed::Receipt, &text, 0), None);
    }

    #[test]
    fn a_changed_byte_opens_nothing() {
        let secrets = secrets(NEW);
        let secret = secrets.sealer().expect("a secret").secret;
        let text = secret.seal(Sealed::Ledger, alloc::vec![secret.id, 1, 2, 3]);
        for at in 0..text.len() {
            for other in ["A", "B", "_", "=", ""] {
                let changed = alloc::format!("{}{other}{}", &text[..at], &text[at + 1..]);
                let opened = secrets.open(Sealed::Ledger, &changed, 0);
                assert!(opened.is_none() || changed == text, "{changed}");
            }
        }
    }

    #[test]
    fn a_seal_beside_its_message_holds_for_that_message_and_environment() {
        let old = secrets(OLD);
        let seal = old
            .sealer()
            .expect("a secret")
            .sign(Sealed::Health, b"fine");
        let both = secrets(&alloc::format!("{NEW},{OLD}"));
        assert!(both.signed(Sealed::Health, b"fine", &seal));
        let elsewhere = Secrets::parse(OLD, "wallet", "dev").expect("secrets");
        for (secrets, kind, message, seal) in [
            (&both, Sealed::Health, b"Fine".as_slice(), &*seal),
            (&both, Sealed::Receipt, b"fine", &seal),
            (&secrets(NEW), Sealed::Health, b"fine", &seal),
            (&elsewhere, Sealed::Health, b"fine", &seal),
            (&both, Sealed::Health, b"fine", &seal[1..]),
            (&both, Sealed::Health, b"fine", ""),
        ] {
            assert!(!secrets.signed(kind, message, seal), "{seal}");
        }
    }

    #[test]
    fn what_is_no_secret_is_refused_and_not_repeated() {
        for text in ["sesame", &NEW[1..], "zz"] {
            let error = Secrets::parse(text, "w", "e").expect_err("no secret");
            assert!(!alloc::format!("{error}").contains(text));
        }
        assert!(secrets("").sealer().is_none());
        assert!(!alloc::format!("{:?}", secrets(NEW)).contains("22"));
    }
}
