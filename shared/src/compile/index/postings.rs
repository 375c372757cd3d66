//! Which plans of a list are posted under a class, so that only visitors of that class meet them.

use alloc::vec::Vec;
use hashbrown::HashMap;

use super::set::Set;
use super::terms::{Term, Terms, Wanted};
use crate::model::Constraints;

/// Shorter lists cost less as rows of bits.
const LONG: usize = 512;
/// A plan is posted under each class that it asks for; more than this would be copies.
const CLASSES: usize = 8;
/// A class is rare if at most one plan in so many asks for it: going through them one by one then costs
/// less than their bits would.
const RARE: usize = 64;

/// For each plan the position of the term under which it is posted, if it is.
pub fn choose(list: &[&Constraints], plans: &[Option<Terms<'_>>]) -> Vec<Option<usize>> {
    if plans.len() <= LONG {
        return plans.iter().map(|_| None).collect();
    }
    let mut askers: HashMap<(u32, u32), usize> = HashMap::new();
    for term in plans.iter().flatten().flat_map(|plan| &plan.terms) {
        for class in classes(term) {
            *askers.entry((term.attribute, class)).or_default() += 1;
        }
    }
    let rare = plans.len() / RARE;
    let meeting = |term: &Term| -> usize {
        classes(term)
            .filter_map(|class| askers.get(&(term.attribute, class)))
            .sum()
    };
    let choice = |(plan, terms): (&&Constraints, &Option<Terms<'_>>)| {
        // Reaching an experiment counts, so those have to be met in order with the dense ones.
        if plan.experiment.is_some() {
            return None;
        }
        let terms = terms.as_ref()?.terms.iter().enumerate();
        terms
            .map(|(position, term)| (meeting(term), position))
            .filter(|(meeting, _)| (1..=rare).contains(meeting))
            .min()
            .map(|(_, position)| position)
    };
    list.iter().zip(plans).map(choice).collect()
}

/// The classes under which a term could be posted; none if there are too many, or if it asks for what
/// is not there.
fn classes(term: &Term) -> impl Iterator<Item = u32> {
    let set = match &term.wanted {
        Wanted::Class(set) | Wanted::AnyWord(set) if set.size() <= CLASSES => Some(set),
        _ => None,
    };
    set.into_iter().flat_map(Set::iter)
}
