//! A target ready to be written, and where the bytes come from that it gets.

use std::sync::Arc;

use skyful::manifest::TrustSet;
use skyful::snapshot::Digest;

use super::worker::Place;
use crate::app::{App, Error};
use crate::deliver::rule::Own;
use crate::deliver::upload::Source;
use crate::deliver::{Doing, Object, Target};
use crate::failure::Failure;
use crate::store::sqlite::target_objects;
use crate::store::sqlite::targets::TargetRow;

/// Of a target's settings, and of the key that signs requests to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub(super) settings: i64,
    pub(super) key: Option<[u8; 32]>,
}

impl App {
    /// The target as it is set up now; the one from before if nothing of it changed.
    pub(super) async fn open_target(
        &self,
        row: &TargetRow,
        before: Option<&(Version, Arc<dyn Target>)>,
    ) -> Result<(Version, Arc<dyn Target>), Failure> {
        let settings = self.target_settings(row).map_err(told)?;
        let mut key = None;
        if settings.signs() {
            let mut tx = self.store.read().await.map_err(told)?;
            let keyring = &self.keyring;
            let place = (&*row.workspace, &*row.env);
            key = crate::app::keys::active(&mut tx, keyring, place)
                .await
                .map_err(told)?;
        }
        let version = Version {
            settings: row.version,
            key: key.as_ref().map(|key| key.verifying_key().to_bytes()),
        };
        if let Some(before) = before.filter(|(held, _)| *held == version) {
            return Ok(before.clone());
        }
        let target = settings
            .open((&row.workspace, &row.env), key, &self.delivery.reach)
            .await?;
        Ok((version, target))
    }

    /// Whose manifests count there: the same as edges trust.
    pub(super) async fn own(&self, place: &Place) -> Result<Own, Failure> {
        let mut tx = self.store.read().await.map_err(told)?;
        let trust = crate::app::keys::trusted(&mut tx, &place.workspace, &place.env).await;
        Ok(Own {
            trust: TrustSet::parse(&trust.map_err(told)?).map_err(Failure::usage)?,
            workspace: place.workspace.clone(),
            env: place.env.clone(),
        })
    }
}

/// Objects in our database.
pub struct Chunks {
    pub app: App,
    pub workspace: String,
}

impl Source for Chunks {
    fn load<'a>(&'a self, digests: &'a [Digest]) -> Doing<'a, Vec<Object>> {
        Box::pin(async move {
            let names: Vec<String> = digests.iter().map(Digest::hex).collect();
            let mut tx = self.app.store.read().await.map_err(told)?;
            let found = target_objects::bytes(&mut tx, &self.workspace, &names).await;
            let found = found.map_err(told)?;
            if found.len() != digests.len() {
                let lost = digests.len() - found.len();
                return Err(Failure::fault(format!(
                    "{lost} parts of the snapshot are missing in the database"
                ))
                .hint("release the draft again, or restore a backup"));
            }
            let object = |(name, bytes): (String, Vec<u8>)| Some((Digest::from_hex(&name)?, bytes));
            Ok(found.into_iter().filter_map(object).collect())
        })
    }
}

/// In words for whoever looks after targets. What a database said stays in the log.
pub fn told(error: impl Into<Error>) -> Failure {
    match error.into() {
        Error::Conflict { detail, hint } => Failure::usage(detail).hint(hint),
        Error::Invalid { detail, hint, .. } => {
            let failure = Failure::usage(detail);
            match hint {
                Some(hint) => failure.hint(hint),
                None => failure,
            }
        }
        Error::Store(error) => {
            tracing::error!(%error, "the database gave no answer");
            Failure::usage("the database gave no answer")
        }
        other => Failure::usage(format!("{other:?}")),
    }
}
