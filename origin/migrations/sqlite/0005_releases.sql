-- Releases: the path of a snapshot to everybody, or back. Instants are Unix milliseconds, digests hex.

-- Units that see a release before anybody else: JSON list.
ALTER TABLE environments ADD COLUMN staff TEXT NOT NULL DEFAULT '[]';

CREATE TABLE releases (
    workspace  TEXT    NOT NULL,
    env        TEXT    NOT NULL,
    -- Counted in the environment.
    id         INTEGER NOT NULL,
    -- Goes up with every change of the row.
    version    INTEGER NOT NULL,
    state      TEXT    NOT NULL,
    snapshot   TEXT    NOT NULL,
    revision   INTEGER NOT NULL,
    note       TEXT    NOT NULL,
    -- What it was put together to follow: the way back. Null: nothing was released before.
    base         TEXT,
    base_release INTEGER,
    -- Name of the pipeline, if it has one, and its steps as they were at that time (JSON).
    pipeline   TEXT,
    plan       TEXT    NOT NULL,
    -- Takes the place of another one that is under way.
    supersede  INTEGER NOT NULL CHECK (supersede IN (0, 1)),
    -- Not before; null: at once.
    start_ms   INTEGER,
    -- Of the gray track, 64 bits. One a release, so that whoever sees it keeps seeing it.
    salt       INTEGER NOT NULL,
    -- Index of the step that it is in, and since when.
    step       INTEGER,
    step_ms    INTEGER,
    -- Of its newest manifest.
    sequence   INTEGER,
    -- Why it is halted (JSON), since when, and when somebody was alarmed about it.
    halted     TEXT,
    halted_ms  INTEGER,
    alarmed_ms INTEGER,
    -- The person, and who acted for them.
    author     TEXT    NOT NULL,
    author_name TEXT   NOT NULL,
    approver   TEXT,
    approved_ms INTEGER,
    created_ms INTEGER NOT NULL,
    ended_ms   INTEGER,
    PRIMARY KEY (workspace, env, id),
    FOREIGN KEY (workspace, env) REFERENCES environments (workspace, key) ON DELETE CASCADE,
    FOREIGN KEY (workspace, snapshot) REFERENCES snapshots (workspace, digest)
) STRICT, WITHOUT ROWID;

-- What an environment can have one of, whatever a program thinks.
CREATE UNIQUE INDEX one_full_release ON releases (workspace, env) WHERE state = 'full';
CREATE UNIQUE INDEX one_release_under_way ON releases (workspace, env) WHERE state IN ('gray', 'paused', 'halted');
-- What is looked at every second.
CREATE INDEX releases_to_run ON releases (workspace, env, id) WHERE state IN ('approved', 'gray', 'paused', 'halted');

-- What happened to a release, in its order. Rows are only ever added.
CREATE TABLE release_events (
    workspace TEXT    NOT NULL,
    env       TEXT    NOT NULL,
    release   INTEGER NOT NULL,
    seq       INTEGER NOT NULL,
    at_ms     INTEGER NOT NULL,
    kind      TEXT    NOT NULL,
    actor     TEXT    NOT NULL,
    -- After it.
    state     TEXT    NOT NULL,
    step      INTEGER,
    sequence  INTEGER,
    -- JSON; of a decision, what it was made of.
    detail    TEXT    NOT NULL,
    PRIMARY KEY (workspace, env, release, seq),
    FOREIGN KEY (workspace, env, release) REFERENCES releases (workspace, env, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Which release and track an event is of, by its receipt, where that can be verified.
ALTER TABLE events ADD COLUMN sequence INTEGER;
ALTER TABLE events ADD COLUMN gray INTEGER;

-- Exposures by release and track, counted as events are kept: each once, as they are.
CREATE TABLE exposures (
    workspace TEXT    NOT NULL,
    env       TEXT    NOT NULL,
    sequence  INTEGER NOT NULL,
    gray      INTEGER NOT NULL,
    events    INTEGER NOT NULL,
    PRIMARY KEY (workspace, env, sequence, gray)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER exposures_are_counted AFTER INSERT ON events
WHEN NEW.type = 'exposure' AND NEW.sequence IS NOT NULL
BEGIN
    INSERT INTO exposures (workspace, env, sequence, gray, events)
    VALUES (NEW.workspace, NEW.env, NEW.sequence, NEW.gray, 1)
    ON CONFLICT (workspace, env, sequence, gray) DO UPDATE SET events = events + 1;
END;

-- Answers to requests with an Idempotency-Key, for a day.
CREATE TABLE idempotency (
    workspace  TEXT    NOT NULL REFERENCES workspaces (key) ON DELETE CASCADE,
    env        TEXT    NOT NULL,
    user       TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    -- Of what was asked.
    request    BLOB    NOT NULL,
    -- JSON.
    answer     TEXT    NOT NULL,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (workspace, env, user, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_by_age ON idempotency (created_ms);
