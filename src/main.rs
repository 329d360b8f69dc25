//! The binary: parse, run, exit code.

use doorward::cli::{self, ExitCode};

fn main() -> ExitCode {
    cli::run(std::env::args_os())
}
