-- What partners are to be told of their orders.
CREATE TABLE partner_call (
    id uuid PRIMARY KEY,
    partner text NOT NULL,
    order_id uuid NOT NULL,
    order_version bigint NOT NULL,
    place bigint NOT NULL, -- among those of one version
    action text NOT NULL,
    telling jsonb NOT NULL,
    state text NOT NULL CHECK (state IN ('pending', 'sent', 'skipped', 'failed')),
    attempts bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    worthless_at timestamptz NOT NULL, -- from then on nobody needs to hear it
    next_attempt_at timestamptz, -- NULL: it is settled
    settled_at timestamptz,
    status bigint, -- the last answer's
    note text,
    UNIQUE (order_id, action, order_version) -- nothing is told twice
);

CREATE INDEX partner_call_due ON partner_call (partner, next_attempt_at, id) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX partner_call_by_order ON partner_call (order_id, order_version, place);
CREATE INDEX partner_call_by_age ON partner_call (created_at, id);
CREATE INDEX partner_call_by_partner ON partner_call (partner, created_at, id);

-- Every request that we made of others, and what came of it; without what is secret or somebody's own.
CREATE TABLE api_audit_logs (
    id uuid PRIMARY KEY,
    service_name text NOT NULL, -- the partner
    endpoint_url text NOT NULL,
    http_method text NOT NULL,
    request_headers jsonb NOT NULL,
    request_body jsonb,
    response_headers jsonb,
    response_body jsonb,
    status_code bigint,
    execution_time_ms bigint NOT NULL,
    error_message text,
    company_id uuid,
    branch_id uuid, -- the store
    user_id uuid,
    created_at timestamptz NOT NULL,
    attempt bigint NOT NULL,
    order_id uuid,
    partner_call_id uuid
);

CREATE INDEX api_audit_logs_by_age ON api_audit_logs (created_at, id);
CREATE INDEX api_audit_logs_by_partner ON api_audit_logs (service_name, created_at, id);
CREATE INDEX api_audit_logs_by_order ON api_audit_logs (order_id, created_at, id) WHERE order_id IS NOT NULL;

-- When a partner was last heard of.
CREATE INDEX inbox_by_partner ON inbox (partner, received_at);
