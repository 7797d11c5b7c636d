//! The ledger's word on objects that were removed for good. Owns what the event says.

use atomicqms_actors::Error as ActorError;
use atomicqms_git::ObjectId;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::run::{Result, Runner};
use crate::access::Caller;
use crate::audit::{self, Event, Object, action};
use crate::model::RepoId;

/// Ids that are named one by one; of more only the digest is kept.
const NAMED: usize = 100;

/// What happened.
///
/// Shape: `ids` are sorted; the digest is SHA-256 over each id in lower-case hexadecimal and a line feed.
fn expired(repo: RepoId, ids: &[ObjectId]) -> Event {
    let mut digest = Sha256::new();
    for id in ids {
        digest.update(format!("{id}\n"));
    }
    let named: Option<Vec<String>> = (ids.len() <= NAMED).then(|| ids.iter().map(ToString::to_string).collect());
    Event::new(Caller::system().stamp(), action::GIT_OBJECTS_EXPIRE, Object::in_repository("repository", repo, repo))
        .before(json!({ "objects": ids.len(), "ids": named, "ids_sha256": audit::event::hex(&digest.finalize()) }))
        .reason("no ref has reached them for the time that unreachable objects are kept")
}

impl Runner {
    /// Writes down that objects are gone. Called when no reader finds them any more and before their files are removed.
    ///
    /// Errors: those of the database.
    pub(super) async fn record_expiry(&self, repo: RepoId, ids: Vec<ObjectId>) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let now = self.0.clock.now();
        let append = move |tx: &dyn atomicqms_actors::sql::Connection| {
            audit::append(tx, now, &expired(repo, &ids))?;
            Ok::<_, ActorError>(())
        };
        self.0.writer.write("record expired objects", append).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::Path;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::forge::maintenance::{RunnerParts, Settings, Tidied};
    use crate::forge::testing::TestForge;

    #[test]
    fn a_few_are_named_and_many_are_digested() {
        let id = |number: u8| ObjectId::try_from([number; 20].as_slice()).unwrap();
        let event = expired(RepoId::new(7), &[id(1), id(2)]);
        let before = event.before.unwrap();
        assert_eq!((before["objects"].as_u64(), before["ids"][1].as_str()), (Some(2), Some("02".repeat(20).as_str())));
        let text = format!("{}\n{}\n", "01".repeat(20), "02".repeat(20));
        assert_eq!(before["ids_sha256"], audit::event::hex(&Sha256::digest(text)));
        let many = expired(RepoId::new(7), &vec![id(1); NAMED + 1]).before.unwrap();
        assert_eq!((many["objects"].as_u64(), many["ids"].is_null()), (Some(101), true));
    }

    #[tokio::test]
    async fn what_maintenance_removes_for_good_is_in_the_ledger() {
        let world = TestForge::start().await;
        world.user("ada").await;
        let ada = world.sign_in("ada").await;
        let repository = world.repository(&ada, "sop").await;
        let handle = world.forge.open(&repository).await.unwrap();
        let id = loose_blob(handle.git().path(), b"nothing refers to this");
        world.clock.advance_ms(1_000 * 86_400_000);
        let runner = Runner::new(RunnerParts {
            directory: world.forge.directory.clone(),
            readers: world.forge.readers.clone(),
            writer: world.forge.writer.clone(),
            clock: world.clock.clone(),
            settings: Settings::default(),
            derived: Vec::new(),
        });
        let stop = Arc::new(AtomicBool::new(false));
        let tidied = runner.collect(&handle, &stop).await.unwrap();
        assert!(matches!(tidied, Tidied::Published(stats) if stats.removed == 1), "{tidied:?}");
        assert_eq!(world.actions().await.last().map(String::as_str), Some(action::GIT_OBJECTS_EXPIRE));
        assert!(!handle.view().odb.contains(&id).unwrap());
        assert_eq!(runner.remove_retired(&handle).await.unwrap().loose, 1);
        assert_eq!(runner.collect(&handle, &stop).await.unwrap(), Tidied::Nothing);
        drop(handle);
        world.finish().await;
    }

    /// Writes a loose object as somebody with stock git would.
    fn loose_blob(repository: &Path, content: &[u8]) -> ObjectId {
        let object = [format!("blob {}\0", content.len()).as_bytes(), content].concat();
        let hex = audit::event::hex(&sha1::Sha1::digest(&object));
        let directory = repository.join("objects").join(&hex[..2]);
        std::fs::create_dir_all(&directory).unwrap();
        let file = std::fs::File::create(directory.join(&hex[2..])).unwrap();
        let mut packed = flate2::write::ZlibEncoder::new(file, flate2::Compression::fast());
        packed.write_all(&object).unwrap();
        packed.finish().unwrap();
        ObjectId::from_hex(hex.as_bytes()).unwrap()
    }
}
