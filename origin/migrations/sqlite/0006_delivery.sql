-- Who signs manifests, where they have to get, and how far they got. Instants are Unix milliseconds, digests hex.

-- Signing keys. Edges are told the public halves; the secret half is sealed under the origin's master secret.
CREATE TABLE keys (
    workspace TEXT    NOT NULL,
    env       TEXT    NOT NULL,
    -- As headers of manifests name it, 16 hex digits.
    id        TEXT    NOT NULL,
    public    TEXT    NOT NULL,
    -- Null once it is retired.
    sealed    BLOB,
    -- new: edges are being told. active: signs. leaving: edges may still hold what it signed.
    state     TEXT    NOT NULL CHECK (state IN ('new', 'active', 'leaving', 'retired')),
    -- The highest era that edges let it sign in.
    era_limit INTEGER NOT NULL,
    version   INTEGER NOT NULL,
    created_ms   INTEGER NOT NULL,
    activated_ms INTEGER,
    -- The first that it signed, or would have.
    from_sequence INTEGER,
    retired_ms   INTEGER,
    PRIMARY KEY (workspace, env, id),
    FOREIGN KEY (workspace, env) REFERENCES environments (workspace, key) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX one_active_key ON keys (workspace, env) WHERE state = 'active';

-- The era that the next manifest is in. Without a row: that of the one before.
CREATE TABLE eras (
    workspace TEXT    NOT NULL,
    env       TEXT    NOT NULL,
    era       INTEGER NOT NULL,
    PRIMARY KEY (workspace, env),
    FOREIGN KEY (workspace, env) REFERENCES environments (workspace, key) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Where edges read, each for one environment.
CREATE TABLE targets (
    workspace  TEXT    NOT NULL,
    env        TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    -- JSON, without secrets.
    settings   TEXT    NOT NULL,
    -- The secrets among the settings, as JSON, under the master secret.
    sealed     BLOB,
    enabled    INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    -- One more with every change of the place: a worker that began with another one has no say.
    version    INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (workspace, env, key),
    FOREIGN KEY (workspace, env) REFERENCES environments (workspace, key) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- How far a target got. What it has to get is the newest of `manifests`.
CREATE TABLE deliveries (
    workspace TEXT    NOT NULL,
    env       TEXT    NOT NULL,
    target    TEXT    NOT NULL,
    -- Stored there and read back; never lowered while the place is the same.
    delivered    INTEGER,
    delivered_ms INTEGER,
    -- What stands beside it in the same value.
    fallback     INTEGER,
    -- The newest that every edge can load, and was told so.
    settled      INTEGER,
    settled_ms   INTEGER,
    -- Failures since the last success, and when the next attempt is.
    attempts     INTEGER NOT NULL DEFAULT 0,
    next_ms      INTEGER NOT NULL DEFAULT 0,
    error        TEXT,
    error_ms     INTEGER,
    -- When what is stored was last looked at.
    audited_ms   INTEGER NOT NULL DEFAULT 0,
    -- When objects were last collected.
    collected_ms INTEGER NOT NULL DEFAULT 0,
    -- Which worker has it, until when. Each taking of it has a higher number.
    lease        INTEGER NOT NULL DEFAULT 0,
    lease_ms     INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (workspace, env, target),
    FOREIGN KEY (workspace, env, target) REFERENCES targets (workspace, env, key) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- What was stored at a target and since when, until something newer has settled: a fallback is the newest of long enough.
CREATE TABLE stored_manifests (
    workspace TEXT    NOT NULL,
    env       TEXT    NOT NULL,
    target    TEXT    NOT NULL,
    sequence  INTEGER NOT NULL,
    stored_ms INTEGER NOT NULL,
    PRIMARY KEY (workspace, env, target, sequence),
    FOREIGN KEY (workspace, env, target) REFERENCES targets (workspace, env, key) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Objects that a target has or may have: written down before the first byte leaves, so that none is forgotten.
CREATE TABLE target_objects (
    workspace TEXT    NOT NULL,
    env       TEXT    NOT NULL,
    target    TEXT    NOT NULL,
    digest    TEXT    NOT NULL,
    -- live; condemned: nothing has named it since then; deleting: a request to delete it may be under way, so that an upload
    -- waits. Absent ones have no row.
    state     TEXT    NOT NULL CHECK (state IN ('live', 'condemned', 'deleting')),
    since_ms  INTEGER NOT NULL,
    PRIMARY KEY (workspace, env, target, digest),
    FOREIGN KEY (workspace, env, target) REFERENCES targets (workspace, env, key) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Snapshots of our own that nothing has named since then.
CREATE TABLE condemned_snapshots (
    workspace TEXT    NOT NULL,
    digest    TEXT    NOT NULL,
    since_ms  INTEGER NOT NULL,
    PRIMARY KEY (workspace, digest),
    FOREIGN KEY (workspace, digest) REFERENCES snapshots (workspace, digest) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
