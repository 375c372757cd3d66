//! Whether one manifest may follow another in a target. Only what edges would believe counts as stored: a damaged value, or one
//! of a key that nobody trusts any more, is written over.

use skyful::manifest::{Manifest, TrustSet, Value};

use super::{Ruling, Slot};

/// Whose manifests count in an environment.
#[derive(Clone, Debug)]
pub struct Own {
    pub trust: TrustSet,
    pub workspace: String,
    pub env: String,
}

impl Own {
    /// A stored value as edges see it.
    pub fn open(&self, slot: Slot, value: &[u8]) -> Option<Manifest> {
        let envelope = match slot {
            Slot::Manifest => Value::split(value).ok()?.current,
            Slot::Settled => value,
        };
        Manifest::open(envelope, &self.trust, &self.workspace, &self.env).ok()
    }

    /// The sequence of what stands beside the current manifest.
    pub fn fallback(&self, value: &[u8]) -> Option<u64> {
        let envelope = Value::split(value).ok()?.fallback;
        let opened = Manifest::open(envelope, &self.trust, &self.workspace, &self.env);
        Some(opened.ok()?.sequence())
    }

    pub fn ruling(&self, slot: Slot, given: &Manifest, stored: Option<&[u8]>) -> Ruling {
        use skyful::manifest::Admission;
        let Some(stored) = stored.and_then(|stored| self.open(slot, stored)) else {
            return Ruling::Write;
        };
        match given.admission(Some(&stored)) {
            Admission::Newer => Ruling::Write,
            Admission::Held => Ruling::Same,
            Admission::Conflict => Ruling::Conflict(stored.sequence()),
            Admission::Older => Ruling::Older(stored.sequence()),
        }
    }
}
