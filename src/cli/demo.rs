//! `demo`: the embedded server with a restaurant that is busy by itself, and the addresses to look at it.

use std::{
    fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Args;
use serde_json::json;

use crate::{
    base::{clock::Clock, mint::Mint},
    cli::{options::Common, output::say, serve::until_told_to_stop},
    config::{self, Config, Flag},
    simulator::{self, Kitchen, Link, Opening, Settings, partners::Doors},
    telemetry,
    wiring::{self, Role, Server},
};

/// Run the server with a busy restaurant to look at
#[derive(Debug, Args)]
#[command(after_help = "\
The demo is the embedded server: DATABASE_URL, AMQP_URL and REDIS_URL are not looked at (flags are). Its data goes when it stops,
unless --data-dir says where to keep it. All its orders, kitchen steps and partners' calls come in over HTTP, like everybody else's.

Careem, Talabat, Deliveroo, Uber Direct and whoever speaks our own format are played: they bring orders, carry them, and hear what
becomes of them, on a free port of this machine, whatever the settings say of them. No real partner is told anything. They repeat
themselves, overtake themselves and withhold things; GET /v1/partners shows it, and how asking them finds what was withheld.")]
pub struct Demo {
    #[command(flatten)]
    common: Common,
    /// Where to listen; left out: 127.0.0.1:8080, or a free port when that is taken
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// The same orders in the same sequence for the same seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Orders in a minute
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u16).range(1..=600))]
    rate: u16,
    /// Say nothing after the addresses
    #[arg(long)]
    quiet: bool,
    /// Print the addresses as one line of JSON, and nothing else
    #[arg(long)]
    json: bool,
}

impl Demo {
    /// Runs until told to stop.
    pub async fn run(self) -> anyhow::Result<u8> {
        let mint = Mint::system();
        let id = mint.uuid(Clock::System.now()).simple();
        let folder = std::env::temp_dir().join(format!("orderwire-demo-{id}"));
        let mut config = self.config(&mint, &folder)?;
        let is_temporary = config.data_dir == folder;
        let folder = is_temporary.then(|| TemporaryFolder::new(folder)).transpose()?;
        telemetry::start_log(&config.log).map_err(anyhow::Error::msg)?;
        let token_ttl = *config.auth.token_ttl;
        let wanted = config.http.listen;
        let doors = Doors::open(&mint).await.context("the partners' doors")?;
        doors.name(&mut config, &mint);
        // Its customers are made up, and their numbers may be somebody's.
        config.whatsapp.phone_number_id = None;
        config.sms.url = None;
        let server = start(config, mint).await?;
        let settings = Settings { seed: self.seed, orders_per_minute: self.rate, token_ttl };
        let opening = simulator::open(&server, doors, settings).await.context("the restaurant")?;
        if self.json {
            say(as_json(&opening));
        } else {
            if server.address().port() != wanted.port() && wanted.port() != 0 {
                say(format_args!("Port {} is taken; a free one will do.", wanted.port()));
            }
            tell(&opening, self.rate);
        }
        let Opening { base, mut next_watched, .. } = opening;
        let is_silent = self.quiet || self.json;
        server.tasks().spawn(async move {
            // Ends with the simulator, which ends with the server.
            while let Some(Link { number, path }) = next_watched.recv().await {
                if !is_silent {
                    say(format_args!(
                        "\nIt has arrived. The next one is order {number}:\n{base}{path}"
                    ));
                }
            }
        });
        let code = until_told_to_stop(server).await;
        drop(folder);
        code
    }

