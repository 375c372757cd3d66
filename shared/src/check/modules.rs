//! Module types and modules.

use std::rc::Rc;

use super::at::At;
use super::names::NameKind;
use super::reader::Reader;
use super::schemas::{self, ContentSchema};
use super::{content, plans, shapes, templates};
use crate::limits;
use crate::model::{Content, Module, ModulePlan, ModuleType};

pub(crate) fn module_type(r: &mut Reader<'_>, key: &str, at: &At<'_>) -> Option<ModuleType> {
    let object = r.object(at, shapes::MODULE_TYPE)?;
    r.description(object);
    let schema = object.get("schema").map(|at| schemas::read(r, &at));
    let template = object.get("template").map(|at| {
        let text = r.text(&at)?;
        let text = r.text_within(&at, text, "a template", limits::TEMPLATE_BYTES)?;
        let schema = schema.as_ref().and_then(Option::as_ref);
        schema
            .is_none_or(|schema| templates::check(r, &at, text, &schema.schema))
            .then(|| text.to_owned())
    });
    let schema = schema??;
    r.schemas.insert(key.to_owned(), Rc::new(schema));
    Some(ModuleType {
        template: plans::given(template)?,
    })
}

pub(crate) fn module(r: &mut Reader<'_>, key: &str, at: &At<'_>) -> Option<Module> {
    let object = r.object(at, shapes::MODULE)?;
    r.description(object);
    let kind = object.get("type").and_then(|at| type_name(r, &at));
    let schema = kind.as_ref().and_then(|kind| r.schemas.get(kind).cloned());
    let schema = schema.as_deref();
    let default = object.get("default");
    let has_default = default.is_some();
    let default = default.map(|at| {
        let object = r.object(&at, shapes::MODULE_DEFAULT)?;
        read_content(r, object, schema)?
    });
    let plans = object.get("plans").map(|at| {
        plans::plans(r, &at, shapes::MODULE_PLAN, |r, key, plan| {
            module_plan(r, key, plan, schema, has_default)
        })
    });
    if !r.placed.contains(key) {
        r.warn("module_unplaced", at, "no page places this module");
    }
    Some(Module {
        kind: kind?,
        default: plans::given(default)?,
        plans: plans::given(plans)?.unwrap_or_default(),
    })
}

fn module_plan(
    r: &mut Reader<'_>,
    key: &str,
    plan: &At<'_>,
    schema: Option<&ContentSchema>,
    has_default: bool,
) -> Option<ModulePlan> {
    let constraints = plans::constraints(r, plan);
    let content = read_content(r, plan, schema);
    if content.is_none() && !has_default {
        let message = "this plan needs `content`, since its module has no default to take it from";
        r.error_intro("missing_field", plan, message);
        return None;
    }
    Some(ModulePlan {
        key: key.to_owned(),
        constraints: constraints?,
        content: plans::given(content)?,
    })
}

/// The field `content`, if given.
#[expect(
    clippy::option_option,
    reason = "the outer says whether it is given, the inner whether it could be read"
)]
fn read_content(
    r: &mut Reader<'_>,
    object: &At<'_>,
    schema: Option<&ContentSchema>,
) -> Option<Option<Content>> {
    let at = object.get("content")?;
    // Without a readable type there is nothing to say about content.
    Some(schema.and_then(|schema| content::content(r, &at, schema)))
}

fn type_name(r: &mut Reader<'_>, at: &At<'_>) -> Option<String> {
    let key = r.reference(at, NameKind::ModuleType)?;
    Some(key.to_owned())
}
