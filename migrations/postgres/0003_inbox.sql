-- Partners' calls, as received. Stored before they are understood.
CREATE TABLE inbox (
    id uuid PRIMARY KEY,
    partner text NOT NULL,
    event_id text,
    body_hash bytea NOT NULL,
    headers jsonb NOT NULL,
    body bytea NOT NULL,
    received_at timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('pending', 'parked', 'done', 'dead')),
    outcome text,
    order_id uuid,
    external_id text,
    note text,
    attempts bigint NOT NULL DEFAULT 0,
    next_attempt_at timestamptz, -- NULL: nobody will look at it by itself
    settled_at timestamptz,
    UNIQUE (partner, event_id),
    UNIQUE (partner, body_hash)
);

CREATE INDEX inbox_due ON inbox (next_attempt_at, id) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX inbox_open ON inbox (state, partner, external_id) WHERE state <> 'done';
CREATE INDEX inbox_by_age ON inbox (received_at, id);
CREATE INDEX inbox_by_order ON inbox (order_id, received_at, id) WHERE order_id IS NOT NULL;
