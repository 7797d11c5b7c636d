//! `atomicqms admin key add`: gives an account an SSH key and prints its fingerprint, alone, for scripts.

use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::offline::{existing_user, unknown_user, with_forge};
use super::say;
use crate::access::Caller;
use crate::access::action::AddKeyFor;
use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::forge::{Forge, keys};
use crate::model::NewKey;
use crate::server::Failure;

/// Most bytes read as a key: no public key is that long. Units: bytes.
const LONGEST: u64 = 64 * 1024;

/// What to do about SSH keys.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add a public key to an account and print its fingerprint
    Add(Add),
}

/// Flags of `admin key add`.
#[derive(Debug, Args)]
pub struct Add {
    /// Login name of the key's owner
    #[arg(long)]
    username: String,
    /// File with the public key [default: standard input]
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Title of the key [default: the key's comment]
    #[arg(long)]
    title: Option<String>,
}

/// Runs the command.
pub(super) async fn run(command: Command, config: Config) -> std::result::Result<ExitCode, Failure> {
    let Command::Add(flags) = command;
    let fingerprint = with_forge(&config, async |forge, caller| add(forge, caller, flags).await).await?;
    say(&fingerprint);
    Ok(ExitCode::SUCCESS)
}

async fn add(forge: &Forge, caller: Caller, flags: Add) -> Result<String> {
    let text = read(flags.file.as_ref())?;
    let name = existing_user(&flags.username)?;
    let permit = forge.authorize(&caller, AddKeyFor, &name).await.map_err(|error| match error.kind() {
        Kind::NotFound => unknown_user(&flags.username),
        _ => error,
    })?;
    let title = flags.title.unwrap_or_else(|| comment(&text));
    let key = keys::add_key(forge, permit, NewKey { title, text, is_read_only: false }).await?;
    Ok(key.key.fingerprint)
}

fn read(file: Option<&PathBuf>) -> Result<String> {
    let mut text = String::new();
    let (read, from) = match file {
        Some(path) => {
            let opened = std::fs::File::open(path);
            (opened.and_then(|file| file.take(LONGEST).read_to_string(&mut text)), path.display().to_string())
        }
        None => (std::io::stdin().lock().take(LONGEST).read_to_string(&mut text), "standard input".to_owned()),
    };
    read.map_err(|error| Error::new(Kind::Malformed, format!("cannot read the key from {from}: {error}")))?;
    Ok(text)
}

/// What stands behind type and key in the line, or a word that says where the key came from.
fn comment(line: &str) -> String {
    let comment: Vec<&str> = line.split_ascii_whitespace().skip(2).collect();
    if comment.is_empty() { "command line".to_owned() } else { comment.join(" ").chars().take(50).collect() }
}
