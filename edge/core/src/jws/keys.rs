//! Whose signed contexts are believed. A key belongs to one algorithm for good: were it the token that chose, a public key
//! could be taken for the secret of an HMAC.

use std::fmt;

use ed25519_dalek::{Signature, VerifyingKey};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::Algorithm;
use crate::http::hex_pair;

/// Names of keys, as `kid` says them.
const NAME_BYTES: usize = 64;
/// As long as the hash (RFC 7518, 3.2), and not longer than its block, beyond which nothing is won.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 32..=64;

#[derive(Clone, Default)]
pub struct ContextKeys(Vec<Named>);

#[derive(Clone)]
struct Named {
    name: String,
    key: Key,
}

#[derive(Clone)]
enum Key {
    EdDsa(Box<VerifyingKey>),
    Hs256(Vec<u8>),
}

/// Why a text is no list of keys. Says nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadContextKeys;

impl fmt::Display for BadContextKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "keys for signed contexts are eddsa:NAME:HEX (32 bytes of a public key) or \
             hs256:NAME:HEX (32 to 64 bytes of a secret), separated by commas",
        )
    }
}

impl std::error::Error for BadContextKeys {}

/// Which keys there are, and no secret.
impl fmt::Debug for ContextKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|named| &named.name))
            .finish()
    }
}

impl ContextKeys {
    /// Several are separated by commas or white space, and no two of them have one name. An empty text is none.
    pub fn parse(text: &str) -> Result<Self, BadContextKeys> {
        let mut keys: Vec<Named> = Vec::new();
        for item in text
            .split([',', ' ', '\n', '\t', '\r'])
            .filter(|item| !item.is_empty())
        {
            let named = Named::parse(item).ok_or(BadContextKeys)?;
            if keys.iter().any(|other| other.name == named.name) {
                return Err(BadContextKeys);
            }
            keys.push(named);
        }
        Ok(Self(keys))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of these keys signed it. A token that names a key is asked of that one only.
    pub(super) fn signed(
        &self,
        algorithm: Algorithm,
        name: Option<&str>,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        let named = |key: &&Named| name.is_none_or(|name| name == key.name);
        self.0
            .iter()
            .filter(named)
            .any(|named| named.key.signed(algorithm, message, signature))
    }
}

impl Named {
    fn parse(item: &str) -> Option<Self> {
        let (algorithm, rest) = item.split_once(':')?;
        let (name, hex) = rest.split_once(':')?;
        let usual = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if !(1..=NAME_BYTES).contains(&name.len()) || !name.bytes().all(usual) {
            return None;
        }
        let bytes = unhex(hex)?;
        let key = match algorithm {
            "eddsa" => {
                let key = VerifyingKey::from_bytes(&bytes.try_into().ok()?).ok()?;
                Key::EdDsa(Box::new(key))
            }
            "hs256" if SECRET_BYTES.contains(&bytes.len()) => Key::Hs256(bytes),
            _ => return None,
        };
        let name = name.to_owned();
        Some(Self { name, key })
    }
}

impl Key {
    fn signed(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        match (self, algorithm) {
            (Self::EdDsa(key), Algorithm::EdDsa) => Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok()),
            (Self::Hs256(secret), Algorithm::Hs256) => {
                let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else {
                    return false;
                };
                mac.update(message);
                // All 32 bytes, in a time that doesn't tell where they differ.
                mac.verify_slice(signature).is_ok()
            }
            _ => false,
        }
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|pair| hex_pair(*pair)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a well-known test vector; nobody signs with it.
    const PUBLIC: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

    #[test]
    fn several_keys_have_several_names() {
        let text = format!("eddsa:a:{PUBLIC}, hs256:b.2-_:{PUBLIC}\n");
        let keys = ContextKeys::parse(&text).expect("keys");
        assert_eq!(format!("{keys:?}"), r#"["a", "b.2-_"]"#, "no secret in it");
        assert!(ContextKeys::parse(" ").expect("none").is_empty());
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_repeated() {
        let short = &PUBLIC[2..];
        for text in [
            "sesame".to_owned(),
            PUBLIC.to_owned(),
            format!("eddsa:{PUBLIC}"),
            format!("eddsa::{PUBLIC}"),
            format!("eddsa:a b:{PUBLIC}"),
            format!("eddsa:a:{short}"),
            format!("hs256:a:{short}"),
            format!("hs256:a:{}", "00".repeat(65)),
            format!("hs256:a:{PUBLIC}0"),
            format!("hs256:a:{}", "0g".repeat(32)),
            format!("none:a:{PUBLIC}"),
            format!("hs256:a:{PUBLIC},eddsa:a:{PUBLIC}"),
            format!("hs256:{}:{PUBLIC}", "a".repeat(65)),
        ] {
            let error = ContextKeys::parse(&text).expect_err(&text);
            assert!(!format!("{error}").contains(&text));
        }
    }
}
