//! The whole draft as one document, in and out.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use skyful::document;
use skyful::problem::Problems;
use sqlx::sqlite::SqliteConnection;

use super::assemble::{self, SETTINGS};
use super::body::checked_body;
use super::evolution::Evolved;
use super::path::{self, Path, SECTIONS};
use crate::app::access::{Action, Actor};
use crate::app::drafts::edit::Edit;
use crate::app::{App, Error};
use crate::failpoint::{self, Point};
use crate::store::sqlite::drafts::{self as rows, ObjectRow, Was};

/// Objects by path, with their position.
pub(super) type Parts = BTreeMap<String, (String, i64)>;

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Imported {
    pub revision: i64,
    pub created: usize,
    pub changed: usize,
    pub deleted: usize,
}

impl App {
    /// The draft as a document (JSON), and its revision.
    pub async fn export(&self, actor: &Actor, workspace: &str) -> Result<(i64, String), Error> {
        actor.need(Action::Read, workspace, None)?;
        let mut tx = self.store.read().await?;
        let gone = || Error::NotFound(format!("no workspace `{workspace}`"));
        let revision = rows::revision(&mut tx, workspace).await?.ok_or_else(gone)?;
        let objects = rows::all(&mut tx, workspace).await?;
        drop(tx);
        let workspace = workspace.to_owned();
        let work = move || assemble::document(&workspace, &objects).to_string();
        Ok((revision, self.heavy.run(work).await?))
    }

    /// Makes the draft what a document says, in one change: what isn't in it goes. With `expected` only if the draft is at
    /// that revision. Like every draft it may have errors, as long as it can be taken apart.
    pub async fn import(
        &self,
        actor: &Actor,
        workspace: &str,
        expected: Option<i64>,
        text: impl AsRef<[u8]> + Send + 'static,
    ) -> Result<Imported, Error> {
        actor.need(Action::EditDesign, workspace, None)?;
        let name = workspace.to_owned();
        let mut tx = self.store.read().await?;
        let before = rows::all(&mut tx, workspace).await?;
        drop(tx);
        let work = move || {
            let parts = parts(&name, text.as_ref())?;
            let types = types(&parts, &before);
            Ok::<_, Error>((parts, types))
        };
        let (parts, types) = self.heavy.run(work).await??;
        self.survives(workspace, types).await?;
        let edit = self.edit(actor, workspace, "import");
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    let edit = edit.still(tx, Action::EditDesign).await?;
                    edit.import(tx, expected, parts).await
                })
            })
            .await
    }
}

impl Edit {
    async fn import(
        &self,
        tx: &mut SqliteConnection,
        expected: Option<i64>,
        mut parts: Parts,
    ) -> Result<Imported, Error> {
        let at = rows::revision(tx, &self.workspace).await?;
        if let Some(expected) = expected
            && at != Some(expected)
        {
            return Err(Error::Moved {
                detail: format!(
                    "the draft is at revision {}, not {expected}",
                    at.unwrap_or(0)
                ),
                hint: "export it again and put your changes on top".into(),
            });
        }
        let revision = self.revision(tx).await?;
        let mut done = Imported {
            revision,
            ..Imported::default()
        };
        for row in rows::all(tx, &self.workspace).await? {
            // Lists of ids come by themselves; a document only names them.
            if matches!(Path::parse(&row.path), Ok(Path::IdList { .. })) {
                continue;
            }
            match parts.remove(&row.path) {
                Some((body, position)) if (&body, position) == (&row.body, row.position) => {}
                Some((body, position)) => {
                    let after = Was {
                        body,
                        position,
                        version: revision,
                    };
                    self.change(tx, revision, &row.path, Some(&row), Some(after))
                        .await?;
                    done.changed += 1;
                }
                None => {
                    self.change(tx, revision, &row.path, Some(&row), None)
                        .await?;
                    done.deleted += 1;
                }
            }
        }
        for (path, (body, position)) in parts {
            let after = Was {
                body,
                position,
                version: revision,
            };
            self.change(tx, revision, &path, None, Some(after)).await?;
            done.created += 1;
        }
        failpoint::reach(Point::DraftImported);
        let Imported {
            created,
            changed,
            deleted,
            ..
        } = done;
        let detail = json!({"version": revision, "created": created, "changed": changed, "deleted": deleted});
        self.audit(tx, "draft.import", "document", detail).await?;
        Ok(done)
    }
}

