//! The table of authority: who may do what, in one place that people can read.

/// Everybody there is, in the order of the table's columns.
pub const EVERYBODY: [Asked; 13] = [
    Asked::Owner,
    Asked::Customer,
    Asked::Carrier,
    Asked::Courier,
    Asked::Link,
    Asked::OtherLink,
    Asked::Staff,
    Asked::StaffElsewhere,
    Asked::Headquarters,
    Asked::HeadquartersWithScopes,
    Asked::Service,
    Asked::ServiceElsewhere,
    Asked::ServiceWithoutScope,
];

/// Somebody with a good token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The customer who placed the order.
    Owner,
    /// Another customer.
    Customer,
    /// The courier who carries the order.
    Carrier,
    /// Another courier.
    Courier,
    /// The order's tracking link.
    Link,
    /// Another order's.
    OtherLink,
    /// Staff of the order's store.
    Staff,
    /// Staff of another store.
    StaffElsewhere,
    /// Staff of all stores, without a scope.
    Headquarters,
    /// Staff of all stores, with every scope.
    HeadquartersWithScopes,
    /// A service of all stores, with every scope.
    Service,
    /// A service with every scope, of another store.
    ServiceElsewhere,
    /// A service of all stores, with every scope but the one that the operation takes.
    ServiceWithoutScope,
}

/// What is answered.
#[derive(Clone, Copy, Debug)]
pub enum Expected {
    /// Anybody may, without a token.
    Public,
    /// Only a partner's signature opens it; no token does.
    Signature,
    /// By who asks.
    Each([u16; EVERYBODY.len()]),
}

/// Who may do one operation.
#[derive(Debug)]
pub struct Rule {
    /// Its method and path in the document.
    pub operation: &'static str,
    /// The scope that a service needs for it.
    pub scope: &'static str,
    /// What is sent: JSON, `order`, `store`, `store_id` or `endpoint`.
    pub body: &'static str,
    /// The steps of a fresh order for each request; empty: all share one order, which stays as it is.
    pub stage: &'static [&'static str],
    /// What is answered.
    pub expected: Expected,
}

const fn rule(operation: &'static str, scope: &'static str, each: [u16; EVERYBODY.len()]) -> Rule {
    Rule { operation, scope, body: "{}", stage: &[], expected: Expected::Each(each) }
}

const fn open(operation: &'static str, expected: Expected) -> Rule {
    Rule { operation, scope: "", body: "{}", stage: &[], expected }
}

impl Rule {
    const fn body(self, body: &'static str) -> Self {
        Self { body, ..self }
    }

    const fn stage(self, stage: &'static [&'static str]) -> Self {
        Self { stage, ..self }
    }
}

const REASON: &str = r#"{"reason": {"code": "other"}}"#;
const READY: &[&str] = &["accepted", "preparing", "ready"];

