//! Rows of attached files, and which contents they need.

use atomicqms_actors::params;
use atomicqms_actors::sql::{Connection, Error, Row};

use crate::model::{Attachment, AttachmentId, BlobId, FileName, NewAttachment, ReleaseId, RepoId, UserId, UtcMs, Uuid};

const COLUMNS: &str =
    "id, uuid, repo_id, release_id, uploader_id, name, size_bytes, sha256, content_type, download_count, created_ms";

fn read(row: &dyn Row) -> Result<Attachment, Error> {
    let count = |index| u64::try_from(row.int(index)?).map_err(|_| Error::Column { index, expected: "a count" });
    Ok(Attachment {
        id: AttachmentId::new(row.int(0)?),
        uuid: Uuid::parse(&row.text(1)?).ok_or(Error::Column { index: 1, expected: "a uuid" })?,
        repo_id: RepoId::new(row.int(2)?),
        release_id: row.opt_int(3)?.map(ReleaseId::new),
        uploader_id: UserId::new(row.int(4)?),
        name: FileName::from_row(row.text(5)?),
        size_bytes: count(6)?,
        blob: read_blob(row, 7)?,
        content_type: row.text(8)?,
        download_count: count(9)?,
        created_ms: UtcMs::new(row.int(10)?),
    })
}

fn read_blob(row: &dyn Row, index: usize) -> Result<BlobId, Error> {
    BlobId::from_bytes(&row.blob(index)?).ok_or(Error::Column { index, expected: "a hash" })
}

/// Finds the file of a release by id.
pub fn find_of_release(
    conn: &dyn Connection,
    release: ReleaseId,
    id: AttachmentId,
) -> Result<Option<Attachment>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM attachment WHERE id = $1 AND release_id = $2");
    conn.first(&sql, &params![id, release], read)
}

/// Finds the file of a release by name; of several the newest.
pub fn find_by_name(conn: &dyn Connection, release: ReleaseId, name: &str) -> Result<Option<Attachment>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM attachment WHERE release_id = $1 AND name = $2 ORDER BY id DESC LIMIT 1");
    conn.first(&sql, &params![release, name], read)
}

/// Finds a file by the name it has in addresses.
pub fn find_by_uuid(conn: &dyn Connection, uuid: &Uuid) -> Result<Option<Attachment>, Error> {
    conn.first(&format!("SELECT {COLUMNS} FROM attachment WHERE uuid = $1"), &params![uuid.as_str()], read)
}

/// Lists the files of a release in the order they came; how many there may be is bounded where they are added.
pub fn list_of_release(conn: &dyn Connection, release: ReleaseId) -> Result<Vec<Attachment>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM attachment WHERE release_id = $1 ORDER BY id");
    conn.all(&sql, &params![release], read)
}

/// Counts the files of a release.
pub fn count_of_release(conn: &dyn Connection, release: ReleaseId) -> Result<u64, Error> {
    let sql = "SELECT COUNT(*) FROM attachment WHERE release_id = $1";
    let count = conn.first(sql, &params![release], |row| row.int(0))?;
    Ok(u64::try_from(count.unwrap_or(0)).unwrap_or(0))
}

/// Attaches a file to a release.
pub fn insert(
    tx: &dyn Connection,
    repo: RepoId,
    release: ReleaseId,
    uploader: UserId,
    new: &NewAttachment,
    at: UtcMs,
) -> Result<Attachment, Error> {
    tx.first(
        &format!(
            "INSERT INTO attachment (uuid, repo_id, release_id, uploader_id, name, size_bytes, sha256, content_type, created_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING {COLUMNS}"
        ),
        &params![
            new.uuid.as_str(),
            repo,
            release,
            uploader,
            new.name.as_str(),
            i64::try_from(new.size_bytes).unwrap_or(i64::MAX),
            new.blob,
            new.content_type,
            at,
        ],
        read,
    )?
    .ok_or(Error::Column { index: 0, expected: "a row" })
}

/// Gives a file another name.
pub fn rename(tx: &dyn Connection, id: AttachmentId, name: &FileName) -> Result<(), Error> {
    tx.execute("UPDATE attachment SET name = $1 WHERE id = $2", &params![name.as_str(), id])?;
    Ok(())
}

