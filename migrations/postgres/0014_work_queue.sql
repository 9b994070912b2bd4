-- The fencing token of each durable queue: raised by every claim, every settlement and every change from outside.
-- locks: partner_call, webhook_delivery, inbox, notification, each for a moment (the default needs no rewrite of the rows)
ALTER TABLE partner_call ADD COLUMN claims bigint NOT NULL DEFAULT 0;
ALTER TABLE webhook_delivery ADD COLUMN claims bigint NOT NULL DEFAULT 0;
ALTER TABLE inbox ADD COLUMN claims bigint NOT NULL DEFAULT 0;
ALTER TABLE notification ADD COLUMN settled_at timestamptz;
