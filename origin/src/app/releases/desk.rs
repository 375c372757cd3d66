//! Where releases are changed: one transaction, and in it one row that says what an environment shows. A sequence is taken,
//! the manifest signed and kept, the history and the audit log written, all or nothing.

use serde_json::{Value, json};
use skyful::ids::IdKey;
use skyful::limits;
use skyful::manifest::envelope::Gray;
use skyful::manifest::{Mode, Tail, sign};
use skyful::snapshot::{Digest, Listing};
use sqlx::sqlite::SqliteConnection;

use super::decide::{mode_name, mode_named};
use super::staff;
use super::state::{Event, next};
use crate::app::access::{Action, Actor};
use crate::app::audit::{self, Entry};
use crate::app::keys::{self, Keyring};
use crate::app::people::known;
use crate::app::{App, Error};
use crate::failpoint::{self, Point};
use crate::store::StoreError;
use crate::store::sqlite::manifests::{self, ManifestRow};
use crate::store::sqlite::releases::{self as rows, EventRow, ReleaseRow};
use crate::store::sqlite::snapshots::{self, HeadRow};

/// A transaction, and who does something in it.
pub struct Desk<'a> {
    pub tx: &'a mut SqliteConnection,
    pub keyring: &'a Keyring,
    pub actor: &'a Actor,
    /// Workspace and environment.
    pub place: (&'a str, &'a str),
    pub now_ms: i64,
}

/// What a transaction over releases hands to [`App::at_desk`].
pub type Work<'t, T> = std::pin::Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 't>>;

impl App {
    /// All of `work` or nothing, if the actor may still do such a thing; whoever listens is told afterwards. None: nobody asked
    /// for it.
    pub(super) async fn at_desk<T: Send + 'static>(
        &self,
        asked: Option<(&Actor, Action)>,
        place: (&str, &str),
        work: impl for<'t> FnOnce(Desk<'t>) -> Work<'t, T> + Send + 'static,
    ) -> Result<T, Error> {
        let (keyring, now_ms) = (self.keyring.clone(), self.now_ms());
        let asked = asked.map(|(actor, action)| (actor.clone(), action));
        let owned = (place.0.to_owned(), place.1.to_owned());
        let done = self
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let actor = match asked {
                        None => Actor::system("releases"),
                        Some((actor, action)) => {
                            let what = (action, &*owned.0, Some(&*owned.1));
                            known::still_may(tx, &actor, what, now_ms).await?
                        }
                    };
                    let desk = Desk {
                        tx,
                        keyring: &keyring,
                        actor: &actor,
                        place: (&owned.0, &owned.1),
                        now_ms,
                    };
                    work(desk).await
                })
            })
            .await;
        if done.is_ok() {
            self.releases_changed(place);
        }
        done
    }
}

