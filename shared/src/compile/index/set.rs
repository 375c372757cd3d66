//! Sets of classes as sorted ranges that don't touch.

use alloc::vec::Vec;

/// A set of classes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Set(Ranges);

/// First and last class of each range. Most sets have one, and a hundred thousand plans have many sets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Ranges {
    One((u32, u32)),
    /// None, or several.
    Many(Vec<(u32, u32)>),
}

impl Set {
    fn new(ranges: Vec<(u32, u32)>) -> Self {
        Self(match ranges.as_slice() {
            [one] => Ranges::One(*one),
            _ => Ranges::Many(ranges),
        })
    }

    /// Empty if `from` is above `to`.
    pub fn range(from: u32, to: u32) -> Self {
        Self(if from <= to {
            Ranges::One((from, to))
        } else {
            Ranges::Many(Vec::new())
        })
    }

    pub fn of(classes: impl IntoIterator<Item = u32>) -> Self {
        Self::merged(classes.into_iter().map(|class| (class, class)).collect())
    }

    pub fn all_of(sets: impl IntoIterator<Item = Self>) -> Self {
        let mut ranges = Vec::new();
        for set in sets {
            ranges.extend_from_slice(set.ranges());
        }
        Self::merged(ranges)
    }

    pub fn ranges(&self) -> &[(u32, u32)] {
        match &self.0 {
            Ranges::One(one) => core::slice::from_ref(one),
            Ranges::Many(ranges) => ranges,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.ranges().is_empty()
    }

    /// The number of classes.
    pub fn size(&self) -> usize {
        let sizes = self
            .ranges()
            .iter()
            .map(|(from, to)| (to - from) as usize + 1);
        sizes.sum()
    }

    pub fn iter(&self) -> impl Iterator<Item = u32> {
        self.ranges().iter().flat_map(|(from, to)| *from..=*to)
    }

    pub fn contains(&self, class: u32) -> bool {
        let after = self.ranges().partition_point(|(from, _)| *from <= class);
        after
            .checked_sub(1)
            .and_then(|at| self.ranges().get(at))
            .is_some_and(|(_, to)| class <= *to)
    }

    pub fn union(&self, other: &Self) -> Self {
        Self::merged([self.ranges(), other.ranges()].concat())
    }

    pub fn intersection(&self, other: &Self) -> Self {
        if let (Ranges::One(a), Ranges::One(b)) = (&self.0, &other.0) {
            return Self::range(a.0.max(b.0), a.1.min(b.1));
        }
        let (mut ours, mut theirs) = (
            self.ranges().iter().peekable(),
            other.ranges().iter().peekable(),
        );
        let mut common = Vec::new();
        while let (Some(a), Some(b)) = (ours.peek(), theirs.peek()) {
            let (from, to) = (a.0.max(b.0), a.1.min(b.1));
            if from <= to {
                common.push((from, to));
            }
            if a.1 < b.1 {
                ours.next();
            } else {
                theirs.next();
            }
        }
        Self::new(common)
    }

    /// All of `0..classes` that are not in it.
    pub fn complement(&self, classes: u32) -> Self {
        let mut gaps = Vec::with_capacity(self.ranges().len() + 1);
        let mut next = 0;
        for (from, to) in self.ranges() {
            if next < *from {
                gaps.push((next, from - 1));
            }
            next = to + 1;
        }
        if next < classes {
            gaps.push((next, classes - 1));
        }
        Self::new(gaps)
    }

    fn merged(mut ranges: Vec<(u32, u32)>) -> Self {
        ranges.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::with_capacity(ranges.len());
        for (from, to) in ranges {
            match merged.last_mut() {
                Some(last) if from <= last.1.saturating_add(1) => last.1 = last.1.max(to),
                _ => merged.push((from, to)),
            }
        }
        Self::new(merged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const CLASSES: u32 = 12;

    fn some() -> impl Strategy<Value = BTreeSet<u32>> {
        proptest::collection::btree_set(0..CLASSES, 0..=CLASSES as usize)
    }

    proptest! {
        #[test]
        fn behaves_like_a_set(a in some(), b in some()) {
            let (x, y) = (Set::of(a.clone()), Set::of(b.clone()));
            let listed = |set: &Set| set.iter().collect::<BTreeSet<u32>>();
            prop_assert_eq!(listed(&x), a.clone());
            prop_assert_eq!(x.size(), a.len());
            prop_assert_eq!(listed(&x.union(&y)), &a | &b);
            prop_assert_eq!(listed(&x.intersection(&y)), &a & &b);
            let all: BTreeSet<u32> = (0..CLASSES).collect();
            prop_assert_eq!(listed(&x.complement(CLASSES)), &all - &a);
            prop_assert!((0..CLASSES).all(|class| x.contains(class) == a.contains(&class)));
            prop_assert_eq!(x == y, a == b);
        }
    }
}
