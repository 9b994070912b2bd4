//! The restaurant's apps and screens, as clients of the public interface.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    auth::{Grant, Role, Scope, Stores, Tokens},
    base::{clock::Clock, mint::Mint},
    domain::{Eta, Fulfilment, LocalizedText, OrderId, OrderStatus, StoreId, Ticket, Version},
    simulator::partners::Partner,
};

/// How long a token of ours lasts: each request has its own.
const TOKEN_TTL: Duration = Duration::from_mins(1);

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A request that did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No answer, or one that cannot be read.
    #[error("{what}: {cause}")]
    NoAnswer {
        /// What was asked for.
        what: String,
        /// Why there is none.
        cause: reqwest::Error,
    },
    /// The server said no.
    #[error("{what}: {status}: {message}")]
    Refused {
        /// What was asked for.
        what: String,
        /// Its status.
        status: StatusCode,
        /// Its words.
        message: String,
    },
    /// An order that was placed at a partner has not become one of ours.
    #[error("an order of {0} does not come")]
    DoesNotCome(&'static str),
}

impl ClientError {
    /// Whether somebody else moved the order meanwhile, so that another look at it will tell.
    pub const fn is_a_conflict(&self) -> bool {
        matches!(
            self,
            Self::Refused { status: StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED, .. }
        )
    }
}

/// As whom a request is made.
#[derive(Clone, Copy, Debug)]
pub enum As {
    /// Somebody at a store.
    Staff(StoreId),
    /// Whoever keeps the server.
    Operator,
    /// The restaurant's own system.
    Service,
    /// Somebody who orders.
    Customer(&'static str),
}

/// An order, as far as the simulator looks at it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// Its id.
    pub id: OrderId,
    /// The store that makes it.
    pub store_id: StoreId,
    /// What people call it.
    pub number: String,
    /// How many changes it has seen.
    pub version: Version,
    /// How the food reaches the customer.
    pub fulfilment: Fulfilment,
    /// Where it stands.
    pub status: OrderStatus,
    /// The kitchen's side.
    pub tickets: Vec<Ticket>,
    /// When it is expected.
    #[serde(default)]
    pub eta: Option<Eta>,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A store.
#[derive(Clone, Debug, Deserialize)]
pub struct SeenStore {
    /// Its id.
    pub id: StoreId,
    /// As people know it.
    pub name: LocalizedText,
}

/// Speaks to the server.
pub struct Client {
    http: reqwest::Client,
    base: String,
    tokens: Arc<Tokens>,
    /// The machine's time.
    pub clock: Clock,
    /// For ids that must differ each time, whatever the seed.
    pub mint: Mint,
}

impl Client {
    /// Speaks to the server at `base`.
    pub fn new(base: String, tokens: Arc<Tokens>) -> Result<Self, ClientError> {
        // A proxy in the environment is for the way out, not for a server on this machine.
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build();
        let http =
            http.map_err(|cause| ClientError::NoAnswer { what: "HTTP".to_owned(), cause })?;
        let (clock, mint) = (Clock::System, Mint::system());
        Ok(Self { http, base, tokens, clock, mint })
    }

    /// A token to make requests with.
    pub fn token(&self, who: As, ttl: Duration) -> String {
        let grant = |role, subject: &str, stores| Grant {
            role,
            subject: subject.to_owned(),
            scopes: [].into_iter().collect(),
            stores,
            order: None,
        };
        let grant = match who {
            As::Staff(store) => grant(Role::Staff, "kitchen", Stores::Only(vec![store])),
            As::Operator => {
                let scopes = [Scope::Ops, Scope::InboxRead, Scope::NotificationsWrite];
                let scopes = scopes.into_iter().collect();
                Grant { scopes, ..grant(Role::Staff, "operator", Stores::All) }
            }
            As::Customer(id) => grant(Role::Customer, id, Stores::NONE),
            As::Service => {
                let scopes = Scope::ALL.iter().copied().collect();
                Grant { scopes, ..grant(Role::Service, "demo", Stores::All) }
            }
        };
        self.tokens.mint(&grant, ttl).0
    }

    /// The stores that there are.
    pub async fn stores(&self) -> Result<Vec<SeenStore>, ClientError> {
        #[derive(Deserialize)]
        struct Stores {
            stores: Vec<SeenStore>,
        }
        let answer: Stores = self.get("/v1/stores").await?;
        Ok(answer.stores)
    }

    /// Opens a store.
    pub async fn open_store(&self, body: &Value) -> Result<SeenStore, ClientError> {
        let request = self.request(Method::POST, "/v1/stores", As::Service).json(body);
        answer("a new store", request).await
    }

