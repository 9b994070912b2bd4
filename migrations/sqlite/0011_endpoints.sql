-- Where the restaurant's own systems are told of events.
CREATE TABLE webhook_endpoint (
    id BLOB PRIMARY KEY,
    url TEXT NOT NULL,
    description TEXT,
    event_types TEXT NOT NULL, -- []: all
    stores TEXT NOT NULL, -- []: all
    format TEXT NOT NULL CHECK (format IN ('standard', 'cloudevents')),
    version TEXT NOT NULL, -- of the events' format
    sealed BLOB NOT NULL, -- the secret: its key is not in the database
    former_sealed BLOB, -- the one before, during a rotation
    former_until INTEGER,
    disabled_at INTEGER, -- NULL: it is told of events
    disabled_reason TEXT,
    failing_since INTEGER, -- NULL: the last delivery went well
    last_success_at INTEGER,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

-- What endpoints are told, once for all of them, as it was published.
CREATE TABLE webhook_event (
    event_id BLOB PRIMARY KEY,
    body BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX webhook_event_by_age ON webhook_event (created_at);

-- One event on its way to one endpoint.
CREATE TABLE webhook_delivery (
    id BLOB PRIMARY KEY,
    endpoint_id BLOB NOT NULL,
    event_id BLOB NOT NULL,
    event_type TEXT NOT NULL,
    order_id BLOB NOT NULL,
    order_version INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'failed')),
    attempts INTEGER NOT NULL DEFAULT 0, -- since it was last to be begun
    created_at INTEGER NOT NULL,
    next_attempt_at INTEGER, -- NULL: it is settled
    settled_at INTEGER,
    status INTEGER, -- the last answer's
    note TEXT,
    UNIQUE (event_id, endpoint_id) -- nothing is told twice
) STRICT;

CREATE INDEX webhook_delivery_due ON webhook_delivery (endpoint_id, next_attempt_at, id) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX webhook_delivery_by_order ON webhook_delivery (endpoint_id, order_id, order_version) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX webhook_delivery_by_age ON webhook_delivery (created_at, id);
CREATE INDEX webhook_delivery_by_endpoint ON webhook_delivery (endpoint_id, created_at, id);

-- Every attempt at a delivery, and what was answered.
CREATE TABLE webhook_attempt (
    id BLOB PRIMARY KEY,
    delivery_id BLOB NOT NULL,
    attempt INTEGER NOT NULL,
    at INTEGER NOT NULL,
    took_ms INTEGER NOT NULL,
    status INTEGER,
    answer TEXT, -- how it begins
    error TEXT
) STRICT;

CREATE INDEX webhook_attempt_by_delivery ON webhook_attempt (delivery_id, at, id);
