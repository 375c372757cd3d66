//! Putting values in the place of `{{ field }}`. A text that is one field becomes its value, whatever that is; in a longer
//! text stand texts, numbers and booleans.

use std::collections::BTreeMap;

use super::super::templates::{Piece, pieces};
use crate::document::{Entry, Node, Value, json_number};
use crate::limits;

/// By the name of the field.
pub(crate) type Values = BTreeMap<String, Node>;

/// Whether a template is small enough to be looked at.
pub(crate) fn fits(node: &Node) -> bool {
    let mut room = limits::SCENE_BYTES;
    spend(node, &mut room).is_some()
}

/// None: there is not enough room for the result.
pub(crate) fn filled(node: &Node, values: &Values, room: &mut usize) -> Option<Node> {
    let value = match &node.value {
        Value::Text(text) => return filled_text(node, text, values, room),
        Value::List(items) => {
            take(room, 1)?;
            let items: Option<Vec<Node>> = items
                .iter()
                .map(|item| filled(item, values, room))
                .collect();
            Value::List(items?.into())
        }
        Value::Map(entries) => {
            take(room, 1)?;
            let mut fields = Vec::with_capacity(entries.len());
            for entry in entries.iter() {
                take(room, entry.key.len())?;
                fields.push(Entry {
                    value: filled(&entry.value, values, room)?,
                    ..entry.clone()
                });
            }
            Value::Map(fields.into())
        }
        other => {
            take(room, 1)?;
            other.clone()
        }
    };
    Some(Node {
        value,
        place: node.place,
    })
}

fn filled_text(node: &Node, text: &str, values: &Values, room: &mut usize) -> Option<Node> {
    let pieces = pieces(text);
    if let [Piece::Field(name)] = pieces.as_slice()
        && let Some(value) = values.get(name.trim())
    {
        spend(value, room)?;
        return Some(Node {
            value: value.value.clone(),
            place: node.place,
        });
    }
    let mut out = String::new();
    for piece in pieces {
        let part = match piece {
            Piece::Text(text) => text.into(),
            Piece::Field(name) => values.get(name.trim()).map(words).unwrap_or_default(),
            Piece::Open => Default::default(),
        };
        take(room, part.len())?;
        out.push_str(&part);
    }
    take(room, 1)?;
    Some(Node {
        value: Value::Text(out.into()),
        place: node.place,
    })
}

/// A value in a longer text. The check lets only fields stand there that are one of these.
fn words(value: &Node) -> std::borrow::Cow<'_, str> {
    match &value.value {
        Value::Text(text) => (&**text).into(),
        Value::Number(literal) => json_number(literal),
        Value::Bool(true) => "true".into(),
        Value::Bool(false) => "false".into(),
        _ => "".into(),
    }
}

/// What a value takes. An alias stands for as much as what it names.
fn spend(node: &Node, room: &mut usize) -> Option<()> {
    take(room, 1)?;
    match &node.value {
        Value::Text(text) => take(room, text.len()),
        Value::List(items) => items.iter().try_for_each(|item| spend(item, room)),
        Value::Map(entries) => entries.iter().try_for_each(|entry| {
            take(room, entry.key.len())?;
            spend(&entry.value, room)
        }),
        _ => Some(()),
    }
}

fn take(room: &mut usize, much: usize) -> Option<()> {
    *room = room.checked_sub(much)?;
    Some(())
}
