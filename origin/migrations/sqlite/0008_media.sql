-- Pictures that operators upload. Content names them by an address that has their digest in it, so what is behind one never
-- changes.
CREATE TABLE media (
    workspace  TEXT    NOT NULL REFERENCES workspaces (key) ON DELETE CASCADE,
    digest     TEXT    NOT NULL,
    type       TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    bytes      BLOB    NOT NULL,
    created_by TEXT    NOT NULL,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (workspace, digest)
) STRICT;
