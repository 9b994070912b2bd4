-- Messages that a consumer gave up on, kept for somebody to look at.
CREATE TABLE dead_letter (
    id uuid PRIMARY KEY,
    queue text NOT NULL,
    body bytea NOT NULL,
    error text NOT NULL,
    died_at timestamptz NOT NULL
);

CREATE INDEX dead_letter_by_age ON dead_letter (died_at, id);
