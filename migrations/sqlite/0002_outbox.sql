-- Events that are committed and not yet on the bus. Rows leave after the broker's confirm.
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id BLOB NOT NULL,
    order_id BLOB NOT NULL,
    version INTEGER NOT NULL,
    store_id BLOB NOT NULL,
    event_type TEXT NOT NULL,
    body BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
