-- Events are about a subject: an order, a store, and whatever else comes. Their routing facts stand in columns.
--
-- Nodes of the release before this one run beside it during an upgrade. They write order events only, without the new columns, which a
-- trigger fills. They read order events only: the outbox gets a new name, and under its old name they find a view without the rest,
-- so that a relay of theirs never stops at an event that it does not know. A delivery about another subject has no order; they cannot
-- read it, take nothing in that turn, and nodes of this release send it. The index of their lanes is gone: they find due deliveries
-- more slowly, and rightly. The view and the triggers go when that release is no longer upgraded from.
--
-- locks: outbox, webhook_delivery, order_event, partner_call, store (ACCESS EXCLUSIVE), webhook_delivery for as long as each of its rows is
-- rewritten once and one index on the pending ones is built, the others for a moment
ALTER TABLE outbox RENAME TO event_outbox;
ALTER TABLE event_outbox
    ALTER COLUMN order_id DROP NOT NULL, -- NULL: it belongs to no order
    ALTER COLUMN store_id DROP NOT NULL,
    ADD COLUMN subject_type text,
    ADD COLUMN subject_id text, -- as on the wire: ord_…
    ADD COLUMN partition_key text, -- events with the same one stay in order
    ADD COLUMN customer_id text,
    ADD COLUMN courier_id text,
    ADD COLUMN traceparent text;
ALTER TABLE event_outbox RENAME COLUMN version TO subject_version;

UPDATE event_outbox
SET subject_type = 'order',
    subject_id = 'ord_' || replace(order_id::text, '-', ''),
    partition_key = 'ord_' || replace(order_id::text, '-', '');

ALTER TABLE event_outbox
    ALTER COLUMN subject_type SET NOT NULL,
    ALTER COLUMN subject_id SET NOT NULL,
    ALTER COLUMN partition_key SET NOT NULL;

CREATE VIEW outbox AS
SELECT seq, event_id, order_id, subject_version AS version, store_id, event_type, body, created_at
FROM event_outbox
WHERE subject_type = 'order';

ALTER TABLE webhook_delivery
    ALTER COLUMN order_id DROP NOT NULL, -- NULL: it belongs to no order
    ALTER COLUMN order_version DROP NOT NULL,
    ADD COLUMN subject_type text,
    ADD COLUMN subject_id text,
    ADD COLUMN subject_version bigint,
    ADD COLUMN partition_key text; -- with the endpoint, the lane: sent in order of the subject's version, one at a time

UPDATE webhook_delivery
SET subject_type = 'order',
    subject_id = 'ord_' || replace(order_id::text, '-', ''),
    subject_version = order_version,
    partition_key = 'ord_' || replace(order_id::text, '-', '');

ALTER TABLE webhook_delivery
    ALTER COLUMN subject_type SET NOT NULL,
    ALTER COLUMN subject_id SET NOT NULL,
    ALTER COLUMN subject_version SET NOT NULL,
    ALTER COLUMN partition_key SET NOT NULL;

DROP INDEX webhook_delivery_by_order;
CREATE INDEX webhook_delivery_by_lane ON webhook_delivery (endpoint_id, partition_key, subject_version) WHERE next_attempt_at IS NOT NULL;

CREATE FUNCTION subject_of_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.subject_type := 'order';
    NEW.subject_id := 'ord_' || replace(NEW.order_id::text, '-', '');
    NEW.partition_key := NEW.subject_id;
    IF TG_TABLE_NAME = 'webhook_delivery' THEN
        NEW.subject_version := NEW.order_version;
    END IF;
    RETURN NEW;
END;
$$;

CREATE TRIGGER event_outbox_subject BEFORE INSERT ON event_outbox
FOR EACH ROW WHEN (NEW.subject_type IS NULL) EXECUTE FUNCTION subject_of_order();

CREATE TRIGGER webhook_delivery_subject BEFORE INSERT ON webhook_delivery
FOR EACH ROW WHEN (NEW.subject_type IS NULL) EXECUTE FUNCTION subject_of_order();

-- Where a change came from: correlation and causation ids, and the W3C trace.
ALTER TABLE order_event ADD COLUMN context jsonb;
ALTER TABLE partner_call ADD COLUMN traceparent text;

-- Raised by one with each change of the store's settings.
ALTER TABLE store ADD COLUMN version bigint NOT NULL DEFAULT 1;

-- The newest event of each subject that has no log of its own: what a node that has missed some publishes to its screens.
CREATE TABLE latest_event (
    subject_type text NOT NULL,
    subject_id text NOT NULL,
    subject_version bigint NOT NULL,
    body bytea NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (subject_type, subject_id)
);

CREATE INDEX latest_event_by_age ON latest_event (recorded_at);
