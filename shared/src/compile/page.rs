//! One page's chunk: its plans, and every module that one of them or the default places.

use alloc::format;
use alloc::vec::Vec;
use hashbrown::{HashMap, HashSet};

use super::builder::Builder;
use super::index::Index;
use super::plans::Plans;
use super::rules::bits;
use super::times;
use crate::bucket::SaltHash;
use crate::ids::IdKey;
use crate::model::{self, Arrangement, Constraints, Content, Ordering, Page, Workspace};
use crate::snapshot::opening;
use crate::snapshot::records::{
    Attribute, Dense, Entry, Fragment, LOG2_ROWS, Locale, Log2, Meta, Module, OrderingKind, Plan,
    Slot, SlotArrangement, Source, Word,
};
use crate::snapshot::table::{Ref, Span, Text};
use crate::value::Type;

/// What all chunks of a page have in common, however its locales are split.
pub struct Parts<'a> {
    pub workspace: &'a Workspace,
    pub key: &'a str,
    page: &'a Page,
    placed: Vec<(&'a str, &'a model::Module)>,
    index: Index<'a>,
}

impl<'a> Parts<'a> {
    pub fn of(workspace: &'a Workspace, key: &'a str, page: &'a Page) -> Self {
        let placed = placed(workspace, page);
        let mut lists: Vec<Vec<&Constraints>> = Vec::with_capacity(placed.len() + 1);
        for (_, module) in &placed {
            lists.push(module.plans.iter().map(|plan| &plan.constraints).collect());
        }
        lists.push(page.plans.iter().map(|plan| &plan.constraints).collect());
        Self {
            workspace,
            key,
            page,
            placed,
            index: Index::new(workspace, &lists),
        }
    }

    /// The chunk with the contents of some locales.
    pub fn chunk(&self, locale_mask: u64) -> Vec<u8> {
        let mut compiler = PageCompiler {
            parts: self,
            locale_mask,
            builder: Builder::default(),
            plans: Plans::new(self.workspace),
            modules: HashMap::new(),
            contents: HashMap::new(),
            arrangements: HashMap::new(),
            next_arrangement: 0,
        };
        compiler.compile();
        compiler.builder.finish(&self.workspace.key, self.key)
    }
}

struct PageCompiler<'a> {
    parts: &'a Parts<'a>,
    locale_mask: u64,
    builder: Builder,
    plans: Plans<'a>,
    modules: HashMap<&'a str, Ref<Module>>,
    contents: HashMap<Vec<(u32, u32)>, u32>,
    arrangements: HashMap<&'a Arrangement, u32>,
    /// How many were written, an empty one too.
    next_arrangement: u32,
}

impl<'a> PageCompiler<'a> {
    fn compile(&mut self) {
        for tag in &self.parts.workspace.locales.supported {
            let tag = self.builder.text(tag);
            self.builder.push(Locale { tag });
        }
        self.attributes();
        for slot in &self.parts.page.slots {
            let key = self.builder.text(&slot.key);
            let opening = self.builder.written(|out| opening::slot(out, &slot.key));
            self.builder.push(Slot {
                key,
                max: slot.max,
                opening,
            });
        }
        self.modules();
        let default_arrangement = match &self.parts.page.default {
            Some(default) => self.arrangement(default),
            None => self.empty_arrangement(),
        };
        let owner = format!("page/{}", self.parts.key);
        let mut rows = Vec::with_capacity(self.parts.page.plans.len());
        for plan in &self.parts.page.plans {
            let target = self.arrangement(&plan.arrangement);
            rows.push((plan.key.as_str(), &plan.constraints, target));
        }
        let (plans, dense) = self.list(&owner, &rows);
        times::changes(&mut self.builder);
        let page = self.builder.text(self.parts.key);
        let key = IdKey::of_workspace(&self.parts.workspace.key).0;
        let mut words = key
            .as_chunks::<8>()
            .0
            .iter()
            .map(|word| u64::from_le_bytes(*word));
        let mut word = || words.next().unwrap_or(0);
        self.builder.push(Meta {
            page,
            plans,
            default_arrangement,
            locale_mask: self.locale_mask,
            id_key_0: word(),
            id_key_1: word(),
            id_key_2: word(),
            id_key_3: word(),
            uses_ids: u32::from(self.plans.rules.uses_ids),
            dense,
        });
    }

