//! Explanation listens to the serving algorithm; it never decides. Every reached plan and all its
//! constraints are told, and whether each held, as far as there is room.

use alloc::vec::Vec;

use super::audience::Constants;
use super::facts::Value;
use super::json::Json;
use crate::limits::TRACE_BYTES;
use crate::snapshot::Chunk;
use crate::snapshot::records::{Operator, Predicate, RuleKind, Segment};
use crate::snapshot::table::Ref;
use crate::value::{Type, datetime};

/// What the algorithm tells while it decides. All methods do nothing unless implemented.
#[expect(unused_variables, reason = "names document what a listener gets")]
pub trait Visitor {
    /// Ask every constraint and every branch of a rule, also when the outcome is settled.
    const EXHAUSTIVE: bool = false;

    /// Whether it still wants to hear what can't change the outcome.
    fn wants_all(&self) -> bool {
        Self::EXHAUSTIVE
    }

    fn ignored_attribute(&mut self, name: &str, why: &'static str) {}
    fn enter_page(&mut self, key: &str) {}
    fn enter_module(&mut self, slot: &str, key: &str) {}
    /// Leaves a page or module.
    fn exit_owner(&mut self) {}
    fn enter_plan(&mut self, key: &str) {}
    fn exit_plan(&mut self, holds: bool) {}
    fn enter_constraint(&mut self, name: &'static str) {}
    fn exit_constraint(&mut self, holds: bool) {}
    fn enter_rule(&mut self, chunk: &Chunk, kind: RuleKind, row: u32) {}
    /// The value that a predicate is about to look at.
    fn found(&mut self, value: Value<'_>) {}
    fn exit_rule(&mut self, holds: bool) {}
    fn enrolled(&mut self, experiment: &str, variant: &str) {}
}

/// Serves.
pub struct Silent;

impl Visitor for Silent {}

/// Writes what it hears as JSON:
/// `{"ignored":[…],"decisions":[{"page"|"slot","module",…,"plans":[{"plan","constraints":[{"kind","rule"?,"holds"}],"holds"}]}]}`,
/// and `"truncated":true` behind it if there was more to tell than has room.
#[derive(Default)]
pub struct Explain {
    decisions: Vec<u8>,
    ignored: Vec<u8>,
    comma: bool,
    /// For each open rule and constraint, whether it has a list of rules.
    lists: Vec<bool>,
    /// How many open things are not told, one within the other.
    untold: usize,
    truncated: bool,
}

impl Explain {
    pub fn finish(self) -> Vec<u8> {
        let mut out = b"{\"ignored\":[".to_vec();
        out.extend_from_slice(&self.ignored);
        out.extend_from_slice(b"],\"decisions\":[");
        out.extend_from_slice(&self.decisions);
        out.extend_from_slice(b"]");
        if self.truncated {
            out.extend_from_slice(b",\"truncated\":true");
        }
        out.push(b'}');
        out
    }

    /// Whether there is room for something that opens; if not, it stays untold, and so does what comes later.
    fn begins(&mut self) -> bool {
        if !self.truncated && self.decisions.len() < TRACE_BYTES {
            return true;
        }
        self.truncated = true;
        self.untold = self.untold.saturating_add(1);
        false
    }

    /// Whether what closes was told.
    fn ends(&mut self) -> bool {
        let told = self.untold == 0;
        self.untold = self.untold.saturating_sub(1);
        told
    }

    fn open_list(&mut self, list: bool) {
        self.lists.push(list);
        if list {
            self.json(|json| _ = json.key("rules").open(b'['));
        }
    }

    fn close_list(&mut self, holds: bool) {
        let list = self.lists.pop().unwrap_or(false);
        self.json(|json| {
            if list {
                json.close(b']');
            }
            json.key("holds").boolean(holds).close(b'}');
        });
    }

    /// Continues where the last event left off.
    fn json(&mut self, write: impl FnOnce(&mut Json<'_>)) {
        let mut json = Json::resume(&mut self.decisions, self.comma);
        write(&mut json);
        self.comma = json.needs_comma();
    }
}

impl Visitor for Explain {
    const EXHAUSTIVE: bool = true;

    fn wants_all(&self) -> bool {
        !self.truncated
    }

    fn ignored_attribute(&mut self, name: &str, why: &'static str) {
        let comma = !self.ignored.is_empty();
        let mut json = Json::resume(&mut self.ignored, comma);
        json.open(b'{')
            .key("attribute")
            .text(name)
            .key("why")
            .text(why)
            .close(b'}');
    }

    fn enter_page(&mut self, key: &str) {
        if !self.begins() {
            return;
        }
        self.json(|json| {
            json.open(b'{')
                .key("page")
                .text(key)
                .key("plans")
                .open(b'[');
        });
    }

    fn enter_module(&mut self, slot: &str, key: &str) {
        if !self.begins() {
            return;
        }
        self.json(|json| {
            json.open(b'{')
                .key("slot")
                .text(slot)
                .key("module")
                .text(key)
                .key("plans")
                .open(b'[');
        });
    }

    fn exit_owner(&mut self) {
        if !self.ends() {
            return;
        }
        self.json(|json| {
            json.close(b']').close(b'}');
        });
    }

    fn enter_plan(&mut self, key: &str) {
        if !self.begins() {
            return;
        }
        self.json(|json| {
            json.open(b'{')
                .key("plan")
                .text(key)
                .key("constraints")
                .open(b'[');
        });
    }

    fn exit_plan(&mut self, holds: bool) {
        if !self.ends() {
            return;
        }
        self.json(|json| {
            json.close(b']').key("holds").boolean(holds).close(b'}');
        });
    }

    fn enter_constraint(&mut self, name: &'static str) {
        if !self.begins() {
            return;
        }
        let list = matches!(name, "placement" | "audience" | "experiment");
        self.json(|json| {
            json.open(b'{').key("kind").text(name);
        });
        self.open_list(list);
    }

    fn exit_constraint(&mut self, holds: bool) {
        if !self.ends() {
            return;
        }
        self.close_list(holds);
    }

    fn enter_rule(&mut self, chunk: &Chunk, kind: RuleKind, row: u32) {
        if !self.begins() {
            return;
        }
        let (before, comma) = (self.decisions.len(), self.comma);
        self.json(|json| {
            json.open(b'{');
            match kind {
                RuleKind::All => json.key("rule").text("all"),
                RuleKind::Any => json.key("rule").text("any"),
                RuleKind::Not => json.key("rule").text("not"),
                RuleKind::Segment => {
                    let key = chunk
                        .row(Ref::<Segment>::new(row))
                        .map_or("", |segment| chunk.text(segment.key));
                    json.key("segment").text(key)
                }
                RuleKind::Predicate => {
                    if let Some(predicate) = chunk.row(Ref::<Predicate>::new(row)) {
                        describe(chunk, &predicate, json, TRACE_BYTES);
                    }
                    json
                }
            };
        });
        // Of a long list, a part would read like the whole.
        if self.decisions.len() > TRACE_BYTES {
            self.decisions.truncate(before);
            self.comma = comma;
            self.truncated = true;
            self.untold = 1;
            return;
        }
        self.open_list(kind != RuleKind::Predicate);
    }

    fn found(&mut self, value: Value<'_>) {
        if self.untold != 0 {
            return;
        }
        self.json(|json| {
            json.key("found");
            write_value(json, value);
        });
    }

    fn exit_rule(&mut self, holds: bool) {
        if !self.ends() {
            return;
        }
        self.close_list(holds);
    }

    fn enrolled(&mut self, experiment: &str, variant: &str) {
        if self.untold != 0 {
            return;
        }
        self.json(|json| {
            json.open(b'{')
                .key("experiment")
                .text(experiment)
                .key("variant")
                .text(variant)
                .close(b'}');
        });
    }
}

/// A predicate as the document has it, but for the pattern of `matches`, of which a chunk keeps only
/// the automaton.
pub fn predicate_json(chunk: &Chunk, predicate: &Predicate) -> Vec<u8> {
    let mut out = Vec::new();
    let mut json = Json::new(&mut out);
    json.open(b'{');
    describe(chunk, predicate, &mut json, usize::MAX);
    json.close(b'}');
    out
}

/// A value as the document would have it.
pub fn value_json(value: Value<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    write_value(&mut Json::new(&mut out), value);
    out
}

/// Writes `"attr":…,"op":…,"value":…` as the document has it. No more constants once there are more bytes than said.
fn describe(chunk: &Chunk, predicate: &Predicate, json: &mut Json<'_>, most: usize) {
    let constants = Constants { chunk, predicate };
    let (Some(operator), Some(kind)) = (Operator::from_code(predicate.operator), constants.kind())
    else {
        return;
    };
    let name = chunk
        .row(predicate.attribute)
        .map_or("", |attribute| chunk.text(attribute.name));
    json.key("attr").text(name).key("op").text(operator.name());
    if matches!(
        operator,
        Operator::Exists | Operator::Missing | Operator::Matches
    ) {
        return;
    }
    json.key("value");
    let list = predicate.len != 1
        || matches!(
            operator,
            Operator::In
                | Operator::NotIn
                | Operator::InCidr
                | Operator::ContainsAny
                | Operator::ContainsAll
                | Operator::ContainsNone
        );
    if list {
        json.open(b'[');
    }
    if operator == Operator::InCidr {
        each(json, most, constants.networks(), |json, network| {
            json.text(&alloc::format!("{network}"));
        });
    } else if matches!(kind, Type::String | Type::Enum | Type::StringList) {
        each(json, most, constants.words(), |json, word| {
            json.text(word);
        });
    } else if kind == Type::Version {
        let versions = constants.versions().map(Value::Version);
        each(json, most, versions, write_value);
    } else {
        let values = constants.integers().map(|n| match kind {
            Type::Datetime => Value::Datetime(n),
            Type::Boolean => Value::Boolean(n != 0),
            Type::Number => Value::Number(f64::from_bits(n.cast_unsigned())),
            _ => Value::Integer(n),
        });
        each(json, most, values, write_value);
    }
    if list {
        json.close(b']');
    }
}

fn each<'j, T>(
    json: &mut Json<'j>,
    most: usize,
    items: impl Iterator<Item = T>,
    write: impl Fn(&mut Json<'j>, T),
) {
    for item in items {
        if json.written() > most {
            break;
        }
        write(json, item);
    }
}

fn write_value(json: &mut Json<'_>, value: Value<'_>) {
    match value {
        Value::Missing => json.raw(b"null"),
        Value::Text(text) => json.text(text),
        Value::Texts(texts) => {
            json.open(b'[');
            texts.iter().for_each(|text| _ = json.text(text));
            json.close(b']')
        }
        Value::Integer(value) => json.display(value),
        // Only a constant of a chunk that no compiler of ours wrote.
        Value::Number(value) if !value.is_finite() => json.raw(b"null"),
        Value::Number(value) => json.display(value),
        Value::Version(version) => {
            let [a, b, c, d] = version.components;
            let dash = if version.pre.is_empty() { "" } else { "-" };
            json.text(&alloc::format!("{a}.{b}.{c}.{d}{dash}{}", version.pre))
        }
        Value::Datetime(at) => json.text(&datetime::format(at)),
        Value::Boolean(value) => json.boolean(value),
    };
}
