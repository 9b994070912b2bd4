-- Until when a store may answer an order; NULL once it has, and where nobody waits for an answer.
ALTER TABLE orders ADD COLUMN answer_by INTEGER;

CREATE INDEX orders_unanswered ON orders (answer_by) WHERE answer_by IS NOT NULL;

-- Who bound which external id to what, for ever. The mapping itself says what holds now.
CREATE TABLE integration_mapping_log (
    id BLOB PRIMARY KEY,
    external_system TEXT NOT NULL,
    external_entity_type TEXT NOT NULL,
    external_entity_id TEXT NOT NULL,
    was_bound_to BLOB, -- NULL: to nothing
    bound_to BLOB, -- NULL: to nothing any more
    actor TEXT NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;

CREATE INDEX integration_mapping_log_lookup
    ON integration_mapping_log (external_system, external_entity_type, external_entity_id, changed_at);
