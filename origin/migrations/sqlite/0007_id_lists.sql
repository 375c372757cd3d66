-- Lists of ids that segments name, as hashes: ids themselves are kept nowhere. A list is an object of the draft
-- (`id_lists/NAME`) that names one of these by its digest, so that old drafts and snapshots keep theirs.
CREATE TABLE id_lists (
    workspace  TEXT    NOT NULL REFERENCES workspaces (key) ON DELETE CASCADE,
    digest     TEXT    NOT NULL,
    -- Up to 131,072 hashes each, sorted through all parts; 8 bytes little-endian.
    part       INTEGER NOT NULL,
    hashes     BLOB    NOT NULL,
    PRIMARY KEY (workspace, digest, part)
) STRICT;
