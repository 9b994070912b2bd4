-- Events are about a subject: an order, a store, and whatever else comes. Their routing facts stand in columns.
--
-- The outbox gets a new name, as on PostgreSQL. SQLite cannot drop a NOT NULL, so it and webhook_delivery are made anew and copied.
-- The file has one process: no other release runs beside this one, and nobody waits.
CREATE TABLE event_outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id BLOB NOT NULL,
    order_id BLOB, -- NULL: it belongs to no order
    subject_version INTEGER NOT NULL,
    store_id BLOB,
    event_type TEXT NOT NULL,
    body BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    subject_type TEXT NOT NULL,
    subject_id TEXT NOT NULL, -- as on the wire: ord_…
    partition_key TEXT NOT NULL, -- events with the same one stay in order
    customer_id TEXT,
    courier_id TEXT,
    traceparent TEXT
) STRICT;

INSERT INTO event_outbox (
    seq, event_id, order_id, subject_version, store_id, event_type, body, created_at,
    subject_type, subject_id, partition_key
)
SELECT seq, event_id, order_id, version, store_id, event_type, body, created_at,
    'order', 'ord_' || lower(hex(order_id)), 'ord_' || lower(hex(order_id))
FROM outbox;

-- Numbers are never used twice, not even after the outbox was empty.
DELETE FROM sqlite_sequence WHERE name = 'event_outbox';
INSERT INTO sqlite_sequence (name, seq) SELECT 'event_outbox', seq FROM sqlite_sequence WHERE name = 'outbox';
DROP TABLE outbox;

ALTER TABLE webhook_delivery RENAME TO former_webhook_delivery;

CREATE TABLE webhook_delivery (
    id BLOB PRIMARY KEY,
    endpoint_id BLOB NOT NULL,
    event_id BLOB NOT NULL,
    event_type TEXT NOT NULL,
    order_id BLOB, -- NULL: it belongs to no order
    order_version INTEGER,
    state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'failed')),
    attempts INTEGER NOT NULL DEFAULT 0, -- since it was last to be begun
    created_at INTEGER NOT NULL,
    next_attempt_at INTEGER, -- NULL: it is settled
    settled_at INTEGER,
    status INTEGER, -- the last answer's
    note TEXT,
    subject_type TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    subject_version INTEGER NOT NULL,
    partition_key TEXT NOT NULL, -- with the endpoint, the lane: sent in order of the subject's version, one at a time
    UNIQUE (event_id, endpoint_id) -- nothing is told twice
) STRICT;

INSERT INTO webhook_delivery (
    id, endpoint_id, event_id, event_type, order_id, order_version, state, attempts,
    created_at, next_attempt_at, settled_at, status, note,
    subject_type, subject_id, subject_version, partition_key
)
SELECT id, endpoint_id, event_id, event_type, order_id, order_version, state, attempts,
    created_at, next_attempt_at, settled_at, status, note,
    'order', 'ord_' || lower(hex(order_id)), order_version, 'ord_' || lower(hex(order_id))
FROM former_webhook_delivery;

DROP TABLE former_webhook_delivery;

CREATE INDEX webhook_delivery_due ON webhook_delivery (endpoint_id, next_attempt_at, id) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX webhook_delivery_by_lane ON webhook_delivery (endpoint_id, partition_key, subject_version) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX webhook_delivery_by_age ON webhook_delivery (created_at, id);
CREATE INDEX webhook_delivery_by_endpoint ON webhook_delivery (endpoint_id, created_at, id);

-- Where a change came from: correlation and causation ids, and the W3C trace.
ALTER TABLE order_event ADD COLUMN context TEXT;
ALTER TABLE partner_call ADD COLUMN traceparent TEXT;

-- Raised by one with each change of the store's settings.
ALTER TABLE store ADD COLUMN version INTEGER NOT NULL DEFAULT 1;

-- The newest event of each subject that has no log of its own: what a node that has missed some publishes to its screens.
CREATE TABLE latest_event (
    subject_type TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    subject_version INTEGER NOT NULL,
    body BLOB NOT NULL,
    recorded_at INTEGER NOT NULL,
    PRIMARY KEY (subject_type, subject_id)
) STRICT;

CREATE INDEX latest_event_by_age ON latest_event (recorded_at);
