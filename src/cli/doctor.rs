//! `doctor`: checks every setting, reaches every dependency, and says what to do about what it finds.

use std::{collections::BTreeMap, io, net::TcpListener};

use clap::Args;
use reqwest::{Method, header::HeaderMap};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    auth::{Tokens, keys},
    base::{clock::Clock, mint::Mint, tasks::Tasks},
    bus::Bus,
    cache::Cache,
    cli::{Common, say},
    config::Config,
    outbound::{Attempt, Body, Client, Request},
    partners::{Changes, Partners, outbound},
    store::Database,
};

/// Check every setting, reach every dependency
#[derive(Debug, Args)]
pub struct Doctor {
    #[command(flatten)]
    common: Common,
}

/// What was found, and how bad it is.
enum Finding {
    Well(String),
    /// Works, but somebody should know.
    Note(String),
    /// Does not work.
    Ill {
        what: String,
        remedy: String,
    },
}

use Finding::{Ill, Note, Well};

fn ill(what: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Ill { what: what.into(), remedy: remedy.into() }
}

impl Doctor {
    /// Exits with 1 when something does not work.
    pub async fn run(self) -> anyhow::Result<u8> {
        let config = self.common.load(&[])?;
        let partners = Partners::new(&config)?;
        let changes = partners.look();
        partners.check(&config)?;
        let mut report = Report { code: 0 };
        report.tell(Well("settings: every one is known and within its bounds".to_owned()));
        report.tell(tokens(&config));
        report.tell(database(&config).await);
        report.tell(bus(&config).await);
        report.tell(cache(&config).await);
        report.tell(listener(&config));
        report.tell(public_url(&config));
        for finding in adapters(&config, changes) {
            report.tell(finding);
        }
        for slug in partners.all().keys() {
            report.tell(credentials(&config, slug));
        }
        for finding in lines(&config).await {
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

fn tokens(config: &Config) -> Finding {
    let made = config.auth.secrets.is_empty();
    let keys = match keys::load_or_make(config, &Mint::system()) {
        Ok(keys) => keys,
        Err(error) => {
            return ill(format!("tokens: {error}"), "Set `auth.secrets`, or mend the file.");
        }
    };
    match Tokens::new(&config.auth, &keys.token_secrets, Clock::System) {
        Ok(_) if made => Note(format!(
            "tokens: signed with the key in {}; servers of one cluster must share `auth.secrets`",
            config.data_dir.join(keys::FILE_NAME).display()
        )),
        Ok(_) => Well("tokens: signed with `auth.secrets`".to_owned()),
        Err(error) => ill(format!("tokens: {error}"), "Mend `auth` in the settings."),
    }
}

async fn database(config: &Config) -> Finding {
    let remedy = "Check `database.url` (or DATABASE_URL), and that the database runs.";
    let db = match Database::connect(&config.database, &config.data_dir).await {
        Ok(db) => db,
        Err(error) => return ill(format!("database: {error}"), remedy),
    };
    if let Err(error) = db.ping().await {
        return ill(format!("database: {error}"), remedy);
    }
    let kind = match &config.database.url {
        Some(url) if url.expose_secret().starts_with("postgres") => "PostgreSQL",
        _ => "SQLite",
    };
    match db.pending_migrations().await {
        Ok(pending) if pending.is_empty() => {
            Well(format!("database: {kind}, its schema up to date"))
        }
        Ok(pending) if config.database.migrate => {
            Note(format!("database: {kind}; `serve` will apply {}", pending.join(", ")))
        }
        Ok(pending) => ill(
            format!("database: {kind} lacks {}", pending.join(", ")),
            "Run `orderwire migrate`.",
        ),
        Err(error) => ill(format!("database: {error}"), remedy),
    }
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
    let cache = match Cache::connect(&config.cache) {
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

fn credentials(config: &Config, slug: &str) -> Finding {
    let secrets = config.partners.get(slug).map_or(0, |it| it.secrets.len());
    match secrets {
        0 if slug == "generic" => Note(format!(
            "partner {slug}: its secret is in {}",
            config.data_dir.join(keys::FILE_NAME).display()
        )),
        0 => Note(format!(
            "partner {slug}: no secret, its calls are refused; set `partners.{slug}.secrets`"
        )),
        1 => Well(format!("partner {slug}: one secret")),
        more => Well(format!("partner {slug}: {more} secrets, any of them is accepted")),
    }
}

/// The partners that are told what becomes of their orders: whether they are there. Nothing is told, and nobody logs in.
async fn lines(config: &Config) -> Vec<Finding> {
    // Which secret signs does not matter here, but that there is one: where none is configured, the server makes it.
    let configured = config.partners.iter().map(|(slug, it)| (slug.clone(), it.secrets.clone()));
    let mut secrets: BTreeMap<_, _> = configured.collect();
    secrets.entry("generic".to_owned()).or_default().push(SecretString::from(String::new()));
    let (lines, client) =
        match (outbound::lines(config, &secrets), Client::new(&config.outbound, Clock::System)) {
            (Ok(lines), Ok(client)) => (lines, client),
            (Err(error), _) => return vec![ill(error.to_string(), "See docs/partner-calls.md.")],
            (_, Err(error)) => return vec![ill(error.to_string(), "Look at the certificates.")],
        };
    let mut findings = Vec::new();
    for (slug, line) in lines {
        let (method, url) = (Method::HEAD, line.base_url.clone());
        // The rest of the address may hold a key.
        let host = url.origin().ascii_serialization();
        let request = Request { method, url, headers: HeaderMap::new(), body: Body::Empty };
        let attempt = client.send(&slug, request).await;
        findings.push(match attempt {
            // Whatever it says: who asks without a token may be refused.
            Attempt::Made(exchange) if exchange.answer.is_ok() => {
                Well(format!("partner {slug}: is told at {host}, which answers"))
            }
            Attempt::Made(exchange) => ill(
                format!(
                    "partner {slug}: {host} does not answer: {}",
                    exchange.answer.err().unwrap_or_default()
                ),
                format!("Check `partners.{slug}.base_url`, and the way there."),
            ),
            Attempt::Spared(_) => Note(format!("partner {slug}: was not asked")),
        });
    }
    findings
}
