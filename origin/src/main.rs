//! The binary `skyful`.

fn main() {}
