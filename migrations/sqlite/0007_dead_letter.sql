-- Messages that a consumer gave up on, kept for somebody to look at.
CREATE TABLE dead_letter (
    id BLOB PRIMARY KEY,
    queue TEXT NOT NULL,
    body BLOB NOT NULL,
    error TEXT NOT NULL,
    died_at INTEGER NOT NULL
) STRICT;

CREATE INDEX dead_letter_by_age ON dead_letter (died_at, id);
