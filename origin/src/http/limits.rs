//! What requests may hold, as the description of the API tells it. The numbers are the constants by which `app` decides;
//! `tests/limits.rs` tries each of them.

use serde_json::Value;
use skyful::limits::{BASIS_POINTS, GRAY_UNITS, KEY_BYTES, NAME_BYTES, UNIT_BYTES};
use utoipa::Number;
use utoipa::openapi::path::ParameterIn;
use utoipa::openapi::schema::{ArrayItems, Object, Schema, SchemaFormat};
use utoipa::openapi::{OpenApi, RefOr};

use super::description::operations;
use crate::app::access::Role;
use crate::app::delivery::settings::{ID_BYTES, TEXT_BYTES};
use crate::app::drafts::path::{FILE_BYTES, SECTIONS};
use crate::app::people::members::ROLES;
use crate::app::people::{self, password, tokens};
use crate::app::releases::{MODES, NOTE_BYTES, ONCE_KEY_BYTES, REASON_BYTES, mode_name};
use crate::app::{media, workspaces};

/// What a value has to meet.
enum Limit {
    /// Of a text. Bytes are counted, so that a text of other letters than ASCII may be shorter.
    Bytes(usize, usize),
    Pattern(String),
    Number(usize, usize),
    OneOf(Vec<&'static str>),
    Format(&'static str),
    /// Of a list, and what its items have to meet.
    Items(usize, usize, Option<Box<Limit>>),
}

use Limit::{Bytes, Format, Items, OneOf, Pattern};

fn digits(alphabet: &str, most: usize) -> Limit {
    Pattern(format!("^[{alphabet}]{{1,{most}}}$"))
}

fn store_name() -> Limit {
    digits("a-z0-9-", NAME_BYTES)
}

fn key() -> Limit {
    digits("a-z0-9_", KEY_BYTES)
}

fn digest() -> Limit {
    Pattern("^(b3-)?[0-9a-f]{64}$".into())
}

fn roles() -> Limit {
    OneOf(Role::ALL.map(Role::name).into())
}

/// Schema, for some with the kind that is meant, and field.
fn fields() -> Vec<(&'static str, &'static str, Limit)> {
    let name = || Bytes(1, people::NAME_BYTES);
    let title = || Bytes(1, workspaces::TITLE_BYTES);
    let mail = || Format("email");
    let secret = || Bytes(password::CHARACTERS, password::BYTES);
    let reason = || Bytes(0, REASON_BYTES);
    let text = || Bytes(1, TEXT_BYTES);
    let id = || digits("A-Za-z0-9_-", ID_BYTES);
    let units = Items(0, GRAY_UNITS, Some(Box::new(Bytes(1, UNIT_BYTES))));
    vec![
        ("NewRelease", "snapshot", digest()),
        ("NewRelease", "note", Bytes(0, NOTE_BYTES)),
        ("NewRelease", "start_at", Format("date-time")),
        ("NewMode", "mode", OneOf(MODES.map(mode_name).into())),
        ("Approval", "why", reason()),
        ("Reason", "why", reason()),
        ("Staff", "units", units),
        ("Settings/directory", "path", text()),
        ("Settings/edge", "url", text()),
        ("Settings/redis", "url", text()),
        ("Settings/redis", "user", text()),
        ("Settings/redis", "password", text()),
        ("Settings/cloudflare_kv", "account", id()),
        ("Settings/cloudflare_kv", "namespace", id()),
        ("Settings/cloudflare_kv", "token", text()),
        ("Settings/cloudflare_kv", "api", text()),
        ("Settings/fastly_kv", "store", id()),
        ("Settings/fastly_kv", "token", text()),
        ("Settings/fastly_kv", "api", text()),
        ("NewWorkspace", "key", store_name()),
        ("NewWorkspace", "name", title()),
        ("Name", "name", title()),
        ("NewEnvironment", "name", title()),
        ("NewRole", "role", roles()),
        ("NewRoles", "roles", Items(1, ROLES, None)),
        ("NewUser", "name", name()),
        ("Setup", "email", mail()),
        ("Setup", "name", name()),
        ("Setup", "password", secret()),
        ("SetupWorkspace", "key", store_name()),
        ("SetupWorkspace", "name", title()),
        ("NewPassword", "new", secret()),
        ("ForgottenPassword", "password", secret()),
        ("TokenRequest", "name", name()),
        ("TokenRequest", "role", roles()),
        (
            "TokenRequest",
            "expires_in_days",
            Limit::Number(1, tokens::DAYS),
        ),
        ("Invite", "email", mail()),
        ("Invite", "role", roles()),
        ("Accept", "name", name()),
        ("Accept", "password", secret()),
        ("Share", "share", Limit::Number(1, BASIS_POINTS as usize)),
    ]
}

/// Wherever a parameter has this name.
fn parameters() -> Vec<(ParameterIn, &'static str, Limit)> {
    use ParameterIn::{Header, Path, Query};
    vec![
        (Path, "workspace", store_name()),
        (Path, "env", store_name()),
        (Path, "target", store_name()),
        (Path, "section", OneOf(SECTIONS.into())),
        (Path, "key", key()),
        (Path, "plan", key()),
        (Path, "name", digits("A-Za-z0-9._-", FILE_BYTES)),
        (Path, "digest", digest()),
        (Query, "name", Bytes(1, media::NAME_BYTES)),
        (Query, "snapshot", digest()),
        (
            Query,
            "expect",
            Pattern("^[0-9]{1,18}:[0-9A-Fa-f]{64}$".into()),
        ),
        (Header, "Idempotency-Key", Bytes(1, ONCE_KEY_BYTES)),
    ]
}

/// The description, with what values have to meet.
pub fn told(mut api: OpenApi) -> OpenApi {
    let components = api.components.get_or_insert_default();
    for (schema, field, limit) in fields() {
        let (name, kind) = schema.split_once('/').unwrap_or((schema, ""));
        if let Some(RefOr::T(schema)) = components.schemas.get_mut(name)
            && let Some(found) = property(schema, kind, field)
        {
            limit.tell(found);
        }
    }
    let limits = parameters();
    for item in api.paths.paths.values_mut() {
        for operation in operations(item) {
            for parameter in operation.parameters.iter_mut().flatten() {
                let RefOr::T(parameter) = parameter else {
                    continue;
                };
                let (name, place) = (&*parameter.name, &parameter.parameter_in);
                let meant = limits.iter().find(|of| of.1 == name && of.0 == *place);
                if let (Some((_, _, limit)), Some(schema)) = (meant, &mut parameter.schema) {
                    limit.tell(schema);
                }
            }
        }
    }
    api
}

/// A field of a schema; of the variant of this kind, where it has several.
fn property<'a>(schema: &'a mut Schema, kind: &str, field: &str) -> Option<&'a mut RefOr<Schema>> {
    match schema {
        Schema::Object(object) => object.properties.get_mut(field),
        Schema::OneOf(all) => all.items.iter_mut().find_map(|item| match item {
            RefOr::T(Schema::Object(object)) if is_of(object, kind) => {
                object.properties.get_mut(field)
            }
            _ => None,
        }),
        _ => None,
    }
}

