-- A data folder's database as the first migration left it, with a federation and an invite; never edited.
PRAGMA foreign_keys = OFF;
BEGIN TRANSACTION;
CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL, checksum BLOB NOT NULL, execution_time BIGINT NOT NULL);
INSERT INTO "_sqlx_migrations" VALUES(1,'first','2026-11-21 13:41:57',1,X'F87D3DA1168B5D7D4AF819398441C09C3F19DFFD1B122082DB9D2D0630E21D6E527BB8FE9134D8F108B32B441349BFB9',51245244);
CREATE TABLE ballots (
    round       TEXT NOT NULL REFERENCES rounds (id),
    participant INTEGER NOT NULL REFERENCES participants (id),
    ballot      TEXT NOT NULL,               -- id that the participant chose
    digest      TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    PRIMARY KEY (round, participant),
    UNIQUE (round, digest)
) STRICT;
CREATE TABLE events (
    height INTEGER PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    signed BLOB NOT NULL                     -- canonical event with the coordinator's signature
) STRICT;
INSERT INTO "events" VALUES(0,'830c248cff0a915bc9b1ce222c0cfb17f21b4a822c05f68019a715996e397a77',X'BC000000000000000000000000000000000000000000000000000000000000000000000000000000000000004CAB57FEA10100000011000000616E206F6C642066656465726174696F6E030000000100000061010000006201000000630201000000040000000000000001000000093D000000000080841E000000000040420F000000000000F168E388B5F8E43E01000000000000000001B7C9132DBAC9C1E88A083B7344B99CDC199875DDE086F84AEBEF6C1F2FB7FF8D4CAB57FEA10100006FB8DC950E3C26CD6F6CE44CC393FB8CD659BE7A62238C7441714C339953B72675C0BD1C0730F4230F42F05B15C8FE141AF50FDF84CD62B02A6F72991E81FD05');
CREATE TABLE federation (
    only_row     INTEGER PRIMARY KEY CHECK (only_row = 1),
    founding     BLOB NOT NULL,              -- canonical event 0
    state        TEXT NOT NULL,              -- assembling | keyed | closed
    certificate  BLOB,                       -- the trustee's signed key certificate
    known_answer TEXT                        -- digest of its label ciphertexts, once computed
) STRICT;
INSERT INTO "federation" VALUES(1,X'11000000616E206F6C642066656465726174696F6E030000000100000061010000006201000000630201000000040000000000000001000000093D000000000080841E000000000040420F000000000000F168E388B5F8E43E01000000000000000001B7C9132DBAC9C1E88A083B7344B99CDC199875DDE086F84AEBEF6C1F2FB7FF8D4CAB57FEA1010000','assembling',NULL,NULL);
CREATE TABLE invites (
    secret_digest TEXT PRIMARY KEY,          -- the secret itself is never stored
    name          TEXT NOT NULL UNIQUE,
    trustee       INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    participant   INTEGER REFERENCES participants (id)
) STRICT;
INSERT INTO "invites" VALUES('17656ff190c5f912104188b2db845151069ff9aec81484c73c6eb7d31453a415','st-mary',1,1795268520822,NULL);
CREATE TABLE openings (
    round       TEXT NOT NULL REFERENCES rounds (id),
    step        TEXT NOT NULL,
    trustee     INTEGER NOT NULL REFERENCES participants (id),
    signed      BLOB NOT NULL,               -- the signed opening, as posted
    received_at INTEGER NOT NULL,
    PRIMARY KEY (round, step, trustee)
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
CREATE TABLE refusals (
    round       TEXT NOT NULL REFERENCES rounds (id),
    participant INTEGER NOT NULL REFERENCES participants (id),
    late        INTEGER NOT NULL,
    reason      TEXT NOT NULL,
    at          INTEGER NOT NULL,
    PRIMARY KEY (round, participant)
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
COMMIT;
