//! The conformance vectors, sent over HTTP: each answer has what the vector expects, and is byte for
//! byte the core's.

use serde_json::Value;
use skyful_tests::product;
use skyful_tests::vectors::{self, Ask as Asked, Resolve};

use crate::core_edge::CoreEdge;
use crate::platform::{Ask, Client, Settings, all};
use crate::publisher::Publisher;

/// Of a context only this; numbers beyond all ranges stand in some.
#[derive(serde::Deserialize)]
struct Context {
    unit: Option<String>,
    now: Option<String>,
}

/// The request, and whether it names a unit.
fn request(asked: &Resolve) -> (Ask, bool) {
    let context: Context = serde_json::from_str(&asked.context_text).expect("a context");
    let has_unit = context.unit.is_some_and(|unit| !unit.is_empty());
    let ask = match &asked.query {
        None => Ask::resolve(asked.context_text.as_bytes()),
        Some(query) => {
            let now = context.now.expect("a clock").replace('+', "%2B");
            Ask::get(format!("/v1/pages/{}?{query}&now={now}", asked.page))
        }
    };
    (ask, has_unit)
}

#[test]
fn every_platform_answers_every_vector_with_the_same_bytes() {
    let mut publisher = Publisher::new();
    let settings = Settings::preview(&publisher.trust());
    let platforms = all(&settings);
    let core = CoreEdge::new(&settings);
    let client = Client::new();
    let mut faults = Vec::new();
    let (mut asked, mut minted) = (0, 0);
    for topic in vectors::load(&vectors::folder()) {
        let mut shown: Option<Value> = None;
        for vector in &topic.vectors {
            // How a bucket is computed shows in the vectors of rollouts and experiments.
            let Asked::Resolve(resolve) = &vector.ask else {
                continue;
            };
            if shown.as_ref() != Some(&resolve.document) {
                let snapshot = product::snapshot(&resolve.document, &resolve.files);
                let snapshot = snapshot.unwrap_or_else(|why| panic!("{}: {why}", vector.name));
                publisher.publish(&snapshot, &platforms, &core, &client);
                shown = Some(resolve.document.clone());
            }
            let (ask, has_unit) = request(resolve);
            let wanted = core.send(&ask);
            if has_unit && let Err(why) = vectors::matches(&vector.expect, &wanted.json()) {
                faults.push(format!(
                    "{}: {} in the core\n{why}",
                    topic.file, vector.name
                ));
            }
            asked += 1;
            minted += usize::from(!has_unit);
            for platform in &platforms {
                let found = client.send(&**platform, &ask);
                // Without a unit each edge mints another one, which falls into other buckets.
                let same = if has_unit {
                    found.comparable() == wanted.comparable()
                } else {
                    found.status == 200 && found.header("skyful-unit").is_some()
                };
                if !same {
                    faults.push(format!(
                        "{}: {} on {}\n  wanted {wanted:?}\n  found  {found:?}",
                        topic.file,
                        vector.name,
                        platform.name()
                    ));
                }
            }
        }
    }
    assert!(
        asked > 2_900 && minted < 60,
        "{asked} vectors, {minted} without a unit"
    );
    let names: Vec<&str> = platforms.iter().map(|platform| platform.name()).collect();
    println!("{asked} vectors on {}", names.join(", "));
    let few: Vec<&str> = faults.iter().take(10).map(String::as_str).collect();
    assert!(
        few.is_empty(),
        "{} faults\n\n{}",
        faults.len(),
        few.join("\n\n")
    );
}
