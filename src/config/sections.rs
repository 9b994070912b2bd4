//! Every setting: its name, its default, its bounds and what it means, in one table.

use std::{net::SocketAddr, path::PathBuf};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::config::{
    LogFormat, Span,
    setting::{Setting, Shown, range, section},
};

section! {
    /// The HTTP listener.
    pub struct Http as "http" {
        /// The address to listen on. The default can be reached from this machine only.
        listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 8080));
        /// The address of this server as clients see it; tracking links begin with it. Default: `http://` and `http.listen`.
        public_url: Option<String> = None;
        /// The largest request body, in bytes, of all routes except webhooks.
        body_limit: usize = 256 * 1024, in 1024, 16 * 1024 * 1024;
        /// The largest webhook body, in bytes. Meta sends up to 3 MB.
        webhook_body_limit: usize = 3 * 1024 * 1024, in 1024, 64 * 1024 * 1024;
        /// How long one request may take before it is answered with 503.
        request_timeout: Span = Span::secs(15), in Span::millis(100), Span::secs(300);
        /// How long a client may take to send the head of its request.
        header_timeout: Span = Span::secs(5), in Span::millis(100), Span::secs(60);
        /// How long a client may pause while it sends the body of its request; then the answer is 408.
        body_timeout: Span = Span::secs(5), in Span::millis(100), Span::secs(60);
        /// Open connections at the same time; further ones wait in the kernel's queue.
        max_connections: usize = 100_000, in 16, 10_000_000;
        /// Connections that may wait in the kernel's queue. The kernel has a limit of its own (`net.core.somaxconn`).
        backlog: u32 = 4096, in 1, 65_535;
        /// Whether `X-Forwarded-For` names the client. Set it only behind a proxy that sets the header.
        trust_forwarded_for: bool = false;
        /// Origins of other sites whose pages may call the API, such as `https://app.example.com`, or `*`.
        cors_origins: Vec<String> = Vec::new();
        /// How long the answer of an `Idempotency-Key` is stored.
        idempotency_ttl: Span = Span::secs(24 * 3600), in Span::secs(60), Span::secs(30 * 86_400);
    }
}

section! {
    /// Durable state.
    pub struct Database as "database" {
        /// `postgres://…`, or `sqlite:` and a path. Default: `orderwire.db` in the data folder. Also `DATABASE_URL`.
        url: Option<SecretString> = None;
        /// Open connections at the same time; on SQLite those of readers only.
        max_connections: u32 = 16, in 1, 1000;
        /// How long a request waits for a free connection; then the answer is 503.
        acquire_timeout: Span = Span::secs(5), in Span::millis(50), Span::secs(60);
        /// How long a session may be idle within a transaction. Then PostgreSQL rolls the transaction back and ends the session, so that
        /// a node that hangs releases its row locks.
        idle_transaction_timeout: Span = Span::secs(10), in Span::secs(1), Span::secs(600);
        /// How long the session of a lease, such as the relay's, may be silent. Then PostgreSQL 14 or newer ends the session, and
        /// another node takes the lease. A lease is renewed each second.
        lease_timeout: Span = Span::secs(10), in Span::secs(8), Span::secs(600);
        /// How often a node compares its clock with PostgreSQL's, which all nodes use.
        clock_every: Span = Span::secs(5), in Span::millis(100), Span::secs(300);
        /// Whether the start brings the schema up to date. If not, the server refuses to start on an old schema.
        migrate: bool = true;
    }
}

impl Database {
    /// Whether it is PostgreSQL, which several servers may share.
    pub fn is_postgres(&self) -> bool {
        let url = self.url.as_ref().map(ExposeSecret::expose_secret);
        url.is_some_and(|url| url.starts_with("postgres:") || url.starts_with("postgresql:"))
    }
}

section! {
    /// The event transport.
    pub struct Bus as "bus" {
        /// `amqp://user:password@host:5672/vhost`. Default: events stay in this process. Also `AMQP_URL`.
        amqp_url: Option<SecretString> = None;
        /// The topic exchange that events are published to.
        exchange: String = "orderwire.events".to_owned();
        /// Unacknowledged messages that one consumer holds.
        prefetch: u16 = 512, in 1, 65_535;
        /// How often a quorum queue delivers one message before it becomes a dead letter.
        delivery_limit: u32 = 10, in 1, 1000;
        /// How long a connection to the broker, or the confirmation of a batch, may take.
        timeout: Span = Span::secs(10), in Span::millis(100), Span::secs(120);
        /// How often the bindings of the queues are checked while events are published.
        probe_every: Span = Span::secs(5), in Span::millis(100), Span::secs(600);
        /// The longest delay between two attempts to reconnect.
        reconnect_cap: Span = Span::secs(3), in Span::millis(100), Span::secs(60);
        /// Messages that the in-process bus holds in memory for one consumer; it reads further ones from the outbox later.
        local_capacity: usize = 4096, in 16, 1_000_000;
    }
}

section! {
    /// Order snapshots.
    pub struct Cache as "cache" {
        /// `redis://host:6379`. Default: each process has a cache of its own. Also `REDIS_URL`.
        redis_url: Option<SecretString> = None;
        /// How long a snapshot is kept in Redis after its last change.
        ttl: Span = Span::secs(3600), in Span::secs(1), Span::secs(7 * 86_400);
        /// Snapshots in the memory of this process.
        memory_entries: u64 = 100_000, in 1, 100_000_000;
        /// How long a request to Redis may take; then the database is read.
        timeout: Span = Span::millis(250), in Span::millis(5), Span::secs(10);
        /// How long no request is sent to Redis after one failed.
        rest: Span = Span::secs(1), in Span::millis(10), Span::secs(60);
    }
}

