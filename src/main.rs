//! The binary. Everything is in the library, where tests reach it.

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

/// Chosen by measurement, see `docs/performance.md`: idle sockets weigh a third less than with the C library's allocator, and
/// memory goes back to the system after a storm.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    orderwire::cli::main()
}
