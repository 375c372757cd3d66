//! Secrets at rest. What a database file or a backup shows of a key or a token is bound to the row that it stands in and
//! worth nothing without the master secret, which is in neither.

use std::fmt;
use std::sync::Arc;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use skyful::snapshot::Digest;

use crate::app::Error;

const CONTEXT: &str = "skyful 1 origin secrets";
const NAME_CONTEXT: &str = "skyful 1 origin master name";
const AUDIT_CONTEXT: &str = "skyful 1 audit head";
const FORMAT: u8 = 1;
const NAME: usize = 8;
const NONCE: usize = 24;

/// Master secrets. The first one seals; the others open what was sealed before it was the first.
#[derive(Clone, Default)]
pub struct Keyring(Arc<[Master]>);

struct Master {
    name: [u8; NAME],
    cipher: XChaCha20Poly1305,
    /// Seals the end of the audit log.
    audit: [u8; 32],
}

/// What a secret belongs to: it opens nowhere else.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// What kind of secret it is, for example `signing-key`.
    pub kind: &'a str,
    pub workspace: &'a str,
    pub env: &'a str,
    pub id: &'a str,
}

impl Place<'_> {
    /// Each part with its length, so that no two places are written alike.
    fn bytes(&self) -> Vec<u8> {
        let parts = [self.kind, self.workspace, self.env, self.id];
        let part = |part: &str| {
            let length = (part.len() as u64).to_le_bytes();
            length.into_iter().chain(part.bytes()).collect::<Vec<u8>>()
        };
        parts.into_iter().flat_map(part).collect()
    }
}

impl Keyring {
    pub fn new(masters: impl IntoIterator<Item = [u8; 32]>) -> Self {
        let master = |secret: [u8; 32]| {
            let name = blake3::derive_key(NAME_CONTEXT, &secret);
            Master {
                name: *name.first_chunk().unwrap_or(&[0; NAME]),
                cipher: XChaCha20Poly1305::new(&Key::from(blake3::derive_key(CONTEXT, &secret))),
                audit: blake3::derive_key(AUDIT_CONTEXT, &secret),
            }
        };
        Self(masters.into_iter().map(master).collect())
    }

    /// The first one seals the end of the audit log.
    pub fn audit_keys(&self) -> Vec<[u8; 32]> {
        self.0.iter().map(|master| master.audit).collect()
    }

    /// 64 hex digits each, separated by commas.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let parts = text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty());
        let masters: Option<Vec<[u8; 32]>> = parts
            .map(|hex| Digest::from_hex(hex).map(|digest| digest.0))
            .collect();
        match masters {
            Some(masters) if !masters.is_empty() => Ok(Self::new(masters)),
            _ => Err(
                "a master secret is 64 hex digits; an old one may stand behind it, after a comma",
            ),
        }
    }

    /// Without a master secret the origin can neither sign nor deliver.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Format, name of the master, nonce, text.
    pub fn seal(&self, place: Place<'_>, secret: &[u8]) -> Result<Vec<u8>, Error> {
        let master = self.0.first().ok_or_else(no_master)?;
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(|error| unsealed(&error.to_string()))?;
        let payload = Payload {
            msg: secret,
            aad: &place.bytes(),
        };
        let text = master.cipher.encrypt(&XNonce::from(nonce), payload);
        let text = text.map_err(|_| unsealed("it is too large"))?;
        Ok([&[FORMAT][..], &master.name, &nonce, &text].concat())
    }

    pub fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<Vec<u8>, Error> {
        if self.is_empty() {
            return Err(no_master());
        }
        self.opened(place, sealed)
            .ok_or_else(|| unsealed("the master secret is not the one that it was sealed with"))
    }

    /// Whether it says that the first master secret sealed it.
    pub fn newest_sealed(&self, sealed: &[u8]) -> bool {
        let newest = self.0.first().map(|master| &master.name[..]);
        newest == sealed.get(1..1 + NAME)
    }

    fn opened(&self, place: Place<'_>, sealed: &[u8]) -> Option<Vec<u8>> {
        let (format, rest) = sealed.split_first()?;
        let (name, rest) = rest.split_first_chunk::<NAME>()?;
        let (nonce, text) = rest.split_first_chunk::<NONCE>()?;
        let master = self.0.iter().find(|master| master.name == *name)?;
        let payload = Payload {
            msg: text,
            aad: &place.bytes(),
        };
        let opened = master.cipher.decrypt(&XNonce::from(*nonce), payload);
        opened.ok().filter(|_| *format == FORMAT)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring({} masters)", self.0.len())
    }
}

fn no_master() -> Error {
    Error::conflict(
        "this origin has no master secret, so it keeps no keys and no tokens",
        "start it with SKYFUL_MASTER_KEY, the same at every start",
    )
}

fn unsealed(why: &str) -> Error {
    Error::conflict(
        format!("a secret of this origin can't be used: {why}"),
        "start it with the SKYFUL_MASTER_KEY that it had; an old one may stand behind the new one, after a comma",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place<'_> = Place {
        kind: "signing-key",
        workspace: "wallet",
        env: "prod",
        id: "k1",
    };

    #[test]
    fn a_secret_opens_in_its_place_only() {
        let ring = Keyring::new([[7; 32]]);
        let sealed = ring.seal(PLACE, b"secret").unwrap();
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
        assert_eq!(ring.open(PLACE, &sealed).unwrap(), b"secret");
        let elsewhere = [
            Place {
                kind: "token",
                ..PLACE
            },
            Place {
                workspace: "shop",
                ..PLACE
            },
            Place {
                env: "dev",
                ..PLACE
            },
            Place { id: "k2", ..PLACE },
            Place {
                workspace: "walletp",
                env: "rod",
                ..PLACE
            },
        ];
        for place in elsewhere {
            assert!(ring.open(place, &sealed).is_err(), "{place:?}");
        }
        for at in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert!(ring.open(PLACE, &altered).is_err(), "byte {at}");
            assert!(ring.open(PLACE, &sealed[..at]).is_err(), "cut at {at}");
        }
        assert_ne!(ring.seal(PLACE, b"secret").unwrap(), sealed);
    }

    #[test]
    fn a_new_master_seals_and_the_old_one_still_opens() {
        let old = Keyring::new([[7; 32]]);
        let both = Keyring::new([[8; 32], [7; 32]]);
        let new = Keyring::new([[8; 32]]);
        let sealed = old.seal(PLACE, b"secret").unwrap();
        assert_eq!(both.open(PLACE, &sealed).unwrap(), b"secret");
        assert!(new.open(PLACE, &sealed).is_err());
        let sealed = both.seal(PLACE, b"secret").unwrap();
        assert_eq!(new.open(PLACE, &sealed).unwrap(), b"secret");
        assert!(old.open(PLACE, &sealed).is_err());
        assert!(Keyring::default().seal(PLACE, b"secret").is_err());
        assert_eq!(format!("{both:?}"), "Keyring(2 masters)");
        let hex = |byte: u8| Digest([byte; 32]).hex();
        let parsed = Keyring::parse(&format!("{}, {}", hex(8), hex(7))).unwrap();
        assert_eq!(parsed.open(PLACE, &sealed).unwrap(), b"secret");
        for wrong in ["", "abc", &hex(7)[1..]] {
            assert!(Keyring::parse(wrong).is_err(), "{wrong}");
        }
    }
}
