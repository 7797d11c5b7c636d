-- The network that a fork belongs to: what all of it was made of in the end, by id; null: this repository is that itself. It is kept when the origin is deleted, or
-- whatever lay in between: what is left goes on having a common history, and ids are never given twice. It changes no right.
ALTER TABLE repository ADD COLUMN origin_id INTEGER;
WITH RECURSIVE made (id, origin_id) AS (
    SELECT r.id, r.id FROM repository r WHERE r.fork_id IS NULL
    UNION ALL SELECT r.id, m.origin_id FROM made m JOIN repository r ON r.fork_id = m.id
)
UPDATE repository SET origin_id = made.origin_id FROM made WHERE made.id = repository.id AND repository.fork_id IS NOT NULL;

CREATE INDEX repository_by_origin ON repository (origin_id, owner_id) WHERE origin_id IS NOT NULL;

-- When the last look of a mirror at its remote began: what somebody asks for waits by it.
ALTER TABLE mirror ADD COLUMN began_ms INTEGER;

-- When a mirror of an owner last began to be synchronized: owners take turns by it.
CREATE TABLE mirror_turn (
    owner_id INTEGER NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    began_ms INTEGER NOT NULL
) STRICT;
