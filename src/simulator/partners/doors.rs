//! Where the partners are reached, and what they know.

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, atomic::AtomicUsize},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use dashmap::DashMap;
use secrecy::{ExposeSecret, SecretString};
use tokio::{net::TcpListener, sync::Semaphore};

use crate::{
    base::{clock::Clock, mint::Mint, tasks::Tasks},
    config::Config,
    simulator::partners::{
        desk,
        partner::Partner,
        state::{Partners, Shared},
    },
};

/// Calls that all partners together make at once; more wait for their turn.
const AT_ONCE: usize = 16;

/// The partners' own addresses, before they open: the server's settings must name them.
pub struct Doors {
    listener: TcpListener,
    address: SocketAddr,
    /// What we are to prove ourselves with there, but for our own format.
    token: String,
}

impl Doors {
    /// On a free port of this machine, reached from this machine only.
    pub async fn open(mint: &Mint) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address, token: secret(mint) })
    }

    /// Has a server tell and ask these partners, whatever its settings said, and believe them: who has no secret yet is given one. That
    /// of our own format is made in the data folder, where there is none, as always.
    pub fn name(&self, config: &mut Config, mint: &Mint) {
        for partner in Partner::ALL {
            let slug = partner.slug();
            let line = config.partners.entry(slug.to_owned()).or_default();
            if partner != Partner::Generic && line.secrets.is_empty() {
                line.secrets = vec![secret(mint).into()];
            }
            if Partner::MARKETS.contains(&partner) {
                let url = self.url(partner);
                line.token_url = Some(format!("{url}/token"));
                line.base_url = Some(url);
                line.client_id = Some("dr-burger".to_owned());
                line.client_secret = Some(secret(mint).into());
            }
        }
    }

    /// Opens. `server` is where our server listens, without a slash at the end; `secrets` are those that it believes, by the
    /// partners' slugs.
    pub fn serve(
        self,
        tasks: &Tasks,
        server: String,
        secrets: &BTreeMap<String, Vec<SecretString>>,
    ) -> reqwest::Result<Partners> {
        let here = format!("http://{}", self.address);
        // A proxy in the environment is for the way out, not for a server on this machine.
        let http = reqwest::Client::builder().no_proxy().timeout(Partners::PATIENCE).build()?;
        let first = |it: &Vec<SecretString>| Some(it.first()?.expose_secret().to_owned());
        let secrets = secrets.iter().filter_map(|(slug, it)| Some((slug.clone(), first(it)?)));
        let partners = Partners(Arc::new(Shared {
            book: DashMap::new(),
            here,
            server,
            secrets: secrets.collect(),
            token: self.token,
            http,
            turns: Semaphore::new(AT_ONCE),
            under_way: AtomicUsize::new(0),
            calls: AtomicUsize::new(0),
            clock: Clock::System,
            mint: Mint::system(),
            tasks: tasks.clone(),
        }));
        let router = desk::router(partners.clone());
        let stop = tasks.stop();
        let open = axum::serve(self.listener, router)
            .with_graceful_shutdown(async move { stop.cancelled().await });
        tasks.spawn(async move {
            if let Err(error) = open.await {
                tracing::warn!("simulator: the partners' doors are shut: {error}");
            }
        });
        Ok(partners)
    }

    fn url(&self, partner: Partner) -> String {
        format!("http://{}/{}", self.address, partner.slug())
    }
}

fn secret(mint: &Mint) -> String {
    let mut bytes = [0; 24];
    mint.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}
