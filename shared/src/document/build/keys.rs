//! Keys of objects: text, and none twice.

use std::rc::Rc;

use granit_parser::{ScalarStyle, Tag};

use super::super::scalar::{self, Plain};
use super::super::{Node, Place, Value};
use super::{Anchored, Builder, Frame, Items, Key, Step};

/// Maps with fewer entries look for duplicate keys one by one.
const FEW_ENTRIES: usize = 8;

impl Builder<'_> {
    pub(super) fn scalar_key(
        &mut self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        anchor: usize,
        place: Place,
    ) -> Step {
        self.nodes = self.nodes.saturating_add(1);
        if anchor != 0 {
            let node = Node {
                value: Value::Text(text.into()),
                place,
            };
            let anchored = Anchored {
                node,
                nodes: 1,
                height: 1,
            };
            self.anchors.insert(anchor, Some(anchored));
        }
        self.key(text.into(), place);
        let plain = style == ScalarStyle::Plain && tag.is_none();
        if plain && text == "<<" {
            self.drop_key();
            let hint = "write the fields out, or give the whole value an anchor".to_owned();
            let message = "merge keys are not part of YAML 1.2".to_owned();
            self.note("merge_key", place, message, Some(hint));
        } else if plain && !matches!(scalar::resolve(text), Plain::Text) {
            let message = format!("a key is text, but `{text}` reads as something else");
            let hint = format!("quote it: \"{text}\"");
            self.note("quote_it", place, message, Some(hint));
        } else if tag.is_some_and(|t| t.core_suffix() != Some("str")) {
            self.unknown_tag(tag, place);
        }
        Ok(())
    }

    /// Takes up a key; a duplicate is reported and its value dropped.
    pub(super) fn key(&mut self, text: Rc<str>, place: Place) {
        let Some(Frame {
            items: Items::Map { entries, seen, key },
            ..
        }) = self.frames.last_mut()
        else {
            return;
        };
        let first = if entries.len() < FEW_ENTRIES {
            entries.iter().find(|e| e.key == text).map(|e| e.place)
        } else {
            if seen.is_empty() {
                seen.extend(entries.iter().map(|e| (Rc::clone(&e.key), e.place)));
            }
            seen.get(&text).copied()
        };
        if first.is_none() && !seen.is_empty() {
            seen.insert(Rc::clone(&text), place);
        }
        let message = first.map(|first| {
            format!(
                "the key `{text}` stands twice; the first is on line {}, column {}",
                first.line, first.column
            )
        });
        *key = Some(Key {
            text,
            place,
            dropped: first.is_some(),
        });
        if let Some(message) = message {
            self.note("duplicate_key", place, message, None);
        }
    }

    fn drop_key(&mut self) {
        if let Some(Frame {
            items: Items::Map { key: Some(key), .. },
            ..
        }) = self.frames.last_mut()
        {
            key.dropped = true;
        }
    }

    pub(super) fn not_a_key(&mut self, place: Place) {
        let message = "a key is text; this is a list or an object".to_owned();
        self.note("invalid_key", place, message, None);
    }
}
