-- What was compiled, what is released where, and what was signed. Instants are Unix milliseconds, digests hex.

-- Parts of snapshots, by digest. `state` is how far a part is on its way out: PROTOCOL, "Deleting".
CREATE TABLE chunks (
    workspace TEXT NOT NULL REFERENCES workspaces (key) ON DELETE CASCADE,
    digest    TEXT NOT NULL,
    bytes     BLOB NOT NULL,
    PRIMARY KEY (workspace, digest)
) STRICT;

-- Never changed. Kept with the document that it was compiled from, so that a release can be looked at and taken up again.
CREATE TABLE snapshots (
    workspace  TEXT    NOT NULL REFERENCES workspaces (key) ON DELETE CASCADE,
    digest     TEXT    NOT NULL,
    -- Of the draft.
    revision   INTEGER NOT NULL,
    document   TEXT    NOT NULL,
    listing    BLOB    NOT NULL,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (workspace, digest)
) STRICT;

CREATE TABLE snapshot_chunks (
    workspace TEXT NOT NULL,
    snapshot  TEXT NOT NULL,
    chunk     TEXT NOT NULL,
    PRIMARY KEY (workspace, snapshot, chunk),
    FOREIGN KEY (workspace, snapshot) REFERENCES snapshots (workspace, digest) ON DELETE CASCADE,
    FOREIGN KEY (workspace, chunk) REFERENCES chunks (workspace, digest)
) STRICT, WITHOUT ROWID;

-- What an environment shows: one row, which every publish, gray step and rollback replaces in a transaction.
CREATE TABLE heads (
    workspace TEXT    NOT NULL,
    env       TEXT    NOT NULL,
    -- Of the newest manifest; era and count as edges read it.
    sequence  INTEGER NOT NULL,
    stable    TEXT    NOT NULL,
    gray      TEXT,
    share_bps INTEGER NOT NULL,
    -- Of the gray track, 64 bits.
    salt      INTEGER NOT NULL,
    -- Units that get the gray track whatever their bucket: JSON list of them.
    allow     TEXT    NOT NULL,
    mode      TEXT    NOT NULL,
    -- The release that is under way, if one is.
    release   INTEGER,
    PRIMARY KEY (workspace, env),
    FOREIGN KEY (workspace, env) REFERENCES environments (workspace, key) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Signed once, sent as they are for ever. The newest of an environment is what its targets have to get.
CREATE TABLE manifests (
    workspace TEXT    NOT NULL,
    env       TEXT    NOT NULL,
    sequence  INTEGER NOT NULL,
    envelope  BLOB    NOT NULL,
    stable    TEXT    NOT NULL,
    gray      TEXT,
    issued_ms INTEGER NOT NULL,
    release   INTEGER,
    PRIMARY KEY (workspace, env, sequence),
    FOREIGN KEY (workspace, env) REFERENCES environments (workspace, key) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
