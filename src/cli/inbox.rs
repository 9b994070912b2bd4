//! `inbox`: looks at the stored calls of partners, and applies them once more. The server need not run.

use std::io::Write;

use clap::{Args, Subcommand};
use jiff::Timestamp;

use crate::{
    app::inbox::MOST_REPLAYED,
    base::{clock::Clock, cursor::PageRequest},
    cli::{options::Common, output::say},
    domain::{InboxId, OrderId},
    store::{
        self, Database,
        inbox::{CallState, InboxEntry, InboxFilter},
    },
};

/// Look at the stored calls of partners, and apply them once more
#[derive(Debug, Args)]
pub struct Inbox {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List calls, the newest first
    List {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        which: Which,
        /// At most so many
        #[arg(long, default_value_t = 50, value_name = "N")]
        limit: u32,
    },
    /// Print one call's body, byte for byte
    Show {
        #[command(flatten)]
        common: Common,
        /// The call
        id: InboxId,
    },
    /// Apply one call once more, or all that fit; applying a call twice is applying it once
    Replay {
        #[command(flatten)]
        common: Common,
        /// The call
        #[arg(conflicts_with_all = ["partner", "state", "outcome", "order", "from", "to"])]
        id: Option<InboxId>,
        #[command(flatten)]
        which: Which,
    },
}

/// Which calls; what is left out does not matter.
#[derive(Debug, Args)]
struct Which {
    /// Of one partner: careem, talabat…
    #[arg(long, value_name = "SLUG")]
    partner: Option<String>,
    /// In this state: pending, parked, done, dead
    #[arg(long)]
    state: Option<CallState>,
    /// With this outcome: applied, late, `unknown_order`…
    #[arg(long)]
    outcome: Option<String>,
    /// About one order
    #[arg(long, value_name = "ORDER")]
    order: Option<OrderId>,
    /// Received at this moment or later: 2026-11-22T18:00:00Z
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Received before this moment
    #[arg(long, value_name = "TIME")]
    to: Option<Timestamp>,
}

impl Which {
    fn filter(self) -> InboxFilter {
        InboxFilter {
            partner: self.partner,
            outcome: self.outcome,
            state: self.state,
            order_id: self.order,
            from: self.from,
            to: self.to,
        }
    }
}

impl Inbox {
    /// Exits with 1 when the call that was named is not there.
    pub async fn run(self) -> anyhow::Result<u8> {
        match self.what {
            What::List { common, which, limit } => {
                list(&connect(&common).await?, which.filter(), limit).await
            }
            What::Show { common, id } => show(&connect(&common).await?, id).await,
            What::Replay { common, id: Some(id), .. } => {
                replay_one(&connect(&common).await?, id).await
            }
            What::Replay { common, id: None, which } => {
                replay(&connect(&common).await?, which.filter()).await
            }
        }
    }
}

async fn connect(common: &Common) -> anyhow::Result<Database> {
    let config = common.load(&[])?;
    Ok(Database::connect(&config.database, &config.data_dir).await?)
}

async fn list(db: &Database, filter: InboxFilter, limit: u32) -> anyhow::Result<u8> {
    let mut tx = db.read().await?;
    let calls = store::inbox::list(&mut tx, &filter, PageRequest::first(limit)).await?.rows;
    if calls.is_empty() {
        say("there are none");
    }
    for call in &calls {
        say(line(call));
    }
    Ok(0)
}

fn line(call: &InboxEntry) -> String {
    let outcome = call.outcome.as_deref().unwrap_or("-");
    let order = call.order_id.map(|it| it.to_string());
    let order = order.as_deref().or(call.external_id.as_deref()).unwrap_or("-");
    let note = call.note.as_deref().unwrap_or_default();
    let (at, id, partner, state) = (call.received_at, call.id, &call.partner, call.state);
    format!("{at} {id} {partner} {state} {outcome} {order} {note}").trim_end().to_owned()
}

async fn show(db: &Database, id: InboxId) -> anyhow::Result<u8> {
    let mut tx = db.read().await?;
    let Some(call) = store::inbox::load(&mut tx, id).await? else { return Ok(unknown(id)) };
    std::io::stdout().write_all(&call.body)?;
    Ok(0)
}

async fn replay_one(db: &Database, id: InboxId) -> anyhow::Result<u8> {
    let now = now(db).await?;
    let mut tx = db.begin().await?;
    if !store::inbox::replay_one(&mut tx, id, now).await? {
        return Ok(unknown(id));
    }
    tx.commit().await?;
    say("1 call is applied once more by whoever runs the role intake");
    Ok(0)
}

async fn replay(db: &Database, filter: InboxFilter) -> anyhow::Result<u8> {
    let now = now(db).await?;
    let mut tx = db.begin().await?;
    let calls = store::inbox::replay(&mut tx, &filter, now, MOST_REPLAYED).await?;
    tx.commit().await?;
    say(format_args!("{calls} calls are applied once more by whoever runs the role intake"));
    if calls == u64::from(MOST_REPLAYED) {
        say("there may be more: ask again");
    }
    Ok(0)
}

/// By the clock of the cluster: a call is due when its nodes think so.
async fn now(db: &Database) -> anyhow::Result<Timestamp> {
    let clock = Clock::System.synced();
    db.correct(&clock).await?;
    Ok(clock.now())
}

fn unknown(id: InboxId) -> u8 {
    say(format_args!("there is no call {id}"));
    1
}
