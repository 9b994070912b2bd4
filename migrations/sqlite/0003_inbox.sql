-- Partners' calls, as received. Stored before they are understood.
CREATE TABLE inbox (
    id BLOB PRIMARY KEY,
    partner TEXT NOT NULL,
    event_id TEXT,
    body_hash BLOB NOT NULL,
    headers TEXT NOT NULL,
    body BLOB NOT NULL,
    received_at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'parked', 'done', 'dead')),
    outcome TEXT,
    order_id BLOB,
    external_id TEXT,
    note TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt_at INTEGER, -- NULL: nobody will look at it by itself
    settled_at INTEGER,
    UNIQUE (partner, event_id),
    UNIQUE (partner, body_hash)
) STRICT;

CREATE INDEX inbox_due ON inbox (next_attempt_at, id) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX inbox_open ON inbox (state, partner, external_id) WHERE state <> 'done';
CREATE INDEX inbox_by_age ON inbox (received_at, id);
CREATE INDEX inbox_by_order ON inbox (order_id, received_at, id) WHERE order_id IS NOT NULL;