    /// Plans as (key, constraints, target), in the order tried.
    fn list(
        &mut self,
        owner: &str,
        plans: &[(&'a str, &'a Constraints, u32)],
    ) -> (Span<Plan>, Span<Dense>) {
        let first = self.builder.len::<Plan>();
        let rows: Vec<Plan> = (first..)
            .zip(plans)
            .map(|(number, (key, constraints, target))| {
                let plan = self
                    .plans
                    .plan(&mut self.builder, owner, key, constraints, *target);
                let (conditions, residual) =
                    self.parts
                        .index
                        .left(&mut self.builder, &mut self.plans.rules, number);
                Plan {
                    conditions,
                    residual,
                    ..plan
                }
            })
            .collect();
        let dense = self.parts.index.dense(&mut self.builder, first, &rows);
        (self.builder.push_run(rows), dense)
    }

    /// All declared attributes, used or not: an edge needs their types and sources to read a request.
    fn attributes(&mut self) {
        let attributes: Vec<(&str, &model::Attribute)> = self
            .parts
            .workspace
            .attributes
            .iter()
            .map(|(name, attribute)| (name.as_str(), attribute))
            .collect();
        self.parts.index.keys(&mut self.builder, &attributes);
        for (number, (name, attribute)) in (0..).zip(attributes) {
            let (source, header) = match &attribute.source {
                model::Source::Request => (Source::Request, ""),
                model::Source::EdgeCountry => (Source::EdgeCountry, ""),
                model::Source::EdgeRegion => (Source::EdgeRegion, ""),
                model::Source::EdgeIp => (Source::EdgeIp, ""),
                model::Source::Header(name) => (Source::Header, name.as_str()),
                model::Source::Signed => (Source::Signed, ""),
            };
            let (least, most) = match attribute.kind {
                Type::Number => (
                    f64::MIN.to_bits().cast_signed(),
                    f64::MAX.to_bits().cast_signed(),
                ),
                _ => (i64::MIN, i64::MAX),
            };
            let words: Vec<Word> = attribute
                .values
                .iter()
                .map(|value| Word {
                    text: self.builder.text(value),
                })
                .collect();
            let values = self.builder.intern_run(words);
            let (cuts, classes) = self.parts.index.attribute(&mut self.builder, number);
            let row = Attribute {
                name: self.builder.text(name),
                kind: attribute.kind as u32,
                source: source as u32,
                header: self.builder.text(header),
                values,
                min: attribute.min.as_ref().map_or(least, bits),
                max: attribute.max.as_ref().map_or(most, bits),
                cuts,
                classes,
            };
            self.builder.push(row);
        }
    }

    fn modules(&mut self) {
        for (key, module) in &self.parts.placed {
            let key = *key;
            let default_content = module
                .default
                .as_ref()
                .map_or(u32::MAX, |content| self.content(content));
            let owner = format!("module/{key}");
            let mut rows = Vec::with_capacity(module.plans.len());
            for plan in &module.plans {
                let target = plan
                    .content
                    .as_ref()
                    .map_or(default_content, |content| self.content(content));
                rows.push((plan.key.as_str(), &plan.constraints, target));
            }
            let (plans, dense) = self.list(&owner, &rows);
            let row = Module {
                key: self.builder.text(key),
                kind: self.builder.text(&module.kind),
                plans,
                default_content,
                dense,
                opening: (self.builder).written(|out| opening::module(out, key, &module.kind)),
            };
            let row = self.builder.push(row);
            self.modules.insert(key, row);
        }
    }

