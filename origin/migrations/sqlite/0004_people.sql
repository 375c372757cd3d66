-- Who people are, and what they are let in by. Of whatever lets somebody in, only a hash is kept. Instants are Unix
-- milliseconds.

CREATE TABLE users (
    id          TEXT    NOT NULL PRIMARY KEY,
    -- In lower case: what people sign in with.
    email       TEXT    NOT NULL UNIQUE,
    name        TEXT    NOT NULL,
    -- Argon2id, as a PHC string.
    password    TEXT    NOT NULL,
    -- May make workspaces and look after people.
    root        INTEGER NOT NULL CHECK (root IN (0, 1)),
    -- When they were shut out. Null: they aren't.
    disabled_ms INTEGER,
    version     INTEGER NOT NULL,
    created_ms  INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
    hash       BLOB    NOT NULL PRIMARY KEY,
    -- What its owner sees of it.
    id         TEXT    NOT NULL UNIQUE,
    user       TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_ms INTEGER NOT NULL,
    -- Coarse: written once a minute at most.
    seen_ms    INTEGER NOT NULL,
    until_ms   INTEGER NOT NULL,
    address    TEXT    NOT NULL,
    agent      TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_by_user ON sessions (user, seen_ms);
CREATE INDEX sessions_by_end ON sessions (until_ms);

-- For programs. A token never does more than its user may at that moment.
CREATE TABLE tokens (
    id         TEXT    NOT NULL PRIMARY KEY,
    hash       BLOB    NOT NULL UNIQUE,
    user       TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    workspace  TEXT    NOT NULL REFERENCES workspaces (key) ON DELETE CASCADE,
    -- '': all of them.
    env        TEXT    NOT NULL,
    role       TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    created_ms INTEGER NOT NULL,
    until_ms   INTEGER NOT NULL,
    -- Coarse: written once in ten minutes at most.
    used_ms    INTEGER,
    revoked_ms INTEGER
) STRICT;

CREATE INDEX tokens_by_workspace ON tokens (workspace, id);
CREATE INDEX tokens_by_user ON tokens (user);

-- For whoever forgot their password: good once.
CREATE TABLE resets (
    user     TEXT    NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    hash     BLOB    NOT NULL UNIQUE,
    until_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Good for one person, once.
CREATE TABLE invitations (
    id         TEXT    NOT NULL PRIMARY KEY,
    hash       BLOB    NOT NULL UNIQUE,
    workspace  TEXT    NOT NULL REFERENCES workspaces (key) ON DELETE CASCADE,
    env        TEXT    NOT NULL,
    role       TEXT    NOT NULL,
    email      TEXT    NOT NULL,
    invited_by TEXT    NOT NULL,
    created_ms INTEGER NOT NULL,
    until_ms   INTEGER NOT NULL,
    -- Null: still open.
    ended_ms   INTEGER,
    -- Null with `ended_ms`: revoked.
    accepted_by TEXT
) STRICT;

CREATE INDEX invitations_by_workspace ON invitations (workspace, id);

-- Grows with every change of what somebody is in a workspace, so that nobody overwrites what they haven't seen.
ALTER TABLE members ADD COLUMN version INTEGER NOT NULL DEFAULT 1;

-- Roles in an environment go with it: another one may get its name.
CREATE TRIGGER environments_take_roles AFTER DELETE ON environments
BEGIN
    DELETE FROM members WHERE workspace = old.workspace AND env = old.key;
    DELETE FROM tokens WHERE workspace = old.workspace AND env = old.key;
    DELETE FROM invitations WHERE workspace = old.workspace AND env = old.key;
END;

-- Where the audit log ends, sealed with a key that isn't in this file: without it a log that was cut short looks whole.
CREATE TABLE audit_head (
    one  INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    seq  INTEGER NOT NULL,
    hash BLOB    NOT NULL,
    seal BLOB    NOT NULL
) STRICT;

CREATE INDEX audit_by_actor ON audit (actor, seq);
CREATE INDEX audit_by_action ON audit (action, seq);
