-- Until when a store may answer an order; NULL once it has, and where nobody waits for an answer.
ALTER TABLE orders ADD COLUMN answer_by timestamptz;

CREATE INDEX orders_unanswered ON orders (answer_by) WHERE answer_by IS NOT NULL;

-- Who bound which external id to what, for ever. The mapping itself says what holds now.
CREATE TABLE integration_mapping_log (
    id uuid PRIMARY KEY,
    external_system text NOT NULL,
    external_entity_type text NOT NULL,
    external_entity_id text NOT NULL,
    was_bound_to uuid, -- NULL: to nothing
    bound_to uuid, -- NULL: to nothing any more
    actor jsonb NOT NULL,
    changed_at timestamptz NOT NULL
);

CREATE INDEX integration_mapping_log_lookup
    ON integration_mapping_log (external_system, external_entity_type, external_entity_id, changed_at);