    /// Contents that are equal in all of the chunk's locales are kept once.
    fn content(&mut self, content: &Content) -> u32 {
        let own = content
            .fragments
            .iter()
            .enumerate()
            .filter(|(locale, _)| self.locale_mask >> locale & 1 == 1);
        let texts: Vec<(u32, u32)> = own
            .map(|(_, json)| self.builder.text(json))
            .map(|text| (text.at, text.len))
            .collect();
        let next = self.contents.len() as u32;
        match self.contents.get(&texts) {
            Some(known) => *known,
            None => {
                let texts = self.contents.entry(texts).insert(next);
                let rows = texts.key().iter().map(|(at, len)| Fragment {
                    json: Text { at: *at, len: *len },
                });
                self.builder.push_run(rows);
                next
            }
        }
    }

    fn empty_arrangement(&mut self) -> u32 {
        for _ in &self.parts.page.slots {
            let metric = self.builder.text("");
            let empty = SlotArrangement {
                entries: Span::EMPTY,
                ordering: OrderingKind::Manual as u32,
                metric,
            };
            self.builder.push(empty);
        }
        self.written()
    }

    fn arrangement(&mut self, arrangement: &'a Arrangement) -> u32 {
        if let Some(known) = self.arrangements.get(arrangement) {
            return *known;
        }
        for (slot, placing) in self.parts.page.slots.iter().zip(&arrangement.slots) {
            let no_weights = alloc::collections::BTreeMap::new();
            let (ordering, weights, metric) = match &placing.ordering {
                Ordering::Manual => (OrderingKind::Manual, &no_weights, ""),
                Ordering::Newest => (OrderingKind::Newest, &no_weights, ""),
                Ordering::Weighted(weights) => (OrderingKind::Weighted, weights, ""),
                Ordering::Learned { metric, weights } if weights.is_empty() => {
                    (OrderingKind::Manual, weights, metric.as_str())
                }
                Ordering::Learned { metric, weights } => {
                    (OrderingKind::Learned, weights, metric.as_str())
                }
            };
            if matches!(ordering, OrderingKind::Weighted | OrderingKind::Learned)
                && self.builder.len::<Log2>() == 0
            {
                self.builder
                    .push_run((0..LOG2_ROWS as u64).map(|k| Log2 { value: log2(k) }));
            }
            let entries: Vec<Entry> = placing
                .modules
                .iter()
                .filter_map(|key| {
                    Some(Entry {
                        module: *self.modules.get(key.as_str())?,
                        weight: weights.get(key).copied().unwrap_or(1),
                        draw_salt: SaltHash::of(&format!(
                            "ordering/{}/{}/{key}",
                            self.parts.key, slot.key
                        ))
                        .0,
                    })
                })
                .collect();
            let entries = self.builder.push_run(entries);
            let metric = self.builder.text(metric);
            self.builder.push(SlotArrangement {
                entries,
                ordering: ordering as u32,
                metric,
            });
        }
        let number = self.written();
        self.arrangements.insert(arrangement, number);
        number
    }

    fn written(&mut self) -> u32 {
        let number = self.next_arrangement;
        self.next_arrangement += 1;
        number
    }
}

/// Every placed module, in the order in which answers have them: what is asked together lies together.
pub fn placed<'a>(workspace: &'a Workspace, page: &'a Page) -> Vec<(&'a str, &'a model::Module)> {
    let plans = page.plans.iter().map(|plan| &plan.arrangement);
    let arrangements = page.default.iter().chain(plans);
    let slots = arrangements.flat_map(|arrangement| &arrangement.slots);
    let mut known = HashSet::new();
    let keys = slots.flat_map(|slot| &slot.modules);
    keys.filter(|key| known.insert(key.as_str()))
        .filter_map(|key| Some((key.as_str(), workspace.modules.get(key)?)))
        .collect()
}

/// floor(log2(1 + k/256) × 2^24) by repeated squaring in integers: a float's last bit must not decide
/// who stands first.
fn log2(k: u64) -> u32 {
    const ONE: u128 = 1 << 62;
    if k >= 256 {
        return 1 << 24;
    }
    let mut x = (u128::from(k) + 256) << 54;
    let mut log = 0;
    for _ in 0..24 {
        x = (x * x) >> 62;
        log <<= 1;
        if x >= 2 * ONE {
            x >>= 1;
            log |= 1;
        }
    }
    log
}
