//! What answering from one page may cost, by the same sum that an edge makes when it opens the page's chunk.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::at::At;
use super::reader::Reader;
use super::rules;
use crate::compile::windows;
use crate::limits;
use crate::model::{Arrangement, Constraints, Module, Page, Predicate, Rule, Segment, Test};
use crate::snapshot::rule_size::RuleSize;

/// Of every page of the document.
pub(crate) fn pages(
    r: &mut Reader<'_>,
    root: &At<'_>,
    pages: &BTreeMap<String, Page>,
    costs: &Costs<'_>,
) {
    let Some(section) = root.get("pages") else {
        return;
    };
    for (key, page) in pages {
        let Some(at) = section.get(key) else { continue };
        costs.page(r, &at, key, page, None);
    }
}

/// What modules cost, wherever they are placed: pages share them, and their lists may be long.
pub(crate) struct Costs<'p> {
    segments: &'p BTreeMap<String, Segment>,
    modules: HashMap<&'p str, ModuleCost<'p>>,
}

struct ModuleCost<'p> {
    module: &'p Module,
    visits: u64,
    /// Fingerprint → cost.
    once: HashMap<u64, u64>,
}

impl<'p> Costs<'p> {
    pub fn of(
        r: &Reader<'_>,
        segments: &'p BTreeMap<String, Segment>,
        modules: &'p BTreeMap<String, Module>,
    ) -> Self {
        let cost = |module: &'p Module| {
            let plans = || module.plans.iter().map(|plan| &plan.constraints);
            ModuleCost {
                module,
                visits: plans_cost(r, plans()).saturating_add(1),
                once: Once::of(segments, plans()),
            }
        };
        let modules = modules.iter();
        Self {
            segments,
            modules: modules
                .map(|(key, module)| (key.as_str(), cost(module)))
                .collect(),
        }
    }

    /// Of more modules, which are no part of the document.
    pub fn of_own<'q>(&self, r: &Reader<'_>, own: &'q BTreeMap<String, Module>) -> Costs<'q>
    where
        'p: 'q,
    {
        Costs::of(r, self.segments, own)
    }

    /// Reports a page that costs too much. `own` are modules that only this page can place.
    pub fn page(
        &self,
        r: &mut Reader<'_>,
        at: &At<'_>,
        key: &str,
        page: &Page,
        own: Option<&Costs<'_>>,
    ) {
        let find = |module: &String| {
            let own = own.and_then(|own| own.modules.get(module.as_str()));
            own.or_else(|| self.modules.get(module.as_str()))
        };
        let own_plans = || page.plans.iter().map(|plan| &plan.constraints);
        let dearest = arrangements(page).map(|arrangement| {
            placed(arrangement)
                .map(|module| find(module).map_or(0, |cost| cost.visits))
                .fold(0, u64::saturating_add)
        });
        let visits = plans_cost(r, own_plans()).saturating_add(dearest.max().unwrap_or(0));
        let mut once = Once::of(self.segments, own_plans());
        let modules: Vec<&ModuleCost<'_>> = keys(page).into_iter().filter_map(find).collect();
        for module in &modules {
            once.extend(&module.once);
        }
        let once = once.into_values().fold(0, u64::saturating_add);
        let cost = visits.saturating_add(once);
        if cost > limits::CHUNK_RULE_COST {
            let message = format!(
                "a request for the page `{key}` may cost {cost} steps, {visits} of them in its plans, rules and modules, {once} in searches, patterns, networks and long lists; at most {} (CHUNK_RULE_COST) are allowed",
                limits::CHUNK_RULE_COST
            );
            let hint = "move modules to another page, or let plans repeat the same `contains`, `matches`, `in_cidr` and long `in` word for word: each is asked once";
            r.error_hint("limit", at, message, hint.to_owned());
        }
        let count = window_count(page, modules.iter().map(|cost| cost.module));
        if count > limits::CHUNK_WINDOWS {
            let message = format!(
                "the schedules of the page `{key}` and its modules have {count} weekly windows; at most {} (CHUNK_WINDOWS) are allowed",
                limits::CHUNK_WINDOWS
            );
            let hint = "plans with the same schedule count once".to_owned();
            r.error_hint("limit", at, message, hint);
        }
    }
}

