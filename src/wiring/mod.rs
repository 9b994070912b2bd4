//! Puts a server together: picks the drivers, makes the use cases' [`App`], starts the workers and the listener. Tests call it too.

mod start;

use std::{
    collections::BTreeMap,
    fs::File,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use dashmap::DashSet;
use secrecy::SecretString;

pub use self::start::Role;
use crate::{
    app::{
        App, Reach,
        credentials::Credentials,
        endpoints,
        intake::{Gathering, gathering},
        notify::Messaging,
        partner_calls::Outgoing,
        sealing,
        tracking::Reads,
    },
    auth::{Keys, Tokens, keys},
    base::{clock::Clock, folder, mint::Mint, tasks::Tasks},
    bus::Bus,
    cache::Cache,
    config::Config,
    http,
    live::{Drain, Hub, Limits, Rhythm},
    messaging::whatsapp,
    outbound,
    partners::{self, Partners},
    store::Database,
    telemetry::Metrics,
    workers::{self, ClockSync, Gather, adapters::report},
};

/// How often a shutdown says how far it is.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// A running server.
pub struct Server {
    app: App,
    address: SocketAddr,
    /// Says to other servers that this data folder is in use.
    _lock: Option<File>,
}

/// Connects everything and starts the given roles.
pub async fn start(
    config: Config,
    roles: &[Role],
    clock: Clock,
    mint: Mint,
) -> anyhow::Result<Server> {
    let metrics = Metrics::new();
    let tasks = Tasks::new(metrics.recorder());
    let starting = start_with(config, roles, (clock.synced(), mint), (tasks.clone(), metrics));
    tasks.recorded(Box::pin(starting)).await
}

async fn start_with(
    mut config: Config,
    roles: &[Role],
    chance: (Clock, Mint),
    background: (Tasks, Metrics),
) -> anyhow::Result<Server> {
    check_roles(&config, roles)?;
    let partners = Partners::new(&config)?;
    report(&partners.look().context("cannot read the folder of `adapters_dir`")?);
    partners.check(&config)?;
    let listener = http::listen(&config.http).with_context(|| {
        format!(
            "cannot listen on {}: is another server there? See `http.listen`",
            config.http.listen
        )
    })?;
    let address = listener.local_addr()?;
    config.http.listen = address;
    let lock = lock_data(&config)?;
    let (calls, gathered) = gathering();
    let app = connect(config, chance, background, (calls, partners)).await?;
    let clock_sync = ClockSync::measured(app.clone()).await?;
    app.tasks.spawn(workers::run(clock_sync, app.clone(), app.tasks.stop()));
    start::workers(&app, roles);
    let gather = Gather::new(app.clone(), gathered);
    app.tasks.spawn(workers::run(gather, app.clone(), app.tasks.stop()));
    let served =
        http::Served { api: roles.contains(&Role::Api), live: roles.contains(&Role::Live) };
    let router = http::router(app.clone(), served);
    app.tasks.spawn(http::serve(listener, router, app.config.http.clone(), app.tasks.clone()));
    Ok(Server { app, address, _lock: lock })
}

/// Two servers on one SQLite would not see each other's events.
fn lock_data(config: &Config) -> anyhow::Result<Option<File>> {
    if config.database.is_postgres() {
        return Ok(None);
    }
    folder::make_private(&config.data_dir)?;
    let path = config.data_dir.join("lock");
    let lock = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    ensure!(
        lock.try_lock().is_ok(),
        "another server uses the data folder {}; stop it, or take another one with --data-dir",
        config.data_dir.display()
    );
    Ok(Some(lock))
}

/// Connects every driver, without starting anything.
async fn connect(
    config: Config,
    (clock, mint): (Clock, Mint),
    (tasks, metrics): (Tasks, Metrics),
    (calls, partners): (Gathering, Partners),
) -> anyhow::Result<App> {
    let keys = keys::load_or_make(&config, &mint)?;
    let sealer = keys.sealer()?;
    let db = Database::connect(&config.database, &config.data_dir)
        .await
        .context("cannot open the database; see `database.url` (DATABASE_URL)")?;
    if config.database.migrate {
        db.migrate().await?;
    } else {
        let pending = db.pending_migrations().await?;
        ensure!(
            pending.is_empty(),
            "the schema lacks {}: run `orderwire migrate`",
            pending.join(", ")
        );
    }
    sealing::check(&db, &sealer, (&clock, &mint), config.auth.replace_sealing_key).await?;
    let secrets = partner_secrets(&config, &keys);
    let lines = partners::outbound::lines(&config, &secrets)?;
    let client = outbound::Client::new(&config.outbound, clock.clone())?;
    let told = endpoints::http(&config.endpoints, clock.clone())?;
    let messaging = Messaging::new(&config)?;
    let rhythm = Rhythm::of(&config.live, *config.auth.leeway);
    Ok(App::new(Reach {
        db,
        cache: Cache::connect(&config.cache, clock.clone())?,
        bus: Bus::connect(&config.bus, &tasks, &mint)?,
        hub: Arc::new(Hub::new(Limits::of(&config.live), rhythm)),
        reads: Reads::new(config.live.history_events),
        tokens: Arc::new(Tokens::new(&config.auth, &keys.token_secrets, clock.clone())?),
        calls,
        partners,
        credentials: Credentials::new(secrets, sealer),
        messaging,
        outgoing: Outgoing::new(client, lines),
        endpoints: told,
        clock,
        mint,
        tasks,
        metrics,
        config: Arc::new(config),
        running_keys: Arc::new(DashSet::new()),
    }))
}

impl Server {
    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What is spawned here is stopped and awaited with the server.
    pub fn tasks(&self) -> &Tasks {
        &self.app.tasks
    }

    /// For tests that look inside.
    #[cfg(test)]
    pub(crate) const fn app(&self) -> &App {
        &self.app
    }

    /// For those who hand out tokens that this server believes.
    pub(crate) fn tokens(&self) -> Arc<Tokens> {
        Arc::clone(&self.app.tokens)
    }

    /// For those who sign as a partner would.
    pub(crate) fn partner_secrets(&self) -> Arc<BTreeMap<String, Vec<SecretString>>> {
        self.app.credentials.configured()
    }

    /// Sends the sockets away, then stops taking work and finishes what is under way. Answers whether all ended in time; what did
    /// not is cut off.
    pub async fn shut_down(self) -> bool {
        let app = self.app;
        let tasks = app.tasks.clone();
        let ending = async {
            drain(&app).await;
            let in_time = app.tasks.shut_down(*app.config.workers.shutdown_grace).await;
            app.bus.close().await;
            app.db.close().await;
            in_time
        };
        tasks.recorded(ending).await
    }
}

/// Sends every socket away in its turn. Everything else goes on meanwhile: who is still there is shown what happens, and requests
/// that a proxy still sends here are answered.
async fn drain(app: &App) {
    let mut drain = Drain::begin(&app.hub, *app.config.live.drain_window, &app.mint);
    let mut said = Instant::now();
    tracing::info!("{} sockets are to go within {}", drain.left(), app.config.live.drain_window);
    while let Some(pause) = drain.step(Instant::now()) {
        if PROGRESS_EVERY <= said.elapsed() {
            tracing::info!("{} sockets are still to go", drain.left());
            said = Instant::now();
        }
        tokio::time::sleep(pause).await;
    }
}

/// Without a broker events never leave the process, so it must do everything.
fn check_roles(config: &Config, roles: &[Role]) -> anyhow::Result<()> {
    let missing: Vec<_> = Role::ALL.iter().filter(|it| !roles.contains(it)).collect();
    if config.bus.amqp_url.is_none() && !missing.is_empty() {
        let words: Vec<_> = missing.iter().map(|it| it.as_str()).collect();
        bail!(
            "without a broker one process must do everything, but this one lacks the roles {}; set AMQP_URL or drop --role",
            words.join(", ")
        );
    }
    Ok(())
}

fn partner_secrets(config: &Config, keys: &Keys) -> BTreeMap<String, Vec<SecretString>> {
    let configured = config.partners.iter().map(|(slug, it)| (slug.clone(), it.secrets.clone()));
    let mut secrets: BTreeMap<_, _> = configured.collect();
    secrets.insert("generic".to_owned(), keys.generic_secrets.clone());
    let whatsapp = config.whatsapp.app_secrets.iter().cloned();
    secrets.entry(whatsapp::PARTNER.to_owned()).or_default().extend(whatsapp);
    secrets
}
