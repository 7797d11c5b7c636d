-- What a repository was forked from; null also once that is gone.
ALTER TABLE repository ADD COLUMN fork_id INTEGER REFERENCES repository (id) ON DELETE SET NULL;

CREATE INDEX repository_by_fork ON repository (fork_id, owner_id) WHERE fork_id IS NOT NULL;

DROP TRIGGER rights_of_repositories_update;
CREATE TRIGGER rights_of_repositories_update AFTER UPDATE OF
    id, owner_id, name, name_key, description, website, default_branch, is_private, is_archived, is_template, created_ms, archived_ms,
    disabled_units, fork_id
ON repository
BEGIN UPDATE rights_version SET version = version + 1; END;
