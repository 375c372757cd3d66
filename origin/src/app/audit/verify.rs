//! Whether the log is the one that was written. Each entry is hashed again with the hash of the one before; the last one must
//! be the one that was sealed. What this can't see is a whole file from an earlier day: for that, write the end of the log
//! down elsewhere and expect it.

use std::fmt::Write as _;
use std::str::FromStr;

use serde::Serialize;
use sqlx::sqlite::SqliteConnection;

use super::hash;
use crate::app::access::Actor;
use crate::app::{App, Error};
use crate::store::StoreError;
use crate::store::sqlite::audit as rows;

/// Entries that are read at once.
const TOGETHER: i64 = 2_000;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Verified {
    pub entries: i64,
    /// The last good one, as it can be expected next time.
    pub last: Option<String>,
    /// Whether the end was compared with its seal, which takes the key.
    pub sealed: bool,
    pub fault: Option<Fault>,
}

/// The first that doesn't fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Fault {
    pub seq: i64,
    pub what: &'static str,
}

/// An entry that has to be in the log: its number and hash, written down before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    pub seq: i64,
    pub hash: String,
}

impl App {
    /// Reads the whole log as it stands; for root.
    pub async fn verify_audit(
        &self,
        actor: &Actor,
        expected: Option<&Expected>,
    ) -> Result<Verified, Error> {
        if !actor.root {
            return Err(Error::Denied("read what was done everywhere"));
        }
        let mut tx = self.store.read().await?;
        let keys = self.keyring.audit_keys();
        Ok(verify(&mut tx, &keys, expected).await?)
    }
}

impl FromStr for Expected {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split_once(':').and_then(|(seq, hash)| {
            let hex = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
            Some((seq.parse().ok()?, hex.then(|| hash.to_owned())?))
        });
        let (seq, hash) = parts.ok_or("a number, `:` and 64 hex digits, as they were printed")?;
        Ok(Self { seq, hash })
    }
}

/// In one transaction, or on a file that nobody writes.
pub async fn verify(
    tx: &mut SqliteConnection,
    keys: &[[u8; 32]],
    expected: Option<&Expected>,
) -> Result<Verified, StoreError> {
    let mut found = Verified {
        entries: 0,
        last: None,
        sealed: false,
        fault: None,
    };
    let mut before = Vec::new();
    let mut met = false;
    loop {
        let part = rows::after(tx, found.entries, TOGETHER).await?;
        for row in &part {
            let what = if row.seq != found.entries + 1 {
                Some("entries before it are missing")
            } else if hash(row, &before).as_slice() != row.hash {
                Some("it, or the one before, is not what was written")
            } else {
                None
            };
            if let Some(what) = what {
                found.fault = Some(Fault { seq: row.seq, what });
                return Ok(found);
            }
            found.entries = row.seq;
            found.last = Some(format!("{}:{}", row.seq, hex(&row.hash)));
            before.clone_from(&row.hash);
            met = met
                || expected.is_some_and(|expected| {
                    expected.seq == row.seq && expected.hash.eq_ignore_ascii_case(&hex(&row.hash))
                });
        }
        if part.is_empty() {
            break;
        }
    }
    if let Some(expected) = expected.filter(|_| !met) {
        found.fault = Some(Fault {
            seq: expected.seq,
            what: "it is not in the log as it was written down",
        });
    } else if !keys.is_empty() {
        found.sealed = true;
        found.fault = ending(tx, keys, (found.entries, &before)).await?;
    }
    Ok(found)
}

/// Compares the end with its seal.
async fn ending(
    tx: &mut SqliteConnection,
    keys: &[[u8; 32]],
    (seq, hash): (i64, &[u8]),
) -> Result<Option<Fault>, StoreError> {
    let fault = |seq, what| Ok(Some(Fault { seq, what }));
    match rows::head(tx).await? {
        None if seq == 0 => Ok(None),
        None => fault(seq, "the seal of the log's end is missing"),
        Some(head) if !rows::sealed(keys, &head) => {
            fault(head.seq, "the log's end was sealed with another key")
        }
        Some(head) if head.seq > seq => fault(seq + 1, "the log was cut short here"),
        Some(head) if head.seq < seq => fault(
            head.seq + 1,
            "it was not written by the server that has the key",
        ),
        Some(head) if head.hash != hash => fault(seq, "it is not the one that was sealed"),
        Some(_) => Ok(None),
    }
}

pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        _ = write!(text, "{byte:02x}");
    }
    text
}