/// The table. Its columns: the owner, another customer, the carrier, another courier, the order's link, another link, staff here,
/// staff elsewhere, headquarters, headquarters with scopes, a service, a service elsewhere, a service without the scope.
#[rustfmt::skip]
pub const RULES: &[Rule] = &[
    // Of everybody's, only their own is found; who may not even look is told so.
    rule("GET /v1/orders", "orders:read",
        [200, 200, 200, 200, 403, 403, 200, 200, 200, 200, 200, 200, 403]),
    rule("POST /v1/orders", "orders:write",
        [201, 201, 403, 403, 403, 403, 201, 403, 201, 201, 201, 403, 403]).body("order"),
    rule("GET /v1/orders/{id}", "orders:read",
        [200, 404, 200, 404, 200, 404, 200, 404, 200, 200, 200, 404, 404]),
    rule("PATCH /v1/orders/{id}", "orders:write",
        [403, 403, 403, 403, 403, 403, 200, 404, 200, 200, 200, 404, 403]).body(r#"{"status": "placed"}"#),
    rule("POST /v1/orders/{id}/cancel", "orders:write",
        [200, 404, 403, 403, 403, 403, 200, 404, 200, 200, 200, 404, 403]).body(REASON).stage(&["placed"]),
    rule("POST /v1/orders/{id}/recall", "orders:write",
        [403, 403, 403, 403, 403, 403, 200, 404, 200, 200, 200, 404, 403]).body(REASON).stage(READY),
    rule("POST /v1/orders/{id}/reopen", "orders:write",
        [403, 403, 403, 403, 403, 403, 200, 404, 200, 200, 200, 404, 403]).body(REASON).stage(&["rejected"]),
    rule("GET /v1/orders/{id}/history", "orders:read",
        [403, 403, 403, 403, 403, 403, 200, 404, 200, 200, 200, 404, 404]),
    rule("POST /v1/orders/{id}/tracking-link", "orders:read",
        [200, 404, 200, 404, 403, 403, 200, 404, 200, 200, 200, 404, 404]),
    rule("GET /v1/orders/{id}/events", "orders:read",
        [200, 404, 200, 404, 200, 404, 200, 404, 200, 200, 200, 404, 404]),
    // Whoever they are, they are asked to speak WebSocket; what they may watch is decided topic by topic.
    rule("GET /v1/live", "orders:read",
        [426, 426, 426, 426, 426, 426, 426, 426, 426, 426, 426, 426, 426]),
    rule("GET /v1/stores", "stores:read",
        [403, 403, 403, 403, 403, 403, 200, 200, 200, 200, 200, 200, 200]),
    rule("POST /v1/stores", "stores:write",
        [403, 403, 403, 403, 403, 403, 403, 403, 403, 201, 201, 403, 403]).body("store"),
    // What stands there hangs outside the door.
    rule("GET /v1/stores/{id}", "stores:read",
        [200, 200, 200, 200, 200, 200, 200, 404, 200, 200, 200, 404, 403]),
    rule("PATCH /v1/stores/{id}", "stores:write",
        [403, 403, 403, 403, 403, 403, 403, 404, 403, 200, 200, 404, 403]),
    rule("GET /v1/partners/{partner}/credentials", "partners:write",
        [403, 403, 403, 403, 403, 403, 403, 403, 403, 200, 200, 403, 403]),
    rule("POST /v1/partners/{partner}/credentials", "partners:write",
        [403, 403, 403, 403, 403, 403, 403, 403, 403, 201, 201, 403, 403]).body(r#"{"label": "Abdoun"}"#),
    rule("PATCH /v1/partners/{partner}/credentials/{id}", "partners:write",
        [403, 403, 403, 403, 403, 403, 403, 403, 403, 404, 404, 403, 403]).body(r#"{"expiresAt": null}"#),
    rule("DELETE /v1/partners/{partner}/credentials/{id}", "partners:write",
        [403, 403, 403, 403, 403, 403, 403, 403, 403, 404, 404, 403, 403]),
    rule("GET /v1/mappings", "stores:read",
        [403, 403, 403, 403, 403, 403, 403, 403, 403, 200, 200, 403, 403]),
    rule("GET /v1/mappings/{partner}/stores/{external_id}", "stores:write",
        [403, 403, 403, 403, 403, 403, 403, 403, 403, 200, 200, 403, 403]),
    rule("PUT /v1/mappings/{partner}/stores/{external_id}", "stores:write",
        [403, 403, 403, 403, 403, 403, 403, 403, 403, 200, 200, 403, 403]).body("store_id"),
    rule("DELETE /v1/mappings/{partner}/stores/{external_id}", "stores:write",
        [403, 403, 403, 403, 403, 403, 403, 403, 403, 404, 404, 403, 403]),
    rule("GET /v1/stores/{id}/stats", "orders:read",
        [403, 403, 403, 403, 403, 403, 200, 404, 200, 200, 200, 404, 403]),
    rule("GET /v1/webhooks/inbox", "inbox:read",
        [403, 403, 403, 403, 403, 403, 403, 403, 403, 200, 200, 403, 403]),
    rule("GET /v1/webhooks/inbox/{id}", "inbox:read",
        [403, 403, 403, 403, 403, 403, 403, 403, 403, 200, 200, 403, 403]),
    rule("POST /v1/webhooks/inbox/{id}/replay", "inbox:read",
        [403, 403, 403, 403, 403, 403, 403, 403, 403, 202, 202, 403, 403]),
    rule("POST /v1/webhooks/inbox/replay", "inbox:read",
        [403, 403, 403, 403, 403, 403, 403, 403, 403, 202, 202, 403, 403]),
    rule("GET /v1/webhooks/inbox/{id}/body", "inbox:read",
        [403, 403, 403, 403, 403, 403, 403, 403, 403, 200, 200, 403, 403]),
    rule("GET /v1/partners", "ops",
        [403, 403, 403, 403, 403, 403, 403, 403, 403, 200, 200, 403, 403]),
    rule("GET /v1/partners/calls", "inbox:read",
        [403, 403, 403, 403, 403, 403, 403, 403, 403, 200, 200, 403, 403]),
    rule("POST /v1/partners/calls/{id}/retry", "inbox:read",
        [403, 403, 403, 403, 403, 403, 403, 403, 403, 404, 404, 403, 403]),
    rule("GET /v1/partners/audit", "inbox:read",
        [403, 403, 403, 403, 403, 403, 403, 403, 403, 200, 200, 403, 403]),
    rule("GET /v1/notifications", "notifications:write",
        [403, 403, 403, 403, 403, 403, 200, 200, 403, 200, 200, 200, 403]),
    rule("GET /v1/notifications/{id}", "notifications:write",
        [403, 403, 403, 403, 403, 403, 404, 404, 404, 404, 404, 404, 404]),
    rule("POST /v1/notifications/{id}/retry", "notifications:write",
        [403, 403, 403, 403, 403, 403, 404, 404, 404, 404, 404, 404, 404]),
    rule("GET /v1/stores/{id}/notifications", "notifications:write",
        [403, 403, 403, 403, 403, 403, 200, 404, 200, 200, 200, 404, 403]),
    rule("PUT /v1/stores/{id}/notifications", "notifications:write",
        [403, 403, 403, 403, 403, 403, 403, 404, 403, 204, 204, 404, 403]).body(r#"{"rules": []}"#),
    rule("DELETE /v1/stores/{id}/notifications", "notifications:write",
        [403, 403, 403, 403, 403, 403, 403, 404, 403, 204, 204, 404, 403]),
    rule("GET /v1/templates", "notifications:write",
        [403, 403, 403, 403, 403, 403, 403, 403, 403, 200, 200, 403, 403]),
    rule("POST /v1/templates/{name}/release", "notifications:write",
        [403, 403, 403, 403, 403, 403, 403, 403, 403, 204, 204, 403, 403]),
    // What is known of a person belongs to no one store.
    rule("GET /v1/contacts/{phone}", "contacts:write",
        [403, 403, 403, 403, 403, 403, 403, 403, 403, 200, 200, 403, 403]),
    rule("POST /v1/contacts/{phone}/consents", "contacts:write",
        [403, 403, 403, 403, 403, 403, 403, 403, 403, 200, 200, 403, 403])
        .body(r#"{"decision": "withdrawn", "source": "counter"}"#),
    rule("GET /v1/contacts/{phone}/export", "contacts:write",
        [403, 403, 403, 403, 403, 403, 403, 403, 403, 200, 200, 403, 403]),
    rule("DELETE /v1/contacts/{phone}", "contacts:write",
        [403, 403, 403, 403, 403, 403, 403, 403, 403, 404, 404, 403, 403]),
    rule("GET /v1/endpoints", "webhooks:read",
        [403, 403, 403, 403, 403, 403, 403, 403, 403, 200, 200, 200, 403]),
    rule("POST /v1/endpoints", "webhooks:write",
        [403, 403, 403, 403, 403, 403, 403, 403, 403, 201, 201, 403, 403]).body("endpoint"),
    rule("GET /v1/endpoints/{id}", "webhooks:read",
        [403, 403, 403, 403, 403, 403, 403, 403, 403, 200, 200, 404, 403]),
    rule("PATCH /v1/endpoints/{id}", "webhooks:write",
        [403, 403, 403, 403, 403, 403, 403, 403, 403, 200, 200, 404, 403]),
    // There is none of this name for anybody: the others still need theirs.
    rule("DELETE /v1/endpoints/{id}", "webhooks:write",
        [403, 403, 403, 403, 403, 403, 403, 403, 403, 404, 404, 404, 403]),
    rule("POST /v1/endpoints/{id}/secret/rotate", "webhooks:write",
        [403, 403, 403, 403, 403, 403, 403, 403, 403, 200, 200, 404, 403]),
    rule("POST /v1/endpoints/{id}/ping", "webhooks:write",
        [403, 403, 403, 403, 403, 403, 403, 403, 403, 200, 200, 404, 403]),
    rule("POST /v1/endpoints/{id}/replay", "webhooks:write",
        [403, 403, 403, 403, 403, 403, 403, 403, 403, 202, 202, 404, 403]),
    rule("GET /v1/endpoints/{id}/deliveries", "webhooks:read",
        [403, 403, 403, 403, 403, 403, 403, 403, 403, 200, 200, 404, 403]),
    rule("GET /v1/deliveries/{id}", "webhooks:read",
        [403, 403, 403, 403, 403, 403, 403, 403, 403, 200, 200, 404, 403]),
    rule("POST /v1/deliveries/{id}/replay", "webhooks:write",
        [403, 403, 403, 403, 403, 403, 403, 403, 403, 409, 409, 404, 403]),
    rule("POST /v1/token/renew", "",
        [200, 200, 200, 200, 403, 403, 200, 200, 200, 200, 200, 200, 200]),
    // Whoever sets up the webhook of WhatsApp shows a word of ours in the query.
    open("GET /v1/webhooks/{partner}", Expected::Public),
    open("POST /v1/webhooks/{partner}", Expected::Signature),
    open("POST /v1/webhooks/{partner}/{rest}", Expected::Signature),
    open("PUT /v1/webhooks/{partner}/{rest}", Expected::Signature),
    open("GET /v1/schemas", Expected::Public),
    open("GET /v1/schemas/{event_type}", Expected::Public),
];
