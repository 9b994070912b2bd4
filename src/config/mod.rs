//! Settings: defaults, then a file, then the environment, then flags. Nobody else reads the environment.

mod account_id;
mod endpoints;
mod layers;
mod log_format;
mod messages;
mod partners;
mod sections;
mod setting;
mod span;
mod whole;
mod workers;

use std::path::Path;

pub use self::{
    account_id::AccountId,
    endpoints::Endpoints,
    layers::{ConfigError, Flag, WELL_KNOWN},
    log_format::LogFormat,
    messages::{Notify, Sms, WhatsApp},
    partners::{Outbound, Partner},
    sections::{Auth, Bus, Cache, Database, Http, Live, Log, Orders},
    setting::Setting,
    span::{Span, Spans},
    whole::{Config, settings},
    workers::Workers,
};

impl Config {
    /// Puts the layers together and checks the result.
    ///
    /// `file` is an optional TOML file, `environment` the process's variables, `flags` what the command line said.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: &[Flag],
    ) -> Result<Self, ConfigError> {
        Self::load_over(&[], file, environment, flags)
    }

    /// Like [`Config::load`], for a command with defaults of its own: they hold where no layer says anything.
    pub fn load_over(
        defaults: &[Flag],
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: &[Flag],
    ) -> Result<Self, ConfigError> {
        let mut table = layers::from_file(file)?;
        layers::add_environment(&mut table, environment)?;
        layers::add_flags(&mut table, flags)?;
        layers::add_defaults(&mut table, defaults)?;
        let config: Self = layers::read(table)?;
        config.check()?;
        Ok(config)
    }

    /// The process's own environment, for [`Config::load`].
    pub fn environment() -> impl Iterator<Item = (String, String)> {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
    }
}

#[cfg(test)]
mod tests;
