-- A known text, sealed with the key that secrets are sealed with: a server compares its keys with it when it starts.
-- locks: none, the table is new
CREATE TABLE sealing_key_check (
    id bigint PRIMARY KEY CHECK (id = 1), -- there is one row
    sealed bytea NOT NULL,
    updated_at timestamptz NOT NULL
);
