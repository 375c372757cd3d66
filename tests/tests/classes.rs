//! Cache classes: same class, locale and release, same bytes; and classes are few, or they would be no
//! use. `SKYFUL_CASES` and `SKYFUL_SEED` as in `equality.rs`.

use std::collections::{HashMap, HashSet};

use skyful::context::Context;
use skyful::resolve::matters::Matters;
use skyful::snapshot::Chunk;
use skyful_tests::generate::draw::Draw;
use skyful_tests::generate::long::long_list;
use skyful_tests::generate::{Batch, batch};
use skyful_tests::product::Product;
use skyful_tests::wallet;

const CONTEXTS: usize = 40;
/// 2026-11-22T09:00:00Z
const NOW_MS: i64 = 1_795_338_000_000;

fn number(variable: &str, default: u64) -> u64 {
    let given = std::env::var(variable).ok();
    given.map_or(default, |text| {
        text.replace('_', "").parse().expect(variable)
    })
}

/// What has been seen of one release.
#[derive(Default)]
struct Seen {
    bodies: HashMap<(String, u32, u64), Vec<u8>>,
    answers: u64,
}

impl Seen {
    fn look(&mut self, product: &mut Product, page: &str, context: &Context<'_>) {
        let (locale, answer) = product.decide(page, context).expect("a known page");
        let class = answer.class_key.expect("an answer that explains nothing");
        self.answers += 1;
        let known = self.bodies.entry((page.to_owned(), locale, class));
        let known = known.or_insert_with(|| answer.body.clone());
        assert_eq!(
            String::from_utf8_lossy(known),
            String::from_utf8_lossy(&answer.body),
            "one class, two bodies: {context:?}"
        );
    }

    /// Classes that have the same body as another: as good as one.
    fn needless(&self) -> usize {
        let bodies: HashSet<&Vec<u8>> = self.bodies.values().collect();
        self.bodies.len() - bodies.len()
    }
}

fn look_at(batch: &Batch) -> Seen {
    let mut product = Product::compile(&batch.document, &batch.files).expect("a valid document");
    let mut seen = Seen::default();
    for (page, text) in &batch.contexts {
        let mut context = Context::from_json(text.as_bytes()).expect("a context");
        seen.look(&mut product, page, &context);
        // At one instant, more of them are of one class.
        context.now_ms = Some(NOW_MS);
        seen.look(&mut product, page, &context);
        context.unit = Some("another".into());
        seen.look(&mut product, page, &context);
    }
    seen
}

#[test]
fn one_class_has_one_body() {
    let first = number("SKYFUL_SEED", 1);
    let batches = number("SKYFUL_CASES", 8_000).div_ceil(CONTEXTS as u64);
    let (mut answers, mut classes, mut needless) = (0, 0, 0);
    for seed in first..first + batches {
        let seen = look_at(&batch(seed, CONTEXTS));
        answers += seen.answers;
        classes += seen.bodies.len();
        needless += seen.needless();
    }
    println!("{answers} answers, {classes} classes, {needless} with the body of another");
    assert!(
        classes as u64 * 4 < answers * 3,
        "hardly any class has two visitors"
    );
    assert!(needless * 20 < classes, "many classes say the same");
}

#[test]
fn one_class_has_one_body_in_long_lists() {
    for seed in 1..=number("SKYFUL_LONG_LISTS", 2) {
        let seen = look_at(&long_list(seed, 200));
        println!("{} answers, {} classes", seen.answers, seen.bodies.len());
    }
}

/// A context without what `skyful inspect` doesn't list. Also how much that was.
fn without_what_cannot_matter(chunk: &Chunk, context: &mut Context<'_>) -> usize {
    let matters = Matters::of(chunk, NOW_MS);
    let (attributes, caps) = (context.attributes.len(), context.caps.len());
    let asked = |name: &str| matters.attributes.iter().any(|asked| asked.name == name);
    context.attributes.retain(|(name, _)| asked(name));
    let counted = |name: &str| matters.counters.iter().any(|c| chunk.text(c.name) == name);
    context.caps.retain(|(name, _)| counted(name));
    let drawn = matters.rollouts.len() + matters.experiments.len() + matters.drawn.len();
    if drawn + matters.lists.len() == 0 {
        context.unit = Some("somebody else".into());
        context.device = None;
    }
    attributes - context.attributes.len() + caps - context.caps.len()
}

#[test]
fn what_a_page_does_not_depend_on_parts_nobody() {
    let first = number("SKYFUL_SEED", 1);
    let batches = number("SKYFUL_CASES", 8_000).div_ceil(CONTEXTS as u64);
    let mut left_out = 0;
    for batch in (first..first + batches).map(|seed| batch(seed, CONTEXTS)) {
        let mut product = Product::compile(&batch.document, &batch.files).expect("valid");
        for (page, text) in &batch.contexts {
            let mut context = Context::from_json(text.as_bytes()).expect("a context");
            // A trace lists what was given for nothing.
            context.explain = false;
            let (locale, whole) = product.decide(page, &context).expect("a known page");
            let chunk = product.chunk(page, locale).expect("just asked");
            left_out += without_what_cannot_matter(chunk, &mut context);
            let (_, less) = product.decide(page, &context).expect("a known page");
            assert_eq!(
                String::from_utf8_lossy(&whole.body),
                String::from_utf8_lossy(&less.body),
                "seed {}, page {page}: {text}",
                batch.seed
            );
        }
    }
    assert!(left_out > 1_000, "only {left_out} were left out");
}

/// How many visitors of the sample share a class: at one instant, in one language.
#[test]
fn visitors_of_the_sample_share_classes() {
    let mut product = Product::of(wallet::snapshot());
    let mut draw = Draw::new(20_261_123);
    const VISITORS: usize = 10_000;
    for page in wallet::PAGES {
        let mut seen = Seen::default();
        for number in 0..VISITORS {
            let text = wallet::visitor(&mut draw, number);
            let mut context = Context::from_json(text.as_bytes()).expect("a context");
            context.now_ms = Some(NOW_MS);
            seen.look(&mut product, page, &context);
        }
        let classes = seen.bodies.len();
        println!("{page}: {VISITORS} visitors in {classes} classes");
        assert!(classes * 10 < VISITORS, "{page}: nearly everybody is alone");
    }
}
