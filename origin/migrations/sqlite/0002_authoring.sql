-- What people write, and what they did. Instants are Unix milliseconds.

CREATE TABLE workspaces (
    key        TEXT    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    -- How often its draft was changed. Each change has one of these numbers, and an object's version is the number of the
    -- change that made it what it is: it never comes back, also if the object is deleted and made again.
    revision   INTEGER NOT NULL,
    -- The change that made the row itself (name) what it is.
    version    INTEGER NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE environments (
    workspace  TEXT    NOT NULL REFERENCES workspaces (key) ON DELETE CASCADE,
    key        TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    -- Where somebody else than the author has to approve a release.
    protected  INTEGER NOT NULL CHECK (protected IN (0, 1)),
    -- The pipeline that a release takes unless it names one; none: to everybody at once.
    pipeline   TEXT,
    version    INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (workspace, key)
) STRICT;

-- Who may do what. Without an environment ('') a role is held in all of them.
CREATE TABLE members (
    workspace  TEXT    NOT NULL REFERENCES workspaces (key) ON DELETE CASCADE,
    user       TEXT    NOT NULL,
    env        TEXT    NOT NULL,
    role       TEXT    NOT NULL,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (workspace, user, env)
) STRICT, WITHOUT ROWID;

CREATE INDEX members_by_user ON members (user);

-- The draft of a workspace: its document, cut into what people edit by itself. Plans are objects of their own, so that two
-- people can work on two plans of one module.
CREATE TABLE objects (
    workspace  TEXT    NOT NULL REFERENCES workspaces (key) ON DELETE CASCADE,
    -- settings, {section}/{key}, or {modules|pages}/{key}/plans/{plan}
    path       TEXT    NOT NULL,
    -- What it is listed under: '', {section} or {modules|pages}/{key}.
    parent     TEXT    NOT NULL,
    -- JSON as in a workspace document.
    body       TEXT    NOT NULL,
    -- Where a plan stands among its siblings.
    position   INTEGER NOT NULL DEFAULT 0,
    version    INTEGER NOT NULL,
    changed_by TEXT    NOT NULL,
    changed_ms INTEGER NOT NULL,
    PRIMARY KEY (workspace, path)
) STRICT, WITHOUT ROWID;

CREATE INDEX objects_by_parent ON objects (workspace, parent, position, path);

-- Every change of every object, for history, undo, and to show both sides of a conflict.
CREATE TABLE changes (
    workspace  TEXT    NOT NULL REFERENCES workspaces (key) ON DELETE CASCADE,
    revision   INTEGER NOT NULL,
    path       TEXT    NOT NULL,
    -- Null: it wasn't there, or isn't any more.
    body_before     TEXT,
    position_before INTEGER,
    version_before  INTEGER,
    body_after      TEXT,
    position_after  INTEGER,
    changed_by TEXT    NOT NULL,
    changed_ms INTEGER NOT NULL,
    -- For people: edit, import, undo of 17.
    why        TEXT    NOT NULL,
    PRIMARY KEY (workspace, revision, path)
) STRICT, WITHOUT ROWID;

CREATE INDEX changes_by_path ON changes (workspace, path, revision);

-- Who did what. Rows are only ever added, each with the hash of the one before it in its own.
CREATE TABLE audit (
    seq       INTEGER NOT NULL PRIMARY KEY,
    at_ms     INTEGER NOT NULL,
    actor     TEXT    NOT NULL,
    workspace TEXT,
    env       TEXT,
    action    TEXT    NOT NULL,
    object    TEXT    NOT NULL,
    -- JSON.
    detail    TEXT    NOT NULL,
    hash      BLOB    NOT NULL
) STRICT;

CREATE INDEX audit_by_workspace ON audit (workspace, seq);

CREATE TRIGGER audit_keeps_rows BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END;
CREATE TRIGGER audit_loses_none BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END;
