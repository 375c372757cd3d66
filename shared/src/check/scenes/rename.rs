//! The modules of a template get keys of their own on each page that is made of it. Here the page learns these keys.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::document::{Entry, Node, Value};

/// A page whose modules go by other keys, where it names one of these.
pub(crate) fn renamed(page: &Node, keys: &BTreeMap<Rc<str>, Rc<str>>) -> Node {
    fields(page, |name, value| match name {
        "default" => arrangement(value, keys),
        "plans" => items(value, |plan| arrangement(plan, keys)),
        _ => value.clone(),
    })
}

/// `modules` and `ordering` of a plan or default.
fn arrangement(node: &Node, keys: &BTreeMap<Rc<str>, Rc<str>>) -> Node {
    fields(node, |name, value| match name {
        "modules" => fields(value, |_, slot| items(slot, |module| named(module, keys))),
        "ordering" => fields(value, |_, slot| {
            fields(slot, |name, value| match name {
                "weights" => by_key(value, keys),
                _ => value.clone(),
            })
        }),
        _ => value.clone(),
    })
}

fn named(module: &Node, keys: &BTreeMap<Rc<str>, Rc<str>>) -> Node {
    let key = match &module.value {
        Value::Text(key) => keys.get(key),
        _ => None,
    };
    key.map_or_else(
        || module.clone(),
        |key| Node {
            value: Value::Text(Rc::clone(key)),
            place: module.place,
        },
    )
}

fn by_key(node: &Node, keys: &BTreeMap<Rc<str>, Rc<str>>) -> Node {
    let Value::Map(entries) = &node.value else {
        return node.clone();
    };
    let entry = |entry: &Entry| Entry {
        key: Rc::clone(keys.get(&entry.key).unwrap_or(&entry.key)),
        ..entry.clone()
    };
    Node {
        value: Value::Map(Rc::new(entries.iter().map(entry).collect())),
        place: node.place,
    }
}

fn fields(node: &Node, change: impl Fn(&str, &Node) -> Node) -> Node {
    let Value::Map(entries) = &node.value else {
        return node.clone();
    };
    let entry = |entry: &Entry| Entry {
        value: change(&entry.key, &entry.value),
        ..entry.clone()
    };
    Node {
        value: Value::Map(Rc::new(entries.iter().map(entry).collect())),
        place: node.place,
    }
}

fn items(node: &Node, change: impl Fn(&Node) -> Node) -> Node {
    let Value::List(items) = &node.value else {
        return node.clone();
    };
    Node {
        value: Value::List(Rc::new(items.iter().map(change).collect())),
        place: node.place,
    }
}
