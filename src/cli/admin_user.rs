//! `atomicqms admin user ...`: creates, lists and repairs accounts.

use std::io::BufRead;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::offline::{existing_user, unknown_user, with_forge};
use super::say;
use crate::access::Caller;
use crate::access::action::{CreateUser, EditUser, ListUsers};
use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::forge::{Forge, setup, users};
use crate::model::user::UserQuery;
use crate::model::{Email, NewUser, Page, UserName, UserPatch};
use crate::server::Failure;

/// What to do about users.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a user
    Create(Create),
    /// List every user
    List,
    /// Set a user's password
    ChangePassword(ChangePassword),
}

/// Flags of `admin user create`.
#[derive(Debug, Args)]
pub struct Create {
    /// Login name
    #[arg(long)]
    username: String,
    /// E-mail address
    #[arg(long)]
    email: String,
    /// Printed name
    #[arg(long, default_value = "")]
    full_name: String,
    /// Make the user a site administrator
    #[arg(long)]
    admin: bool,
    /// Refuse everything until the user has changed the password
    #[arg(long)]
    must_change_password: bool,
    #[command(flatten)]
    password: PasswordFlags,
}

/// Flags of `admin user change-password`.
#[derive(Debug, Args)]
pub struct ChangePassword {
    /// Login name
    #[arg(long)]
    username: String,
    /// Refuse everything until the user has changed the password again
    #[arg(long)]
    must_change_password: bool,
    #[command(flatten)]
    password: PasswordFlags,
}

/// Where the password comes from; one of the three.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct PasswordFlags {
    /// The password (visible to other users of this machine while the command runs)
    #[arg(long)]
    password: Option<String>,
    /// Read the password from the first line of standard input
    #[arg(long)]
    password_stdin: bool,
    /// Make up a password and print it
    #[arg(long)]
    random_password: bool,
}

impl PasswordFlags {
    /// Answers the password, and whether it was made up and must be shown.
    fn take(self) -> Result<(String, bool)> {
        if let Some(password) = self.password {
            return Ok((password, false));
        }
        if self.random_password {
            return Ok((setup::new_password()?, true));
        }
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map_err(Error::internal)?;
        Ok((line.trim_end_matches(['\r', '\n']).to_owned(), false))
    }
}

/// Runs the command.
pub(super) async fn run(command: Command, config: Config) -> std::result::Result<ExitCode, Failure> {
    let lines = with_forge(&config, async move |forge, caller| match command {
        Command::Create(flags) => create(forge, caller, flags).await,
        Command::List => list(forge, caller).await,
        Command::ChangePassword(flags) => change_password(forge, caller, flags).await,
    })
    .await?;
    for line in lines {
        say(&line);
    }
    Ok(ExitCode::SUCCESS)
}

async fn create(forge: &Forge, caller: Caller, flags: Create) -> Result<Vec<String>> {
    let (password, is_shown) = flags.password.take()?;
    let new = NewUser {
        full_name: flags.full_name,
        is_admin: flags.admin,
        must_change_password: flags.must_change_password,
        ..NewUser::new(UserName::new(&flags.username)?, Email::new(&flags.email)?, password.clone())
    };
    let permit = forge.authorize(&caller, CreateUser, &()).await?;
    let user = users::create_user(forge, permit, new).await?;
    let mut lines = vec![format!("created user {}", user.name)];
    lines.extend(is_shown.then(|| format!("password: {password}")));
    Ok(lines)
}

async fn list(forge: &Forge, caller: Caller) -> Result<Vec<String>> {
    let mut lines = vec![format!("{:<8}{:<42}{:<8}{:<8}email", "id", "login", "admin", "active")];
    let mut page = Page { number: 1, limit: Page::MAX_LIMIT };
    loop {
        let permit = forge.authorize(&caller, ListUsers, &()).await?;
        let paged = users::list_users(forge, permit, UserQuery::default(), page).await?;
        if paged.rows.is_empty() {
            return Ok(lines);
        }
        for user in paged.rows {
            let word = |flag| if flag { "yes" } else { "no" };
            let (admin, active) = (word(user.is_admin), word(user.may_sign_in()));
            let (id, login, email) = (user.id.get(), user.name.as_str(), user.email.as_str());
            lines.push(format!("{id:<8}{login:<42}{admin:<8}{active:<8}{email}"));
        }
        page.number += 1;
    }
}

async fn change_password(forge: &Forge, caller: Caller, flags: ChangePassword) -> Result<Vec<String>> {
    let (password, is_shown) = flags.password.take()?;
    let name = existing_user(&flags.username)?;
    let permit = match forge.authorize(&caller, EditUser, &name).await {
        Err(error) if error.kind() == Kind::NotFound => return Err(unknown_user(&flags.username)),
        other => other?,
    };
    let patch = UserPatch {
        password: Some(password.clone()),
        must_change_password: Some(flags.must_change_password),
        ..UserPatch::default()
    };
    let user = users::edit_user(forge, permit, patch).await?;
    let mut lines = vec![format!("changed the password of {}", user.name)];
    lines.extend(is_shown.then(|| format!("password: {password}")));
    Ok(lines)
}
