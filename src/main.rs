//! The `atomicqms` program: a thin shell over [`atomicqms::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    atomicqms::cli::run(std::env::args_os())
}
