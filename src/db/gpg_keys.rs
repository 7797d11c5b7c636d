//! Rows of OpenPGP keys of accounts; a subkey is a row that names its primary key.

use atomicqms_actors::params;
use atomicqms_actors::sql::{Connection, Error, Row};

use crate::model::gpg_key::{GpgKey, GpgPartRow, SigningPart};
use crate::model::openpgp::{Certificate, GpgPart};
use crate::model::{GpgKeyId, Page, Paged, UserId, UtcMs};

const PART: &str = "k.id, k.key_id, k.fingerprint, k.packet, k.created_s, k.expires_s, k.revoked_s, k.can_sign, \
     k.can_certify, k.can_encrypt_comms, k.can_encrypt_storage, k.user_id";
/// Most parts of one key id that are looked at: the holder of a subkey may bind it to many keys.
const MAX_PARTS: i64 = 20;

fn read_part(row: &dyn Row) -> Result<GpgPartRow, Error> {
    Ok(GpgPartRow {
        id: GpgKeyId::new(row.int(0)?),
        part: GpgPart {
            key_id: row.text(1)?,
            fingerprint: row.text(2)?,
            packet: row.blob(3)?,
            created_s: row.int(4)?,
            expires_s: row.opt_int(5)?,
            revoked_s: row.opt_int(6)?,
            can_sign: row.flag(7)?,
            can_certify: row.flag(8)?,
            can_encrypt_comms: row.flag(9)?,
            can_encrypt_storage: row.flag(10)?,
        },
    })
}

/// A key whose subkeys are not read yet.
fn read(row: &dyn Row) -> Result<GpgKey, Error> {
    Ok(GpgKey {
        primary: read_part(row)?,
        subkeys: Vec::new(),
        user_id: UserId::new(row.int(11)?),
        addresses: lines(&row.text(12)?),
        is_challenged: row.flag(13)?,
        added_ms: UtcMs::new(row.int(14)?),
    })
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

fn with_subkeys(conn: &dyn Connection, key: GpgKey) -> Result<GpgKey, Error> {
    let sql = format!("SELECT {PART} FROM gpg_key k WHERE k.primary_id = $1 ORDER BY k.id");
    Ok(GpgKey { subkeys: conn.all(&sql, &params![key.primary.id], read_part)?, ..key })
}

/// Finds a key of an account by the id of its primary key's row.
pub fn find_of(conn: &dyn Connection, user: UserId, id: GpgKeyId) -> Result<Option<GpgKey>, Error> {
    let sql = format!(
        "SELECT {PART}, k.addresses, k.is_challenged, k.added_ms FROM gpg_key k \
         WHERE k.id = $1 AND k.user_id = $2 AND k.primary_id IS NULL"
    );
    conn.first(&sql, &params![id, user], read)?.map(|key| with_subkeys(conn, key)).transpose()
}

/// Finds a key of an account by the key id of its primary key, upper-case hex.
pub fn find_by_key_id(conn: &dyn Connection, user: UserId, key_id: &str) -> Result<Option<GpgKey>, Error> {
    let sql = format!(
        "SELECT {PART}, k.addresses, k.is_challenged, k.added_ms FROM gpg_key k \
         WHERE k.key_id = $1 AND k.user_id = $2 AND k.primary_id IS NULL"
    );
    conn.first(&sql, &params![key_id, user], read)?.map(|key| with_subkeys(conn, key)).transpose()
}

/// Lists the keys of an account, oldest first.
pub fn list(conn: &dyn Connection, user: UserId, page: Page) -> Result<Paged<GpgKey>, Error> {
    let total_count = count_of_user(conn, user)?;
    let sql = format!(
        "SELECT {PART}, k.addresses, k.is_challenged, k.added_ms FROM gpg_key k \
         WHERE k.user_id = $1 AND k.primary_id IS NULL ORDER BY k.id LIMIT $2 OFFSET $3"
    );
    let keys = conn.all(&sql, &params![user, page.limit_i64(), page.offset()], read)?;
    let rows = keys.into_iter().map(|key| with_subkeys(conn, key)).collect::<Result<_, _>>()?;
    Ok(Paged { rows, total_count })
}

/// Counts the keys of an account.
pub fn count_of_user(conn: &dyn Connection, user: UserId) -> Result<u64, Error> {
    let sql = "SELECT COUNT(*) FROM gpg_key WHERE user_id = $1 AND primary_id IS NULL";
    let count = conn.first(sql, &params![user], |row| row.int(0))?;
    Ok(count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0))
}

