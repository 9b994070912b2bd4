-- What partners are to be told of their orders.
CREATE TABLE partner_call (
    id BLOB PRIMARY KEY,
    partner TEXT NOT NULL,
    order_id BLOB NOT NULL,
    order_version INTEGER NOT NULL,
    place INTEGER NOT NULL, -- among those of one version
    action TEXT NOT NULL,
    telling TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'sent', 'skipped', 'failed')),
    attempts INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    worthless_at INTEGER NOT NULL, -- from then on nobody needs to hear it
    next_attempt_at INTEGER, -- NULL: it is settled
    settled_at INTEGER,
    status INTEGER, -- the last answer's
    note TEXT,
    UNIQUE (order_id, action, order_version) -- nothing is told twice
) STRICT;

CREATE INDEX partner_call_due ON partner_call (partner, next_attempt_at, id) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX partner_call_by_order ON partner_call (order_id, order_version, place);
CREATE INDEX partner_call_by_age ON partner_call (created_at, id);
CREATE INDEX partner_call_by_partner ON partner_call (partner, created_at, id);

-- Every request that we made of others, and what came of it; without what is secret or somebody's own.
CREATE TABLE api_audit_logs (
    id BLOB PRIMARY KEY,
    service_name TEXT NOT NULL, -- the partner
    endpoint_url TEXT NOT NULL,
    http_method TEXT NOT NULL,
    request_headers TEXT NOT NULL,
    request_body TEXT,
    response_headers TEXT,
    response_body TEXT,
    status_code INTEGER,
    execution_time_ms INTEGER NOT NULL,
    error_message TEXT,
    company_id BLOB,
    branch_id BLOB, -- the store
    user_id BLOB,
    created_at INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    order_id BLOB,
    partner_call_id BLOB
) STRICT;

CREATE INDEX api_audit_logs_by_age ON api_audit_logs (created_at, id);
CREATE INDEX api_audit_logs_by_partner ON api_audit_logs (service_name, created_at, id);
CREATE INDEX api_audit_logs_by_order ON api_audit_logs (order_id, created_at, id) WHERE order_id IS NOT NULL;

-- When a partner was last heard of.
CREATE INDEX inbox_by_partner ON inbox (partner, received_at);
