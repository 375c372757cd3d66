//! An accepted event as it travels from edge to collector: one line of JSON, the event's own fields and where and when an
//! edge received it. A line is itself an event that can be read again.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Event, Why};
use crate::context::Text;
use crate::limits;
use crate::value::datetime;

#[derive(Clone, Debug)]
pub struct Line<'a> {
    pub workspace: Cow<'a, str>,
    pub env: Cow<'a, str>,
    pub received_ms: i64,
    /// The client's clock when it sent the batch, if it said so.
    pub sent_ms: Option<i64>,
    pub event: Event<'a>,
}

/// In the order in which a line is written.
#[derive(Serialize)]
struct Written<'a> {
    workspace: &'a str,
    env: &'a str,
    received_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent_at: Option<String>,
    id: &'a str,
    r#type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    unit: &'a str,
    page: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    module: Option<&'a str>,
    receipt: &'a str,
    at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    grant: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<&'a str>,
}

#[derive(Deserialize)]
struct Where<'a> {
    #[serde(borrow)]
    workspace: Text<'a>,
    #[serde(borrow)]
    env: Text<'a>,
    #[serde(borrow)]
    received_at: Text<'a>,
    #[serde(borrow)]
    sent_at: Option<Text<'a>>,
}

impl<'a> Line<'a> {
    /// Appends the line and its end.
    pub fn write(&self, out: &mut Vec<u8>) {
        let event = &self.event;
        let written = Written {
            workspace: &self.workspace,
            env: &self.env,
            received_at: datetime::format(self.received_ms),
            sent_at: self.sent_ms.map(datetime::format),
            id: &event.id,
            r#type: event.kind.name(),
            name: event.name.as_deref(),
            unit: &event.unit,
            page: &event.page,
            module: event.module.as_deref(),
            receipt: &event.receipt,
            at: datetime::format(event.at_ms),
            grant: event.grant.as_deref(),
            value: event.value,
            currency: event.currency.as_deref(),
        };
        // Texts, numbers as written and no maps: nothing here fails.
        if let Ok(text) = serde_json::to_vec(&written) {
            out.extend_from_slice(&text);
            out.push(b'\n');
        }
    }

    /// Reads a line without its end. `at` is held against when the edge received it, however long ago that was.
    pub fn read(text: &'a str) -> Result<Self, Why> {
        if text.len() > limits::EVENT_BYTES {
            return Err(Why::TooLarge);
        }
        let Ok(at) = serde_json::from_str::<Where<'a>>(text) else {
            return Err(Why::Unreadable);
        };
        let received_ms = datetime::parse(&at.received_at.0).ok_or(Why::Unreadable)?;
        let sent_ms = match &at.sent_at {
            Some(text) => Some(datetime::parse(&text.0).ok_or(Why::Unreadable)?),
            None => None,
        };
        let is_name = |name: &str| {
            (1..=limits::NAME_BYTES).contains(&name.len())
                && name
                    .bytes()
                    .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        };
        if !is_name(&at.workspace.0) || !is_name(&at.env.0) {
            return Err(Why::Unreadable);
        }
        Ok(Self {
            event: Event::read(text, received_ms)?,
            workspace: at.workspace.0,
            env: at.env.0,
            received_ms,
            sent_ms,
        })
    }
}
