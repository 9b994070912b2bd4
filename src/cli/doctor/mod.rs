//! `doctor`: checks every setting, reaches every dependency, and says what to do about what it finds.

mod finding;
mod partners;
mod sealing;

use std::{io, net::TcpListener};

use clap::Args;

use crate::{
    auth::{Keys, Tokens, keys, keys::KeyError},
    base::{clock::Clock, mint::Mint, tasks::Tasks},
    bus::Bus,
    cache::Cache,
    cli::{
        doctor::finding::{
            Finding::{self, Ill, Note, Well},
            ill,
        },
        options::Common,
        output::say,
    },
    config::Config,
    partners::{Changes, Partners},
    store::{Database, StoreError},
};

/// Check every setting, reach every dependency
#[derive(Debug, Args)]
pub struct Doctor {
    #[command(flatten)]
    common: Common,
}

impl Doctor {
    /// Exits with 1 when something does not work.
    pub async fn run(self) -> anyhow::Result<u8> {
        let config = self.common.load(&[])?;
        let partners = Partners::new(&config)?;
        let changes = partners.look();
        partners.check(&config)?;
        let keys = keys::load_or_make(&config, &Mint::system());
        let mut report = Report { code: 0 };
        report.tell(Well("settings: every one is known and within its bounds".to_owned()));
        report.tell(tokens(&config, keys.as_ref()));
        let (found, db) = database(&config).await;
        report.tell(found);
        if let Some(db) = &db {
            database_clock(db).await.into_iter().for_each(|finding| report.tell(finding));
        }
        let (found, stored) = sealing::sealing(&config, keys.as_ref().ok(), db.as_ref()).await;
        report.tell(found);
        report.tell(bus(&config).await);
        report.tell(cache(&config).await);
        report.tell(listener(&config));
        report.tell(public_url(&config));
        for finding in adapters(&config, changes) {
            report.tell(finding);
        }
        for finding in partners::credentials(&config, &partners, &stored) {
            report.tell(finding);
        }
        for finding in partners::lines(&config).await {
            report.tell(finding);
        }
        Ok(report.code)
    }
}

/// Tells each finding as it is found: some take a while.
struct Report {
    code: u8,
}

impl Report {
    fn tell(&mut self, finding: Finding) {
        match finding {
            Well(what) => say(format_args!("ok    {what}")),
            Note(what) => say(format_args!("note  {what}")),
            Ill { what, remedy } => {
                say(format_args!("FAIL  {what}\n      {remedy}"));
                self.code = 1;
            }
        }
    }
}

fn tokens(config: &Config, keys: Result<&Keys, &KeyError>) -> Finding {
    let keys = match keys {
        Ok(keys) => keys,
        Err(error) => {
            return ill(format!("tokens: {error}"), "Set `auth.secrets`, or mend the file.");
        }
    };
    match Tokens::new(&config.auth, &keys.token_secrets, Clock::System) {
        Ok(_) if config.auth.secrets.is_empty() => Note(format!(
            "tokens: signed with the key in {}; servers of one cluster must share `auth.secrets`",
            config.data_dir.join(keys::FILE_NAME).display()
        )),
        Ok(_) => Well("tokens: signed with `auth.secrets`".to_owned()),
        Err(error) => ill(format!("tokens: {error}"), "Mend `auth` in the settings."),
    }
}

/// What was found, and the database if it can be read.
async fn database(config: &Config) -> (Finding, Option<Database>) {
    let remedy = "Check `database.url` (or DATABASE_URL), and that the database runs.";
    let failed = |error: StoreError| (ill(format!("database: {error}"), remedy), None);
    let db = match Database::connect(&config.database, &config.data_dir).await {
        Ok(db) => db,
        Err(error) => return failed(error),
    };
    if let Err(error) = db.ping().await {
        return failed(error);
    }
    let kind = if config.database.is_postgres() { "PostgreSQL" } else { "SQLite" };
    match db.pending_migrations().await {
        Ok(pending) if pending.is_empty() => {
            (Well(format!("database: {kind}, its schema up to date")), Some(db))
        }
        Ok(pending) if config.database.migrate => {
            (Note(format!("database: {kind}; `serve` will apply {}", pending.join(", "))), None)
        }
        Ok(pending) => {
            let what = format!("database: {kind} lacks {}", pending.join(", "));
            (ill(what, "Run `orderwire migrate`."), None)
        }
        Err(error) => failed(error),
    }
}

