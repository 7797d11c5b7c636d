-- People who were invited to a team by an address. The code in the mail's link stands nowhere: token_hash is its SHA-256, and seed makes it again only together
-- with the secret of the installation. A row goes when it is answered, withdrawn or over.
CREATE TABLE team_invitation (
    id         INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    team_id    INTEGER NOT NULL REFERENCES team (id) ON DELETE CASCADE,
    inviter_id INTEGER NOT NULL REFERENCES users (id),
    email      TEXT    NOT NULL,
    email_key  TEXT    NOT NULL,
    seed       TEXT    NOT NULL,
    token_hash TEXT    NOT NULL UNIQUE,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    UNIQUE (team_id, email_key)
) STRICT;
CREATE INDEX team_invitation_by_email ON team_invitation (email_key);
CREATE INDEX team_invitation_by_inviter ON team_invitation (inviter_id);
CREATE INDEX team_invitation_by_expiry ON team_invitation (expires_ms);