fn is_of(object: &Object, kind: &str) -> bool {
    let told = object.properties.get("kind");
    let told = told.and_then(|told| match told {
        RefOr::T(Schema::Object(told)) => told.enum_values.as_ref(),
        _ => None,
    });
    told.is_some_and(|told| told.iter().any(|told| told == kind))
}

impl Limit {
    fn tell(&self, schema: &mut RefOr<Schema>) {
        match (self, schema) {
            (Items(least, most, of), RefOr::T(Schema::Array(array))) => {
                array.min_items = (*least > 0).then_some(*least);
                array.max_items = Some(*most);
                if let (Some(of), ArrayItems::RefOrSchema(item)) = (of, &mut array.items) {
                    of.tell(item);
                }
            }
            (_, RefOr::T(Schema::Object(object))) => self.tell_object(object),
            _ => {}
        }
    }

    fn tell_object(&self, object: &mut Object) {
        match self {
            Bytes(least, most) => {
                object.min_length = (*least > 0).then_some(*least);
                object.max_length = Some(*most);
            }
            Pattern(pattern) => object.pattern = Some(pattern.clone()),
            Self::Number(least, most) => {
                object.minimum = Some(Number::UInt(*least));
                object.maximum = Some(Number::UInt(*most));
            }
            OneOf(words) => {
                let words = words.iter().map(|word| Value::from(*word));
                object.enum_values = Some(words.collect());
            }
            Format(format) => object.format = Some(SchemaFormat::Custom((*format).to_owned())),
            Items(..) => {}
        }
    }
}