    fn config(&self, mint: &Mint, folder: &Path) -> anyhow::Result<Config> {
        let mut secret = [0; 24];
        mint.fill(&mut secret);
        // The generic partner's secret and the tokens' are made in the data folder, as always.
        let defaults = [
            ("data_dir", folder.display().to_string()),
            ("log.filter", "warn".to_owned()),
            ("whatsapp.app_secrets", format!("[\"{}\"]", hex::encode(secret))),
            // So that a page of one's own can be told of events.
            ("endpoints.allow_http", "true".to_owned()),
            ("endpoints.allow_private", r#"["127.0.0.0/8"]"#.to_owned()),
            // What partners withhold is to be found while somebody looks.
            ("outbound.reconcile_after", "12s".to_owned()),
            // Nobody should wait for a demo to end.
            ("live.drain_window", "500ms".to_owned()),
            ("workers.shutdown_grace", "5s".to_owned()),
        ]
        .map(|(name, text)| (name.to_owned(), text));
        let listen: Option<Flag> =
            self.listen.as_ref().map(|it| ("http.listen".to_owned(), it.clone()));
        let flags = self.common.flags(listen.as_slice())?;
        let is_embedded = |name: &str| !config::WELL_KNOWN.iter().any(|(it, _)| *it == name);
        let environment = Config::environment().filter(|(name, _)| is_embedded(name));
        Ok(Config::load_over(&defaults, self.common.config.as_deref(), environment, &flags)?)
    }
}

/// Starts the server; where nobody chose a port and the usual one is taken, on a free one.
async fn start(mut config: Config, mint: Mint) -> anyhow::Result<Server> {
    let is_the_usual = config.http.listen == config::Http::default().listen;
    let started = wiring::start(config.clone(), Role::ALL, Clock::System, mint.clone()).await;
    let is_taken = |it: &anyhow::Error| {
        it.downcast_ref::<io::Error>().is_some_and(|it| it.kind() == io::ErrorKind::AddrInUse)
    };
    match started {
        Err(error) if is_the_usual && is_taken(&error) => {
            config.http.listen.set_port(0);
            wiring::start(config, Role::ALL, Clock::System, mint).await
        }
        other => other,
    }
}

/// For people.
fn tell(opening: &Opening, rate: u16) {
    let Opening { base, watched, waiting, kitchens, .. } = opening;
    say(format_args!(
        "Dr. Burger is open: two stores in Amman, {rate} new orders a minute. Ctrl-C closes it."
    ));
    say("\nA CUSTOMER'S PAGE: an order that moves every few seconds (عربي: add ?lang=ar)");
    say(format_args!("{base}{}", watched.path));
    for it in kitchens {
        let name = it.name.en.as_deref().unwrap_or_default().to_uppercase();
        let whose = if it.is_yours {
            "yours to accept and bump; what you leave alone for half a minute goes on by itself"
        } else {
            "cooks by itself; bump along if you like"
        };
        say(format_args!("\nTHE KITCHEN OF {name}: {whose}"));
        say(kitchen_url(base, it, None));
        say(format_args!("عربي: {}", kitchen_url(base, it, Some("ar"))));
        if let Some(Link { number, path }) = waiting.as_ref().filter(|_| it.is_yours) {
            say(format_args!(
                "Its order {number} waits for you, and its customer sees what you do:"
            ));
            say(format_args!("{base}{path}"));
        }
    }
    say("\nWHO KEEPS THE SERVER: messages with their receipts, partners, the inbox");
    say(ops_url(opening, None));
    say(format_args!("عربي: {}", ops_url(opening, Some("ar"))));
    tell_programs(opening);
}

fn tell_programs(opening: &Opening) {
    let Opening { base, token, generic_secret, .. } = opening;
    let live = base.replacen("http", "ws", 1);
    say(format_args!("\nFOR PROGRAMS: {base}/docs"));
    say(format_args!("TOKEN={token}"));
    say(format_args!("curl -H \"authorization: Bearer $TOKEN\" '{base}/v1/orders?open=true'"));
    say(format_args!(
        "echo '{}' | websocat -n \"{live}/v1/live?token=$TOKEN\"",
        json!({"type": "subscribe", "id": 1, "topic": "ops"}),
    ));
    say(format_args!(
        "A webhook of your own: POST {base}/v1/webhooks/generic, signed as in docs/partners.md with"
    ));
    say(format_args!("secret={generic_secret}"));
}

/// For programs: tests, say.
fn as_json(opening: &Opening) -> String {
    let Opening { base, watched, waiting, kitchens, token, generic_secret, .. } = opening;
    let link = |it: &Link| json!({"number": it.number, "url": format!("{base}{}", it.path)});
    let kitchens: Vec<_> = kitchens
        .iter()
        .map(|it| {
            json!({
                "store": it.store,
                "name": it.name,
                "token": it.token,
                "isYours": it.is_yours,
                "url": kitchen_url(base, it, None),
                "arabicUrl": kitchen_url(base, it, Some("ar")),
            })
        })
        .collect();
    json!({
        "base": base,
        "watched": link(watched),
        "waiting": waiting.as_ref().map(link),
        "kitchens": kitchens,
        "opsUrl": ops_url(opening, None),
        "token": token,
        "genericSecret": generic_secret,
    })
    .to_string()
}

/// The token stands behind the `#`, which browsers keep to themselves.
fn kitchen_url(base: &str, it: &Kitchen, language: Option<&str>) -> String {
    let language = language.map_or_else(String::new, |it| format!("&lang={it}"));
    format!("{base}/kitchen?store={}{language}#token={}", it.store, it.token)
}

fn ops_url(Opening { base, ops_token, .. }: &Opening, language: Option<&str>) -> String {
    let language = language.map_or_else(String::new, |it| format!("?lang={it}"));
    format!("{base}/ops{language}#token={ops_token}")
}

/// A folder that goes with the demo, readable for nobody else.
struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    fn new(path: PathBuf) -> anyhow::Result<Self> {
        let made = fs::DirBuilder::new().mode(0o700).create(&path);
        made.with_context(|| format!("cannot make the folder {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        // Of all that stands there, nothing is worth a word when the process ends.
        let _gone_or_left_to_the_system = fs::remove_dir_all(&self.0);
    }
}
