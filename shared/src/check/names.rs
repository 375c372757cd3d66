//! The names that a document declares, taken before anything is read, so that the order of sections
//! means nothing and a faulty declaration doesn't make every reference to it a second fault.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::at::At;
use crate::document::Node;
use crate::model::{Attribute, Experiment};

#[derive(Default)]
pub(crate) struct Names<'t> {
    pub attributes: BTreeSet<&'t str>,
    pub module_types: BTreeSet<&'t str>,
    pub segments: BTreeSet<&'t str>,
    pub cap_groups: BTreeSet<&'t str>,
    pub layers: BTreeSet<&'t str>,
    pub experiments: BTreeSet<&'t str>,
    pub modules: BTreeSet<&'t str>,
    pub pages: BTreeSet<&'t str>,
    /// Those that could be read; rules and plans need more than the name.
    pub attribute: BTreeMap<String, Rc<Attribute>>,
    pub experiment: BTreeMap<String, Rc<Experiment>>,
}

impl<'t> Names<'t> {
    pub fn declared(root: &'t Node) -> Self {
        let root = At::root(root);
        let keys = |section: &str| {
            let entry = root.entries().iter().find(|e| &*e.key == section);
            let node = entry.map(|e| &e.value);
            node.into_iter()
                .flat_map(|node| At::root(node).entries())
                .map(|e| &*e.key)
                .collect()
        };
        Self {
            attributes: keys("attributes"),
            module_types: keys("module_types"),
            segments: keys("segments"),
            cap_groups: keys("cap_groups"),
            layers: keys("layers"),
            experiments: keys("experiments"),
            modules: keys("modules"),
            pages: keys("pages"),
            attribute: BTreeMap::new(),
            experiment: BTreeMap::new(),
        }
    }
}
