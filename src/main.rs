//! The `atomicqms` program: a thin shell over [`atomicqms::cli`], and the choice of the allocator.

use std::process::ExitCode;

/// The C library keeps freed blocks in an arena of each thread: with the many blocking threads of a server, blocks of
/// tens of megabytes (password hashes, packs) would pile up there for ever. This one gives them back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Gives back what this thread has freed; without it the allocator keeps it until the thread allocates again.
#[expect(
    unsafe_code,
    reason = "a call into the allocator without pointers: it may be made at any time from any thread"
)]
fn give_back() {
    unsafe { libmimalloc_sys::mi_collect(true) };
}

fn main() -> ExitCode {
    atomicqms::memory::install(give_back);
    atomicqms::cli::run(std::env::args_os())
}
