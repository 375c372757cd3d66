-- Which snapshots have a part, and which releases show a snapshot: asked for everything that is deleted.
CREATE INDEX snapshot_chunks_by_chunk ON snapshot_chunks (workspace, chunk);
CREATE INDEX releases_by_snapshot ON releases (workspace, snapshot);
