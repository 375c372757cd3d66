//! What visitors did with what they were shown: how an event is read, and why one is refused. Knows neither receipts'
//! secrets nor snapshots: whether a receipt is genuine and a module known is asked by whoever has those.

mod batch;
mod line;

use alloc::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

pub use batch::{Batch, Unreadable};
pub use line::Line;

use crate::context::Text;
use crate::limits;
use crate::receipt;
use crate::value::datetime;

/// What happened. Served is not among them: that is an answer, which edges count themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    Exposure,
    Click,
    Dismiss,
    Conversion,
    Custom,
}

impl EventKind {
    pub const ALL: [Self; 5] = [
        Self::Exposure,
        Self::Click,
        Self::Dismiss,
        Self::Conversion,
        Self::Custom,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Exposure => "exposure",
            Self::Click => "click",
            Self::Dismiss => "dismiss",
            Self::Conversion => "conversion",
            Self::Custom => "custom",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// One event whose fields are what they should be. Its receipt is still only a text.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    pub id: Cow<'a, str>,
    pub kind: EventKind,
    pub name: Option<Cow<'a, str>>,
    pub unit: Cow<'a, str>,
    pub page: Cow<'a, str>,
    pub module: Option<Cow<'a, str>>,
    pub receipt: Cow<'a, str>,
    pub at_ms: i64,
    pub grant: Option<Cow<'a, str>>,
    /// A finite JSON number as it was written: money must not pass through a double.
    pub value: Option<&'a RawValue>,
    pub currency: Option<Cow<'a, str>>,
}

/// Why an event is refused. The names are part of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// No object, a field twice, or none of the others.
    Unreadable,
    TooLarge,
    Id,
    Type,
    Name,
    Unit,
    Page,
    Module,
    Receipt,
    At,
    Grant,
    Value,
    Currency,
    /// `at` is too far from now.
    AtTooFar,
    /// The receipt was made by nobody who has the environment's secret.
    ForgedReceipt,
    /// The receipt is of another page.
    ReceiptOfAnotherPage,
    UnknownPage,
    UnknownModule,
    /// It waited for the collector for longer than ids are kept.
    TooLate,
}

impl Why {
    pub fn name(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::TooLarge => "too_large",
            Self::Id => "bad_id",
            Self::Type => "bad_type",
            Self::Name => "bad_name",
            Self::Unit => "bad_unit",
            Self::Page => "bad_page",
            Self::Module => "bad_module",
            Self::Receipt => "bad_receipt",
            Self::At => "bad_at",
            Self::Grant => "bad_grant",
            Self::Value => "bad_value",
            Self::Currency => "bad_currency",
            Self::AtTooFar => "at_too_far",
            Self::ForgedReceipt => "forged_receipt",
            Self::ReceiptOfAnotherPage => "receipt_of_another_page",
            Self::UnknownPage => "unknown_page",
            Self::UnknownModule => "unknown_module",
            Self::TooLate => "too_late",
        }
    }
}

/// Unread, so that each field has its own reason. Fields that aren't here are left out of what is stored: a newer client
/// must not lose its events at an older edge.
#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    #[serde(borrow)]
    unit: Option<&'a RawValue>,
    #[serde(borrow)]
    page: Option<&'a RawValue>,
    #[serde(borrow)]
    module: Option<&'a RawValue>,
    #[serde(borrow)]
    receipt: Option<&'a RawValue>,
    #[serde(borrow)]
    at: Option<&'a RawValue>,
    #[serde(borrow)]
    grant: Option<&'a RawValue>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    #[serde(borrow)]
    currency: Option<&'a RawValue>,
}

impl<'a> Event<'a> {
    /// `now_ms` is when the edge received it.
    pub fn read(text: &'a str, now_ms: i64) -> Result<Self, Why> {
        if text.len() > limits::EVENT_BYTES {
            return Err(Why::TooLarge);
        }
        let wire: Wire<'a> = serde_json::from_str(text).map_err(|_| Why::Unreadable)?;
        let id = required(wire.id, is_id, Why::Id)?;
        let kind = required(wire.kind, |_| true, Why::Type)?;
        let at = required(wire.at, |_| true, Why::At)?;
        let event = Self {
            id,
            kind: EventKind::from_name(&kind).ok_or(Why::Type)?,
            name: optional(wire.name, is_id, Why::Name)?,
            unit: required(
                wire.unit,
                |unit| is_text(unit, limits::UNIT_BYTES),
                Why::Unit,
            )?,
            page: required(wire.page, is_key, Why::Page)?,
            module: optional(wire.module, is_key, Why::Module)?,
            receipt: required(
                wire.receipt,
                |text| is_token(text, receipt::TEXT_BYTES),
                Why::Receipt,
            )?,
            at_ms: datetime::parse(&at).ok_or(Why::At)?,
            grant: optional(
                wire.grant,
                |text| is_token(text, limits::EVENT_ID_BYTES),
                Why::Grant,
            )?,
            value: number(wire.value)?,
            currency: optional(wire.currency, is_currency, Why::Currency)?,
        };
        // Both ends are representable: instants of four-digit years.
        if event.at_ms.abs_diff(now_ms) > limits::EVENT_HORIZON_MS.unsigned_abs() {
            return Err(Why::AtTooFar);
        }
        Ok(event)
    }

    /// The id of an event that may be wrong otherwise, to say which one is refused.
    pub fn id_of(text: &'a str) -> Option<Cow<'a, str>> {
        let wire: Wire<'a> = serde_json::from_str(text).ok()?;
        required(wire.id, is_id, Why::Id).ok()
    }
}

/// Null counts as left out.
fn optional<'a>(
    raw: Option<&'a RawValue>,
    fits: impl Fn(&str) -> bool,
    why: Why,
) -> Result<Option<Cow<'a, str>>, Why> {
    let Some(raw) = raw else {
        return Ok(None);
    };
    let text: Text<'a> = serde_json::from_str(raw.get()).map_err(|_| why)?;
    if fits(&text.0) {
        Ok(Some(text.0))
    } else {
        Err(why)
    }
}

fn required<'a>(
    raw: Option<&'a RawValue>,
    fits: impl Fn(&str) -> bool,
    why: Why,
) -> Result<Cow<'a, str>, Why> {
    optional(raw, fits, why)?.ok_or(why)
}

fn number(raw: Option<&RawValue>) -> Result<Option<&RawValue>, Why> {
    let Some(raw) = raw else {
        return Ok(None);
    };
    let text = raw.get();
    let finite = text.len() <= limits::EVENT_VALUE_BYTES
        && text.starts_with(|c: char| c == '-' || c.is_ascii_digit())
        && text.parse().is_ok_and(f64::is_finite);
    if finite {
        Ok(Some(raw))
    } else {
        Err(Why::Value)
    }
}

/// Databases differ in what they make of control characters, and no client needs them.
fn is_text(text: &str, bytes: usize) -> bool {
    (1..=bytes).contains(&text.len()) && !text.chars().any(char::is_control)
}

fn is_id(text: &str) -> bool {
    is_text(text, limits::EVENT_ID_BYTES)
}

/// Letters, digits and what joins them: base64url and hex are among these.
fn is_token(text: &str, bytes: usize) -> bool {
    (1..=bytes).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

fn is_key(text: &str) -> bool {
    (1..=limits::KEY_BYTES).contains(&text.len())
        && text
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

/// As ISO 4217 writes them; whether there is such a currency is nobody's business here.
fn is_currency(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase())
}

#[cfg(test)]
mod tests;
