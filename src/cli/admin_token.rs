//! `atomicqms admin token create`: makes an access token and prints it, alone, for scripts.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::offline::{existing_user, unknown_user, with_forge};
use super::say;
use crate::access::Caller;
use crate::access::action::ManageTokens;
use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::forge::{Forge, tokens};
use crate::model::{NewToken, RepoName, TokenScopes, UserName};
use crate::server::Failure;

/// Units: milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// What to do about tokens.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create an access token and print it
    Create(Create),
}

/// Flags of `admin token create`.
#[derive(Debug, Args)]
pub struct Create {
    /// Login name of the token's owner
    #[arg(long)]
    username: String,
    /// Name of the token, unique for its owner
    #[arg(long)]
    name: String,
    /// Scopes, separated by commas: all, or read:x and write:x
    #[arg(long, default_value = "all")]
    scopes: String,
    /// Days until the token expires [default: never, or security.max_token_lifetime_days]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    expires_days: Option<u32>,
    /// The only repository the token reaches; may be given several times [default: all that its owner does]
    #[arg(long = "repository", value_name = "OWNER/NAME")]
    repositories: Vec<String>,
}

fn repository(name: &str) -> Result<(UserName, RepoName)> {
    let unfit = || Error::invalid("repository", format!("{name} is not OWNER/NAME"));
    let (owner, name) = name.split_once('/').ok_or_else(unfit)?;
    Ok((UserName::parse(owner)?, RepoName::parse(name)?))
}

/// Runs the command.
pub(super) async fn run(command: Command, config: Config) -> std::result::Result<ExitCode, Failure> {
    let Command::Create(flags) = command;
    let limit = (config.security.max_token_lifetime_days > 0).then_some(config.security.max_token_lifetime_days);
    let secret = with_forge(&config, async move |forge, caller| create(forge, caller, flags, limit).await).await?;
    say(&secret);
    Ok(ExitCode::SUCCESS)
}

async fn create(forge: &Forge, caller: Caller, flags: Create, limit_days: Option<u32>) -> Result<String> {
    let name = existing_user(&flags.username)?;
    let permit = match forge.authorize(&caller, ManageTokens, &name).await {
        Err(error) if error.kind() == Kind::NotFound => return Err(unknown_user(&flags.username)),
        other => other?,
    };
    let scopes = TokenScopes::parse_list(&flags.scopes)?;
    if scopes.is_empty() {
        return Err(Error::invalid("scopes", "name at least one scope"));
    }
    let expires_ms = flags.expires_days.or(limit_days).map(|days| forge.clock.now().plus_ms(i64::from(days) * DAY_MS));
    let repositories = match flags.repositories.is_empty() {
        true => None,
        false => Some(flags.repositories.iter().map(|name| repository(name)).collect::<Result<_>>()?),
    };
    let new = NewToken { name: flags.name, scopes, expires_ms, repositories };
    let (_, secret) = tokens::create_token(forge, permit, new).await?;
    Ok(secret)
}
