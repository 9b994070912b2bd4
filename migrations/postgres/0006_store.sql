-- The branches of the restaurant.
CREATE TABLE store (
    id uuid PRIMARY KEY,
    body jsonb NOT NULL,
    last_number bigint NOT NULL DEFAULT 0, -- of the orders that people call by number; 1 to 999, then again
    created_at timestamptz NOT NULL
);

-- How long each order took, for the kitchen's statistics.
CREATE TABLE order_timing (
    order_id uuid PRIMARY KEY,
    store_id uuid NOT NULL,
    day text NOT NULL, -- the store's own business day: 2026-11-22
    placed_at timestamptz,
    accepted_at timestamptz,
    ready_at timestamptz,
    ended_at timestamptz,
    outcome text
);

CREATE INDEX order_timing_by_day ON order_timing (store_id, day);
