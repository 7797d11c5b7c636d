//! The `atomicqms` program: a thin shell over [`atomicqms::cli`], and the choice of the allocator.

use std::process::ExitCode;

/// The C library keeps freed blocks in an arena of each thread: with the many blocking threads of a server, blocks of
/// tens of megabytes (password hashes, packs) would pile up there for ever. This one gives them back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    atomicqms::cli::run(std::env::args_os())
}
