//! The real program as a process of its own: for what happens to a server that is killed, and for its command line.

use std::{ops::Deref, process::ExitStatus, sync::Arc};

use orderwire::{base::clock::Clock, config::Config};
use secrecy::{ExposeSecret, SecretString};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStderr, Command},
    task::JoinSet,
    time::timeout,
};

use crate::harness::{
    app::config,
    client::{Client, try_answer},
    services::Isolated,
    wait::{PATIENCE, eventually},
};

/// The program that is tested.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_orderwire");

/// `orderwire serve` as a process; it dies with this value. It derefs to a [`Client`] that speaks to it.
pub struct Process {
    client: Client,
    child: Child,
    listen: String,
    arguments: Vec<String>,
    isolated: Arc<Isolated>,
    _log: JoinSet<()>,
}

impl Process {
    /// Starts one with data of its own on the stack of this run, with these settings (`live.ping_every=1s`) beside the usual ones.
    pub async fn spawn(settings: &[&str]) -> Self {
        Self::on(Arc::new(Isolated::new().await), settings).await
    }

    /// Starts one on these services and data; returns when it is ready.
    pub async fn on(isolated: Arc<Isolated>, settings: &[&str]) -> Self {
        let arguments = settings.iter().flat_map(|it| ["--set".to_owned(), (*it).to_owned()]);
        Self::start(isolated, arguments.collect(), "127.0.0.1:0").await
    }

    /// Starts one that only has these roles: `api,relay`.
    pub async fn with_roles(isolated: Arc<Isolated>, roles: &str) -> Self {
        let arguments = ["--role".to_owned(), roles.to_owned()].to_vec();
        Self::start(isolated, arguments, "127.0.0.1:0").await
    }

    /// Starts one that nobody configured but for these settings. It keeps its data in the folder `orderwire-data` of this folder.
    pub async fn in_folder(isolated: Arc<Isolated>, settings: &[&str]) -> Self {
        let settings = settings.iter().flat_map(|it| ["--set".to_owned(), (*it).to_owned()]);
        let arguments: Vec<_> = settings.collect();
        let mut serve = command(&["serve", "--listen", "127.0.0.1:0"]);
        serve.args(&arguments).current_dir(isolated.data.path());
        Self::launch(serve, isolated, arguments).await
    }

    async fn start(isolated: Arc<Isolated>, arguments: Vec<String>, listen: &str) -> Self {
        let mut serve = command(&["serve", "--listen", listen]);
        serve.args(&arguments).envs(environment(&config(&isolated)));
        Self::launch(serve, isolated, arguments).await
    }

    async fn launch(mut serve: Command, isolated: Arc<Isolated>, arguments: Vec<String>) -> Self {
        let mut child = serve.stderr(std::process::Stdio::piped()).spawn().unwrap();
        let mut log = JoinSet::new();
        let stderr = child.stderr.take().unwrap();
        let address = timeout(PATIENCE, address_in(stderr, &mut log)).await.unwrap();
        let client = Client::new(format!("http://{address}"), Clock::System);
        let process = Self { client, child, listen: address, arguments, isolated, _log: log };
        process.until_ready().await;
        process
    }

    /// Waits until it says that it is ready.
    pub async fn until_ready(&self) {
        eventually(async || {
            let ready = self.client.request(reqwest::Method::GET, "/readyz");
            match try_answer(ready).await {
                Ok(it) if it.status == 200 => Ok(()),
                other => Err(other),
            }
        })
        .await;
    }

    /// Ends it at once, as a crash does.
    pub async fn kill9(&mut self) {
        self.child.start_kill().unwrap();
        self.terminated().await;
    }

