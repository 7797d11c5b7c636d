//! `atomicqms config`: shows the effective settings, or the reference of all settings.

use std::process::ExitCode;

use clap::Args;

use super::say;
use crate::config::{Config, docs};
use crate::server::Failure;

/// Flags of `config`.
#[derive(Debug, Args)]
pub struct Flags {
    /// Print the reference table of every setting instead (Markdown)
    #[arg(long)]
    reference: bool,
}

/// Prints the settings.
pub(super) fn run(
    flags: Flags,
    settings: impl FnOnce(Vec<(&'static str, String)>) -> Result<Config, Failure>,
) -> Result<ExitCode, Failure> {
    let text = if flags.reference { docs::reference() } else { docs::effective(&settings(Vec::new())?) };
    say(text.trim_end());
    Ok(ExitCode::SUCCESS)
}
