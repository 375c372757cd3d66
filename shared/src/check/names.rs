//! The names that a document declares, taken before anything is read, so that the order of sections
//! means nothing and a faulty declaration doesn't make every reference to it a second fault.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::at::At;
use crate::document::Node;
use crate::model::{Attribute, Experiment};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameKind {
    Attribute,
    ModuleType,
    Segment,
    CapGroup,
    Layer,
    Experiment,
    Module,
    Page,
}

impl NameKind {
    /// The code of a reference to nothing, and the noun.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Attribute => ("unknown_attribute", "attribute"),
            Self::ModuleType => ("unknown_module_type", "module type"),
            Self::Segment => ("unknown_segment", "segment"),
            Self::CapGroup => ("unknown_cap_group", "cap group"),
            Self::Layer => ("unknown_layer", "layer"),
            Self::Experiment => ("unknown_experiment", "experiment"),
            Self::Module => ("unknown_module", "module"),
            Self::Page => ("unknown_page", "page"),
        }
    }
}

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
    pub fn of(&self, kind: NameKind) -> &BTreeSet<&'t str> {
        match kind {
            NameKind::Attribute => &self.attributes,
            NameKind::ModuleType => &self.module_types,
            NameKind::Segment => &self.segments,
            NameKind::CapGroup => &self.cap_groups,
            NameKind::Layer => &self.layers,
            NameKind::Experiment => &self.experiments,
            NameKind::Module => &self.modules,
            NameKind::Page => &self.pages,
        }
    }

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
