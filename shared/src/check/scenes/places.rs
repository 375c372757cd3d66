//! Where the fields of a template stand: in contents, descriptions and constraints. What a page is built of, its keys, slots
//! and modules, is written out, so that whoever reads a template sees the page.

use std::collections::BTreeSet;

use super::super::at::At;
use super::super::reader::{Reader, shortened};
use super::super::templates::{Piece, never_closed, pieces};
use super::fields::Fields;
use crate::document::Value;

/// Reports fields that can't stand where they do, and those that stand nowhere. Whether all could be filled in.
pub(crate) fn find(r: &mut Reader<'_>, template: &At<'_>, fields: &Fields) -> bool {
    let mut finder = Finder {
        fields,
        used: BTreeSet::new(),
        fine: true,
    };
    if let Some(page) = template.get("page") {
        finder.part(r, &page);
    }
    if let Some(modules) = template.get("modules") {
        for entry in modules.entries() {
            finder.part(r, &modules.field(entry));
        }
    }
    if !finder.fine {
        // The field that seems unused is often the one that was misspelt.
        return false;
    }
    let properties = template.get("fields");
    let properties = properties.as_ref().and_then(|at| at.get("properties"));
    for entry in properties.iter().flat_map(At::entries) {
        if let Some(properties) = &properties
            && !finder.used.contains(&*entry.key)
        {
            let message = "nothing in this template uses the field";
            r.warn("unused_template_field", &properties.field(entry), message);
        }
    }
    true
}

struct Finder<'f> {
    fields: &'f Fields,
    used: BTreeSet<String>,
    fine: bool,
}

impl Finder<'_> {
    /// A page or a module.
    fn part(&mut self, r: &mut Reader<'_>, at: &At<'_>) {
        for entry in at.entries() {
            let here = at.field(entry);
            match &*entry.key {
                "description" => self.open(r, &here),
                "default" => self.plan(r, &here),
                "plans" => here.items().for_each(|plan| self.plan(r, &plan)),
                _ => self.closed(r, &here),
            }
        }
    }

    fn plan(&mut self, r: &mut Reader<'_>, at: &At<'_>) {
        if matches!(at.node.value, Value::Text(_)) {
            self.closed(r, at);
        }
        for entry in at.entries() {
            let here = at.field(entry);
            match &*entry.key {
                "key" | "modules" | "ordering" => self.closed(r, &here),
                _ => self.open(r, &here),
            }
        }
    }

    /// Where fields may stand.
    fn open(&mut self, r: &mut Reader<'_>, at: &At<'_>) {
        if let Value::Text(text) = &at.node.value {
            self.text(r, at, text);
        }
        for item in at.items() {
            self.open(r, &item);
        }
        for entry in at.entries() {
            let here = at.field(entry);
            if entry.key.contains("{{") {
                let message = "a field stands for a value, not for the name of one";
                r.error_intro("misplaced_template_field", &here, message);
                self.fine = false;
            }
            self.open(r, &here);
        }
    }

    fn text(&mut self, r: &mut Reader<'_>, at: &At<'_>, text: &str) {
        let pieces = pieces(text);
        let alone = pieces.len() == 1;
        for piece in pieces {
            let name = match piece {
                Piece::Text(_) => continue,
                Piece::Open => {
                    never_closed(r, at);
                    self.fine = false;
                    continue;
                }
                Piece::Field(name) => name.trim(),
            };
            let Some(field) = self.fields.declared.get(name) else {
                let message = format!("the template has no field `{}`", shortened(name));
                let known = self.fields.declared.keys().map(String::as_str);
                let hint = r.did_you_mean(name, known);
                r.error_hint("unknown_template_field", at, message, hint);
                self.fine = false;
                continue;
            };
            self.used.insert(name.to_owned());
            if !alone && !field.is_short {
                let message = format!("`{name}` can't be a part of a longer text");
                let hint = "only fields can whose `type` is string, integer, number or boolean, without `x-localizable`";
                r.error_hint("template_field_type", at, message, hint.to_owned());
                self.fine = false;
            }
        }
    }

    /// Where none may.
    fn closed(&mut self, r: &mut Reader<'_>, at: &At<'_>) {
        if matches!(&at.node.value, Value::Text(text) if text.contains("{{")) {
            let message = "no field can stand here";
            let hint = "fields stand in contents, descriptions and constraints";
            r.error_hint("misplaced_template_field", at, message, hint.to_owned());
            self.fine = false;
        }
        for item in at.items() {
            self.closed(r, &item);
        }
        for entry in at.entries() {
            self.closed(r, &at.field(entry));
        }
    }
}