impl Desk<'_> {
    pub async fn head(&mut self) -> Result<Option<HeadRow>, Error> {
        let (workspace, env) = self.place;
        Ok(snapshots::head(self.tx, workspace, env).await?)
    }

    pub async fn release(&mut self, id: i64) -> Result<ReleaseRow, Error> {
        super::existing(self.tx, self.place, id).await
    }

    pub async fn staff(&mut self) -> Result<Vec<String>, Error> {
        staff::units(self.tx, self.place).await
    }

    /// Replaces what the environment shows, under a new sequence.
    pub async fn publish(&mut self, mut head: HeadRow, by: Option<i64>) -> Result<i64, Error> {
        let (workspace, env) = self.place;
        let key = keys::signer(self.tx, self.keyring, self.actor, self.place, self.now_ms).await?;
        let sequence = keys::next_sequence(self.tx, workspace, env).await?;
        let gray = match &head.gray {
            None => None,
            Some(digest) => Some(self.listing(digest).await?),
        };
        let tail = Tail {
            stable: self.listing(&head.stable).await?,
            gray,
            allow: allowed(workspace, &head.allow),
        };
        let mut header = sign::full_release(workspace, env, sequence, self.now_ms);
        header.mode = mode_named(&head.mode).unwrap_or(Mode::Run);
        header.gray = tail.gray.as_ref().map(|listing| Gray {
            snapshot: listing.digest(),
            share_bps: u32::try_from(head.share_bps).unwrap_or(0),
            salt: head.salt.cast_unsigned(),
        });
        let envelope = sign::sign(header, &tail, &key);
        // A value holds two of them.
        if envelope.len() > limits::MANIFEST_BYTES / 2 {
            let detail = format!("the manifest would take {} bytes", envelope.len());
            return Err(Error::conflict(
                detail,
                "release to everybody at once: two tables of pages take twice the room",
            ));
        }
        head.sequence = i64::try_from(sequence).unwrap_or(i64::MAX);
        snapshots::put_head(self.tx, workspace, env, &head).await?;
        failpoint::reach(Point::ManifestSigned);
        let manifest = ManifestRow {
            sequence: head.sequence,
            envelope,
            stable: head.stable,
            gray: head.gray,
            issued_ms: self.now_ms,
            release: by,
        };
        manifests::add(self.tx, workspace, env, &manifest).await?;
        Ok(manifest.sequence)
    }

    async fn listing(&mut self, hex: &str) -> Result<Listing, Error> {
        let damaged = || StoreError(format!("snapshot {hex} cannot be read"));
        let row = snapshots::get(self.tx, self.place.0, hex).await?;
        let row = row.ok_or_else(|| gone(hex))?;
        let digest = Digest::from_hex(hex).ok_or_else(damaged)?;
        let listing = Listing::from_object(&row.listing, digest);
        listing.map_err(|_| damaged().into())
    }

    /// Lets something happen to a release, with a line in its history and in the audit log.
    pub async fn happened(
        &mut self,
        row: &mut ReleaseRow,
        event: Option<Event>,
        kind: &str,
        detail: Value,
    ) -> Result<(), Error> {
        if let Some(event) = event {
            row.state = next(row.state, event).map_err(|why| refused(row, why))?;
        }
        row.version += 1;
        if row.state != super::state::State::Halted {
            (row.halted, row.halted_ms, row.alarmed_ms) = (None, None, None);
        }
        row.ended_ms = row
            .state
            .ended()
            .then(|| row.ended_ms.unwrap_or(self.now_ms));
        rows::put(self.tx, row).await?;
        let event = EventRow {
            seq: 0,
            at_ms: self.now_ms,
            kind: kind.to_owned(),
            actor: self.actor.name.clone(),
            state: row.state.name().to_owned(),
            step: row.step,
            sequence: row.sequence,
            detail: detail.to_string(),
        };
        rows::add_event(self.tx, row, &event).await?;
        self.audited(
            &format!("release.{kind}"),
            &format!("release {}", row.id),
            told(row, detail),
        )
        .await
    }

    pub async fn audited(
        &mut self,
        action: &str,
        object: &str,
        detail: Value,
    ) -> Result<(), Error> {
        let entry = Entry {
            workspace: Some(self.place.0),
            env: Some(self.place.1),
            action,
            object,
            detail,
        };
        audit::record(self.tx, self.actor, self.now_ms, entry).await?;
        Ok(())
    }
}

fn told(row: &ReleaseRow, detail: Value) -> Value {
    json!({"snapshot": shown(&row.snapshot), "sequence": row.sequence, "detail": detail})
}

pub fn refused(row: &ReleaseRow, why: &str) -> Error {
    let hint = match row.state.under_way() {
        true => "roll it back, pause it or let it finish",
        false => "look at the releases of this environment",
    };
    Error::conflict(
        format!("release {} is {}: {why}", row.id, row.state.name()),
        hint,
    )
}

/// A release names it, so it was there; nothing needed it for long.
pub fn gone(hex: &str) -> Error {
    Error::conflict(
        format!("snapshot {} isn't kept any more", shown(hex)),
        "release a draft or a document instead: what nothing shows is removed after 30 days",
    )
}

/// A digest as people see it.
pub fn shown(hex: &str) -> String {
    format!("b3-{hex}")
}

/// Hashes of units, as the manifest lists them.
fn allowed(workspace: &str, units: &str) -> Vec<u64> {
    let units: Vec<String> = serde_json::from_str(units).unwrap_or_default();
    let ids = IdKey::of_workspace(workspace);
    let mut hashes: Vec<u64> = units.iter().map(|unit| ids.hash(unit)).collect();
    hashes.sort_unstable();
    hashes.dedup();
    hashes.truncate(limits::GRAY_UNITS);
    hashes
}

/// What an environment shows before anything is released in it.
pub fn nothing(stable: &str) -> HeadRow {
    HeadRow {
        sequence: 0,
        stable: stable.to_owned(),
        gray: None,
        share_bps: 0,
        salt: 0,
        allow: "[]".into(),
        mode: mode_name(Mode::Run).into(),
        release: None,
    }
}
