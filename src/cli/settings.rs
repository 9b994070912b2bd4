//! `settings`: every setting, as a table for people and for `docs/settings.md`.

use clap::Args;

use crate::{cli::output::say, config};

/// List every setting
#[derive(Debug, Args)]
pub struct Settings {}

impl Settings {
    /// Prints the list as a Markdown table.
    #[expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "as every command")]
    pub fn run(self) -> anyhow::Result<u8> {
        say("| setting | default | allowed | meaning |");
        say("| --- | --- | --- | --- |");
        for it in config::settings() {
            let allowed = it.allowed.unwrap_or_default();
            say(format_args!("| `{}` | `{}` | {allowed} | {} |", it.name, it.default, it.doc));
        }
        Ok(0)
    }
}
