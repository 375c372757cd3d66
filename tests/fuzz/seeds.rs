//! Writes what the fuzzers begin with: `cargo run --example fuzz-seeds -- FOLDER`, one folder a target below it.

use std::path::PathBuf;

use skyful_tests::fuzz::{self, seeds::seeds};

fn main() -> std::io::Result<()> {
    let folder = std::env::args_os().nth(1).expect("a folder");
    let folder = PathBuf::from(folder);
    let seeds = seeds();
    for (name, bytes) in &seeds {
        // One that is turned away at the door would be a poor beginning; requests are also of the kinds that are refused.
        let (target, _) = name.split_once('/').expect("a target");
        assert!(fuzz::run(target, bytes) || target == "request", "{name}");
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().expect("a target's folder"))?;
        std::fs::write(path, bytes)?;
    }
    println!("{} seeds", seeds.len());
    Ok(())
}
