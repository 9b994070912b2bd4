-- What people have said of being written to. Nothing here is ever changed; erasing a person removes their rows.
CREATE TABLE consent (
    id BLOB PRIMARY KEY,
    phone TEXT NOT NULL, -- E.164
    channel TEXT NOT NULL,
    category TEXT NOT NULL,
    decision TEXT NOT NULL CHECK (decision IN ('granted', 'withdrawn')),
    source TEXT NOT NULL, -- where they said it: checkout, whatsapp…
    shown TEXT, -- the words that they agreed to
    evidence TEXT, -- what it can be held against: an order, a message
    actor TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;

CREATE INDEX consent_by_person ON consent (phone, channel, category, at, id);

-- That a person was erased, without saying whom.
CREATE TABLE erasure (
    id BLOB PRIMARY KEY,
    actor TEXT NOT NULL,
    consents INTEGER NOT NULL,
    notifications INTEGER NOT NULL,
    orders INTEGER NOT NULL,
    at INTEGER NOT NULL
) STRICT;

-- What people are told, and how far it has come.
CREATE TABLE notification (
    id BLOB PRIMARY KEY,
    subject TEXT NOT NULL, -- the order, or the message that is answered
    event TEXT NOT NULL, -- what happened
    audience TEXT NOT NULL,
    channel TEXT NOT NULL,
    order_id BLOB,
    order_version INTEGER NOT NULL, -- 0: about no order
    store_id BLOB,
    recipient TEXT, -- E.164; NULL once the person was erased
    language TEXT NOT NULL,
    template TEXT, -- NULL: plain words
    category TEXT NOT NULL,
    rule TEXT NOT NULL, -- what else was asked for
    words TEXT, -- what was sent
    state TEXT NOT NULL,
    code TEXT,
    note TEXT,
    attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    claims INTEGER NOT NULL DEFAULT 0, -- how often somebody has set out to send it: whoever reports names their own
    provider_id TEXT, -- the channel's name for the message
    created_at INTEGER NOT NULL,
    worthless_at INTEGER NOT NULL,
    next_attempt_at INTEGER, -- NULL: nobody will look at it by itself
    updated_at INTEGER NOT NULL,
    sent_at INTEGER,
    delivered_at INTEGER,
    read_at INTEGER,
    UNIQUE (subject, event, audience, channel) -- nobody is told twice
) STRICT;

CREATE INDEX notification_due ON notification (channel, next_attempt_at, id) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX notification_by_order ON notification (order_id, created_at, id) WHERE order_id IS NOT NULL;
CREATE INDEX notification_by_store ON notification (store_id, created_at, id);
CREATE INDEX notification_by_age ON notification (created_at, id);
CREATE INDEX notification_by_change ON notification (updated_at, id);
CREATE INDEX notification_by_recipient ON notification (recipient, created_at, id) WHERE recipient IS NOT NULL;
CREATE INDEX notification_by_provider ON notification (provider_id) WHERE provider_id IS NOT NULL;

-- Templates that cannot be used at present.
CREATE TABLE template_stop (
    name TEXT NOT NULL,
    language TEXT NOT NULL, -- in the channel's words
    reason TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (name, language)
) STRICT;

-- The rules of stores that have their own.
CREATE TABLE notify_rules (
    store_id BLOB PRIMARY KEY,
    body TEXT NOT NULL,
    actor TEXT NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
