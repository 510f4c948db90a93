-- The schema of version 0.2. Migrations 1 to 4 were those of version 0.1, whose folders are refused.
-- One federation per data folder. Times are UTC milliseconds; digests and ids are lower-case hex.

CREATE TABLE federation (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    founding BLOB NOT NULL,                  -- canonical event 0
    state    TEXT NOT NULL                   -- assembling | keyed | closed
) STRICT;

CREATE TABLE participants (
    id           INTEGER PRIMARY KEY,
    name         TEXT NOT NULL UNIQUE,
    member       BLOB NOT NULL,              -- canonical roster entry
    token_digest TEXT NOT NULL UNIQUE,       -- the token itself is never stored
    enrolled_at  INTEGER NOT NULL,
    revoked_at   INTEGER,
    approved     TEXT,                       -- digest of the roster it approved last
    last_seen    INTEGER
) STRICT;

CREATE TABLE invites (
    secret_digest TEXT PRIMARY KEY,          -- the secret itself is never stored
    name          TEXT NOT NULL UNIQUE,
    trustee       INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    participant   INTEGER REFERENCES participants (id)
) STRICT;

CREATE TABLE rounds (
    id           TEXT PRIMARY KEY,
    announcement BLOB NOT NULL,              -- canonical announcement
    roster       BLOB NOT NULL,              -- canonical roster under which it is held
    request      TEXT NOT NULL,              -- digest of what the operator sent, for idempotence
    phase        TEXT NOT NULL,              -- name of the state, for queries
    state        TEXT NOT NULL,              -- the state with its data, as JSON
    labels       BLOB,                       -- the release, canonical
    created_at   INTEGER NOT NULL,
    sources      BLOB                        -- where each submitted instance is answered; null where all were new
) STRICT;
CREATE INDEX rounds_by_phase ON rounds (phase);

CREATE TABLE ballots (
    round       TEXT NOT NULL REFERENCES rounds (id),
    participant INTEGER NOT NULL REFERENCES participants (id),
    ballot      TEXT NOT NULL,               -- id that the participant chose
    digest      TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    PRIMARY KEY (round, participant),
    UNIQUE (round, digest)
) STRICT;

CREATE TABLE refusals (
    round       TEXT NOT NULL REFERENCES rounds (id),
    participant INTEGER NOT NULL REFERENCES participants (id),
    late        INTEGER NOT NULL,
    reason      TEXT NOT NULL,
    at          INTEGER NOT NULL,
    code        TEXT NOT NULL,
    PRIMARY KEY (round, participant)
) STRICT;

-- What a sole trustee opened.
CREATE TABLE openings (
    round       TEXT NOT NULL REFERENCES rounds (id),
    step        TEXT NOT NULL,
    trustee     INTEGER NOT NULL REFERENCES participants (id),
    signed      BLOB NOT NULL,               -- the signed opening, as posted
    received_at INTEGER NOT NULL,
    PRIMARY KEY (round, step, trustee)
) STRICT;

-- Where several trustees leave each other messages: one board for each ceremony, the known answer, and each step of a
-- round, until what it is for is on the transcript. The board of the ceremony that made the key stays.
CREATE TABLE boards (
    id         TEXT PRIMARY KEY,
    attempt    INTEGER NOT NULL,             -- the one that is held; it only grows
    began_at   INTEGER NOT NULL,             -- when the attempt began
    moved_at   INTEGER NOT NULL,             -- when the last message came, or the attempt began
    stopped_at INTEGER,                      -- when a trustee first ended the attempt
    named      INTEGER NOT NULL,             -- whom trustees named that ended attempts: bit n − 1 stands for trustee n
    cpu_ms     INTEGER NOT NULL              -- processor time of the sum that is tallied
) STRICT;

CREATE TABLE messages (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    board    TEXT NOT NULL REFERENCES boards (id) ON DELETE CASCADE,
    attempt  INTEGER NOT NULL,
    sender   INTEGER NOT NULL,               -- place of the trustee, from 1
    batch    INTEGER NOT NULL,
    exchange INTEGER NOT NULL,               -- in a ceremony, the place of the message
    bytes    BLOB NOT NULL,
    UNIQUE (board, attempt, sender, batch, exchange)
) STRICT;
CREATE INDEX messages_in_order ON messages (board, attempt, seq);

CREATE TABLE events (
    height INTEGER PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    signed BLOB NOT NULL                     -- canonical event with the coordinator's signature
) STRICT;

-- An instance that was released before is answered from that release and never voted again.
CREATE TABLE answers (
    instance TEXT PRIMARY KEY,               -- digest of the instance's values
    round    TEXT NOT NULL REFERENCES rounds (id),
    position INTEGER NOT NULL                -- its place in the round, from 0
) STRICT;

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