section! {
    /// Tokens.
    pub struct Auth as "auth" {
        /// Secrets for HS256 tokens, 32 bytes or more. The first signs, all are accepted. Default: one is generated in the data folder.
        secrets: Vec<SecretString> = Vec::new();
        /// Keys that encrypt secrets in the database: 32 bytes in base64. The first encrypts, all decrypt. All servers need the same
        /// keys. Default: one is generated in the data folder; with PostgreSQL the setting is required.
        sealing_keys: Vec<SecretString> = Vec::new();
        /// Start although no sealing key matches the database, and encrypt with the first key from now on. For a key that is lost.
        replace_sealing_key: bool = false;
        /// PEM files with the identity provider's public keys (RS256, ES256, EdDSA).
        public_key_files: Vec<PathBuf> = Vec::new();
        /// The `iss` that a token must carry.
        issuer: String = "orderwire".to_owned();
        /// The `aud` that a token must carry.
        audience: String = "orderwire".to_owned();
        /// How far the issuer's clock may differ from this server's.
        leeway: Span = Span::secs(30), in Span::secs(0), Span::secs(300);
        /// How long a token of this server is valid.
        token_ttl: Span = Span::secs(12 * 3600), in Span::secs(10), Span::secs(30 * 86_400);
        /// How long after its first issue a token of this server may be renewed.
        renew_for: Span = Span::secs(30 * 86_400), in Span::secs(0), Span::secs(365 * 86_400);
        /// How long a tracking link works.
        tracking_ttl: Span = Span::secs(24 * 3600), in Span::secs(60), Span::secs(30 * 86_400);
    }
}

section! {
    /// The live sockets.
    pub struct Live as "live" {
        /// Open sockets on this node.
        max_sockets: usize = 50_000, in 1, 10_000_000;
        /// Open sockets from one address. Mobile networks have thousands of phones behind one address.
        max_sockets_per_address: usize = 5000, in 1, 10_000_000;
        /// Sockets that may be opened in a second, with bursts of twice as many; 0 for no limit.
        handshakes_per_second: u32 = 5000, in 0, 10_000_000;
        /// The period over which refused clients are spread: each gets a random `Retry-After` within it.
        retry_window: Span = Span::secs(10), in Span::secs(1), Span::secs(600);
        /// Topics that one socket may watch.
        topics_per_socket: usize = 64, in 1, 10_000;
        /// The largest frame that a client may send, in bytes.
        frame_bytes: usize = 4096, in 256, 1024 * 1024;
        /// Frames that a client may send in a second, with bursts of twice as many.
        frames_per_second: u32 = 20, in 1, 100_000;
        /// Bytes queued for one slow reader before newer state replaces older. A longer queue closes the socket: at once if it is four
        /// times as long, otherwise when the client stops reading.
        queue_bytes: usize = 256 * 1024, in 4096, 64 * 1024 * 1024;
        /// How long a client with more than `queue_bytes` in its queue may read nothing.
        slow_after: Span = Span::secs(10), in Span::millis(100), Span::secs(300);
        /// Memory for the queues of all slow readers together, in bytes; then the sockets with the longest queues are closed. Events,
        /// which sockets share, do not count.
        waiting_bytes: usize = 256 * 1024 * 1024, in 64 * 1024, 1 << 40;
        /// Events buffered for one subscription while its snapshot is read.
        gate_events: usize = 1024, in 16, 1_000_000;
        /// Events of recently read orders kept in memory for a minute, so that sockets that return together cost one read of the log.
        history_events: u64 = 20_000, in 1, 10_000_000;
        /// The longest time without a frame to a client; then a ping is sent.
        ping_every: Span = Span::secs(20), in Span::millis(100), Span::secs(300);
        /// How long a client may be silent before its socket is closed. Clients answer pings, so this must be longer than `ping_every`
        /// and the time of an answer.
        idle_timeout: Span = Span::secs(30), in Span::millis(200), Span::secs(900);
        /// How long an event may wait to be published before screens get `behind`.
        behind_after: Span = Span::secs(5), in Span::millis(100), Span::secs(600);
        /// How long before a token expires the client gets `expiring`.
        expiry_notice: Span = Span::secs(60), in Span::secs(1), Span::secs(3600);
        /// How long a socket stays open, plus or minus a fifth. Then the client must reconnect, so that new nodes get their share of the
        /// sockets. 0 for no limit.
        max_age: Span = Span::secs(0), in Span::secs(0), Span::secs(30 * 86_400);
        /// The period over which a shutdown closes its sockets. Until its moment a socket gets events, and requests are answered.
        drain_window: Span = Span::secs(5), in Span::millis(0), Span::secs(600);
    }
}

section! {
    /// The rules of ordering.
    pub struct Orders as "orders" {
        /// How long after its end staff may reopen an order.
        reopen_within: Span = Span::secs(30 * 60), in Span::secs(0), Span::secs(7 * 86_400);
        /// How long an ended order stays in the snapshots of stores, customers and couriers.
        linger: Span = Span::secs(120), in Span::secs(0), Span::secs(86_400);
        /// Items in one order.
        max_items: usize = 200, in 1, 10_000;
    }
}

section! {
    /// The log, on standard error.
    pub struct Log as "log" {
        /// `text` for people, `json` for machines.
        format: LogFormat = LogFormat::Text;
        /// What is logged, such as `info` or `orderwire=debug,warn`.
        filter: String = "info,lapin=off".to_owned();
    }
}
