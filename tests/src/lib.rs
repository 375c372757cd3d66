//! What the tests of Skyful share: a second, naive reader of workspace documents, generators of
//! documents and contexts, and the conformance vectors.
#![forbid(unsafe_code)]

pub mod fuzz;
pub mod generate;
pub mod product;
pub mod reader;
pub mod vectors;
pub mod wallet;