/// Whether a key id is a primary key's already, or a signing subkey's; what only encrypts proves nothing of whose it is.
pub fn is_taken(conn: &dyn Connection, key_id: &str) -> Result<bool, Error> {
    let sql = "SELECT 1 FROM gpg_key WHERE key_id = $1 AND (primary_id IS NULL OR can_sign = 1) LIMIT 1";
    Ok(conn.first(sql, &params![key_id], |_| Ok(()))?.is_some())
}

fn read_signing(row: &dyn Row) -> Result<SigningPart, Error> {
    Ok(SigningPart {
        part: read_part(row)?.part,
        user_id: UserId::new(row.int(11)?),
        addresses: lines(&row.text(12)?),
        is_challenged: row.flag(13)?,
    })
}

/// Parts that may have made a signature by a key of this id, of one account or of any.
pub fn list_signing(conn: &dyn Connection, key_id: &str, user: Option<UserId>) -> Result<Vec<SigningPart>, Error> {
    let (whose, limit) = if user.is_some() { (" AND k.user_id = $2", "$3") } else { ("", "$2") };
    let sql = format!(
        "SELECT {PART}, p.addresses, p.is_challenged FROM gpg_key k JOIN gpg_key p ON p.id = COALESCE(k.primary_id, k.id) \
         WHERE k.key_id = $1{whose} AND k.can_sign = 1 ORDER BY k.id LIMIT {limit}"
    );
    match user {
        Some(user) => conn.all(&sql, &params![key_id, user, MAX_PARTS], read_signing),
        None => conn.all(&sql, &params![key_id, MAX_PARTS], read_signing),
    }
}

/// Parts that sign with this fingerprint, in upper-case hex, whoever has them.
pub fn list_signing_by_fingerprint(conn: &dyn Connection, fingerprint: &str) -> Result<Vec<SigningPart>, Error> {
    let sql = format!(
        "SELECT {PART}, p.addresses, p.is_challenged FROM gpg_key k JOIN gpg_key p ON p.id = COALESCE(k.primary_id, k.id) \
         WHERE k.fingerprint = $1 AND k.can_sign = 1 ORDER BY k.id LIMIT $2"
    );
    conn.all(&sql, &params![fingerprint, MAX_PARTS], read_signing)
}

/// Makes a key with its subkeys.
pub fn insert(
    tx: &dyn Connection,
    user: UserId,
    certificate: &Certificate,
    is_challenged: bool,
    at: UtcMs,
) -> Result<GpgKeyId, Error> {
    let addresses = certificate.addresses.join("\n");
    let mut primary = None;
    for part in &certificate.parts {
        let is_first = primary.is_none();
        let id = tx.first(
            "INSERT INTO gpg_key (user_id, primary_id, key_id, fingerprint, packet, created_s, expires_s, revoked_s, can_sign, \
             can_certify, can_encrypt_comms, can_encrypt_storage, addresses, is_challenged, certificate, added_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) RETURNING id",
            &params![
                user,
                primary,
                part.key_id.as_str(),
                part.fingerprint.as_str(),
                part.packet.as_slice(),
                part.created_s,
                part.expires_s,
                part.revoked_s,
                part.can_sign,
                part.can_certify,
                part.can_encrypt_comms,
                part.can_encrypt_storage,
                if is_first { addresses.as_str() } else { "" },
                is_first && is_challenged,
                is_first.then(|| certificate.packets.clone()),
                at
            ],
            |row| row.int(0),
        )?;
        primary = primary.or(id.map(GpgKeyId::new));
    }
    primary.ok_or(Error::Column { index: 0, expected: "a key" })
}

/// Marks that the holder of a key signed a challenge with it.
pub fn mark_challenged(tx: &dyn Connection, id: GpgKeyId) -> Result<(), Error> {
    tx.execute("UPDATE gpg_key SET is_challenged = 1 WHERE id = $1", &params![id])?;
    Ok(())
}

/// Removes a key with its subkeys; false: there was none.
pub fn delete(tx: &dyn Connection, id: GpgKeyId) -> Result<bool, Error> {
    Ok(tx.execute("DELETE FROM gpg_key WHERE id = $1 AND primary_id IS NULL", &params![id])? == 1)
}

/// Removes every key of a user; answers how many.
pub fn delete_of_user(tx: &dyn Connection, user: UserId) -> Result<u64, Error> {
    tx.execute("DELETE FROM gpg_key WHERE user_id = $1 AND primary_id IS NULL", &params![user])
}
