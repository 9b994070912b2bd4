//! `partners`: how the traffic with each partner stands, from the database alone.

use std::time::Duration;

use clap::Args;
use jiff::Timestamp;

use crate::{
    base::clock::Clock,
    cli::{options::Common, output::say},
    config::Config,
    partners::Partners as Registry,
    store::{
        Database,
        partners::{LastError, Traffic, traffic},
    },
};

/// What is counted.
const LAST_HOUR: Duration = Duration::from_hours(1);

/// Show how the traffic with each partner stands
#[derive(Debug, Args)]
#[command(after_help = "\
Calls are counted by what came of them, and what partners were told by where that stands, both of the last hour. Whether a host is left
alone is known to the running server only: GET /v1/partners.")]
pub struct Partners {
    #[command(flatten)]
    common: Common,
    /// Also those of whom nothing was ever heard and who are told nothing
    #[arg(long)]
    all: bool,
}

impl Partners {
    /// Prints a few lines for each partner.
    pub async fn run(self) -> anyhow::Result<u8> {
        let config = self.common.load(&[])?;
        let registry = Registry::new(&config)?;
        registry.look()?;
        let db = Database::connect(&config.database, &config.data_dir).await?;
        let now = Clock::System.now();
        let since = now.saturating_sub(LAST_HOUR)?;
        let mut tx = db.read().await?;
        let mut is_quiet = true;
        for slug in registry.all().keys() {
            let traffic = traffic(&mut tx, slug, since).await?;
            let is_told = is_told(&config, slug);
            if self.all || is_told || traffic != Traffic::default() {
                is_quiet = false;
                for line in lines(slug, is_told, &traffic, now) {
                    say(line);
                }
            }
        }
        if is_quiet {
            say("nothing was heard of any partner, and none is told anything");
        }
        Ok(0)
    }
}

fn is_told(config: &Config, slug: &str) -> bool {
    config.partners.get(slug).is_some_and(|it| it.base_url.is_some())
}

fn lines(slug: &str, is_told: bool, traffic: &Traffic, now: Timestamp) -> Vec<String> {
    let age = |since: Timestamp| now.duration_since(since).as_secs().max(0);
    let waits = |since: Option<Timestamp>| {
        since.map_or_else(String::new, |it| format!("; the oldest waits for {} s", age(it)))
    };
    let seen = traffic.last_seen_at.map_or_else(|| "never".to_owned(), |it| it.to_string());
    let mut lines = vec![
        slug.to_owned(),
        format!("  last heard  {seen}"),
        format!("  calls       {}{}", counts(&traffic.heard), waits(traffic.oldest_unapplied_at)),
    ];
    if is_told || traffic.due > 0 {
        let (told, due, waits) = (counts(&traffic.told), traffic.due, waits(traffic.oldest_due_at));
        lines.push(format!("  told        {told}; {due} to come{waits}"));
    } else {
        lines.push("  told        nothing: it has no base_url".to_owned());
    }
    if let Some(LastError { at, status, error }) = &traffic.last_error {
        let status = status.map(|it| it.to_string());
        let why = status.as_deref().or(error.as_deref()).unwrap_or_default();
        lines.push(format!("  last error  {at} {why}"));
    }
    lines
}

fn counts(counts: &[(String, u64)]) -> String {
    let words: Vec<_> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}
