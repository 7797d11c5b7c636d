//! The first start: secrets of the installation, and its first administrator.
//!
//! Owns the key file and what is told to the terminal; identity and account are made in `forge::setup`. Safe to run at
//! every start: what is there already stays.

use super::directory::read_or_create_secret;
use super::{Failure, directory};
use crate::config::{Config, Secret};
use crate::error::Kind;
use crate::forge::{Forge, setup};

/// Bytes of the installation's root secret.
const KEY_BYTES: usize = 32;

/// The administrator a first start made.
#[derive(Debug)]
pub struct FirstAdmin {
    /// Login name.
    pub login: &'static str,
    /// The random password; absent if one was given.
    pub password: Option<Secret>,
}

/// Makes what a new installation needs; answers the administrator if one was made.
///
/// Errors: the key file cannot be written; a given password that breaks the rule.
pub async fn first_start(forge: &Forge, config: &Config) -> Result<Option<FirstAdmin>, Failure> {
    directory::prepare(config)?;
    root_secret(config)?;
    let given = config.admin_password.as_ref().map(|password| password.expose().to_owned());
    let is_given = given.is_some();
    let setup = setup::ensure_instance(forge, given).await.map_err(|error| match error.kind() {
        Kind::Invalid if is_given => Failure::AdminPassword(error),
        _ => error.into(),
    })?;
    let password = setup.generated_password.map(Secret::new);
    Ok(setup.made_admin.then_some(FirstAdmin { login: setup::FIRST_ADMIN, password }))
}

/// Reads the root secret of the installation, made if there is none.
///
/// Errors: the key file cannot be read or written.
pub fn root_secret(config: &Config) -> Result<Vec<u8>, Failure> {
    let path = config.keys_dir().join("server.key");
    read_or_create_secret(&path, new_key).map_err(|source| Failure::Directory { path, source })
}

/// The root secret from which keys for sessions, links and the like are derived, in hexadecimal.
fn new_key() -> std::io::Result<Vec<u8>> {
    let mut key = [0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(std::io::Error::other)?;
    let mut text: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    text.push('\n');
    Ok(text.into_bytes())
}
