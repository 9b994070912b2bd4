-- The branches of the restaurant.
CREATE TABLE store (
    id BLOB PRIMARY KEY,
    body TEXT NOT NULL,
    last_number INTEGER NOT NULL DEFAULT 0, -- of the orders that people call by number; 1 to 999, then again
    created_at INTEGER NOT NULL
) STRICT;

-- How long each order took, for the kitchen's statistics.
CREATE TABLE order_timing (
    order_id BLOB PRIMARY KEY,
    store_id BLOB NOT NULL,
    day TEXT NOT NULL, -- the store's own business day: 2026-11-22
    placed_at INTEGER,
    accepted_at INTEGER,
    ready_at INTEGER,
    ended_at INTEGER,
    outcome TEXT
) STRICT;

CREATE INDEX order_timing_by_day ON order_timing (store_id, day);
