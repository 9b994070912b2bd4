-- Events that are committed and not yet on the bus. Rows leave after the broker's confirm.
CREATE TABLE outbox (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid NOT NULL,
    order_id uuid NOT NULL,
    version bigint NOT NULL,
    store_id uuid NOT NULL,
    event_type text NOT NULL,
    body bytea NOT NULL,
    created_at timestamptz NOT NULL
)
-- A queue is all turnover: vacuum by rows, not by its share of a table that is mostly empty.
WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
