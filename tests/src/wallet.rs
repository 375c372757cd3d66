//! The sample workspace, compiled, for tests that want something realistic.

use std::path::Path;

use serde_json::{Map, json};

use skyful::check::{self, check};
use skyful::compile::{Snapshot, compile};

use crate::generate::draw::Draw;

pub fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/wallet")
}

/// Panics with every problem if the sample isn't valid.
pub fn snapshot() -> Snapshot {
    let read_file = |path: &str| {
        let text = std::fs::read(folder().join(path)).map_err(|e| e.to_string());
        text.map(check::IdFile::Text)
    };
    let options = check::Options {
        now_ms: None,
        read_file: &read_file,
    };
    let text = std::fs::read(folder().join("wallet.yaml")).expect("the sample workspace");
    let checked = check(&text, &options);
    let workspace = checked
        .workspace
        .unwrap_or_else(|| panic!("{:#?}", checked.problems));
    compile(&workspace, &mut |_, _| {}).expect("the sample compiles")
}

/// Its pages.
pub const PAGES: [&str; 6] = [
    "home",
    "transfer",
    "merchant_payment",
    "family_wallet",
    "senior_home",
    "bills",
];

/// The text of the context of some visitor: most facts known, spread about as in life.
pub fn visitor(draw: &mut Draw, number: usize) -> String {
    let mut attributes = Map::new();
    let mut give = |percent, draw: &mut Draw, name: &str, value| {
        if draw.chance(percent) {
            attributes.insert(name.to_owned(), value);
        }
    };
    let country = json!(draw.pick(&[
        "CN", "CN", "CN", "CN", "CN", "CN", "HK", "TH", "TH", "US", "JP"
    ]));
    give(97, draw, "country", country);
    let platform = json!(draw.pick(&["ios", "android", "android", "h5", "mini"]));
    give(99, draw, "platform", platform);
    let version = json!(format!("8.{}.{}", draw.below(5), draw.below(10)));
    give(80, draw, "app_version", version);
    let age = json!(18 + draw.below(30) + draw.below(30));
    give(85, draw, "age", age);
    let balance = json!((draw.below(1_000) * draw.below(1_000)) as f64 / 10.0);
    give(90, draw, "balance", balance);
    let tags = json!(draw.some(&["payroll", "card", "blocked", "student", "investor"], 2));
    give(70, draw, "tags", tags);
    let new_user = json!(draw.chance(8));
    give(95, draw, "new_user", new_user);
    let vip = json!(draw.chance(3));
    give(50, draw, "vip", vip);
    json!({"unit": format!("u-{number}"), "device": format!("d-{number}"), "locale": "zh-CN",
        "attributes": attributes})
    .to_string()
}
