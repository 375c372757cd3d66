//! Publishing a document into a store directory: once, or at every save. A save with errors is told and
//! changes nothing.

use std::path::PathBuf;

use ed25519_dalek::SigningKey;
use skyful::snapshot::Digest;

use crate::deliver::dir::{Delivered, Store};
use crate::document::{self, Document};
use crate::failure::Failure;
use crate::watch::{self, Look};
use crate::{output, report};

pub struct Publisher {
    pub document: PathBuf,
    pub store: PathBuf,
    pub env: String,
    pub key: SigningKey,
}

/// What became of one version of a document.
pub enum Outcome {
    Delivered {
        delivered: Delivered,
        snapshot: Digest,
    },
    /// It has errors; they stand in the document.
    Refused,
}

impl Publisher {
    pub fn publish(&self) -> Result<(Document, Outcome), Failure> {
        let mut document = Document::read(&self.document)?;
        let outcome = match document.compile(&mut |_, _| ()) {
            None => Outcome::Refused,
            Some((workspace, snapshot)) => {
                let store = Store::new(&self.store, &workspace.key, &self.env);
                let delivered = store.deliver(&snapshot, &self.key, document::now_ms())?;
                Outcome::Delivered {
                    delivered,
                    snapshot: snapshot.listing.digest(),
                }
            }
        };
        Ok((document, outcome))
    }

    /// Publishes now and at every save, and tells about each, until `stop`. Whatever goes wrong, the
    /// next save gets its chance.
    pub fn watch(&self, tell: &mut dyn FnMut(&Document, &Outcome), stop: &dyn Fn() -> bool) {
        let mut files = vec![self.document.clone()];
        while !stop() {
            // Looked at before it is read: a save in between is seen as one more change.
            let mut seen = Look::at(&files);
            match self.publish() {
                Ok((document, outcome)) => {
                    tell(&document, &outcome);
                    if files[1..] != document.files {
                        files.truncate(1);
                        seen.forget_but_first();
                        seen.and_at(&document.files);
                        files.extend(document.files);
                    }
                }
                Err(failure) => output::failure(&failure),
            }
            watch::changed(&files, &seen, stop);
        }
    }
}

/// One version, told to people.
pub fn tell(document: &Document, outcome: &Outcome) {
    report::problems(document);
    let path = document.path.display();
    match outcome {
        Outcome::Delivered {
            delivered: Delivered::New { sequence },
            ..
        } => output::say(&format!("published {path} as sequence {sequence}")),
        Outcome::Delivered {
            delivered: Delivered::Unchanged { sequence },
            ..
        } => output::say(&format!(
            "{path} changes nothing, sequence {sequence} stays"
        )),
        Outcome::Refused => output::say("not published; the edge keeps what it has"),
    }
}
