-- Tokens of people: operators and viewers. Participants keep theirs beside their roster entry.
CREATE TABLE tokens (
    id           INTEGER PRIMARY KEY,
    token_digest TEXT NOT NULL UNIQUE,       -- the token itself is never stored
    role         TEXT NOT NULL,              -- operator | viewer
    name         TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,                    -- null: never
    revoked_at   INTEGER,
    last_used    INTEGER                     -- to the minute
) STRICT;

-- A browser that logged in; it may do what the token it logged in with may do, and no longer than that.
CREATE TABLE sessions (
    session_digest TEXT PRIMARY KEY,         -- the cookie itself is never stored
    token_digest   TEXT NOT NULL,
    expires_at     INTEGER NOT NULL
) STRICT;

-- What operators said of the students they trained.
CREATE TABLE students (
    id          TEXT PRIMARY KEY,
    reported_at INTEGER NOT NULL,
    result      TEXT NOT NULL                -- as JSON
) STRICT;

-- What the coordinator found last when it checked its own transcript.
CREATE TABLE checks (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    checked  TEXT NOT NULL                   -- as JSON
) STRICT;

ALTER TABLE refusals ADD COLUMN code TEXT;   -- null where an earlier version wrote the row
