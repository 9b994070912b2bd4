-- What others call our things.
CREATE TABLE integration_mappings (
    id BLOB PRIMARY KEY,
    local_entity_type TEXT NOT NULL,
    local_entity_id BLOB NOT NULL,
    external_system TEXT NOT NULL,
    external_entity_id TEXT NOT NULL,
    external_entity_type TEXT NOT NULL,
    mapping_data TEXT,
    last_synced INTEGER,
    sync_status TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (external_system, external_entity_type, external_entity_id)
) STRICT;

CREATE INDEX integration_mappings_lookup
    ON integration_mappings (local_entity_type, local_entity_id, external_system);
