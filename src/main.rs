//! The binary: parse, run, exit code.

use doorward::cli::{self, ExitCode};

/// What a load leaves behind is scattered over the heap: this allocator gives it back to the system,
/// which the usual one does not (`docs/performance.md`).
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    cli::run(std::env::args_os())
}
