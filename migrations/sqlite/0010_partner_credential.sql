-- What partners prove themselves with, sealed: the key is not in the database.
CREATE TABLE partner_credential (
    id BLOB PRIMARY KEY,
    partner TEXT NOT NULL,
    label TEXT NOT NULL,
    sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    expires_at INTEGER -- NULL: until it is taken away
) STRICT;

CREATE INDEX partner_credential_by_partner ON partner_credential (partner, created_at);
