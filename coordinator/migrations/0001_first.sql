-- One federation per data folder. Times are UTC milliseconds; digests and ids are lower-case hex.

CREATE TABLE federation (
    only_row     INTEGER PRIMARY KEY CHECK (only_row = 1),
    founding     BLOB NOT NULL,              -- canonical event 0
    state        TEXT NOT NULL,              -- assembling | keyed | closed
    certificate  BLOB,                       -- the trustee's signed key certificate
    known_answer TEXT                        -- digest of its label ciphertexts, once computed
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
    created_at   INTEGER NOT NULL
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
    PRIMARY KEY (round, participant)
) STRICT;

CREATE TABLE openings (
    round       TEXT NOT NULL REFERENCES rounds (id),
    step        TEXT NOT NULL,
    trustee     INTEGER NOT NULL REFERENCES participants (id),
    signed      BLOB NOT NULL,               -- the signed opening, as posted
    received_at INTEGER NOT NULL,
    PRIMARY KEY (round, step, trustee)
) STRICT;

CREATE TABLE events (
    height INTEGER PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    signed BLOB NOT NULL                     -- canonical event with the coordinator's signature
) STRICT;
