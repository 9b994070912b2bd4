//! `serve`: all roles in one process, or some.

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    base::{clock::Clock, mint::Mint},
    cli::options::Common,
    telemetry,
    wiring::{self, Role, Server},
};

/// SIGXFSZ, which the system sends when a file has reached the limit of its size. By default it ends the process.
const FILE_TOO_LARGE: SignalKind = SignalKind::from_raw(25);

/// Run the server
#[derive(Debug, Args)]
pub struct Serve {
    #[command(flatten)]
    common: Common,
    /// Where to listen
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// What this process does; left out: everything. Sharing the work out takes a broker
    #[arg(long = "role", value_name = "ROLE", value_delimiter = ',', value_parser = role())]
    roles: Vec<Role>,
}

fn role() -> impl clap::builder::TypedValueParser<Value = Role> {
    use clap::builder::{PossibleValuesParser, TypedValueParser};
    PossibleValuesParser::new(Role::ALL.iter().map(|it| it.as_str()))
        .try_map(|word| word.parse::<Role>())
}

impl Serve {
    /// Serves until told to stop.
    pub async fn run(self) -> anyhow::Result<u8> {
        let listen = self.listen.map(|it| ("http.listen".to_owned(), it));
        let config = self.common.load(listen.as_slice())?;
        telemetry::start_log(&config.log).map_err(anyhow::Error::msg)?;
        // Once it is listened to, a write that exceeds the limit is an error like that of a full disk.
        drop(signal(FILE_TOO_LARGE)?);
        let roles = if self.roles.is_empty() { Role::ALL.to_vec() } else { self.roles };
        let server = wiring::start(config, &roles, Clock::System, Mint::system()).await?;
        tracing::info!("listening on http://{}", server.address());
        until_told_to_stop(server).await
    }
}

/// Waits for SIGTERM or SIGINT, then shuts down; a second one does not wait any longer.
pub async fn until_told_to_stop(server: Server) -> anyhow::Result<u8> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("shutting down: no new work, sockets are told when to come back");
    let in_time = tokio::select! {
        in_time = server.shut_down() => in_time,
        _ = terminate.recv() => false,
        _ = interrupt.recv() => false,
    };
    if in_time {
        tracing::info!("everything has ended well");
        return Ok(0);
    }
    tracing::warn!(
        "not everything ended in time; what was accepted is stored and goes on at the next start"
    );
    Ok(1)
}
