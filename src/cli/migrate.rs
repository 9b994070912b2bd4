//! `migrate`: brings the schema up to date, or says what it lacks.

use clap::Args;

use crate::{
    cli::{options::Common, output::say},
    store::Database,
};

/// Bring the database schema up to date
#[derive(Debug, Args)]
pub struct Migrate {
    #[command(flatten)]
    common: Common,
    /// Change nothing; exit with 1 when the schema is behind
    #[arg(long)]
    check: bool,
}

impl Migrate {
    /// Migrates, or checks.
    pub async fn run(self) -> anyhow::Result<u8> {
        let config = self.common.load(&[])?;
        let db = Database::connect(&config.database, &config.data_dir).await?;
        let pending = db.pending_migrations().await?;
        if pending.is_empty() {
            say("the schema is up to date");
            return Ok(0);
        }
        for migration in &pending {
            say(format_args!("{migration}"));
        }
        if self.check {
            say(format_args!("{} to apply: run `orderwire migrate`", pending.len()));
            return Ok(1);
        }
        db.migrate().await?;
        say(format_args!("{} applied", pending.len()));
        Ok(0)
    }
}
