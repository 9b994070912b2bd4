//! Sealing keys: whether this server has the key that the database's secrets are sealed with.

use std::{collections::BTreeMap, fmt};

use metrics::gauge;

use crate::{
    app::App,
    base::{clock::Clock, mint::Mint, seal::Sealer},
    store::{
        self, Database, StoreError, Tx,
        sealing::{SealedSecret, SecretOwner},
    },
    telemetry::metric,
};

/// What the check value is sealed for, and its text.
const CHECK: &[u8] = b"orderwire sealing key";

/// How many secrets a message names.
const NAMED: usize = 5;

/// Why a server must not start with its sealing keys.
#[derive(Debug, thiserror::Error)]
pub enum SealingError {
    /// It has other keys than the server that sealed what is stored.
    #[error(
        "none of the sealing keys of this server opens what the database holds: set `auth.sealing_keys` to what the other \
         servers on this database have; {LOST_KEY}"
    )]
    OtherKey,
    /// There is no key.
    #[error("there is no sealing key; set `auth.sealing_keys`")]
    NoKey,
    /// The database could not be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What to do when the key is gone for good.
pub const LOST_KEY: &str = "if the old key is lost, start once with `auth.replace_sealing_key=true`, \
     then rotate the secrets of endpoints and add the credentials of partners again";

/// How the keys of a server fit a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// Whether one of them is the key that secrets are sealed with now.
    pub has_current_key: bool,
    /// How many secrets are in use.
    pub secrets: usize,
    /// How many of them each partner has, by its slug.
    pub credentials: BTreeMap<String, usize>,
    /// Those that none of the keys opens.
    pub unreadable: Vec<SecretOwner>,
}

/// Compares the keys of this server with the database's, and makes its first key the current one: the others must have it when they
/// start from now on. `replace` accepts that none of them is known there.
pub async fn check(
    db: &Database,
    sealer: &Sealer,
    (clock, mint): (&Clock, &Mint),
    replace: bool,
) -> Result<(), SealingError> {
    let now = clock.now();
    let own = sealer.seal(mint, CHECK, CHECK).ok_or(SealingError::NoKey)?;
    let mut tx = db.begin().await?;
    let is_first = store::sealing::put_check(&mut tx, &own, now).await?;
    let stored = store::sealing::lock_check(&mut tx).await?.filter(|_| !is_first);
    let found = compare(&mut tx, sealer, stored.as_deref(), clock).await?;
    if !found.has_current_key && !replace {
        tx.roll_back().await;
        return Err(SealingError::OtherKey);
    }
    if stored.is_some_and(|stored| !sealer.seals_like(CHECK, &stored)) {
        store::sealing::replace_check(&mut tx, &own, now).await?;
        tracing::info!("secrets are sealed with another key from now on");
    }
    tx.commit().await?;
    found.report();
    Ok(())
}

/// Compares keys with a database, without a change.
pub async fn inspect(
    db: &Database,
    sealer: &Sealer,
    clock: &Clock,
) -> Result<Inspection, StoreError> {
    let mut tx = db.read().await?;
    let stored = store::sealing::check(&mut tx).await?;
    compare(&mut tx, sealer, stored.as_deref(), clock).await
}

/// [`inspect`] of a running server.
pub async fn inspect_own(app: &App) -> Result<Inspection, StoreError> {
    inspect(&app.db, app.credentials.sealer(), &app.clock).await
}

async fn compare(
    tx: &mut Tx,
    sealer: &Sealer,
    stored: Option<&[u8]>,
    clock: &Clock,
) -> Result<Inspection, StoreError> {
    let secrets = store::sealing::secrets(tx, clock.now()).await?;
    let count = secrets.len();
    let is_sealed = |secret: &SealedSecret| {
        let place = match &secret.owner {
            SecretOwner::Endpoint(id) => id.uuid().as_bytes().to_vec(),
            SecretOwner::Credential { partner, .. } => partner.as_bytes().to_vec(),
        };
        sealer.open(&place, &secret.sealed).is_none()
    };
    let mut credentials = BTreeMap::new();
    for secret in &secrets {
        if let SecretOwner::Credential { partner, .. } = &secret.owner {
            *credentials.entry(partner.clone()).or_default() += 1;
        }
    }
    let unreadable: Vec<_> =
        secrets.into_iter().filter(is_sealed).map(|secret| secret.owner).collect();
    let has_current_key = match stored {
        Some(stored) => sealer.open(CHECK, stored).is_some(),
        // The first start, or the first one since there is a check value: what is stored decides.
        None => count == 0 || unreadable.len() < count,
    };
    Ok(Inspection { has_current_key, secrets: count, credentials, unreadable })
}

impl Inspection {
    /// Sets the gauge, and logs an error if there is something that this server cannot open.
    pub fn report(&self) {
        #[expect(clippy::cast_precision_loss, reason = "gauges are floating point")]
        gauge!(metric::SECRETS_UNREADABLE).set(self.unreadable.len() as f64);
        if !self.unreadable.is_empty() {
            tracing::error!("{self}");
        }
    }
}

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.unreadable.len();
        write!(f, "{count} of {} stored secrets cannot be opened with the keys of ", self.secrets)?;
        f.write_str("`auth.sealing_keys`: ")?;
        for (at, owner) in self.unreadable.iter().take(NAMED).enumerate() {
            f.write_str(if at == 0 { "" } else { ", " })?;
            match owner {
                SecretOwner::Endpoint(id) => write!(f, "endpoint {id}"),
                SecretOwner::Credential { id, partner } => {
                    write!(f, "{partner}'s credential {id}")
                }
            }?;
        }
        f.write_str(if count > NAMED { "…" } else { "" })
    }
}
