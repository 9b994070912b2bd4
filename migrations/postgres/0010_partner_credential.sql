-- What partners prove themselves with, sealed: the key is not in the database.
CREATE TABLE partner_credential (
    id uuid PRIMARY KEY,
    partner text NOT NULL,
    label text NOT NULL,
    sealed bytea NOT NULL,
    created_at timestamptz NOT NULL,
    created_by jsonb NOT NULL,
    expires_at timestamptz -- NULL: until it is taken away
);

CREATE INDEX partner_credential_by_partner ON partner_credential (partner, created_at);
