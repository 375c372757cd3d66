//! What answering from one page may cost, by the same sum that an edge makes when it opens the page's chunk.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::at::At;
use super::reader::Reader;
use super::rules;
use crate::compile::windows;
use crate::limits;
use crate::model::{Arrangement, Constraints, Module, Page};
use crate::snapshot::rule_size::RuleSize;

pub(crate) fn pages(
    r: &mut Reader<'_>,
    root: &At<'_>,
    pages: &BTreeMap<String, Page>,
    modules: &BTreeMap<String, Module>,
) {
    let Some(section) = root.get("pages") else {
        return;
    };
    let costs: HashMap<&str, u64> = modules
        .iter()
        .map(|(key, module)| {
            let plans = module.plans.iter().map(|plan| &plan.constraints);
            (key.as_str(), plans_cost(r, plans).saturating_add(1))
        })
        .collect();
    for (key, page) in pages {
        let Some(at) = section.get(key) else { continue };
        let own = plans_cost(r, page.plans.iter().map(|plan| &plan.constraints));
        let dearest = arrangements(page).map(|arrangement| {
            placed(arrangement)
                .map(|module| costs.get(module.as_str()).copied().unwrap_or(0))
                .fold(0, u64::saturating_add)
        });
        let cost = own.saturating_add(dearest.max().unwrap_or(0));
        if cost > limits::CHUNK_RULE_COST {
            let message = format!(
                "a request for the page `{key}` may cost {cost} comparisons in its plans, rules and modules; at most {} (CHUNK_RULE_COST) are allowed",
                limits::CHUNK_RULE_COST
            );
            let hint = "move modules to another page, or ask once, in a segment or a placement, what many plans ask";
            r.error_hint("limit", &at, message, hint.to_owned());
        }
        let count = window_count(page, modules);
        if count > limits::CHUNK_WINDOWS {
            let message = format!(
                "the schedules of the page `{key}` and its modules have {count} weekly windows; at most {} (CHUNK_WINDOWS) are allowed",
                limits::CHUNK_WINDOWS
            );
            let hint = "plans with the same schedule count once".to_owned();
            r.error_hint("limit", &at, message, hint);
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

/// Windows as they lie in the page's chunk, where equal schedules are written once.
fn window_count(page: &Page, modules: &BTreeMap<String, Module>) -> usize {
    let keys: BTreeSet<&String> = arrangements(page).flat_map(placed).collect();
    let of_modules = keys
        .into_iter()
        .filter_map(|key| modules.get(key))
        .flat_map(|module| module.plans.iter().map(|plan| &plan.constraints));
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
