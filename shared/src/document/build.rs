//! Parser events to nodes. Iterative: the depth of a text never becomes the depth of the stack.
//! Syntax errors end the reading; everything else is noted and passed over.

mod keys;

use std::collections::HashMap;
use std::rc::Rc;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, Span, Tag};

use super::scalar::{self, Plain};
use super::{Entry, Node, Place, Value, problem, push_pointer, small};
use crate::limits;
use crate::problem::{Problem, Problems};

pub(super) fn tree(text: &str, problems: &mut Problems) -> Option<Node> {
    let mut builder = Builder {
        problems,
        frames: Vec::new(),
        anchors: HashMap::new(),
        nodes: 0,
        root: None,
        documents: 0,
    };
    for event in Parser::new_from_str(text) {
        let step = match event {
            Ok((event, span)) => builder.event(event, &span),
            Err(e) => {
                let place = Place {
                    line: small(e.marker().line()),
                    column: small(e.marker().col().saturating_add(1)),
                };
                Err(match e.kind() {
                    ErrorKind::RecursionLimitExceeded => too_deep(place),
                    _ => problem("syntax", place, readable(&e.info())),
                })
            }
        };
        if let Err(fatal) = step {
            builder.problems.push(fatal);
            return None;
        }
    }
    Some(builder.root.unwrap_or(Node {
        value: Value::Null,
        place: Place { line: 1, column: 1 },
    }))
}

struct Builder<'p> {
    problems: &'p mut Problems,
    frames: Vec<Frame>,
    /// None while the anchored collection is still open.
    anchors: HashMap<usize, Option<Anchored>>,
    /// So far, aliases expanded.
    nodes: usize,
    root: Option<Node>,
    documents: usize,
}

#[derive(Clone)]
struct Anchored {
    node: Node,
    nodes: usize,
    height: usize,
}

struct Frame {
    items: Items,
    anchor: usize,
    place: Place,
    nodes_before: usize,
    /// Of the highest child.
    height: usize,
    /// It was reported and becomes [`Value::Unusable`], or a key that is none.
    refused: bool,
}

enum Items {
    List(Vec<Node>),
    Map {
        entries: Vec<Entry>,
        seen: HashMap<Rc<str>, Place>,
        key: Option<Key>,
    },
}

struct Key {
    text: Rc<str>,
    place: Place,
    /// It was reported; its value is read and dropped.
    dropped: bool,
}

