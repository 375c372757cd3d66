//! The sample workspace, compiled, for tests that want something realistic.

use std::path::Path;

use skyful::check::{self, check};
use skyful::compile::{Snapshot, compile};

pub fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/wallet")
}

/// Panics with every problem if the sample isn't valid.
pub fn snapshot() -> Snapshot {
    let read_file = |path: &str| std::fs::read(folder().join(path)).map_err(|e| e.to_string());
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
