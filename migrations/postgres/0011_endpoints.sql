-- Where the restaurant's own systems are told of events.
CREATE TABLE webhook_endpoint (
    id uuid PRIMARY KEY,
    url text NOT NULL,
    description text,
    event_types jsonb NOT NULL, -- []: all
    stores jsonb NOT NULL, -- []: all
    format text NOT NULL CHECK (format IN ('standard', 'cloudevents')),
    version text NOT NULL, -- of the events' format
    sealed bytea NOT NULL, -- the secret: its key is not in the database
    former_sealed bytea, -- the one before, during a rotation
    former_until timestamptz,
    disabled_at timestamptz, -- NULL: it is told of events
    disabled_reason text,
    failing_since timestamptz, -- NULL: the last delivery went well
    last_success_at timestamptz,
    created_at timestamptz NOT NULL,
    created_by jsonb NOT NULL,
    updated_at timestamptz NOT NULL
);

-- What endpoints are told, once for all of them, as it was published.
CREATE TABLE webhook_event (
    event_id uuid PRIMARY KEY,
    body bytea NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE INDEX webhook_event_by_age ON webhook_event (created_at);

-- One event on its way to one endpoint.
CREATE TABLE webhook_delivery (
    id uuid PRIMARY KEY,
    endpoint_id uuid NOT NULL,
    event_id uuid NOT NULL,
    event_type text NOT NULL,
    order_id uuid NOT NULL,
    order_version bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('pending', 'delivered', 'failed')),
    attempts bigint NOT NULL DEFAULT 0, -- since it was last to be begun
    created_at timestamptz NOT NULL,
    next_attempt_at timestamptz, -- NULL: it is settled
    settled_at timestamptz,
    status bigint, -- the last answer's
    note text,
    UNIQUE (event_id, endpoint_id) -- nothing is told twice
);

CREATE INDEX webhook_delivery_due ON webhook_delivery (endpoint_id, next_attempt_at, id) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX webhook_delivery_by_order ON webhook_delivery (endpoint_id, order_id, order_version) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX webhook_delivery_by_age ON webhook_delivery (created_at, id);
CREATE INDEX webhook_delivery_by_endpoint ON webhook_delivery (endpoint_id, created_at, id);

-- Every attempt at a delivery, and what was answered.
CREATE TABLE webhook_attempt (
    id uuid PRIMARY KEY,
    delivery_id uuid NOT NULL,
    attempt bigint NOT NULL,
    at timestamptz NOT NULL,
    took_ms bigint NOT NULL,
    status bigint,
    answer text, -- how it begins
    error text
);

CREATE INDEX webhook_attempt_by_delivery ON webhook_attempt (delivery_id, at, id);
