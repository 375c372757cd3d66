//! The vectors, held against the second reader.

use serde_json::{Value, json};
use skyful_tests::reader;
use skyful_tests::vectors::{self, Ask};

fn found(ask: &Ask) -> Option<Value> {
    match ask {
        Ask::Bucket { unit, salt } => {
            let hash = reader::bucket::hash(unit, salt);
            Some(json!({"hash": format!("{hash:016x}"), "bucket": reader::bucket::of_hash(hash)}))
        }
        Ask::Resolve(ask) => {
            reader::answer_text(&ask.document, &ask.files, &ask.page, &ask.context_text)
        }
    }
}

#[test]
fn the_second_reader_answers_every_vector() {
    let mut faults = Vec::new();
    for topic in vectors::load(&vectors::folder()) {
        for vector in &topic.vectors {
            let outcome = match found(&vector.ask) {
                Some(answer) => vectors::matches(&vector.expect, &answer),
                None => Err("no such page".to_owned()),
            };
            if let Err(why) = outcome {
                faults.push(format!("{}: {}\n{why}", topic.file, vector.name));
            }
        }
    }
    assert!(
        faults.is_empty(),
        "{} faults\n\n{}",
        faults.len(),
        faults.join("\n\n")
    );
}
