//! Use cases: functions, not objects. Every transaction begins and ends here.

mod audit;
pub mod batch;
pub mod consents;
pub mod contacts;
pub mod credentials;
pub mod deadlines;
pub mod endpoints;
pub mod events;
pub mod idempotency;
pub mod inbox;
pub mod intake;
mod ledger;
pub mod mappings;
pub mod notify;
pub mod orders;
pub mod partner_calls;
pub mod reconcile;
pub mod sealing;
pub mod stores;
pub mod timings;
pub mod tracking;

use std::{ops::Deref, sync::Arc};

use dashmap::DashSet;
use serde::Serialize;

use crate::{
    auth::{MissingScope, RenewalRefused, TokenError, Tokens},
    base::{clock::Clock, mint::Mint, tasks::Tasks},
    bus::Bus,
    cache::Cache,
    config::Config,
    domain::{MoneyError, Refusal},
    live::Hub,
    outbound::Http,
    partners::Partners,
    store::{Database, StoreError},
    telemetry::Metrics,
};

/// What a use case may reach. One pointer, for every socket holds one.
#[derive(Clone)]
pub struct App(Arc<Reach>);

impl App {
    /// Puts it together.
    pub fn new(reach: Reach) -> Self {
        Self(Arc::new(reach))
    }
}

impl Deref for App {
    type Target = Reach;

    fn deref(&self) -> &Reach {
        &self.0
    }
}

/// All that a use case may reach.
pub struct Reach {
    /// Durable state.
    pub db: Database,
    /// Order snapshots.
    pub cache: Cache,
    /// The event transport.
    pub bus: Bus,
    /// The screens of this node.
    pub hub: Arc<Hub>,
    /// What is being read for them.
    pub reads: tracking::Reads,
    /// Makes and checks tokens.
    pub tokens: Arc<Tokens>,
    /// Where partners' calls are handed in to be stored.
    pub calls: intake::Gathering,
    /// Who calls.
    pub partners: Partners,
    /// What each partner proves itself with.
    pub credentials: credentials::Credentials,
    /// What people are written to with.
    pub messaging: notify::Messaging,
    /// What partners are told things with.
    pub outgoing: partner_calls::Outgoing,
    /// What the restaurant's own systems are told with.
    pub endpoints: Http,
    /// The time.
    pub clock: Clock,
    /// Ids and chance.
    pub mint: Mint,
    /// Everything that runs beside the requests.
    pub tasks: Tasks,
    /// What this server has counted.
    pub metrics: Metrics,
    /// The settings.
    pub config: Arc<Config>,
    /// Idempotency keys that this process is working on.
    pub running_keys: Arc<DashSet<(String, String)>>,
}

/// One fault of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Detail {
    /// Where: `items[2].quantity`.
    pub field: String,
    /// What is wrong there.
    pub message: String,
}

impl Detail {
    /// A fault at a place.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// Why a use case did not happen.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A rule said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store could not. Shared, as one read may fail for many.
    #[error(transparent)]
    Store(Arc<StoreError>),
    /// There is no such thing, or the caller may not know of it.
    #[error("there is no such {0}")]
    NoSuch(&'static str),
    /// The caller may know of it, but may not do this.
    #[error("{0}")]
    Forbidden(&'static str),
    /// The token does not allow it.
    #[error(transparent)]
    MissingScope(#[from] MissingScope),
    /// The request has faults.
    #[error("the request contains invalid parameters")]
    Invalid(Vec<Detail>),
    /// Somebody else has it.
    #[error("{0}")]
    Taken(String),
    /// The same key is being worked on.
    #[error("the idempotency key is in use")]
    KeyInUse,
    /// The same key came with another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// A token was refused.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Nobody knows whether it was done: ask again.
    #[error("this was interrupted; look before you try again")]
    Interrupted,
    /// A bug of ours.
    #[error("{0}")]
    Internal(String),
}

impl Failure {
    /// Whether background work is to be tried again as it is, later: [`StoreError::is_transient`]. All else is the fault of an item.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_transient())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(Arc::new(error))
    }
}

impl From<Arc<StoreError>> for Failure {
    fn from(error: Arc<StoreError>) -> Self {
        Self::Store(error)
    }
}

impl From<MoneyError> for Failure {
    fn from(error: MoneyError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<RenewalRefused> for Failure {
    fn from(refused: RenewalRefused) -> Self {
        Self::Forbidden(match refused {
            RenewalRefused::Foreign => {
                "This token was not issued here; ask its issuer for a fresh one."
            }
            RenewalRefused::Tracking => "Tracking links are not renewed.",
            RenewalRefused::TooOld => "This token was first issued too long ago; sign in again.",
        })
    }
}
