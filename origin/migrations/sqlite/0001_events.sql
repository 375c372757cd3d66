-- Events as collectors accepted them, each id once in its environment. Instants are Unix milliseconds.
CREATE TABLE events (
    workspace   TEXT    NOT NULL,
    env         TEXT    NOT NULL,
    id          TEXT    NOT NULL,
    type        TEXT    NOT NULL,
    name        TEXT,
    unit        TEXT    NOT NULL,
    page        TEXT    NOT NULL,
    module      TEXT,
    receipt     TEXT    NOT NULL,
    at_ms       INTEGER NOT NULL,
    -- When an edge took it. Kept for 30 days from then, longer than any repeat can be on its way.
    received_ms INTEGER NOT NULL,
    sent_ms     INTEGER,
    grant_nonce TEXT,
    -- As it was written: money must not pass through a double.
    value       TEXT,
    currency    TEXT,
    PRIMARY KEY (workspace, env, id)
) STRICT;

CREATE INDEX events_by_time ON events (workspace, env, at_ms);
CREATE INDEX events_by_age ON events (received_ms);