/// How far the clocks are apart, where the database has one.
async fn database_clock(db: &Database) -> Option<Finding> {
    let remedy = "Check that the database answers within a moment.";
    let measured = match db.clock_offset(&Clock::System).await {
        Ok(measured) => measured?,
        Err(error) => return Some(ill(format!("clock: {error}"), remedy)),
    };
    let seconds = measured.offset.as_secs_f64();
    if seconds.abs() <= 1.0 {
        return Some(Well("clock: within a second of the database's".to_owned()));
    }
    let side = if seconds > 0.0 { "behind" } else { "ahead of" };
    Some(Note(format!(
        "clock: {:.1} s {side} the database's, by which the server goes; check the time synchronisation of both machines",
        seconds.abs()
    )))
}

async fn bus(config: &Config) -> Finding {
    if config.bus.amqp_url.is_none() {
        return Note("bus: in this process; set AMQP_URL to run more than one server".to_owned());
    }
    let remedy = "Check `bus.amqp_url` (or AMQP_URL), and that RabbitMQ runs.";
    let tasks = Tasks::default();
    let bus = match Bus::connect(&config.bus, &tasks, &Mint::system()) {
        Ok(bus) => bus,
        Err(error) => return ill(format!("bus: {error}"), remedy),
    };
    let answer = bus.ping().await;
    bus.close().await;
    match answer {
        Ok(()) => Well(format!("bus: RabbitMQ, exchange {}", config.bus.exchange)),
        Err(error) => ill(format!("bus: {error}"), remedy),
    }
}

async fn cache(config: &Config) -> Finding {
    if config.cache.redis_url.is_none() {
        return Note("cache: in this process; set REDIS_URL to share it".to_owned());
    }
    let remedy = "Check `cache.redis_url` (or REDIS_URL), and that Redis runs. The server works without it, only slower.";
    let cache = match Cache::connect(&config.cache, Clock::System) {
        Ok(cache) => cache,
        Err(error) => return ill(format!("cache: {error}"), remedy),
    };
    match cache.ping().await {
        Ok(()) => Well("cache: Redis".to_owned()),
        Err(error) => ill(format!("cache: {error}"), remedy),
    }
}

fn listener(config: &Config) -> Finding {
    let address = config.http.listen;
    match TcpListener::bind(address) {
        Ok(_) if address.ip().is_loopback() => Note(format!(
            "http: {address} can be listened on; only this machine reaches it. Set `http.listen` to 0.0.0.0:8080 behind a proxy"
        )),
        Ok(_) => Well(format!("http: {address} can be listened on")),
        Err(error) => ill(
            format!("http: cannot listen on {address}: {error}"),
            "Stop what listens there (perhaps a server that runs already), or change `http.listen`.",
        ),
    }
}

fn public_url(config: &Config) -> Finding {
    match &config.http.public_url {
        None => Note(
            "http: tracking links begin with the listening address; set `http.public_url`"
                .to_owned(),
        ),
        Some(url) if url.starts_with("https://") => {
            Well(format!("http: tracking links begin with {url}"))
        }
        Some(url) if url.starts_with("http://") => {
            Note(format!("http: tracking links begin with {url}, which is not encrypted"))
        }
        Some(url) => ill(
            format!("http: `http.public_url` is {url}"),
            "Write it with its scheme: https://orders.example.com",
        ),
    }
}

fn adapters(config: &Config, changes: io::Result<Changes>) -> Vec<Finding> {
    let Some(folder) = &config.adapters_dir else { return Vec::new() };
    let folder = folder.display();
    match changes {
        Err(error) => {
            vec![ill(
                format!("adapters: {folder}: {error}"),
                "Make the folder, or mend `adapters_dir`.",
            )]
        }
        Ok(changes) if changes.faults.is_empty() => {
            vec![Well(format!("adapters: {} in {folder}", changes.defined.len()))]
        }
        Ok(changes) => {
            let faults = changes.faults.iter();
            faults
                .map(|it| {
                    ill(format!("adapters: {it}"), "Mend the file; docs/partners.md says how.")
                })
                .collect()
        }
    }
}