    /// Asks it to end, as an orchestrator does, and waits until it has.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM").await;
        self.terminated().await
    }

    /// Sends it a signal: `TERM`, `STOP`, `CONT`…
    pub async fn signal(&self, name: &str) {
        let pid = self.child.id().unwrap().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status().await.unwrap();
        assert!(sent.success(), "kill -s {name} {pid}");
    }

    /// Bounds the size of its files, in bytes, as `ulimit -f` does; `u64::MAX` for no bound.
    pub async fn limit_files(&self, bytes: u64) {
        let pid = self.child.id().unwrap().to_string();
        let limit = if bytes == u64::MAX { "unlimited".to_owned() } else { bytes.to_string() };
        let soft = format!("--fsize={limit}:");
        let set = Command::new("prlimit").args(["--pid", &pid, &soft]).status().await.unwrap();
        assert!(set.success(), "prlimit --pid {pid} {soft}");
    }

    /// Starts it again after its end: at the same address, on the same data, with the same settings.
    pub async fn restart(&mut self) {
        let (isolated, arguments) = (Arc::clone(&self.isolated), self.arguments.clone());
        let listen = self.listen.clone();
        *self = Self::start(isolated, arguments, &listen).await;
    }

    /// What it stands on, for a second one beside it.
    pub const fn isolated(&self) -> &Arc<Isolated> {
        &self.isolated
    }

    /// Waits until it has ended, for whatever reason.
    pub async fn terminated(&mut self) -> ExitStatus {
        timeout(PATIENCE, self.child.wait()).await.expect("it does not end").unwrap()
    }
}

impl Deref for Process {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

/// A command line of the program, in an environment that holds no settings. The process dies with its test.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "KILL", PROGRAM])
        .args(arguments)
        .env_clear()
        .envs(std::env::vars_os().filter(|(name, _)| name == "PATH" || name == "HOME"))
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true);
    command
}

/// The settings of one test as a deployment would set them.
pub fn environment(config: &Config) -> Vec<(String, String)> {
    let list = |secrets: &[SecretString]| {
        let texts: Vec<_> = secrets.iter().map(|it| format!("{:?}", it.expose_secret())).collect();
        format!("[{}]", texts.join(", "))
    };
    let mut variables = vec![
        ("ORDERWIRE_DATA_DIR".to_owned(), config.data_dir.display().to_string()),
        ("ORDERWIRE_BUS__EXCHANGE".to_owned(), config.bus.exchange.clone()),
        ("ORDERWIRE_AUTH__SECRETS".to_owned(), list(&config.auth.secrets)),
        ("ORDERWIRE_AUTH__SEALING_KEYS".to_owned(), list(&config.auth.sealing_keys)),
        (
            "ORDERWIRE_DATABASE__MAX_CONNECTIONS".to_owned(),
            config.database.max_connections.to_string(),
        ),
    ];
    for (slug, partner) in &config.partners {
        let name = format!("ORDERWIRE_PARTNERS__{}__SECRETS", slug.to_uppercase());
        variables.push((name, list(&partner.secrets)));
    }
    for (name, url) in [
        ("DATABASE_URL", &config.database.url),
        ("AMQP_URL", &config.bus.amqp_url),
        ("REDIS_URL", &config.cache.redis_url),
    ] {
        variables.extend(url.iter().map(|it| (name.to_owned(), it.expose_secret().to_owned())));
    }
    variables
}

/// Where the log says that it listens. The rest of the log goes to the test's own output.
async fn address_in(stderr: ChildStderr, log: &mut JoinSet<()>) -> String {
    let mut lines = BufReader::new(stderr).lines();
    let mut said = Vec::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        if let Some((_, address)) = line.split_once("listening on http://") {
            let is_address = |it: &char| it.is_ascii_digit() || ".:".contains(*it);
            let address = address.chars().take_while(is_address).collect();
            log.spawn(async move {
                while let Ok(Some(line)) = lines.next_line().await {
                    eprintln!("server: {line}");
                }
            });
            return address;
        }
        said.push(line);
    }
    panic!("the server ended at once; it said:\n{}", said.join("\n"))
}

mod tests {
    use super::*;

    #[tokio::test]
    async fn an_order_outlives_a_killed_process() {
        let mut process = Process::spawn(&["live.ping_every=1s"]).await;
        let store = process.store().await;
        let order = process.place(&store).await;
        process.kill9().await;
        process.restart().await;
        assert_eq!(process.order(order["id"].as_str().unwrap()).await, order);
        assert!(process.terminate().await.success());
    }
}
