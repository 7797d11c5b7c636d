//! Brings a database to the schema this binary knows, in the one transaction it is given.
//!
//! Owns the embedded migrations. They go forward only, are never edited once released, and replaying them gives
//! `migrations/schema.sql`. Called through the writer by `serve` and by every admin command.

use std::collections::BTreeMap;

use atomicqms_actors::sql::Connection;

use super::dialect;
use crate::error::{Error, Kind, Result};

/// Every migration in order; the position plus one is the version it leads to.
pub const MIGRATIONS: &[(&str, &str)] = &[
    ("0001_foundation.sql", include_str!("../../migrations/0001_foundation.sql")),
    ("0002_public_keys.sql", include_str!("../../migrations/0002_public_keys.sql")),
    ("0003_jobs.sql", include_str!("../../migrations/0003_jobs.sql")),
    ("0004_push_certificates.sql", include_str!("../../migrations/0004_push_certificates.sql")),
    ("0005_rights_version.sql", include_str!("../../migrations/0005_rights_version.sql")),
    ("0006_waiting_packs.sql", include_str!("../../migrations/0006_waiting_packs.sql")),
    ("0007_organizations.sql", include_str!("../../migrations/0007_organizations.sql")),
    ("0008_transfers.sql", include_str!("../../migrations/0008_transfers.sql")),
    ("0009_limited_tokens.sql", include_str!("../../migrations/0009_limited_tokens.sql")),
    ("0010_forks.sql", include_str!("../../migrations/0010_forks.sql")),
    ("0011_protection.sql", include_str!("../../migrations/0011_protection.sql")),
    ("0012_releases.sql", include_str!("../../migrations/0012_releases.sql")),
    ("0013_topics.sql", include_str!("../../migrations/0013_topics.sql")),
    ("0014_stars_watches.sql", include_str!("../../migrations/0014_stars_watches.sql")),
    ("0015_commit_statuses.sql", include_str!("../../migrations/0015_commit_statuses.sql")),
    ("0016_people.sql", include_str!("../../migrations/0016_people.sql")),
    ("0017_labels.sql", include_str!("../../migrations/0017_labels.sql")),
    ("0018_gpg_keys.sql", include_str!("../../migrations/0018_gpg_keys.sql")),
    ("0019_languages.sql", include_str!("../../migrations/0019_languages.sql")),
    ("0020_social.sql", include_str!("../../migrations/0020_social.sql")),
    ("0021_mail.sql", include_str!("../../migrations/0021_mail.sql")),
    ("0022_sudo.sql", include_str!("../../migrations/0022_sudo.sql")),
    ("0023_mirrors.sql", include_str!("../../migrations/0023_mirrors.sql")),
    ("0024_invitations.sql", include_str!("../../migrations/0024_invitations.sql")),
    ("0025_lists.sql", include_str!("../../migrations/0025_lists.sql")),
    ("0026_strangers.sql", include_str!("../../migrations/0026_strangers.sql")),
    ("0027_networks.sql", include_str!("../../migrations/0027_networks.sql")),
    ("0028_account_limits.sql", include_str!("../../migrations/0028_account_limits.sql")),
];

/// The version this binary writes.
pub const VERSION: i64 = MIGRATIONS.len() as i64;

/// Applies what is missing; answers the version found and the version now.
///
/// Shape: `tx` is an open write transaction, so two processes that start at once apply each step once.
/// Errors: `Unavailable` naming both versions when the database is newer than this binary, or is not ours.
pub fn migrate(tx: &dyn Connection) -> Result<(i64, i64)> {
    let found = dialect::schema_version(tx)?;
    check(found)?;
    if found == 0 && dialect::has_objects(tx)? {
        return Err(Error::new(
            Kind::Unavailable,
            "the database file holds tables of another program; give AtomicQMS a data directory of its own",
        ));
    }
    for (position, (_, statements)) in MIGRATIONS.iter().enumerate().skip(usize::try_from(found).unwrap_or(0)) {
        tx.execute_batch(statements)?;
        dialect::set_schema_version(tx, position as i64 + 1)?;
    }
    Ok((found, VERSION))
}

/// Names a trigger of the migrations that a database lacks or holds in another form.
///
/// Shape: `conn` has the newest schema. Triggers are what refuses to rewrite the ledger.
pub fn missing_trigger(conn: &dyn Connection) -> Result<Option<String>> {
    let found: BTreeMap<String, String> = dialect::triggers(conn)?.into_iter().collect();
    // A later migration may replace a trigger; the last definition of a name is in force.
    let wanted: BTreeMap<&str, &str> = MIGRATIONS
        .iter()
        .flat_map(|(_, statements)| triggers_of(statements))
        .filter_map(|definition| Some((definition.split(' ').nth(2)?, definition)))
        .collect();
    let mut missing =
        wanted.iter().filter(|(name, definition)| found.get(**name).map(String::as_str) != Some(**definition));
    Ok(missing.next().map(|(name, _)| (*name).to_owned()))
}

/// The definitions of triggers in a script, as the database keeps them: from `CREATE TRIGGER` to `END`.
fn triggers_of(script: &'static str) -> impl Iterator<Item = &'static str> {
    script.match_indices("CREATE TRIGGER ").filter_map(|(start, _)| {
        let rest = script.get(start..)?;
        rest.get(..rest.find("END;")? + "END".len())
    })
}

/// Refuses a version that only a newer binary can know.
pub fn check(found: i64) -> Result<()> {
    if (0..=VERSION).contains(&found) {
        return Ok(());
    }
    Err(Error::new(
        Kind::Unavailable,
        format!(
            "the database has schema version {found}, this AtomicQMS knows versions up to {VERSION}: \
             it was written by a newer release; start that release, or restore a backup made by this one"
        ),
    ))
}

#[cfg(test)]
mod tests;
