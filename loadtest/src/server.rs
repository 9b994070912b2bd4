//! The server that is tested: started here, or reached by its address.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, ToSocketAddrs},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    cli::Aim,
    services::{self, Services},
    token::Mint,
};

/// Known to the server that we start, and to nobody else for longer than the run.
const SEALING_KEY: &str = "c2VhbGluZyBrZXkgb2YgdGhlIGxvYWQgdGVzdCwgMzI=";
const SECRET: &str = "a secret of the load test, of 32 bytes or more";

/// The generic partner's secret, behind `whsec_`: 32 bytes.
const PARTNER: &str = "bG9hZHRlc3QtcGFydG5lci1zZWNyZXQtMzItYnl0ZXM=";

/// How long a server may take to listen: a fresh database has to be set up.
const PATIENCE: Duration = Duration::from_mins(1);

/// The server.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// What opens it.
    pub mint: Mint,
    /// The generic partner's secret, if that is known.
    pub partner: Option<String>,
    /// What it runs on, for the report.
    pub what: String,
    /// The broker and the exchange, on real services.
    pub bus: Option<(String, String)>,
    child: Option<Child>,
    folder: Option<PathBuf>,
    services: Option<Services>,
}

impl Server {
    /// Starts it, or finds it.
    pub fn start(aim: &Aim, settings: &[String]) -> anyhow::Result<Self> {
        if let Some(url) = &aim.url {
            return Self::elsewhere(url, aim);
        }
        let program = aim.server.clone().map_or_else(beside_us, Ok)?;
        let folder = program.with_file_name(format!("loadtest-{}", std::process::id()));
        let mut command = Command::new(&program);
        command.arg("serve").arg("--data-dir").arg(&folder);
        for setting in defaults().iter().chain(settings).chain(&aim.set) {
            command.arg("--set").arg(setting);
        }
        for service in services::VARIABLES {
            command.env_remove(service);
        }
        let mut what = "embedded: SQLite (WAL, synchronous=FULL), in-process bus".to_owned();
        let (mut bus, mut services) = (None, None);
        if aim.real {
            let found = Services::find()?;
            // Apart from whatever else uses the broker.
            let exchange = format!("loadtest-{}", std::process::id());
            command.arg("--set").arg(format!("bus.exchange={exchange}"));
            let broker = found.urls.iter().find(|(name, _)| name == "AMQP_URL");
            bus = broker.map(|(_, url)| (url.clone(), exchange));
            what = format!("real: {}", found.described()?);
            command.envs(found.urls.iter().cloned());
            services = Some(found);
        }
        fs::create_dir_all(&folder)?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child =
            command.spawn().with_context(|| format!("cannot start {}", program.display()))?;
        let listening = listening(&mut child, &folder.join("server.log"));
        // From here on the child is ours to end, whatever happens.
        let mut server = Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            mint: Mint::Secret(SECRET.as_bytes().to_vec()),
            partner: Some(PARTNER.to_owned()),
            what,
            bus,
            child: Some(child),
            folder: Some(folder),
            services,
        };
        server.address = listening?;
        Ok(server)
    }

    fn elsewhere(url: &str, aim: &Aim) -> anyhow::Result<Self> {
        let authority = url.strip_prefix("http://").context("--url begins with http://")?;
        let authority = authority.trim_end_matches('/');
        let mut found =
            authority.to_socket_addrs().or_else(|_| (authority, 80).to_socket_addrs())?;
        let mint = match (&aim.secret, &aim.token) {
            (Some(secret), _) => Mint::Secret(secret.clone().into_bytes()),
            (None, Some(token)) => Mint::Given(token.clone()),
            (None, None) => bail!("--url takes --secret, or --token"),
        };
        Ok(Self {
            address: found.next().context("--url has no address")?,
            mint,
            partner: aim.partner_secret.clone(),
            what: url.to_owned(),
            bus: None,
            child: None,
            folder: None,
            services: None,
        })
    }

    /// Its process, if it is ours to look at.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Tells it to stop, as an operator would.
    pub fn terminate(&self) -> anyhow::Result<()> {
        let pid = self.pid().and_then(|it| Pid::from_raw(it.cast_signed()));
        kill_process(
            pid.context("only a server that we started can be told to stop")?,
            Signal::TERM,
        )?;
        Ok(())
    }

    /// Waits for its end.
    pub fn ended(&mut self, patience: Duration) -> Option<std::process::ExitStatus> {
        let end = Instant::now() + patience;
        loop {
            match self.child.as_mut()?.try_wait() {
                Ok(Some(status)) => return Some(status),
                _ if end <= Instant::now() => return None,
                _ => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself.
            let _: std::io::Result<()> = child.kill();
            let _: std::io::Result<_> = child.wait();
        }
        if let Some(folder) = &self.folder {
            let _: std::io::Result<()> = fs::remove_dir_all(folder);
        }
        drop(self.services.take());
    }
}

fn defaults() -> Vec<String> {
    vec![
        "http.listen=127.0.0.1:0".to_owned(),
        "http.max_connections=1000000".to_owned(),
        "live.max_sockets=1000000".to_owned(),
        // All of ours come from a handful of loopback addresses.
        "live.max_sockets_per_address=1000000".to_owned(),
        format!(r#"auth.secrets=["{SECRET}"]"#),
        format!(r#"auth.sealing_keys=["{SEALING_KEY}"]"#),
        format!(r#"partners.generic.secrets=["whsec_{PARTNER}"]"#),
    ]
}

fn beside_us() -> anyhow::Result<PathBuf> {
    let us = std::env::current_exe()?;
    let program = us.with_file_name("orderwire");
    if !program.exists() {
        bail!(
            "{} is missing: run `cargo build --release` first, or name it with --server",
            program.display()
        );
    }
    Ok(program)
}

/// Reads the log: to a file, and for the line that tells the address.
fn listening(child: &mut Child, log: &Path) -> anyhow::Result<SocketAddr> {
    let errors = child.stderr.take().context("no log")?;
    let mut file = File::create(log)?;
    let (found, address) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(errors).lines().map_while(Result::ok) {
            // The log must go on being read, whatever becomes of the file.
            let _: std::io::Result<()> = writeln!(file, "{line}");
            let told = line.split_once("listening on http://").map(|(_, it)| it.trim().to_owned());
            if let Some(told) = told.and_then(|it| it.parse::<SocketAddr>().ok()) {
                let _: Result<(), _> = found.send(told);
            }
        }
    });
    address.recv_timeout(PATIENCE).map_err(|_| {
        let said = fs::read_to_string(log).unwrap_or_default();
        anyhow::anyhow!("the server does not listen; it says:\n{said}")
    })
}
