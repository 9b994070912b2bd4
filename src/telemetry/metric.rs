//! The name of everything that is counted, so that a dashboard can be checked against one list.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// Buckets of every duration, in seconds.
pub const SECONDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0];

/// Requests answered, by `method`, `route` and `status`.
pub const HTTP_REQUESTS: &str = "orderwire_http_requests_total";
/// How long requests took, by `method` and `route`.
pub const HTTP_SECONDS: &str = "orderwire_http_request_seconds";
/// Sockets and event streams open, by `transport`.
pub const LIVE_SOCKETS: &str = "orderwire_live_sockets";
/// Topics that somebody watches.
pub const LIVE_TOPICS: &str = "orderwire_live_topics";
/// Sockets refused before the upgrade, by `reason`.
pub const LIVE_REFUSED: &str = "orderwire_live_refused_total";
/// Sockets closed by this server, by `code`.
pub const LIVE_CLOSED: &str = "orderwire_live_closed_total";
/// Events that the hub gave to its sockets.
pub const LIVE_EVENTS: &str = "orderwire_live_events_total";
/// Frames put into the queues of sockets.
pub const LIVE_FRAMES: &str = "orderwire_live_frames_total";
/// Frames that newer state of the same order replaced before a slow reader took them.
pub const LIVE_CONFLATED: &str = "orderwire_live_frames_conflated_total";
/// Slow readers closed because too much waited for all sockets together.
pub const LIVE_SHED: &str = "orderwire_live_shed_total";
/// Memory that waits for slow readers, in bytes; events, which they share, do not count.
pub const LIVE_WAITING: &str = "orderwire_live_waiting_bytes";
/// From an event's recording to the hub.
pub const LIVE_LAG_SECONDS: &str = "orderwire_live_lag_seconds";
/// Whether this node has lost touch with the bus: 1 or 0.
pub const LIVE_BEHIND: &str = "orderwire_live_behind";
/// Reads of the store for watchers, by `what`: the cache has saved all others.
pub const ORDER_READS: &str = "orderwire_order_reads_total";
/// Events that wait to be published.
pub const OUTBOX_ROWS: &str = "orderwire_outbox_rows";
/// The age of the oldest of them.
pub const OUTBOX_AGE_SECONDS: &str = "orderwire_outbox_oldest_age_seconds";
/// Whether this node holds the lease of the relay: 1 or 0.
pub const RELAY_LEADS: &str = "orderwire_relay_leads";
/// What is added to the machine's clock to go by the database's.
pub const CLOCK_OFFSET_SECONDS: &str = "orderwire_clock_offset_seconds";
/// Events published and confirmed.
pub const RELAY_PUBLISHED: &str = "orderwire_relay_published_total";
/// Events of types that only a newer release knows, skipped, by `consumer`.
pub const EVENTS_UNKNOWN: &str = "orderwire_events_unknown_total";
/// Partner calls, by `partner` and `answer`.
pub const WEBHOOK_CALLS: &str = "orderwire_webhook_calls_total";
/// Partner calls applied, by `partner` and `outcome`.
pub const INTAKE_SETTLED: &str = "orderwire_intake_settled_total";
/// Files of operators' own partners whose newest version has a fault.
pub const ADAPTERS_FAULTY: &str = "orderwire_adapters_faulty";
/// Partner calls stored, by `state`.
pub const INBOX_ROWS: &str = "orderwire_inbox_rows";
/// Requests made of partners, by `partner` and `outcome`.
pub const PARTNER_REQUESTS: &str = "orderwire_partner_requests_total";
/// How long they took, by `partner`.
pub const PARTNER_SECONDS: &str = "orderwire_partner_request_seconds";
/// Whether a partner's host is left alone, by `partner` and `host`: 0 no, 1 it is being tried, 2 yes.
pub const PARTNER_BREAKER: &str = "orderwire_partner_breaker";
/// What partners were told, or not, by `partner`, `action` and `state`.
pub const PARTNER_CALLS: &str = "orderwire_partner_calls_total";
/// What partners are still to be told.
pub const PARTNER_CALLS_DUE: &str = "orderwire_partner_calls_due";
/// Questions to partners where their orders stand, by `partner` and `outcome`.
pub const INQUIRIES: &str = "orderwire_partner_inquiries_total";
/// Calls of partners that never came, and were found by asking, by `partner`.
pub const DRIFT: &str = "orderwire_partner_drift_total";
/// Attempts to tell the restaurant's own systems of events, by `outcome`.
pub const ENDPOINT_DELIVERIES: &str = "orderwire_endpoint_deliveries_total";
/// How long they took.
pub const ENDPOINT_SECONDS: &str = "orderwire_endpoint_attempt_seconds";
/// What the restaurant's own systems are still to be told.
pub const ENDPOINT_DELIVERIES_DUE: &str = "orderwire_endpoint_deliveries_due";
/// For how long the longest due delivery waits at an endpoint that does not fail.
pub const ENDPOINT_LAG_SECONDS: &str = "orderwire_endpoint_lag_seconds";
/// Endpoints that have failed too often and are left alone for a while.
pub const ENDPOINTS_LEFT_ALONE: &str = "orderwire_endpoints_left_alone";
/// Endpoints that are told of no more events, by `reason`.
pub const ENDPOINTS_DISABLED: &str = "orderwire_endpoints_disabled_total";
/// Secrets in the database that no sealing key of this server opens.
pub const SECRETS_UNREADABLE: &str = "orderwire_secrets_unreadable";
/// Notifications that moved, by `channel` and `state`.
pub const NOTIFICATIONS: &str = "orderwire_notifications_total";
/// Why notifications were not sent, or not yet, by `channel` and `code`.
pub const NOTIFICATION_TROUBLES: &str = "orderwire_notification_troubles_total";
/// Notifications that went on to another channel, by that `channel`.
pub const NOTIFICATION_FALLBACKS: &str = "orderwire_notification_fallbacks_total";
/// Events that nobody could be told of, by `audience`: there was no number.
pub const NOTIFICATIONS_NOBODY: &str = "orderwire_notifications_nobody_total";
/// How long channels took to answer, by `channel`.
pub const NOTIFICATION_SEND_SECONDS: &str = "orderwire_notification_send_seconds";
/// From what happened to its message having been taken, by `channel`.
pub const NOTIFICATION_LAG_SECONDS: &str = "orderwire_notification_lag_seconds";
/// Notifications to be sent.
pub const NOTIFICATIONS_DUE: &str = "orderwire_notifications_due";
/// How long the oldest of them has been due.
pub const NOTIFICATIONS_AGE_SECONDS: &str = "orderwire_notifications_oldest_age_seconds";
/// Whether a channel's account is of no use, by `channel`: 1 or 0.
pub const NOTIFICATION_CIRCUIT: &str = "orderwire_notification_circuit";
/// What channels reported, by `status` and `outcome`.
pub const RECEIPTS: &str = "orderwire_receipts_total";
/// Steps of a worker that failed, by `worker`.
pub const WORKER_FAILURES: &str = "orderwire_worker_failures_total";
/// Events that a durable consumer of this process has yet to take or to acknowledge, by `queue`.
pub const QUEUE_UNACKNOWLEDGED: &str = "orderwire_queue_unacknowledged";
/// Times that a durable queue of the broker had lost its binding, by `queue`.
pub const BINDINGS_LOST: &str = "orderwire_bindings_lost_total";
/// Messages set aside because nobody could handle them, by `queue`.
pub const DEAD_LETTERS: &str = "orderwire_dead_letters_total";

