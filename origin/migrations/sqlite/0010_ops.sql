-- Workspaces and environments that are gone. One that is made again under the name begins above them, since edges, caches and
-- people remember what they saw.
CREATE TABLE former_places (
    workspace TEXT    NOT NULL,
    -- '': the workspace itself.
    env       TEXT    NOT NULL,
    -- The last revision of its draft, or the last number of a release.
    number    INTEGER NOT NULL,
    -- The highest that anything was signed in. Null: nothing was.
    era       INTEGER,
    ended_ms  INTEGER NOT NULL,
    PRIMARY KEY (workspace, env)
) STRICT, WITHOUT ROWID;

-- Those that went before this was kept, from what the log tells. A change of a draft has an entry, and a release its number.
INSERT INTO former_places (workspace, env, number, era, ended_ms)
SELECT workspace, '', count(*), NULL, max(at_ms) FROM audit
WHERE workspace IS NOT NULL AND workspace NOT IN (SELECT key FROM workspaces) GROUP BY workspace;

INSERT INTO former_places (workspace, env, number, era, ended_ms)
SELECT workspace, env, coalesce(max(CASE WHEN object LIKE 'release %' THEN CAST(substr(object, 9) AS INTEGER) END), 0),
       max(CAST(json_extract(detail, '$.sequence') AS INTEGER)) >> 40, max(at_ms) FROM audit
WHERE env IS NOT NULL AND NOT EXISTS (SELECT 1 FROM environments
    WHERE environments.workspace = audit.workspace AND environments.key = audit.env)
GROUP BY workspace, env;

-- Answers that are kept and counts go with an environment, as roles do.
CREATE TRIGGER environments_take_answers AFTER DELETE ON environments
BEGIN
    DELETE FROM idempotency WHERE workspace = old.workspace AND env = old.key;
    DELETE FROM exposures WHERE workspace = old.workspace AND env = old.key;
END;

-- Whether whoever made a change that is in a release may approve it, unless they put it together.
ALTER TABLE environments ADD COLUMN editors_approve INTEGER NOT NULL DEFAULT 0 CHECK (editors_approve IN (0, 1));
