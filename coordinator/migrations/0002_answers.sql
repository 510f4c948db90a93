-- An instance that was released before is answered from that release and never voted again.
CREATE TABLE answers (
    instance TEXT PRIMARY KEY,               -- digest of the instance's values
    round    TEXT NOT NULL REFERENCES rounds (id),
    position INTEGER NOT NULL                -- its place in the round, from 0
) STRICT;

ALTER TABLE rounds ADD COLUMN sources BLOB;  -- where each submitted instance is answered; null where all were new
