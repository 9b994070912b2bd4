//! Where a test's data live: nowhere but in a folder, or on PostgreSQL, RabbitMQ and Redis.

use std::{fs, path::PathBuf, process::Stdio, thread};

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::process::Command;

use crate::harness::folder::{Folder, unique};

/// What the suite runs on: the variable `STACK`, `embedded` or `real`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stack {
    /// SQLite, the in-process bus and the memory cache.
    Embedded,
    /// PostgreSQL, RabbitMQ and Redis, which `tests/services` started.
    Real,
}

impl Stack {
    /// The one this run asks for; embedded when it does not say.
    pub fn chosen() -> Self {
        match variable("STACK").as_deref() {
            None | Some("embedded") => Self::Embedded,
            Some("real") => Self::Real,
            Some(other) => panic!("STACK is `{other}`; it may be `embedded` or `real`"),
        }
    }
}

/// Addresses of running services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Urls {
    /// PostgreSQL, as a user who may create databases.
    pub database: String,
    /// RabbitMQ.
    pub amqp: String,
    /// Redis.
    pub redis: String,
}

impl Urls {
    /// Those of the real stack. Panics when one is missing: a test of the real stack must never pass by not running.
    pub fn from_environment() -> Self {
        Self::read(variable)
    }

    fn read(get: impl Fn(&str) -> Option<String>) -> Self {
        let read = |name: &str| {
            get(name).unwrap_or_else(|| panic!("{name} is not set; see tests/services --help"))
        };
        Self {
            database: read("TEST_DATABASE_URL"),
            amqp: read("TEST_AMQP_URL"),
            redis: read("TEST_REDIS_URL"),
        }
    }
}

/// What one test has for itself. Keep it until the server of the test is gone.
#[derive(Debug)]
pub struct Isolated {
    /// The folder for `data_dir`.
    pub data: Folder,
    /// For `bus.exchange`: queues are named after it, so that tests on one broker do not meet.
    pub exchange: String,
    /// A database and the services it shares with others; `None` on the embedded stack.
    pub real: Option<Real>,
}

/// The addresses of one test on the real stack.
#[derive(Debug)]
pub struct Real {
    /// For `database.url`: an empty database, dropped with this value.
    pub database_url: String,
    /// For `bus.amqp_url`.
    pub amqp_url: String,
    /// For `cache.redis_url`. Shared: keys hold order ids, which are unique.
    pub redis_url: String,
    /// Where the database is dropped from.
    admin: String,
}

impl Isolated {
    /// On the stack that this run asks for.
    pub async fn new() -> Self {
        match Stack::chosen() {
            Stack::Embedded => Self::embedded(),
            Stack::Real => Self::on(&Urls::from_environment()).await,
        }
    }

    /// On no services.
    pub fn embedded() -> Self {
        let exchange = format!("orderwire_test_{}", unique());
        Self { data: Folder::new("data"), exchange, real: None }
    }

    /// On these services.
    pub async fn on(urls: &Urls) -> Self {
        let isolated = Self::embedded();
        // The same word serves twice; a run that was cut off may have left one of its name.
        let name = isolated.exchange.clone();
        for sql in [format!("DROP DATABASE IF EXISTS {name}"), format!("CREATE DATABASE {name}")] {
            administer(&urls.database, sql).await.unwrap();
        }
        let (server, _) = urls.database.rsplit_once('/').unwrap();
        let real = Real {
            database_url: format!("{server}/{name}"),
            amqp_url: urls.amqp.clone(),
            redis_url: urls.redis.clone(),
            admin: urls.database.clone(),
        };
        Self { real: Some(real), ..isolated }
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        let (_, name) = self.database_url.rsplit_once('/').unwrap();
        let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        let url = self.admin.clone();
        // A thread of its own, as a test may not wait inside its own runtime. Where the test has ended PostgreSQL
        // itself there is nothing to drop, so that the outcome does not matter.
        let dropping = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(administer(&url, sql))
        });
        drop(dropping.join());
    }
}

async fn administer(url: &str, sql: String) -> sqlx::Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
    connection.close().await
}

/// One of the services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    Postgres,
    Redis,
    Rabbitmq,
}

impl Service {
    const fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Redis => "redis",
            Self::Rabbitmq => "rabbitmq",
        }
    }
}

/// Services of one test alone, which it may kill. They go with this value, and with this process.
#[derive(Debug)]
pub struct PrivateServices(Folder);

impl PrivateServices {
    /// Starts all three; takes as long as RabbitMQ takes.
    pub async fn up() -> Self {
        let services = Self(Folder::new("services"));
        services.run("up", None).await;
        services
    }

