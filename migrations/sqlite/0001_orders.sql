-- Moments are microseconds since 1970, ids are 16 bytes, JSON is text: in every table of this dialect.

-- What happened to each order, for ever. One row a version; nothing here is ever changed.
CREATE TABLE order_event (
    order_id BLOB NOT NULL,
    version INTEGER NOT NULL,
    event_id BLOB NOT NULL UNIQUE,
    event_type TEXT NOT NULL,
    recorded_at INTEGER NOT NULL,
    occurred_at INTEGER,
    actor TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (order_id, version)
) STRICT;

-- Where each order stands: the log folded up. The columns beside the body are there to be searched.
CREATE TABLE orders (
    id BLOB PRIMARY KEY,
    store_id BLOB NOT NULL,
    customer_id TEXT,
    courier_id TEXT,
    number TEXT NOT NULL,
    status TEXT NOT NULL,
    version INTEGER NOT NULL,
    placed_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    ended_at INTEGER, -- NULL while the order is open
    body TEXT NOT NULL
) STRICT;

CREATE INDEX orders_by_store ON orders (store_id, placed_at, id);
CREATE INDEX orders_by_customer ON orders (customer_id, placed_at, id) WHERE customer_id IS NOT NULL;
CREATE INDEX orders_by_age ON orders (placed_at, id);
CREATE INDEX orders_by_change ON orders (updated_at, id);
CREATE INDEX orders_active_at_store ON orders (store_id, ended_at);
CREATE INDEX orders_active_with_courier ON orders (courier_id, ended_at) WHERE courier_id IS NOT NULL;
CREATE INDEX orders_active ON orders (ended_at);
