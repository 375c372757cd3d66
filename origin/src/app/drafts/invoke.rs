//! Pages of scene templates: a page and its modules in one change, which is taken back as one.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use skyful::check::invoke::{self, Ask, Refused};
use skyful::check::{IdFile, Options};
use skyful::document;
use sqlx::sqlite::SqliteConnection;

use super::edit::Edit;
use super::import::{self, Parts};
use super::path::{self, Path};
use super::{FIRST, Object, assemble};
use crate::app::access::{Action, Actor};
use crate::app::{App, Error};
use crate::store::StoreError;
use crate::store::sqlite::drafts::{self as rows, ChangeRow, ObjectRow, Was};

/// Why something was changed, before the key of the template.
const WHY: &str = "template ";

/// A page that is to be made of a template.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Invocation {
    /// The key of the page.
    pub page: String,
    /// What the keys of its modules begin with; the page's key and `_` unless given.
    pub prefix: Option<String>,
    /// Values by field; those left out are the template's defaults.
    #[serde(default)]
    #[schema(value_type = serde_json::Value)]
    pub fields: Map<String, Value>,
}

/// What was made, without the plans.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Invoked {
    /// That made it.
    pub revision: i64,
    pub page: Object,
    pub modules: Vec<Object>,
    /// Not if it was all there already.
    #[serde(skip)]
    pub is_new: bool,
}

impl App {
    /// Makes a page of a template. The same again changes nothing.
    pub async fn invoke(
        &self,
        actor: &Actor,
        workspace: &str,
        template: &str,
        asked: Invocation,
    ) -> Result<Invoked, Error> {
        actor.need(Action::EditContent, workspace, None)?;
        let template = path::key(template)?;
        let mut tx = self.store.read().await?;
        let objects = rows::all(&mut tx, workspace).await?;
        drop(tx);
        let page = format!("pages/{}", asked.page);
        let edit = self.edit(actor, workspace, &format!("{WHY}{template}"));
        let named = workspace.to_owned();
        let work = move || {
            let document = assemble::document(&named, &objects);
            parts(&document.to_string(), &template, &asked)
        };
        let parts = self.heavy.run(work).await??;
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    let edit = edit.still(tx, Action::EditContent).await?;
                    edit.invoke(tx, &page, &parts).await
                })
            })
            .await
    }
}

impl Edit {
    async fn invoke(
        &self,
        tx: &mut SqliteConnection,
        page: &str,
        parts: &Parts,
    ) -> Result<Invoked, Error> {
        let mut there = Vec::new();
        for name in parts.keys() {
            there.extend(rows::get(tx, &self.workspace, name).await?);
        }
        if self.same(tx, parts, &there).await? {
            return invoked(page, &there, false);
        }
        // A plan is there only with what it belongs to.
        there.retain(|row| !matches!(Path::parse(&row.path), Ok(Path::Plan { .. })));
        if !there.is_empty() {
            return Err(Error::Taken(
                there.into_iter().map(|row| row.path).collect(),
            ));
        }
        let revision = self.revision(tx).await?;
        let mut made = Vec::new();
        for (name, (body, position)) in parts {
            let after = Was {
                body: body.clone(),
                position: *position,
                version: revision,
            };
            made.extend(self.change(tx, revision, name, None, Some(after)).await?);
        }
        let modules = made.iter().filter(|row| row.path.starts_with("modules/"));
        let detail = json!({"version": revision, "by": self.why, "modules": modules.count()});
        self.audit(tx, "draft.template", page, detail).await?;
        invoked(page, &made, true)
    }

    /// Whether all is there as it would be made, and nothing else belongs to it.
    async fn same(
        &self,
        tx: &mut SqliteConnection,
        parts: &Parts,
        there: &[ObjectRow],
    ) -> Result<bool, StoreError> {
        let as_made = |row: &ObjectRow| {
            let part = parts.get(&row.path);
            part.is_some_and(|(body, position)| (body, *position) == (&row.body, row.position))
        };
        if there.len() < parts.len() || !there.iter().all(as_made) {
            return Ok(false);
        }
        for row in there {
            for plan in rows::children(tx, &self.workspace, &row.path, FIRST, i64::MAX).await? {
                if !parts.contains_key(&plan.path) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

/// Whether a change made something of a template.
pub fn made_by_template(change: &ChangeRow) -> bool {
    change.before.is_none() && change.why.starts_with(WHY)
}

fn invoked(page: &str, rows: &[ObjectRow], is_new: bool) -> Result<Invoked, Error> {
    let of = |wanted: fn(&Path) -> bool| {
        let rows = rows.iter();
        let rows = rows.filter(move |row| Path::parse(&row.path).is_ok_and(|path| wanted(&path)));
        rows.map(Object::of)
    };
    let pages = of(|path| {
        matches!(
            path,
            Path::Object {
                section: "pages",
                ..
            }
        )
    })
    .next();
    let modules = of(|path| {
        matches!(
            path,
            Path::Object {
                section: "modules",
                ..
            }
        )
    });
    Ok(Invoked {
        revision: rows.iter().map(|row| row.version).max().unwrap_or(0),
        page: pages.ok_or_else(|| Error::NotFound(format!("there is no {page}")))?,
        modules: modules.collect(),
        is_new,
    })
}

/// The objects that a template makes.
fn parts(document: &str, template: &str, asked: &Invocation) -> Result<Parts, Error> {
    let fields = Value::Object(asked.fields.clone());
    let ask = Ask {
        template,
        page: &asked.page,
        prefix: asked.prefix.as_deref(),
        fields: &fields,
    };
    let options = Options {
        now_ms: None,
        // Lists of ids are not what is looked at here.
        read_file: &|_| Ok(IdFile::Hashes(Vec::new())),
    };
    let made = invoke::invoke(document.as_bytes(), &ask, &options);
    let made = made.map_err(|refused| match refused {
        Refused::NoTemplate(hint) => {
            let hint = hint.map_or(String::new(), |hint| format!("; {hint}"));
            Error::NotFound(format!("there is no templates/{template}{hint}"))
        }
        Refused::Faulty(mut problems) => {
            for problem in &mut problems {
                // Of a text that nobody sees.
                (problem.line, problem.column) = (0, 0);
            }
            Error::Unfilled(problems)
        }
    })?;
    let mut parts = Parts::new();
    let modules = made.modules.iter().map(|entry| ("modules", entry));
    for (section, entry) in modules.chain([("pages", &made.page)]) {
        let body = document::json(&entry.value);
        let body =
            body.map_err(|literal| Error::invalid(format!("{literal} is too large a number")))?;
        import::object(&mut parts, section, entry.key.to_string(), body)?;
    }
    Ok(parts)
}
