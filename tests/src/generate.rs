//! Documents and contexts from seeds, and from proptest.
//!
//! A case is drawn by plain code from a 64-bit seed, not by composing strategies: the parts of a
//! document refer to each other, and a hundred thousand contexts a minute are wanted. Shrinking is done
//! on the document itself (see [`minimize`]), which knows what can be cut without making it invalid.

use proptest::prelude::*;
use serde_json::Value;

use crate::reader::Files;

pub mod constants;
pub mod constraints;
pub mod content;
pub mod contexts;
pub mod crowd;
pub mod document;
pub mod draw;
pub mod edges;
pub mod long;
pub mod minimize;
pub mod ranges;
pub mod rules;
pub mod spelling;

use draw::Draw;

/// One question to both implementations.
#[derive(Debug, Clone)]
pub struct Case {
    pub document: Value,
    pub files: Files,
    pub page: String,
    /// JSON; number literals are spelled in many ways, so it must be read as text.
    pub context_text: String,
}

/// A document with contexts on its edges, each with the page that it asks for.
#[derive(Debug, Clone)]
pub struct Batch {
    pub seed: u64,
    pub document: Value,
    pub files: Files,
    /// (page, text of the context)
    pub contexts: Vec<(String, String)>,
}

impl Batch {
    pub fn cases(&self) -> impl Iterator<Item = Case> {
        self.contexts.iter().map(|(page, context_text)| Case {
            document: self.document.clone(),
            files: self.files.clone(),
            page: page.clone(),
            context_text: context_text.clone(),
        })
    }
}

/// The batch of a seed: the same for ever, unless the generator changes.
pub fn batch(seed: u64, contexts: usize) -> Batch {
    let mut draw = Draw::new(seed);
    let drawn = document::document(&mut draw);
    with_contexts(seed, draw, drawn, contexts)
}

/// A batch on one big document: fifty modules of twenty plans.
pub fn thousand_plans(seed: u64, contexts: usize) -> Batch {
    let mut draw = Draw::new(seed);
    let size = document::Size {
        modules: 50,
        plans: Some(20),
    };
    let drawn = document::sized(&mut draw, size);
    with_contexts(seed, draw, drawn, contexts)
}

fn with_contexts(seed: u64, mut draw: Draw, drawn: (Value, Files), contexts: usize) -> Batch {
    let (document, files) = drawn;
    let edges = edges::edges(&mut draw, &document, &files);
    let pages: Vec<String> = document["pages"]
        .as_object()
        .expect("pages")
        .keys()
        .cloned()
        .collect();
    let contexts = (0..contexts).map(|_| {
        let page = draw.pick(&pages).clone();
        let text = contexts::context(&mut draw, &document, &edges, &page);
        (page, text)
    });
    Batch {
        seed,
        contexts: contexts.collect(),
        document,
        files,
    }
}

/// Batches for proptest. What fails should be cut down by [`minimize::minimize`]; the seed is in the batch.
pub fn batches(contexts: usize) -> impl Strategy<Value = Batch> {
    any::<u64>()
        .no_shrink()
        .prop_map(move |seed| batch(seed, contexts))
}
