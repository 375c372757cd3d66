//! `skyful schema`.

use crate::failure::Failure;
use crate::output;

pub fn run() -> Result<(), Failure> {
    output::bytes(skyful::model::SCHEMA.trim_end().as_bytes())?;
    output::bytes(b"\n")
}
