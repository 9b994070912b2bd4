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
        /// Where to listen. The default can only be reached from this machine.
        listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 8080));
        /// How this server is reached from outside: tracking links begin with it. Left out: `http://` and `http.listen`.
        public_url: Option<String> = None;
        /// The largest request body, in bytes, of every route but the webhooks.
        body_limit: usize = 256 * 1024, in 1024, 16 * 1024 * 1024;
        /// The largest webhook body, in bytes. Meta's are up to 3 MB.
        webhook_body_limit: usize = 3 * 1024 * 1024, in 1024, 64 * 1024 * 1024;
        /// How long one request may take before it is answered with 503.
        request_timeout: Span = Span::secs(15), in Span::millis(100), Span::secs(300);
        /// How long a client may take to send its request's head.
        header_timeout: Span = Span::secs(5), in Span::millis(100), Span::secs(60);
        /// How long a client may pause within its request's body before it is answered with 408.
        body_timeout: Span = Span::secs(5), in Span::millis(100), Span::secs(60);
        /// Connections open at once; further ones wait in the kernel's queue.
        max_connections: usize = 100_000, in 16, 10_000_000;
        /// Connections that may wait in the kernel's queue; the kernel has a bound of its own (`net.core.somaxconn`).
        backlog: u32 = 4096, in 1, 65_535;
        /// Whether `X-Forwarded-For` names the client: only behind a proxy that sets it.
        trust_forwarded_for: bool = false;
        /// Origins of other sites whose pages may call the API: `https://app.example.com`, or `*`.
        cors_origins: Vec<String> = Vec::new();
        /// How long an `Idempotency-Key` is remembered.
        idempotency_ttl: Span = Span::secs(24 * 3600), in Span::secs(60), Span::secs(30 * 86_400);
    }
}

section! {
    /// Durable state.
    pub struct Database as "database" {
        /// `postgres://…`, or `sqlite:` and a path. Left out: `orderwire.db` in the data folder. Also `DATABASE_URL`.
        url: Option<SecretString> = None;
        /// Connections open at once; readers only, on SQLite.
        max_connections: u32 = 16, in 1, 1000;
        /// How long to wait for a free connection before answering 503.
        acquire_timeout: Span = Span::secs(5), in Span::millis(50), Span::secs(60);
        /// How long a node may be silent within a transaction; then PostgreSQL rolls it back and ends the session, so that a node that hangs
        /// does not keep its row locks.
        idle_transaction_timeout: Span = Span::secs(10), in Span::secs(1), Span::secs(600);
        /// How long a node may be silent that holds a lease of the cluster, such as the relay's; then PostgreSQL 14 or newer ends its
        /// session, and another node takes the lease over. It is renewed each second.
        lease_timeout: Span = Span::secs(10), in Span::secs(8), Span::secs(600);
        /// How often a node compares its clock with PostgreSQL's, by which all nodes go.
        clock_every: Span = Span::secs(5), in Span::millis(100), Span::secs(300);
        /// Whether starting the server brings the schema up to date; else it refuses to start on an old one.
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
        /// `amqp://user:password@host:5672/vhost`. Left out: events stay in this process. Also `AMQP_URL`.
        amqp_url: Option<SecretString> = None;
        /// The topic exchange that events are published to.
        exchange: String = "orderwire.events".to_owned();
        /// Unacknowledged messages that one consumer holds.
        prefetch: u16 = 512, in 1, 65_535;
        /// How often a quorum queue delivers one message before it becomes a dead letter.
        delivery_limit: u32 = 10, in 1, 1000;
        /// How long to wait for the broker to connect, or to confirm a batch.
        timeout: Span = Span::secs(10), in Span::millis(100), Span::secs(120);
        /// How often queues are checked for having lost their bindings, while events are published.
        probe_every: Span = Span::secs(5), in Span::millis(100), Span::secs(600);
        /// The longest delay between two attempts to reconnect.
        reconnect_cap: Span = Span::secs(3), in Span::millis(100), Span::secs(60);
        /// Messages that the in-process bus holds in memory for one consumer; what is beyond that it reads from the outbox later.
        local_capacity: usize = 4096, in 16, 1_000_000;
    }
}

section! {
    /// Order snapshots.
    pub struct Cache as "cache" {
        /// `redis://host:6379`. Left out: each process remembers on its own. Also `REDIS_URL`.
        redis_url: Option<SecretString> = None;
        /// How long a snapshot is kept in Redis after its last change.
        ttl: Span = Span::secs(3600), in Span::secs(1), Span::secs(7 * 86_400);
        /// Snapshots held in this process.
        memory_entries: u64 = 100_000, in 1, 100_000_000;
        /// How long to wait for Redis before doing without.
        timeout: Span = Span::millis(250), in Span::millis(5), Span::secs(10);
        /// How long Redis is left alone after it failed.
        rest: Span = Span::secs(1), in Span::millis(10), Span::secs(60);
    }
}

