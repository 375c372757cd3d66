//! What of a workspace the chunks of a page are made of, as a digest. Hashes are derived, and constraints are taken
//! apart without `..`, so that nothing new in the model is left out: where in doubt, a page is compiled again.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::hash::{Hash, Hasher};

use super::page::placed;
use crate::model::{Cap, Constraints, Page, Rule, Segment, Workspace};

/// Equal inputs make equal chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Inputs([u8; 32]);

/// A cryptographic digest of what is hashed, in pieces worth its while.
struct Digesting {
    hasher: blake3::Hasher,
    waiting: Vec<u8>,
}

const PIECE: usize = 16 << 10;

impl Digesting {
    fn new() -> Self {
        Self {
            hasher: blake3::Hasher::new(),
            waiting: Vec::new(),
        }
    }

    fn of(value: &impl Hash) -> Inputs {
        let mut digesting = Self::new();
        value.hash(&mut digesting);
        digesting.inputs()
    }

    fn inputs(mut self) -> Inputs {
        self.hasher.update(&self.waiting);
        Inputs(*self.hasher.finalize().as_bytes())
    }
}

impl Hasher for Digesting {
    fn write(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() >= PIECE {
            self.hasher.update(&self.waiting);
            self.waiting.clear();
        }
    }

    /// Nobody asks: [`Digesting::inputs`] is the whole of it.
    fn finish(&self) -> u64 {
        0
    }
}

/// Inputs of pages, whose modules are looked at once however many pages place them.
pub struct AllInputs<'a> {
    workspace: &'a Workspace,
    /// What every chunk has in it.
    common: Inputs,
    modules: BTreeMap<&'a str, Inputs>,
}

impl<'a> AllInputs<'a> {
    pub fn of(workspace: &'a Workspace) -> Self {
        let common = (&workspace.key, &workspace.locales, &workspace.attributes);
        Self {
            workspace,
            common: Digesting::of(&common),
            modules: BTreeMap::new(),
        }
    }

    pub fn page(&mut self, key: &str, page: &'a Page) -> Inputs {
        let mut digesting = Digesting::new();
        (self.common, key, page).hash(&mut digesting);
        let plans = page.plans.iter().map(|plan| &plan.constraints);
        self.named(plans).hash(&mut digesting);
        for (key, module) in placed(self.workspace, page) {
            let inputs = match self.modules.get(key) {
                Some(known) => *known,
                None => {
                    let plans = module.plans.iter().map(|plan| &plan.constraints);
                    let inputs = Digesting::of(&(module, self.named(plans)));
                    self.modules.insert(key, inputs);
                    inputs
                }
            };
            (key, inputs).hash(&mut digesting);
        }
        digesting.inputs()
    }

    /// What plans name that is declared elsewhere.
    fn named(&self, plans: impl Iterator<Item = &'a Constraints>) -> Inputs {
        let mut named = Named::default();
        for plan in plans {
            named.plan(self.workspace, plan);
        }
        let mut digesting = Digesting::new();
        for key in named.segments {
            match self.workspace.segments.get(key) {
                Some(Segment::Rule(rule)) => (key, Some(rule)).hash(&mut digesting),
                // Its ids lie in shards, not in chunks.
                Some(Segment::Ids(_)) => (key, None::<&Rule>).hash(&mut digesting),
                None => {}
            }
        }
        for key in named.cap_groups {
            (key, self.workspace.cap_groups.get(key)).hash(&mut digesting);
        }
        for key in named.experiments {
            (key, self.workspace.experiments.get(key)).hash(&mut digesting);
        }
        digesting.inputs()
    }
}

#[derive(Default)]
struct Named<'a> {
    segments: BTreeSet<&'a str>,
    cap_groups: BTreeSet<&'a str>,
    experiments: BTreeSet<&'a str>,
}

impl<'a> Named<'a> {
    fn plan(&mut self, workspace: &'a Workspace, plan: &'a Constraints) {
        let Constraints {
            schedule: _,
            placement,
            audience,
            caps,
            rollout: _,
            experiment,
        } = plan;
        for rule in placement.iter().chain(audience) {
            self.rule(workspace, rule);
        }
        for cap in caps {
            match cap {
                Cap::Group { key, by: _ } => _ = self.cap_groups.insert(key),
                Cap::Limit { .. } | Cap::Cooldown { .. } | Cap::StopAfter { .. } => {}
            }
        }
        if let Some((experiment, _)) = experiment {
            self.experiments.insert(experiment);
        }
    }

    fn rule(&mut self, workspace: &'a Workspace, rule: &'a Rule) {
        match rule {
            Rule::All(parts) | Rule::Any(parts) => {
                parts.iter().for_each(|part| self.rule(workspace, part));
            }
            Rule::Not(inner) => self.rule(workspace, inner),
            Rule::Predicate(_) => {}
            Rule::Segment(key) => {
                if self.segments.insert(key)
                    && let Some(Segment::Rule(inner)) = workspace.segments.get(key)
                {
                    self.rule(workspace, inner);
                }
            }
        }
    }
}
