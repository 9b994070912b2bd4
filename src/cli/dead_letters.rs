//! `dead-letters`: messages of the in-process bus that no consumer could handle.

use clap::Args;

use crate::{
    base::cursor::PageRequest,
    cli::{options::Common, output::say},
    store::{self, Database},
};

/// How many are shown.
const SHOWN: u32 = 100;

/// List messages that no consumer could handle
#[derive(Debug, Args)]
#[command(
    after_help = "With RabbitMQ they wait in the broker instead, in the dead-letter queue of their queue."
)]
pub struct DeadLetters {
    #[command(flatten)]
    common: Common,
}

impl DeadLetters {
    /// Prints the newest ones.
    pub async fn run(self) -> anyhow::Result<u8> {
        let config = self.common.load(&[])?;
        let db = Database::connect(&config.database, &config.data_dir).await?;
        let mut tx = db.read().await?;
        let letters = store::dead_letters::list(&mut tx, PageRequest::first(SHOWN)).await?.rows;
        if letters.is_empty() {
            say("there are none");
        }
        for letter in letters {
            let bytes = letter.body.len();
            say(format_args!(
                "{} {} {bytes} bytes: {}",
                letter.died_at, letter.queue, letter.error
            ));
        }
        Ok(0)
    }
}