section! {
    /// Tokens.
    pub struct Auth as "auth" {
        /// Secrets for HS256 tokens, 32 bytes or more; the first one signs, all are accepted. Left out: one is made in the data folder.
        secrets: Vec<SecretString> = Vec::new();
        /// Keys that secrets are sealed with in the database: 32 bytes in base64; the first one seals, all open. The same on all servers.
        /// Left out: one is made in the data folder; with PostgreSQL it must be set.
        sealing_keys: Vec<SecretString> = Vec::new();
        /// Start although no sealing key opens what the database holds, and seal with the first one from now on: for when the old key is lost.
        replace_sealing_key: bool = false;
        /// PEM files with public keys of the identity provider (RS256, ES256, EdDSA).
        public_key_files: Vec<PathBuf> = Vec::new();
        /// The `iss` that a token must carry.
        issuer: String = "orderwire".to_owned();
        /// The `aud` that a token must carry.
        audience: String = "orderwire".to_owned();
        /// How far the issuer's clock may differ from ours.
        leeway: Span = Span::secs(30), in Span::secs(0), Span::secs(300);
        /// How long a token made here is valid.
        token_ttl: Span = Span::secs(12 * 3600), in Span::secs(10), Span::secs(30 * 86_400);
        /// How long after its first issue a token made here may still be renewed.
        renew_for: Span = Span::secs(30 * 86_400), in Span::secs(0), Span::secs(365 * 86_400);
        /// How long a tracking link works.
        tracking_ttl: Span = Span::secs(24 * 3600), in Span::secs(60), Span::secs(30 * 86_400);
    }
}

section! {
    /// The live sockets.
    pub struct Live as "live" {
        /// Sockets open at once on this node.
        max_sockets: usize = 50_000, in 1, 10_000_000;
        /// Sockets open at once from one address; carriers put thousands of phones behind one.
        max_sockets_per_address: usize = 5000, in 1, 10_000_000;
        /// Sockets that may be opened in a second, with bursts of twice as many; 0 for no bound.
        handshakes_per_second: u32 = 5000, in 0, 10_000_000;
        /// Over how long clients that are refused a socket are spread: each is told another number of seconds in `Retry-After`.
        retry_window: Span = Span::secs(10), in Span::secs(1), Span::secs(600);
        /// Topics that one socket may watch.
        topics_per_socket: usize = 64, in 1, 10_000;
        /// The largest frame that a client may send, in bytes.
        frame_bytes: usize = 4096, in 256, 1024 * 1024;
        /// Frames that a client may send in a second, with bursts of twice as many.
        frames_per_second: u32 = 20, in 1, 100_000;
        /// Bytes that wait for one slow reader before newer state replaces older. Who has more waiting even so is closed: at once if
        /// it is four times as much, else when it stops reading.
        queue_bytes: usize = 256 * 1024, in 4096, 64 * 1024 * 1024;
        /// How long a slow reader with more than `queue_bytes` waiting may go without taking a byte.
        slow_after: Span = Span::secs(10), in Span::millis(100), Span::secs(300);
        /// Memory that may wait for all slow readers together, in bytes; then those for whom most waits are closed. Events, which
        /// they share, do not count.
        waiting_bytes: usize = 256 * 1024 * 1024, in 64 * 1024, 1 << 40;
        /// Events held for one subscription while its snapshot is read.
        gate_events: usize = 1024, in 16, 1_000_000;
        /// Events of recently asked for orders held for a minute, so that sockets which come back together cost one read of the log.
        history_events: u64 = 20_000, in 1, 10_000_000;
        /// How long a socket may be silent towards its client.
        ping_every: Span = Span::secs(20), in Span::millis(100), Span::secs(300);
        /// How long a client may be silent before its socket is closed. It answers pings, so this must exceed `ping_every`, by what an
        /// answer may take.
        idle_timeout: Span = Span::secs(30), in Span::millis(200), Span::secs(900);
        /// How long an event may wait to be published before screens are told that they are behind.
        behind_after: Span = Span::secs(5), in Span::millis(100), Span::secs(600);
        /// How long before its end a token is announced as `expiring`.
        expiry_notice: Span = Span::secs(60), in Span::secs(1), Span::secs(3600);
        /// How long a socket is kept, give or take a fifth; then it is sent away to come back, so that new nodes get their share of the
        /// sockets and a deployment is nothing special. 0 for ever.
        max_age: Span = Span::secs(0), in Span::secs(0), Span::secs(30 * 86_400);
        /// Over how long a shutdown spreads the closing of its sockets. Until then they are sent events, and requests are answered.
        drain_window: Span = Span::secs(5), in Span::millis(0), Span::secs(600);
    }
}

section! {
    /// The rules of ordering.
    pub struct Orders as "orders" {
        /// How long after its end staff may reopen an order.
        reopen_within: Span = Span::secs(30 * 60), in Span::secs(0), Span::secs(7 * 86_400);
        /// How long an ended order stays on the snapshots of stores, customers and couriers.
        linger: Span = Span::secs(120), in Span::secs(0), Span::secs(86_400);
        /// Lines in one order.
        max_items: usize = 200, in 1, 10_000;
    }
}

section! {
    /// The log, on standard error.
    pub struct Log as "log" {
        /// `text` for people, `json` for machines.
        format: LogFormat = LogFormat::Text;
        /// What is logged: `info`, `orderwire=debug,warn`…
        filter: String = "info,lapin=off".to_owned();
    }
}
