-- Mails that wait to be sent, written in the transaction of what causes them. A row waits (claimed_ms and failed_ms null), is being sent (claimed_ms set) or
-- was given up (failed_ms set, without its text); one that was sent is removed. No row holds a code: codes are made when a mail is sent.
CREATE TABLE outgoing_mail (
    id           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    recipient    TEXT    NOT NULL,
    purpose      TEXT    NOT NULL,
    subject      TEXT    NOT NULL,
    text         TEXT    NOT NULL,
    -- The row that the link in it is about, by purpose.
    about        INTEGER,
    created_ms   INTEGER NOT NULL,
    expires_ms   INTEGER NOT NULL,
    run_after_ms INTEGER NOT NULL,
    attempts     INTEGER NOT NULL DEFAULT 0,
    claimed_ms   INTEGER,
    failed_ms    INTEGER,
    last_error   TEXT
) STRICT;
CREATE INDEX outgoing_mail_due ON outgoing_mail (run_after_ms, id) WHERE claimed_ms IS NULL AND failed_ms IS NULL;
CREATE INDEX outgoing_mail_claimed ON outgoing_mail (claimed_ms) WHERE claimed_ms IS NOT NULL;
CREATE INDEX outgoing_mail_failed ON outgoing_mail (failed_ms) WHERE failed_ms IS NOT NULL;

-- Accounts that strangers asked for and have not confirmed. They reserve neither name nor address: who confirms first has it.
CREATE TABLE registration (
    id            INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    login         TEXT    NOT NULL,
    login_key     TEXT    NOT NULL,
    email         TEXT    NOT NULL,
    email_key     TEXT    NOT NULL,
    password_hash TEXT    NOT NULL,
    created_ms    INTEGER NOT NULL,
    expires_ms    INTEGER NOT NULL
) STRICT;
CREATE INDEX registration_by_expiry ON registration (expires_ms);
CREATE INDEX registration_by_login ON registration (login_key);
CREATE INDEX registration_by_email ON registration (email_key);