    /// Where they are, for [`Isolated::on`].
    pub fn urls(&self) -> Urls {
        let env = fs::read_to_string(self.0.path().join("env")).unwrap();
        Urls::read(|name| {
            env.lines().find_map(|it| Some(it.strip_prefix(name)?.strip_prefix('=')?.to_owned()))
        })
    }

    /// Ends one at once, as a crash does.
    pub async fn kill(&self, service: Service) {
        self.run("kill", Some(service)).await;
    }

    /// Ends one in order, as an upgrade does.
    pub async fn stop(&self, service: Service) {
        self.run("stop", Some(service)).await;
    }

    /// Starts one again, at the same address and with its data; returns when it answers.
    pub async fn start(&self, service: Service) {
        self.run("start", Some(service)).await;
    }

    /// Lets one hang: connections stay, answers do not come.
    pub async fn freeze(&self, service: Service) {
        self.run("freeze", Some(service)).await;
    }

    /// Lets a frozen one go on.
    pub async fn thaw(&self, service: Service) {
        self.run("thaw", Some(service)).await;
    }

    async fn run(&self, verb: &str, service: Option<Service>) {
        let output = Command::new(script())
            .arg(verb)
            .arg(self.0.path())
            .args(service.map(Service::name))
            .env("OWNER", std::process::id().to_string())
            .stdin(Stdio::null())
            .output()
            .await
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "tests/services {verb} {service:?}: {said}");
    }
}

impl Drop for PrivateServices {
    fn drop(&mut self) {
        // Should this fail, they still end with this process, their owner.
        drop(std::process::Command::new(script()).arg("down").arg(self.0.path()).status());
    }
}

fn script() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "services"].iter().collect()
}

#[expect(clippy::disallowed_methods, reason = "the harness is told its stack by the environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

mod tests {
    use std::{
        io::{Read, Write},
        net::TcpStream,
        time::Duration,
    };

    use super::*;

    /// Whether PostgreSQL knows a table there.
    async fn has_table(url: &str) -> sqlx::Result<()> {
        administer(url, "SELECT * FROM mine".to_owned()).await
    }

    fn address(url: &str) -> &str {
        url.split(['@', '/']).find(|it| it.starts_with("127.0.0.1")).unwrap()
    }

    #[tokio::test]
    async fn tests_do_not_meet_on_the_stack_they_run_on() {
        let (mine, other) = (Isolated::new().await, Isolated::new().await);
        assert_ne!(mine.exchange, other.exchange);
        assert_ne!(mine.data.path(), other.data.path());
        assert_eq!(mine.real.is_some(), Stack::chosen() == Stack::Real);
        let (Some(mine), Some(other)) = (mine.real, other.real) else { return };
        assert_eq!((&mine.amqp_url, &mine.redis_url), (&other.amqp_url, &other.redis_url));
        administer(&mine.database_url, "CREATE TABLE mine (x int)".to_owned()).await.unwrap();
        has_table(&mine.database_url).await.unwrap();
        has_table(&other.database_url).await.unwrap_err();
        let url = mine.database_url.clone();
        drop(mine);
        let gone = PgConnection::connect(&url).await.err().unwrap().to_string();
        assert!(gone.contains("does not exist"), "{gone}");
    }

    #[tokio::test]
    async fn services_are_killed_and_come_back_where_they_were_with_their_data() {
        if Stack::chosen() == Stack::Embedded {
            return;
        }
        let services = PrivateServices::up().await;
        let urls = services.urls();
        let own = Isolated::on(&urls).await;
        let database = &own.real.as_ref().unwrap().database_url;
        administer(database, "CREATE TABLE mine (x int)".to_owned()).await.unwrap();
        let places = [
            (Service::Postgres, address(&urls.database)),
            (Service::Redis, address(&urls.redis)),
            (Service::Rabbitmq, address(&urls.amqp)),
        ];
        for (service, address) in places {
            TcpStream::connect(address).unwrap();
            services.kill(service).await;
            TcpStream::connect(address).unwrap_err();
            services.start(service).await;
            TcpStream::connect(address).unwrap();
        }
        has_table(database).await.unwrap();
        services.stop(Service::Redis).await;
        services.start(Service::Redis).await;
        let address = address(&urls.redis).to_owned();
        let mut socket = TcpStream::connect(&address).unwrap();
        services.freeze(Service::Redis).await;
        socket.write_all(b"PING\r\n").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        socket.read_exact(&mut [0; 7]).unwrap_err();
        services.thaw(Service::Redis).await;
        socket.set_read_timeout(None).unwrap();
        socket.read_exact(&mut [0; 7]).unwrap();
        drop((own, services));
        TcpStream::connect(address).unwrap_err();
    }
}
