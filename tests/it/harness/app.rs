//! The real application, started in this process by the function that `main` uses, on the stack that the run asks for.

use std::{net::SocketAddr, ops::Deref, sync::Arc};

use orderwire::{
    base::{clock::Clock, mint::Mint},
    config::{Config, Partner},
    wiring::{self, Role, Server},
};

use crate::harness::{
    client::Client,
    services::Isolated,
    tokens,
    webhooks::{PARTNERS, secret},
};

/// A running application with data of its own. It derefs to a [`Client`] that speaks to it.
///
/// Dropped, it is told to end, and ends with the runtime of the test; [`TestApp::shut_down`] waits for that.
pub struct TestApp {
    client: Client,
    config: Config,
    server: Option<Server>,
    isolated: Arc<Isolated>,
}

impl TestApp {
    /// With the usual settings, at the machine's time.
    pub async fn spawn() -> Self {
        Self::with(|_| {}).await
    }

    /// With the usual settings, at the time of this clock.
    pub async fn spawn_at(clock: Clock) -> Self {
        Self::on(Arc::new(Isolated::new().await), clock, |_| {}).await
    }

    /// With other settings, at the machine's time.
    pub async fn with(edit: impl FnOnce(&mut Config)) -> Self {
        Self::on(Arc::new(Isolated::new().await), Clock::System, edit).await
    }

    /// On services and data that the test has chosen.
    pub async fn on(isolated: Arc<Isolated>, clock: Clock, edit: impl FnOnce(&mut Config)) -> Self {
        let mut config = config(&isolated);
        edit(&mut config);
        Self::start(isolated, clock, config).await
    }

    async fn start(isolated: Arc<Isolated>, clock: Clock, mut config: Config) -> Self {
        let started = wiring::start(config.clone(), Role::ALL, clock.clone(), Mint::system());
        let server = Box::pin(started).await.unwrap();
        // A restart listens where its clients come back to.
        config.http.listen = server.address();
        let client = Client::new(format!("http://{}", server.address()), clock);
        Self { client, config, server: Some(server), isolated }
    }

    /// Its settings, with the address it listens on.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Where its data live.
    pub fn isolated(&self) -> &Isolated {
        &self.isolated
    }

    /// Where a command finds the same data: a flag and its value.
    pub fn place_of_data(&self) -> (&'static str, String) {
        match &self.isolated.real {
            Some(real) => ("--database-url", real.database_url.clone()),
            None => ("--data-dir", self.isolated.data.path().display().to_string()),
        }
    }

    /// Shuts it down in order; whatever was accepted is on disk. Fails when it does not end in time.
    pub async fn shut_down(mut self) -> Arc<Isolated> {
        self.stop().await;
        Arc::clone(&self.isolated)
    }

    /// Shuts it down in order and starts it again at the same address, on the same data.
    pub async fn restart(&mut self) {
        self.stop().await;
        let (isolated, clock) = (Arc::clone(&self.isolated), self.client.clock.clone());
        *self = Self::start(isolated, clock, self.config.clone()).await;
    }

    /// [`TestApp::restart`] with other settings.
    pub async fn restart_with(&mut self, edit: impl FnOnce(&mut Config)) {
        edit(&mut self.config);
        self.restart().await;
    }

    async fn stop(&mut self) {
        let server = self.server.take().unwrap();
        assert!(Box::pin(server.shut_down()).await, "not everything ended in time");
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            // In order would take waiting, which a drop cannot do; the tasks go on their own, at the latest with the runtime.
            server.tasks().stop().cancel();
        }
    }
}

impl Deref for TestApp {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

/// A clock that stands at an evening in Amman, until the test moves it.
pub fn evening() -> Clock {
    Clock::frozen("2026-11-20T18:30:00Z".parse().unwrap())
}

/// The settings of one test: its own data, known secrets, any free port.
pub fn config(isolated: &Isolated) -> Config {
    let mut config = Config { data_dir: isolated.data.path().to_owned(), ..Config::default() };
    config.http.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    config.auth.secrets = vec![tokens::SECRET.into()];
    config.auth.sealing_keys = vec![tokens::SEALING_KEY.into()];
    config.bus.exchange.clone_from(&isolated.exchange);
    // Endpoints of tests are on this machine.
    config.endpoints.allow_http = true;
    config.endpoints.allow_private = vec!["127.0.0.0/8".parse().unwrap()];
    // Many servers share one PostgreSQL.
    config.database.max_connections = 4;
    for partner in PARTNERS {
        config.partners.insert(
            partner.to_owned(),
            Partner { secrets: vec![secret(partner).into()], ..Partner::default() },
        );
    }
    if let Some(real) = &isolated.real {
        config.database.url = Some(real.database_url.clone().into());
        config.bus.amqp_url = Some(real.amqp_url.clone().into());
        config.cache.redis_url = Some(real.redis_url.clone().into());
    }
    config
}

mod tests {
    use super::*;

    #[tokio::test]
    async fn an_order_outlives_the_server_that_took_it() {
        let mut app = TestApp::spawn().await;
        let store = app.store().await;
        let order = app.place(&store).await;
        app.restart().await;
        assert_eq!(app.order(order["id"].as_str().unwrap()).await, order);
        app.shut_down().await;
    }
}