/// Every module type that the document has, and those that it lacks: they go.
fn types(parts: &Parts, before: &[ObjectRow]) -> Vec<Evolved> {
    let key = |path: &str| path.strip_prefix("module_types/").map(str::to_owned);
    let have = parts
        .iter()
        .filter_map(|(path, (body, _))| Some((key(path)?, serde_json::from_str(body).ok())));
    let gone = before.iter().filter(|row| !parts.contains_key(&row.path));
    let gone = gone.filter_map(|row| Some((key(&row.path)?, None)));
    have.chain(gone).collect()
}

/// Whether two texts are the same draft, however they are written.
pub fn same(workspace: &str, one: &[u8], other: &[u8]) -> bool {
    match (parts(workspace, one), parts(workspace, other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

/// A document as one value, without any meaning.
pub fn read(text: &[u8]) -> Result<Value, Error> {
    let mut problems = Problems::default();
    let root = document::read(text, &mut problems);
    match root.filter(|_| !problems.has_errors()) {
        Some(root) => document::json(&root)
            .map_err(|literal| Error::invalid(format!("{literal} is too large a number"))),
        None => Err(Error::Faulty(problems.finish().0)),
    }
}

/// Takes a document apart.
fn parts(workspace: &str, text: &[u8]) -> Result<Parts, Error> {
    let Value::Object(mut fields) = read(text)? else {
        return Err(Error::invalid("a workspace document is an object"));
    };
    let named = fields.remove("workspace");
    if named.as_ref().is_some_and(|named| named != workspace) {
        let wrong = Error::invalid(format!(
            "this is the document of another workspace than `{workspace}`"
        ));
        return Err(wrong
            .at("/workspace")
            .hint("change `workspace`, or import it into that one"));
    }
    if fields.remove("skyful").is_none_or(|version| version != 1) {
        let wrong = Error::invalid("`skyful: 1` is missing, the version of the format");
        return Err(wrong.at("/skyful"));
    }
    let mut parts = Parts::new();
    for section in SECTIONS {
        let Some(objects) = fields.remove(section) else {
            continue;
        };
        let Value::Object(objects) = objects else {
            return Err(Error::invalid("an object by key is wanted").at(format!("/{section}")));
        };
        for (key, body) in objects {
            let at = format!("/{section}/{key}");
            object(&mut parts, section, key, body).map_err(|error| prefixed(error, &at))?;
        }
    }
    let settings: Map<String, Value> = SETTINGS
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), fields.remove(*name)?)))
        .collect();
    if let Some(unknown) = fields.keys().next() {
        let wrong = Error::invalid(format!("a workspace document has no `{unknown}`"));
        return Err(wrong.at(format!("/{unknown}")));
    }
    let body = checked_body(&Path::Settings, Value::Object(settings))?;
    parts.insert(Path::Settings.to_string(), (body, 0));
    Ok(parts)
}

/// Takes a module, a page or another object of a section apart.
pub(super) fn object(
    parts: &mut Parts,
    section: &'static str,
    key: String,
    mut body: Value,
) -> Result<(), Error> {
    let key = path::key(&key)?;
    let plans = match &mut body {
        Value::Object(fields) if path::with_plans(section).is_ok() => fields.remove("plans"),
        _ => None,
    };
    let of = Path::Object {
        section,
        key: key.clone(),
    };
    parts.insert(of.to_string(), (checked_body(&of, body)?, 0));
    let plans = match plans {
        None => return Ok(()),
        Some(Value::Array(plans)) => plans,
        Some(_) => return Err(Error::invalid("a list of plans is wanted").at("/plans")),
    };
    for (place, plan) in (1_i64..).zip(plans) {
        let at = format!("/plans/{}", place - 1);
        let named = plan.get("key").and_then(Value::as_str);
        let named = named.ok_or_else(|| Error::invalid("a plan needs a `key`").at(&*at))?;
        let plan_key = path::key(named).map_err(|error| prefixed(error, &at))?;
        let path = Path::Plan {
            section,
            key: key.clone(),
            plan: plan_key,
        };
        let body = checked_body(&path, plan).map_err(|error| prefixed(error, &at))?;
        let position = place.saturating_mul(super::edit::APART);
        if parts.insert(path.to_string(), (body, position)).is_some() {
            return Err(Error::invalid(format!("{path} stands there twice")).at(at));
        }
    }
    Ok(())
}

fn prefixed(error: Error, at: &str) -> Error {
    match error {
        Error::Invalid {
            detail,
            at: rest,
            hint,
        } => Error::Invalid {
            detail,
            at: format!("{at}{rest}"),
            hint,
        },
        other => other,
    }
}
