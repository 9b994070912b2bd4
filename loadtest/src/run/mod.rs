//! The ways in which a scenario goes, and what all of them begin with.

mod drain;
mod endpoints;
mod fanout;
mod idle;
mod messages;
mod slice;
mod slow;
mod soak;
mod stage;
mod storm;
mod webhooks;

use crate::{
    cli::Cli,
    cloud::Cloud,
    report::Report,
    run::stage::Stage,
    scenario::{Kind, Scenario},
};

/// Carries a scenario out.
pub fn run(cli: &Cli, mut scenario: Scenario) -> anyhow::Result<Report> {
    let kind = scenario.kind;
    // The server must be told where the channel is.
    let cloud = (kind == Kind::Messages).then(Cloud::start).transpose()?;
    scenario.set.extend(cloud.iter().flat_map(messages::settings));
    let stage = Stage::set(cli, scenario)?;
    match kind {
        Kind::Fanout => fanout::run(stage, cli),
        Kind::Idle => idle::run(stage),
        Kind::Connect => storm::connect(stage),
        Kind::Reconnect => storm::reconnect(stage),
        Kind::Drain => drain::run(stage),
        Kind::SlowReaders => slow::run(stage),
        Kind::Webhooks => webhooks::run(stage),
        Kind::Endpoints => endpoints::run(stage),
        Kind::Messages => messages::run(stage, cloud),
        Kind::Soak => soak::run(stage),
    }
}
