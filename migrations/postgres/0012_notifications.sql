-- What people have said of being written to. Nothing here is ever changed; erasing a person removes their rows.
CREATE TABLE consent (
    id uuid PRIMARY KEY,
    phone text NOT NULL, -- E.164
    channel text NOT NULL,
    category text NOT NULL,
    decision text NOT NULL CHECK (decision IN ('granted', 'withdrawn')),
    source text NOT NULL, -- where they said it: checkout, whatsapp…
    shown text, -- the words that they agreed to
    evidence text, -- what it can be held against: an order, a message
    actor jsonb NOT NULL,
    at timestamptz NOT NULL
);

CREATE INDEX consent_by_person ON consent (phone, channel, category, at, id);

-- That a person was erased, without saying whom.
CREATE TABLE erasure (
    id uuid PRIMARY KEY,
    actor jsonb NOT NULL,
    consents bigint NOT NULL,
    notifications bigint NOT NULL,
    orders bigint NOT NULL,
    at timestamptz NOT NULL
);

-- What people are told, and how far it has come.
CREATE TABLE notification (
    id uuid PRIMARY KEY,
    subject text NOT NULL, -- the order, or the message that is answered
    event text NOT NULL, -- what happened
    audience text NOT NULL,
    channel text NOT NULL,
    order_id uuid,
    order_version bigint NOT NULL, -- 0: about no order
    store_id uuid,
    recipient text, -- E.164; NULL once the person was erased
    language text NOT NULL,
    template text, -- NULL: plain words
    category text NOT NULL,
    rule jsonb NOT NULL, -- what else was asked for
    words text, -- what was sent
    state text NOT NULL,
    code text,
    note text,
    attempts bigint NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    claims bigint NOT NULL DEFAULT 0, -- how often somebody has set out to send it: whoever reports names their own
    provider_id text, -- the channel's name for the message
    created_at timestamptz NOT NULL,
    worthless_at timestamptz NOT NULL,
    next_attempt_at timestamptz, -- NULL: nobody will look at it by itself
    updated_at timestamptz NOT NULL,
    sent_at timestamptz,
    delivered_at timestamptz,
    read_at timestamptz,
    UNIQUE (subject, event, audience, channel) -- nobody is told twice
);

CREATE INDEX notification_due ON notification (channel, next_attempt_at, id) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX notification_by_order ON notification (order_id, created_at, id) WHERE order_id IS NOT NULL;
CREATE INDEX notification_by_store ON notification (store_id, created_at, id);
CREATE INDEX notification_by_age ON notification (created_at, id);
CREATE INDEX notification_by_change ON notification (updated_at, id);
CREATE INDEX notification_by_recipient ON notification (recipient, created_at, id) WHERE recipient IS NOT NULL;
CREATE INDEX notification_by_provider ON notification (provider_id) WHERE provider_id IS NOT NULL;

-- Templates that cannot be used at present.
CREATE TABLE template_stop (
    name text NOT NULL,
    language text NOT NULL, -- in the channel's words
    reason text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (name, language)
);

-- The rules of stores that have their own.
CREATE TABLE notify_rules (
    store_id uuid PRIMARY KEY,
    body jsonb NOT NULL,
    actor jsonb NOT NULL,
    updated_at timestamptz NOT NULL
);
