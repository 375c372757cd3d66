//! What a release changes for visitors: compared as edges will act on it, not as text.

use serde::Serialize;
use serde_json::Value;
use skyful::compile::Snapshot;
use skyful::snapshot::{Digest, Listing};
use sqlx::sqlite::SqliteConnection;

use super::desk::{gone, shown};
use crate::app::access::{Action, Actor};
use crate::app::{App, Error};
use crate::store::StoreError;
use crate::store::sqlite::snapshots;
use crate::{diff, outline};

/// Changes of one answer; the rest is counted.
const SHOWN: usize = 1_000;

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Changes {
    /// None: there is nothing yet, so everything is new.
    pub before: Option<String>,
    pub after: String,
    pub total: usize,
    /// The first thousand: `kind`, `path` of keys, `before`, `after`.
    #[schema(value_type = Vec<Object>)]
    pub changes: Vec<Value>,
}

impl App {
    /// Beside what is live while it has not begun; afterwards beside what it goes back to.
    pub async fn changes_of(
        &self,
        actor: &Actor,
        place: (&str, &str),
        id: i64,
    ) -> Result<Changes, Error> {
        actor.need(Action::Read, place.0, Some(place.1))?;
        let mut tx = self.store.read().await?;
        let row = super::existing(&mut tx, place, id).await?;
        let live = snapshots::head(&mut tx, place.0, place.1).await?;
        let live = live.map(|head| head.stable).filter(|_| row.state.pending());
        let before = live.or(row.base);
        let after = load(&mut tx, place.0, &row.snapshot).await?;
        let then = match &before {
            None => None,
            Some(hex) => Some(load(&mut tx, place.0, hex).await?),
        };
        drop(tx);
        let work = move || {
            let found = compare(then.as_ref(), &after)?;
            let told = found.iter().take(SHOWN).map(serde_json::to_value);
            let told: Vec<Value> = told.collect::<Result<_, _>>().unwrap_or_default();
            Ok::<_, StoreError>((found.len(), told))
        };
        let (total, changes) = self.heavy.run(work).await??;
        Ok(Changes {
            before: before.as_deref().map(shown),
            after: shown(&row.snapshot),
            total,
            changes,
        })
    }
}

fn compare(before: Option<&Snapshot>, after: &Snapshot) -> Result<Vec<diff::Change>, StoreError> {
    let tree = |snapshot: &Snapshot| {
        let broken = |(digest, error)| StoreError(format!("{digest}: {error}"));
        let mut tree = outline::of(snapshot, None).map_err(broken)?;
        outline::forget_storage(&mut tree);
        Ok::<_, StoreError>(tree)
    };
    let before = before.map(tree).transpose()?;
    Ok(diff::between(
        &before.unwrap_or_else(|| serde_json::json!({})),
        &tree(after)?,
    ))
}

/// A snapshot as it was compiled.
pub async fn load(
    tx: &mut SqliteConnection,
    workspace: &str,
    hex: &str,
) -> Result<Snapshot, Error> {
    let damaged = || StoreError(format!("snapshot {hex} cannot be read"));
    let row = snapshots::get(tx, workspace, hex)
        .await?
        .ok_or_else(|| gone(hex))?;
    let digest = Digest::from_hex(hex).ok_or_else(damaged)?;
    let listing = Listing::from_object(&row.listing, digest).map_err(|_| damaged())?;
    let chunks = snapshots::chunks(tx, workspace, hex).await?;
    let object = |(hex, bytes): (String, Vec<u8>)| Some((Digest::from_hex(&hex)?, bytes));
    Ok(Snapshot {
        listing,
        objects: chunks.into_iter().filter_map(object).collect(),
        warnings: Vec::new(),
    })
}
