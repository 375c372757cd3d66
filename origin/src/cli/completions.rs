//! `skyful completions`.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::failure::Failure;
use crate::output;

#[derive(clap::Args)]
pub struct Args {
    /// The shell that shall complete
    shell: Shell,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    let mut script = Vec::new();
    let mut command = super::Cli::command();
    clap_complete::generate(args.shell, &mut command, "skyful", &mut script);
    output::bytes(&script)
}
