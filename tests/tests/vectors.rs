//! The vectors, held against the product.

use serde_json::{Value, json};
use skyful::bucket::{SaltHash, UnitHash};
use skyful::context::Context;
use skyful_tests::product::Product;
use skyful_tests::vectors::{self, Ask, Resolve};

fn resolve(ask: &Resolve, product: &mut Product) -> Result<Value, String> {
    let context = match &ask.query {
        None => Context::from_json(ask.context_text.as_bytes()).map_err(|e| e.to_string())?,
        Some(query) => {
            let mut context = Context::from_query(query).map_err(|e| e.to_string())?;
            // The vector's clock stands in the context that its query was turned into.
            let clock = Context::from_json(ask.context_text.as_bytes());
            context.now_ms = clock.map_err(|e| e.to_string())?.now_ms;
            context
        }
    };
    product
        .answer(&ask.page, &context)
        .ok_or_else(|| String::from("no such page"))
}

#[test]
fn the_product_answers_every_vector() {
    let mut faults = Vec::new();
    let mut asked = 0;
    for topic in vectors::load(&vectors::folder()) {
        let mut compiled: Vec<(Value, Result<Product, String>)> = Vec::new();
        for vector in &topic.vectors {
            asked += 1;
            let found = match &vector.ask {
                Ask::Bucket { unit, salt } => {
                    let (unit, salt) = (UnitHash::of(unit), SaltHash::of(salt));
                    Ok(
                        json!({"hash": format!("{:016x}", unit.mix(salt)), "bucket": unit.bucket(salt)}),
                    )
                }
                Ask::Resolve(ask) => {
                    let known = compiled
                        .iter()
                        .position(|(document, _)| *document == ask.document);
                    let at = known.unwrap_or_else(|| {
                        compiled.push((
                            ask.document.clone(),
                            Product::compile(&ask.document, &ask.files),
                        ));
                        compiled.len() - 1
                    });
                    match &mut compiled[at].1 {
                        Ok(product) => resolve(ask, product),
                        Err(problems) => Err(problems.clone()),
                    }
                }
            };
            if let Err(why) = found.and_then(|answer| vectors::matches(&vector.expect, &answer)) {
                faults.push(format!("{}: {}\n{why}", topic.file, vector.name));
            }
        }
    }
    assert!(asked > 3_000, "only {asked} vectors were found");
    let shown: Vec<&str> = faults.iter().take(40).map(String::as_str).collect();
    assert!(
        faults.is_empty(),
        "{} faults of {asked}\n\n{}",
        faults.len(),
        shown.join("\n\n")
    );
}

/// A field that only the thorough reader of requests takes, and that says nothing, makes it read what the quick one would
/// have read.
#[test]
fn a_context_means_the_same_read_quickly_and_thoroughly() {
    let topics = vectors::load(&vectors::folder());
    let vectors = topics.into_iter().flat_map(|topic| topic.vectors);
    let mut texts: Vec<String> = vectors
        .filter_map(|vector| match vector.ask {
            Ask::Resolve(ask) => Some(ask.context_text),
            Ask::Bucket { .. } => None,
        })
        .collect();
    for seed in 0..20 {
        let batch = skyful_tests::generate::batch(seed, 200);
        texts.extend(batch.contexts.into_iter().map(|(_, text)| text));
    }
    let mut compared = 0;
    for text in texts.iter().filter(|text| !text.contains("\"caps\"")) {
        let Some(fields) = text.trim_start().strip_prefix('{') else {
            continue;
        };
        let comma = if fields.trim_start().starts_with('}') {
            ""
        } else {
            ","
        };
        let thoroughly = format!("{{\"caps\":{{}}{comma}{fields}");
        match (
            Context::from_json(text.as_bytes()),
            Context::from_json(thoroughly.as_bytes()),
        ) {
            (Ok(quickly), Ok(thoroughly)) => assert_eq!(quickly, thoroughly, "{text}"),
            (quickly, thoroughly) => assert_eq!(quickly.is_ok(), thoroughly.is_ok(), "{text}"),
        }
        compared += 1;
    }
    assert!(compared > 4_000, "{compared}");
}
