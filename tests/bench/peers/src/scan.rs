//! The least that could work: a linear scan over plans as plain structs. Independent of the product, so its answers are
//! the reference for all engines; also the floor that an index must beat.

use std::cell::RefCell;

use crate::engine::{Candidate, Engine};
use crate::workload::{NOBODY, Predicate, User, Workload};

pub const CANDIDATE: Candidate = Candidate {
    name: "our linear scan",
    notes: "typed structs scanned in order; knows only the predicates of this workload; nothing to load",
    write: |workload| {
        // There is no format: the next load finds the rules here.
        HANDED.with_borrow_mut(|handed| *handed = Scan::new(workload).lists);
        Ok(Vec::new())
    },
    load: |_| {
        Box::new(Scan {
            lists: HANDED.with_borrow(Clone::clone),
            users: Vec::new(),
        })
    },
};

thread_local! {
    static HANDED: RefCell<Vec<Vec<Row>>> = const { RefCell::new(Vec::new()) };
}

/// A plan's predicates in place, not behind a pointer.
#[derive(Clone, Copy)]
struct Row {
    count: u8,
    predicates: [Predicate; 5],
}

pub struct Scan {
    lists: Vec<Vec<Row>>,
    users: Vec<User>,
}

impl Scan {
    pub fn new(workload: &Workload) -> Self {
        let row = |plan: &Vec<Predicate>| {
            let mut predicates = [Predicate::City(0); 5];
            predicates[..plan.len()].copy_from_slice(plan);
            Row {
                count: plan.len() as u8,
                predicates,
            }
        };
        let lists = workload.modules.iter();
        Self {
            lists: lists.map(|list| list.iter().map(row).collect()).collect(),
            users: workload.users.clone(),
        }
    }

    /// What every engine must answer.
    pub fn reference(workload: &Workload) -> Vec<Vec<u32>> {
        let mut scan = Self::new(workload);
        let users = 0..workload.users.len();
        users
            .map(|user| {
                let mut winners = Vec::new();
                scan.winners(user, &mut winners);
                winners
            })
            .collect()
    }
}

impl Engine for Scan {
    fn meet(&mut self, users: &[User]) {
        self.users = users.to_vec();
    }

    fn winners(&mut self, user: usize, winners: &mut Vec<u32>) {
        let user = &self.users[user];
        winners.extend(self.lists.iter().map(|list| {
            let winner = list.iter().position(|row| {
                let predicates = &row.predicates[..usize::from(row.count)];
                predicates.iter().all(|predicate| holds(predicate, user))
            });
            winner.map_or(NOBODY, |plan| plan as u32)
        }));
    }
}

fn holds(predicate: &Predicate, user: &User) -> bool {
    match *predicate {
        Predicate::City(city) => user.city == city,
        Predicate::Tag(tag) => user.tag == tag,
        Predicate::Country(country) => user.country == country,
        Predicate::Platforms(mask) => mask >> user.platform & 1 == 1,
        Predicate::VersionAtLeast(version) => user.version >= version,
        Predicate::Age(from, to) => (from..=to).contains(&user.age),
        Predicate::Languages(mask) => mask >> user.language & 1 == 1,
        Predicate::PercentBelow(share) => user.percent < share,
    }
}
