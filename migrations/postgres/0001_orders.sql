-- What happened to each order, for ever. One row a version; nothing here is ever changed.
CREATE TABLE order_event (
    order_id uuid NOT NULL,
    version bigint NOT NULL,
    event_id uuid NOT NULL UNIQUE,
    event_type text NOT NULL,
    recorded_at timestamptz NOT NULL,
    occurred_at timestamptz,
    actor jsonb NOT NULL,
    body jsonb NOT NULL,
    PRIMARY KEY (order_id, version)
);

-- Where each order stands: the log folded up. The columns beside the body are there to be searched.
CREATE TABLE orders (
    id uuid PRIMARY KEY,
    store_id uuid NOT NULL,
    customer_id text,
    courier_id text,
    number text NOT NULL,
    status text NOT NULL,
    version bigint NOT NULL,
    placed_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    ended_at timestamptz, -- NULL while the order is open
    body jsonb NOT NULL
);

CREATE INDEX orders_by_store ON orders (store_id, placed_at, id);
CREATE INDEX orders_by_customer ON orders (customer_id, placed_at, id) WHERE customer_id IS NOT NULL;
CREATE INDEX orders_by_age ON orders (placed_at, id);
CREATE INDEX orders_by_change ON orders (updated_at, id);
CREATE INDEX orders_active_at_store ON orders (store_id, ended_at);
CREATE INDEX orders_active_with_courier ON orders (courier_id, ended_at) WHERE courier_id IS NOT NULL;
CREATE INDEX orders_active ON orders (ended_at);
