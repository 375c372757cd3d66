//! A value of the document together with the way to it. Ways are links on the stack: nothing is
//! allocated until there is a problem to report.

use crate::document::{Entry, Node, Place, Value, push_pointer};

#[derive(Clone, Copy)]
pub(crate) struct At<'a> {
    pub node: &'a Node,
    up: Option<&'a At<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Root,
    Field(&'a Entry),
    Item(usize),
}

impl<'a> At<'a> {
    pub fn root(node: &'a Node) -> Self {
        Self {
            node,
            up: None,
            step: Step::Root,
        }
    }

    pub fn field(&'a self, entry: &'a Entry) -> Self {
        Self {
            node: &entry.value,
            up: Some(self),
            step: Step::Field(entry),
        }
    }

    pub fn item(&'a self, index: usize, node: &'a Node) -> Self {
        Self {
            node,
            up: Some(self),
            step: Step::Item(index),
        }
    }

    /// Another value in the same place.
    pub fn with<'n>(&self, node: &'n Node) -> At<'n>
    where
        'a: 'n,
    {
        At {
            node,
            up: self.up,
            step: self.step,
        }
    }

    /// The elements of a list, if it is one.
    pub fn items(&'a self) -> impl Iterator<Item = At<'a>> {
        let items = match &self.node.value {
            Value::List(items) => items.as_slice(),
            _ => &[],
        };
        items
            .iter()
            .enumerate()
            .map(|(index, node)| self.item(index, node))
    }

    /// The fields of an object, if it is one.
    pub fn entries(&self) -> &'a [Entry] {
        match &self.node.value {
            Value::Map(entries) => entries.as_slice(),
            _ => &[],
        }
    }

    pub fn get(&'a self, name: &str) -> Option<At<'a>> {
        let entry = self.entries().iter().find(|e| &*e.key == name)?;
        Some(self.field(entry))
    }

    pub fn place(&self) -> Place {
        self.node.place
    }

    /// Where the value is introduced: its key if it has one.
    pub fn intro(&self) -> Place {
        match self.step {
            Step::Field(entry) => entry.place,
            _ => self.node.place,
        }
    }

    /// JSON Pointer.
    pub fn path(&self) -> String {
        let mut steps = Vec::new();
        let mut at = Some(self);
        while let Some(here) = at {
            steps.push(here.step);
            at = here.up;
        }
        let mut path = String::new();
        for step in steps.iter().rev() {
            match step {
                Step::Root => {}
                Step::Field(entry) => push_pointer(&mut path, &entry.key),
                Step::Item(index) => push_pointer(&mut path, &index.to_string()),
            }
        }
        path
    }
}

/// For messages.
pub(crate) fn kind(node: &Node) -> &'static str {
    match &node.value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::Text(_) => "text",
        Value::List(_) => "a list",
        Value::Map(_) => "an object",
        Value::Unusable => "something unusable",
    }
}
