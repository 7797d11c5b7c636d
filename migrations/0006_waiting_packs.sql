-- Packs of small pushes from their commit until they are files: what an answered push brought is in the database or on disk, always.
-- A row goes in the transaction that notes how far the files have followed.
CREATE TABLE waiting_pack (
    id      INTEGER NOT NULL PRIMARY KEY,
    repo_id INTEGER NOT NULL REFERENCES repository (id) ON DELETE CASCADE,
    pack    BLOB    NOT NULL,
    -- Lines of its index by id: 20 bytes of id, then offset and CRC-32, four bytes each, big-endian.
    lines   BLOB    NOT NULL
) STRICT;

CREATE INDEX waiting_pack_by_repo ON waiting_pack (repo_id, id);