type Step = Result<(), Problem>;

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, span: &Span) -> Step {
        let place = Place {
            line: small(span.start.line()),
            column: small(span.start.col().saturating_add(1)),
        };
        match event {
            Event::DocumentStart(..) => {
                self.documents = self.documents.saturating_add(1);
                if self.documents > 1 {
                    return Err(problem(
                        "several_documents",
                        place,
                        "one file holds one document; a second one begins here".to_owned(),
                    ));
                }
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                if self.wants_key() {
                    return self.scalar_key(&text, style, tag.as_deref(), anchor, place);
                }
                let value = self.scalar(&text, style, tag.as_deref(), place);
                self.put(Node { value, place }, anchor, 1, 1)
            }
            Event::SequenceStart(_, anchor, tag) => {
                let refused = self.collection_tag(tag.as_deref(), "seq", place);
                self.open(Items::List(Vec::new()), anchor, place, refused)
            }
            Event::MappingStart(_, anchor, tag) => {
                let refused = self.collection_tag(tag.as_deref(), "map", place);
                let items = Items::Map {
                    entries: Vec::new(),
                    seen: HashMap::new(),
                    key: None,
                };
                self.open(items, anchor, place, refused)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(id) => self.alias(id, place),
            _ => Ok(()),
        }
    }

    fn wants_key(&self) -> bool {
        matches!(
            self.frames.last(),
            Some(Frame {
                items: Items::Map { key: None, .. },
                ..
            })
        )
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, place: Place) -> Value {
        let plain = match (tag.map(Tag::core_suffix), style) {
            (None, ScalarStyle::Plain) => scalar::resolve(text),
            (None, _) | (Some(Some("str")), _) => Plain::Text,
            (Some(wanted), _) => {
                let plain = scalar::resolve(text);
                let fits = match wanted {
                    Some("null") => plain == Plain::Null,
                    Some("bool") => matches!(plain, Plain::Bool(_)),
                    Some("int" | "float") => matches!(plain, Plain::Number | Plain::Unusual),
                    _ => false,
                };
                if !fits {
                    self.unknown_tag(tag, place);
                    return Value::Unusable;
                }
                plain
            }
        };
        match plain {
            Plain::Null => Value::Null,
            Plain::Bool(b) => Value::Bool(b),
            Plain::Number => Value::Number(text.into()),
            Plain::Text => Value::Text(text.into()),
            Plain::Unusual => {
                let message = format!("`{text}` is a number that no field takes");
                let hint = format!("write it in decimal, or quote it if it is text: \"{text}\"");
                self.note("unusual_number", place, message, Some(hint));
                Value::Unusable
            }
        }
    }

    fn open(&mut self, items: Items, anchor: usize, place: Place, refused: bool) -> Step {
        let as_key = self.wants_key();
        if as_key {
            self.not_a_key(place);
        }
        if self.frames.len() >= limits::DOCUMENT_DEPTH {
            return Err(too_deep(place));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, None);
        }
        let nodes_before = self.nodes;
        self.nodes = self.nodes.saturating_add(1);
        self.frames.push(Frame {
            items,
            anchor,
            place,
            nodes_before,
            height: 0,
            refused: refused || as_key,
        });
        Ok(())
    }

    fn close(&mut self) -> Step {
        let Some(frame) = self.frames.pop() else {
            return Ok(());
        };
        let value = match frame.items {
            _ if frame.refused => Value::Unusable,
            Items::List(items) => Value::List(Rc::new(items)),
            Items::Map { entries, .. } => Value::Map(Rc::new(entries)),
        };
        let node = Node {
            value,
            place: frame.place,
        };
        let nodes = self.nodes.saturating_sub(frame.nodes_before);
        // `put` counts them again.
        self.nodes = frame.nodes_before;
        self.put(node, frame.anchor, nodes, frame.height.saturating_add(1))
    }

    fn alias(&mut self, id: usize, place: Place) -> Step {
        let Some(Some(Anchored {
            node,
            nodes,
            height,
        })) = self.anchors.get(&id).cloned()
        else {
            let message = "this alias stands inside the value that it names".to_owned();
            self.note("circular_alias", place, message, None);
            let value = Value::Unusable;
            return self.put(Node { value, place }, 0, 1, 1);
        };
        if self.frames.len().saturating_add(height.saturating_sub(1)) > limits::DOCUMENT_DEPTH {
            return Err(too_deep(place));
        }
        if self.wants_key()
            && let Value::Text(text) = &node.value
        {
            self.nodes = self.nodes.saturating_add(1);
            self.key(Rc::clone(text), place);
            return Ok(());
        }
        let value = node.value;
        self.put(Node { value, place }, 0, nodes, height)
    }

    /// Puts a finished value where it belongs.
    fn put(&mut self, node: Node, anchor: usize, nodes: usize, height: usize) -> Step {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > limits::DOCUMENT_NODES {
            return Err(problem(
                "limit",
                node.place,
                format!(
                    "the document has more than {} values (DOCUMENT_NODES) once its aliases are put in",
                    limits::DOCUMENT_NODES
                ),
            ));
        }
        if anchor != 0 {
            let anchored = Anchored {
                node: node.clone(),
                nodes,
                height,
            };
            self.anchors.insert(anchor, Some(anchored));
        }
        if self.wants_key() && !matches!(node.value, Value::Unusable) {
            self.not_a_key(node.place);
        }
        let Some(frame) = self.frames.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        frame.height = frame.height.max(height);
        match &mut frame.items {
            Items::List(items) => items.push(node),
            Items::Map { entries, key, .. } => match key.take() {
                None => {
                    *key = Some(Key {
                        text: "".into(),
                        place: node.place,
                        dropped: true,
                    });
                }
                Some(key) if key.dropped => {}
                Some(key) => entries.push(Entry {
                    key: key.text,
                    place: key.place,
                    value: node,
                }),
            },
        }
        Ok(())
    }

    fn collection_tag(&mut self, tag: Option<&Tag>, wanted: &str, place: Place) -> bool {
        let wrong = tag.is_some_and(|t| t.core_suffix() != Some(wanted));
        if wrong {
            self.unknown_tag(tag, place);
        }
        wrong
    }

    fn unknown_tag(&mut self, tag: Option<&Tag>, place: Place) {
        let name = tag.map_or(String::new(), |t| {
            format!("{}{}", t.original_handle(), t.suffix())
        });
        let message = format!("the tag `{name}` doesn't fit here");
        let hint = "leave the tag out; quote what is meant as text".to_owned();
        self.note("unknown_tag", place, message, Some(hint));
    }

    fn note(&mut self, code: &'static str, place: Place, message: String, hint: Option<String>) {
        let mut noted = problem(code, place, message);
        for frame in &self.frames {
            match &frame.items {
                Items::List(items) => push_pointer(&mut noted.path, &items.len().to_string()),
                Items::Map { key: Some(key), .. } => push_pointer(&mut noted.path, &key.text),
                Items::Map { .. } => {}
            }
        }
        noted.hint = hint;
        self.problems.push(noted);
    }
}

fn too_deep(place: Place) -> Problem {
    problem(
        "limit",
        place,
        format!(
            "the document nests deeper than {} (DOCUMENT_DEPTH) here",
            limits::DOCUMENT_DEPTH
        ),
    )
}

/// The parser's sentence, without the line break and place that some of them carry.
fn readable(info: &str) -> String {
    let first = info.lines().next().unwrap_or_default();
    if first.is_empty() {
        "this is neither YAML nor JSON".to_owned()
    } else {
        format!("this is neither YAML nor JSON: {first}")
    }
}
