//! What `--real` runs on: told by the environment, or started by `tests/services`. Figures are for durable services only.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context, bail, ensure};

/// The variables that make a server "real".
pub const VARIABLES: [&str; 3] = ["DATABASE_URL", "AMQP_URL", "REDIS_URL"];

/// What starts and ends them, from the root of the repository.
const SCRIPT: &str = "tests/services";

/// As `tests/services` writes them.
const OF_TESTS: &str = "TEST_";

/// What makes PostgreSQL durable, and must be on.
const DURABLE: [&str; 3] = ["fsync", "synchronous_commit", "full_page_writes"];

/// The services. Those that were started here end when this is dropped.
#[derive(Debug)]
pub struct Services {
    /// Where they are, as (variable, URL).
    pub urls: Vec<(String, String)>,
    /// Of those that were started here.
    folder: Option<PathBuf>,
}

impl Services {
    /// Those that the environment tells, else new ones.
    pub fn find() -> anyhow::Result<Self> {
        let told: Vec<_> =
            VARIABLES.iter().filter_map(|it| Some(((*it).to_owned(), told(it)?))).collect();
        let services =
            if told.is_empty() { Self::start()? } else { Self { urls: told, folder: None } };
        for needed in ["DATABASE_URL", "AMQP_URL"] {
            ensure!(
                services.url(needed).is_some(),
                "--real takes PostgreSQL and RabbitMQ: {needed} is not set"
            );
        }
        Ok(services)
    }

    fn start() -> anyhow::Result<Self> {
        let folder = std::env::temp_dir().join(format!("loadtest-services-{}", std::process::id()));
        // From here on they are ours to end, whatever happens; and if we cannot, they do it themselves.
        let mut services = Self { urls: Vec::new(), folder: Some(folder.clone()) };
        let status = Command::new(SCRIPT)
            .arg("up")
            .arg(&folder)
            .env("DURABLE", "1")
            .env("OWNER", std::process::id().to_string())
            .stdout(Stdio::null())
            .status();
        let status = status.context(
            "no service is told by the environment, and there is no tests/services here",
        )?;
        ensure!(status.success(), "tests/services up has failed");
        services.urls = read(&fs::read_to_string(folder.join("env"))?);
        Ok(services)
    }

    /// What they are and how durable, for the report. Refuses a database that loses what it has confirmed when the power fails.
    pub fn described(&self) -> anyhow::Result<String> {
        let database = durability(self.url("DATABASE_URL").unwrap_or_default())?;
        let cache = if self.url("REDIS_URL").is_some() { "Redis" } else { "memory cache" };
        Ok(format!("PostgreSQL ({database}), RabbitMQ (confirms, quorum queues), {cache}"))
    }

    fn url(&self, name: &str) -> Option<&str> {
        self.urls.iter().find(|(it, _)| it == name).map(|(_, url)| url.as_str())
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        let Some(folder) = &self.folder else { return };
        let _: std::io::Result<_> = Command::new(SCRIPT).arg("down").arg(folder).status();
        let _: std::io::Result<()> = fs::remove_dir_all(folder);
    }
}

#[expect(clippy::disallowed_methods, reason = "a tool of its own, without the server's settings")]
fn told(name: &str) -> Option<String> {
    std::env::var(name).or_else(|_| std::env::var(format!("{OF_TESTS}{name}"))).ok()
}

/// Reads lines like `TEST_DATABASE_URL=postgres://…`.
fn read(text: &str) -> Vec<(String, String)> {
    let variables = text.lines().filter_map(|line| {
        let (name, value) = line.trim_start_matches("export ").split_once('=')?;
        let name = name.trim_start_matches(OF_TESTS);
        let value = value.trim_matches(['\'', '"']).to_owned();
        VARIABLES.contains(&name).then(|| (name.to_owned(), value))
    });
    variables.collect()
}

fn durability(url: &str) -> anyhow::Result<String> {
    let settings = DURABLE.map(|it| format!("current_setting('{it}')")).join(",");
    let asked = Command::new("psql")
        .args([
            "--no-psqlrc",
            "--no-password",
            "--tuples-only",
            "--no-align",
            "--field-separator= ",
        ])
        .arg("--command")
        .arg(format!("select {settings}"))
        .arg(url)
        .stdin(Stdio::null())
        .output();
    let Some(answer) = asked.ok().filter(|it| it.status.success()) else {
        return Ok("durability unknown: psql could not ask".to_owned());
    };
    judge(&String::from_utf8_lossy(&answer.stdout))
}

fn judge(answer: &str) -> anyhow::Result<String> {
    let told: Vec<String> = DURABLE
        .iter()
        .zip(answer.split_whitespace())
        .map(|(name, it)| format!("{name}={it}"))
        .collect();
    let told = told.join(", ");
    if answer.split_whitespace().any(|it| it == "off") {
        bail!(
            "figures are for durable services, and PostgreSQL has {told}: DURABLE=1 tests/services up FOLDER"
        );
    }
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_tests_services_is_understood() {
        let text =
            "TEST_DATABASE_URL=postgres://p@127.0.0.1:1/p\nTEST_AMQP_URL='amqp://x'\nOTHER=1\n";
        let read = read(text);
        let has = |name: &str, url: &str| read.contains(&(name.to_owned(), url.to_owned()));
        assert!(has("DATABASE_URL", "postgres://p@127.0.0.1:1/p") && has("AMQP_URL", "amqp://x"));
        assert_eq!(read.len(), 2);
    }

    #[test]
    fn a_database_that_forgets_is_refused() {
        assert_eq!(
            judge("on on on\n").unwrap(),
            "fsync=on, synchronous_commit=on, full_page_writes=on"
        );
        assert!(judge("off on off\n").is_err());
        assert!(judge("on off on\n").is_err());
    }
}
