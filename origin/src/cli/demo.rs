use crate::failure::Failure;

#[derive(clap::Args)]
pub struct Args {}

pub fn run(_args: &Args, _json: bool) -> Result<(), Failure> {
    Err(Failure::usage("not yet"))
}