    /// Says which store a partner means by a name.
    pub async fn name_store(
        &self,
        partner: Partner,
        name: &str,
        store: StoreId,
    ) -> Result<(), ClientError> {
        let path = format!("/v1/mappings/{}/stores/{name}", partner.slug());
        let request = self.request(Method::PUT, &path, As::Service);
        settle("naming a store", request.json(&json!({"storeId": store}))).await.map(drop)
    }

    /// The order of ours that a partner's has become; `None` while it is not there.
    pub async fn find(&self, partner: Partner, name: &str) -> Result<Option<Seen>, ClientError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Mapping {
            local_id: OrderId,
        }
        #[derive(Deserialize)]
        struct Mappings {
            mappings: Vec<Mapping>,
        }
        let path = format!("/v1/mappings?partner={}&externalId={name}", partner.slug());
        let found: Mappings = self.get(&path).await?;
        match found.mappings.first() {
            Some(mapping) => self.read(mapping.local_id).await.map(Some),
            None => Ok(None),
        }
    }

    /// Places an order.
    pub async fn place(&self, who: As, body: &Value) -> Result<Seen, ClientError> {
        let key = self.mint.uuid(self.clock.now()).to_string();
        let request = self.request(Method::POST, "/v1/orders", who);
        let request = request.header("idempotency-key", key).json(body);
        answer("a new order", request).await
    }

    /// An order as it is now.
    pub async fn read(&self, id: OrderId) -> Result<Seen, ClientError> {
        self.get(&format!("/v1/orders/{id}")).await
    }

    /// The orders that have not ended.
    pub async fn open_orders(&self) -> Result<Vec<Seen>, ClientError> {
        #[derive(Deserialize)]
        struct Orders {
            orders: Vec<Seen>,
        }
        let answer: Orders = self.get("/v1/orders?open=true&limit=200").await?;
        Ok(answer.orders)
    }

    /// Moves an order, if it still is as it was seen.
    pub async fn patch(&self, who: As, seen: &Seen, body: &Value) -> Result<(), ClientError> {
        let path = format!("/v1/orders/{}", seen.id);
        let request = self.request(Method::PATCH, &path, who).json(body);
        let request = request.header("if-match", format!("\"{}\"", seen.version));
        settle(&format!("a step of order {}", seen.number), request).await.map(drop)
    }

    /// Cancels an order.
    pub async fn cancel(&self, who: As, seen: &Seen) -> Result<(), ClientError> {
        let path = format!("/v1/orders/{}/cancel", seen.id);
        let body = json!({"reason": {"code": "customer_request"}});
        let request = self.request(Method::POST, &path, who).json(&body);
        settle(&format!("cancelling order {}", seen.number), request).await.map(drop)
    }

    /// Makes a tracking link, and answers its token.
    pub async fn tracking_token(&self, id: OrderId) -> Result<String, ClientError> {
        #[derive(Deserialize)]
        struct Made {
            token: String,
        }
        let path = format!("/v1/orders/{id}/tracking-link");
        let made: Made =
            answer("a tracking link", self.request(Method::POST, &path, As::Service)).await?;
        Ok(made.token)
    }

    /// Brings a signed body to a webhook. The header is what proves it.
    pub async fn deliver(
        &self,
        path: &str,
        (name, proof): (&'static str, String),
        body: Vec<u8>,
    ) -> Result<(), ClientError> {
        let request = self.http.post(format!("{}{path}", self.base)).header(name, proof).body(body);
        settle(path, request.header("content-type", "application/json")).await.map(drop)
    }

    /// What stands at a path, as the restaurant's own system sees it.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        answer(path, self.request(Method::GET, path, As::Service)).await
    }

    fn request(&self, method: Method, path: &str, who: As) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        request.bearer_auth(self.token(who, TOKEN_TTL))
    }
}

async fn answer<T: DeserializeOwned>(
    what: &str,
    request: RequestBuilder,
) -> Result<T, ClientError> {
    let response = settle(what, request).await?;
    response.json().await.map_err(|cause| no_answer(what, cause))
}

/// The answer, if it is a good one.
async fn settle(what: &str, request: RequestBuilder) -> Result<reqwest::Response, ClientError> {
    let response = request.send().await.map_err(|cause| no_answer(what, cause))?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body: Value = response.json().await.unwrap_or_default();
    let message = body.pointer("/error/message").and_then(Value::as_str).unwrap_or_default();
    Err(ClientError::Refused { what: what.to_owned(), status, message: message.to_owned() })
}

fn no_answer(what: &str, cause: reqwest::Error) -> ClientError {
    ClientError::NoAnswer { what: what.to_owned(), cause: cause.without_url() }
}
