-- What others call our things.
CREATE TABLE integration_mappings (
    id uuid PRIMARY KEY,
    local_entity_type text NOT NULL,
    local_entity_id uuid NOT NULL,
    external_system text NOT NULL,
    external_entity_id text NOT NULL,
    external_entity_type text NOT NULL,
    mapping_data jsonb,
    last_synced timestamptz,
    sync_status text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    UNIQUE (external_system, external_entity_type, external_entity_id)
);

CREATE INDEX integration_mappings_lookup
    ON integration_mappings (local_entity_type, local_entity_id, external_system);