/// Tells the exporter what each means.
pub fn describe() {
    describe_counter!(HTTP_REQUESTS, "Requests answered.");
    describe_histogram!(HTTP_SECONDS, Unit::Seconds, "How long requests took.");
    describe_gauge!(LIVE_SOCKETS, "Sockets and event streams open.");
    describe_gauge!(LIVE_TOPICS, "Topics that somebody watches.");
    describe_counter!(LIVE_REFUSED, "Sockets refused before the upgrade.");
    describe_counter!(LIVE_CLOSED, "Sockets closed by this server.");
    describe_counter!(LIVE_EVENTS, "Events that the hub gave to its sockets.");
    describe_counter!(LIVE_FRAMES, "Frames put into the queues of sockets.");
    describe_counter!(LIVE_CONFLATED, "Frames replaced by newer state of the same order.");
    describe_counter!(LIVE_SHED, "Slow readers closed because too much waited for all together.");
    describe_gauge!(LIVE_WAITING, Unit::Bytes, "Memory that waits for slow readers.");
    describe_histogram!(LIVE_LAG_SECONDS, Unit::Seconds, "From an event's recording to the hub.");
    describe_gauge!(LIVE_BEHIND, "Whether this node has lost touch with the bus.");
    describe_counter!(ORDER_READS, "Reads of the store for watchers.");
    describe_gauge!(OUTBOX_ROWS, "Events that wait to be published.");
    describe_gauge!(OUTBOX_AGE_SECONDS, Unit::Seconds, "The age of the oldest of them.");
    describe_gauge!(RELAY_LEADS, "Whether this node holds the lease of the relay.");
    describe_gauge!(
        CLOCK_OFFSET_SECONDS,
        Unit::Seconds,
        "What is added to the machine's clock to go by the database's."
    );
    describe_counter!(RELAY_PUBLISHED, "Events published and confirmed.");
    describe_counter!(WEBHOOK_CALLS, "Calls of partners.");
    describe_counter!(INTAKE_SETTLED, "Calls of partners applied.");
    describe_gauge!(ADAPTERS_FAULTY, "Files of adapters with a fault.");
    describe_gauge!(INBOX_ROWS, "Calls of partners stored.");
    describe_counter!(PARTNER_REQUESTS, "Requests made of partners.");
    describe_histogram!(PARTNER_SECONDS, Unit::Seconds, "How long requests to partners took.");
    describe_gauge!(PARTNER_BREAKER, "Whether a partner's host is left alone.");
    describe_counter!(PARTNER_CALLS, "What partners were told, or not.");
    describe_gauge!(PARTNER_CALLS_DUE, "What partners are still to be told.");
    describe_counter!(INQUIRIES, "Questions to partners where their orders stand.");
    describe_counter!(DRIFT, "News of partners that only asking brought to light.");
    describe_counter!(ENDPOINT_DELIVERIES, "Attempts to tell the restaurant's own systems.");
    describe_histogram!(ENDPOINT_SECONDS, Unit::Seconds, "How long these attempts took.");
    describe_gauge!(ENDPOINT_DELIVERIES_DUE, "What these systems are still to be told.");
    describe_gauge!(ENDPOINT_LAG_SECONDS, Unit::Seconds, "How late those are told that answer.");
    describe_gauge!(ENDPOINTS_LEFT_ALONE, "Endpoints left alone for having failed.");
    describe_counter!(ENDPOINTS_DISABLED, "Endpoints that are told nothing any more.");
    describe_gauge!(SECRETS_UNREADABLE, "Stored secrets that no sealing key opens.");
    describe_counter!(NOTIFICATIONS, "Notifications that moved.");
    describe_counter!(NOTIFICATION_TROUBLES, "Why notifications were not sent, or not yet.");
    describe_counter!(NOTIFICATION_FALLBACKS, "Notifications that went on to another channel.");
    describe_counter!(NOTIFICATIONS_NOBODY, "Events that nobody could be told of.");
    describe_histogram!(NOTIFICATION_SEND_SECONDS, Unit::Seconds, "How long channels took.");
    describe_histogram!(NOTIFICATION_LAG_SECONDS, Unit::Seconds, "From an event to its message.");
    describe_gauge!(NOTIFICATIONS_DUE, "Notifications to be sent.");
    describe_gauge!(NOTIFICATIONS_AGE_SECONDS, Unit::Seconds, "How long the oldest has been due.");
    describe_gauge!(NOTIFICATION_CIRCUIT, "Whether a channel's account is of no use.");
    describe_counter!(RECEIPTS, "What channels reported of messages.");
    describe_counter!(WORKER_FAILURES, "Steps of a worker that failed.");
    describe_gauge!(QUEUE_UNACKNOWLEDGED, "Events not acknowledged by a consumer in this process.");
    describe_counter!(BINDINGS_LOST, "Times that a durable queue had lost its binding.");
    describe_counter!(EVENTS_UNKNOWN, "Events of types that this release does not know, skipped.");
    describe_counter!(DEAD_LETTERS, "Messages that nobody could handle.");
}