fn arrangements(page: &Page) -> impl Iterator<Item = &Arrangement> {
    let plans = page.plans.iter().map(|plan| &plan.arrangement);
    plans.chain(&page.default)
}

fn placed(arrangement: &Arrangement) -> impl Iterator<Item = &String> {
    arrangement.slots.iter().flat_map(|slot| &slot.modules)
}

/// Of each module that one of the page's arrangements places.
fn keys(page: &Page) -> BTreeSet<&String> {
    arrangements(page).flat_map(placed).collect()
}

fn plans_cost<'p>(r: &Reader<'_>, plans: impl Iterator<Item = &'p Constraints>) -> u64 {
    plans
        .map(|constraints| {
            let rules = [&constraints.placement, &constraints.audience];
            let work = rules.into_iter().flatten().map(|rule| {
                // What couldn't be measured was reported.
                rules::size(r, rule).map_or(0, RuleSize::work)
            });
            work.fold(1, u64::saturating_add)
        })
        .fold(0, u64::saturating_add)
}

/// What a request evaluates once: a predicate that many rules repeat has one row in the page's chunk.
struct Once<'p> {
    segments: &'p BTreeMap<String, Segment>,
    seen: HashSet<&'p str>,
    /// Fingerprint → cost.
    costs: HashMap<u64, u64>,
}

impl<'p> Once<'p> {
    fn of(
        segments: &'p BTreeMap<String, Segment>,
        plans: impl Iterator<Item = &'p Constraints>,
    ) -> HashMap<u64, u64> {
        let mut once = Self {
            segments,
            seen: HashSet::new(),
            costs: HashMap::new(),
        };
        for plan in plans {
            for rule in plan.placement.iter().chain(&plan.audience) {
                once.add(rule);
            }
        }
        once.costs
    }

    fn add(&mut self, rule: &'p Rule) {
        match rule {
            Rule::All(children) | Rule::Any(children) => {
                children.iter().for_each(|child| self.add(child));
            }
            Rule::Not(child) => self.add(child),
            Rule::Segment(key) => {
                if let Some(Segment::Rule(rule)) = self.segments.get(key)
                    && self.seen.insert(key)
                {
                    self.add(rule);
                }
            }
            Rule::Predicate(predicate) => {
                let cost = rules::asked(&predicate.test).once();
                if cost != 0 {
                    self.costs.insert(fingerprint(predicate), cost);
                }
            }
        }
    }
}

/// Two that are taken for one make check milder than compile, which opens what it wrote.
fn fingerprint(predicate: &Predicate) -> u64 {
    let mut hasher = DefaultHasher::new();
    match &predicate.test {
        // It decides the automaton, which is longer.
        Test::Matches { pattern, .. } => (&predicate.attribute, pattern).hash(&mut hasher),
        _ => predicate.hash(&mut hasher),
    }
    hasher.finish()
}

/// Windows as they lie in the page's chunk, where equal schedules are written once.
fn window_count<'m>(page: &Page, modules: impl Iterator<Item = &'m Module>) -> usize {
    let of_modules = modules.flat_map(|module| module.plans.iter().map(|plan| &plan.constraints));
    let of_page = page.plans.iter().map(|plan| &plan.constraints);
    let schedules = of_page
        .chain(of_modules)
        .filter_map(|constraints| constraints.schedule.as_ref())
        .filter(|schedule| !schedule.weekly.is_empty());
    let distinct: BTreeSet<_> = schedules
        .map(|s| (s.from_ms, s.until_ms, &s.zone, windows(&s.weekly)))
        .collect();
    distinct.iter().map(|(.., windows)| windows.len()).sum()
}