/// Removes the row of a file; false: there was none.
pub fn delete(tx: &dyn Connection, id: AttachmentId) -> Result<bool, Error> {
    Ok(tx.execute("DELETE FROM attachment WHERE id = $1", &params![id])? == 1)
}

/// Adds to the number of downloads of a file.
pub fn add_downloads(tx: &dyn Connection, id: AttachmentId, count: u64) -> Result<(), Error> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    tx.execute("UPDATE attachment SET download_count = download_count + $1 WHERE id = $2", &params![count, id])?;
    Ok(())
}

/// Whether any row needs a content.
pub fn is_needed(conn: &dyn Connection, blob: BlobId) -> Result<bool, Error> {
    for sql in [
        "SELECT 1 FROM attachment WHERE sha256 = $1 LIMIT 1",
        "SELECT 1 FROM users WHERE avatar_sha256 = $1 LIMIT 1",
        "SELECT 1 FROM repository WHERE avatar_sha256 = $1 LIMIT 1",
    ] {
        if conn.first(sql, &params![blob], |_| Ok(()))?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Lists the contents that a repository needs, for its files and its picture, each once.
pub fn blobs_of_repository(conn: &dyn Connection, repo: RepoId) -> Result<Vec<BlobId>, Error> {
    conn.all(
        "SELECT sha256 FROM attachment WHERE repo_id = $1 \
         UNION SELECT avatar_sha256 FROM repository WHERE id = $2 AND avatar_sha256 IS NOT NULL",
        &params![repo, repo],
        |row| read_blob(row, 0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::testing::{self, NOON};
    use crate::db::{releases, repositories};
    use crate::model::NewRelease;

    fn file(name: &str, content: u8) -> NewAttachment {
        NewAttachment {
            uuid: Uuid::random().unwrap(),
            name: FileName::new(name).unwrap(),
            size_bytes: 7,
            blob: BlobId::new([content; 32]),
            content_type: "application/octet-stream",
        }
    }

    #[test]
    fn files_are_found_by_each_of_their_names_and_go_with_what_holds_them() {
        let conn = testing::open();
        let ada = testing::user(&conn, "ada");
        let repo = testing::repository(&conn, ada, "sop");
        let release = |tag: &str| {
            let new = NewRelease { tag: tag.into(), target: "main".into(), ..NewRelease::default() };
            releases::insert(&conn, repo, ada, &new, NOON).unwrap().id
        };
        let (one, two) = (release("v1"), release("v2"));
        let first = insert(&conn, repo, one, ada, &file("a.zip", 1), NOON).unwrap();
        let again = insert(&conn, repo, one, ada, &file("a.zip", 1), NOON).unwrap();
        insert(&conn, repo, two, ada, &file("b.zip", 2), NOON).unwrap();
        assert_eq!(find_of_release(&conn, one, first.id).unwrap(), Some(first.clone()));
        assert_eq!(find_of_release(&conn, two, first.id).unwrap(), None, "an id of another release is none");
        assert_eq!(find_by_name(&conn, one, "a.zip").unwrap(), Some(again.clone()));
        assert_eq!(find_by_uuid(&conn, &first.uuid).unwrap(), Some(first.clone()));
        assert_eq!((count_of_release(&conn, one).unwrap(), list_of_release(&conn, one).unwrap().len()), (2, 2));
        assert_eq!(blobs_of_repository(&conn, repo).unwrap().len(), 2);
        rename(&conn, first.id, &FileName::new("c.zip").unwrap()).unwrap();
        add_downloads(&conn, first.id, 3).unwrap();
        let changed = find_of_release(&conn, one, first.id).unwrap().unwrap();
        assert_eq!((changed.name.as_str(), changed.download_count), ("c.zip", 3));
        assert!(delete(&conn, first.id).unwrap());
        assert!(is_needed(&conn, first.blob).unwrap(), "another file has the same content");
        releases::delete(&conn, one).unwrap();
        assert!(!is_needed(&conn, first.blob).unwrap());
        repositories::delete(&conn, repo).unwrap();
        assert!(!is_needed(&conn, BlobId::new([2; 32])).unwrap());
    }
}
