//! The options that every command takes which reads settings.

use std::path::PathBuf;

use clap::Args;

use crate::config::{Config, Flag};

/// What every command that reads settings takes.
#[derive(Debug, Args)]
pub struct Common {
    /// A TOML file with settings
    #[arg(long, env = "ORDERWIRE_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Any setting, by its name: `--set live.ping_every=10s`
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub settings: Vec<String>,
    /// The folder of an embedded server's database and keys
    #[arg(long, value_name = "FOLDER")]
    pub data_dir: Option<String>,
    /// `postgres://…` or `sqlite:path`
    #[arg(long, value_name = "URL")]
    pub database_url: Option<String>,
    /// `amqp://user:password@host:5672/vhost`
    #[arg(long, value_name = "URL")]
    pub amqp_url: Option<String>,
    /// `redis://host:6379`
    #[arg(long, value_name = "URL")]
    pub redis_url: Option<String>,
}

impl Common {
    /// All layers of settings. `more` are flags that only one command has.
    pub fn load(&self, more: &[Flag]) -> anyhow::Result<Config> {
        let flags = self.flags(more)?;
        Ok(Config::load(self.config.as_deref(), Config::environment(), &flags)?)
    }

    /// What the command line says.
    pub fn flags(&self, more: &[Flag]) -> anyhow::Result<Vec<Flag>> {
        let mut flags: Vec<Flag> = Vec::new();
        for setting in &self.settings {
            let Some((name, value)) = setting.split_once('=') else {
                anyhow::bail!("--set takes a name and a value: --set live.ping_every=10s");
            };
            flags.push((name.to_owned(), value.to_owned()));
        }
        for (name, value) in [
            ("data_dir", &self.data_dir),
            ("database.url", &self.database_url),
            ("bus.amqp_url", &self.amqp_url),
            ("cache.redis_url", &self.redis_url),
        ] {
            flags.extend(value.as_ref().map(|it| (name.to_owned(), it.clone())));
        }
        flags.extend_from_slice(more);
        Ok(flags)
    }
}
