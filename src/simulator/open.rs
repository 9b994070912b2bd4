//! Opens the restaurant: its stores, its first orders, and then one order after another.

use std::{
    iter::Cycle,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    slice::Iter,
    sync::Arc,
    time::Duration,
};

use dashmap::DashSet;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::{
    domain::{LocalizedText, StoreId},
    messaging::whatsapp,
    simulator::{
        client::{As, Client, ClientError},
        customers::{GUESTS, Guest},
        partners::{Doors, Partner},
        phones,
        plan::{Plan, Planner},
        restaurant::{BRANCHES, Branch, STATIONS},
        run::{Placed, Run},
    },
    wiring::Server,
};

/// Links that nobody has read yet; a further one is dropped, for who follows wants the latest.
const UNREAD_LINKS: usize = 4;

/// How long the end of a watched order can be looked at before the next one begins.
const BETWEEN_WATCHED: Duration = Duration::from_secs(3);

/// What may be chosen.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The same orders in the same sequence for the same seed.
    pub seed: u64,
    /// How many come in a minute.
    pub orders_per_minute: u16,
    /// How long the tokens that are handed out last.
    pub token_ttl: Duration,
}

/// A restaurant in full swing, and how to look at it.
pub struct Opening {
    /// Where the server is, without a slash at the end.
    pub base: String,
    /// Its kitchens.
    pub kitchens: Vec<Kitchen>,
    /// An order that moves by itself, all the time.
    pub watched: Link,
    /// An order that waits for somebody in the kitchen, if one could be placed.
    pub waiting: Option<Link>,
    /// A token that may do everything.
    pub token: String,
    /// For the page of whoever keeps the server.
    pub ops_token: String,
    /// What the generic partner signs with.
    pub generic_secret: String,
    /// Whenever a watched order has arrived: the next one.
    pub next_watched: mpsc::Receiver<Link>,
}

/// One kitchen.
#[derive(Debug)]
pub struct Kitchen {
    /// Its store.
    pub store: StoreId,
    /// Its name.
    pub name: LocalizedText,
    /// For its screen.
    pub token: String,
    /// Whether it waits for people.
    pub is_yours: bool,
}

/// Where a customer follows an order.
#[derive(Debug)]
pub struct Link {
    /// What people call the order.
    pub number: String,
    /// The path of its page.
    pub path: String,
}

/// Opens the restaurant on a running server, and the partners, whose `doors` the server's settings must name. They close with the server.
pub async fn open(
    server: &Server,
    doors: Doors,
    settings: Settings,
) -> Result<Opening, ClientError> {
    let base = local_url(server.address());
    let client = Client::new(base.clone(), server.tokens())?;
    let stores = stores(&client).await?;
    let tasks = server.tasks().clone();
    let partners = doors.serve(&tasks, base.clone(), &server.partner_secrets());
    let partners = partners
        .map_err(|cause| ClientError::NoAnswer { what: "the partners".to_owned(), cause })?;
    let stop = tasks.stop();
    let run = Arc::new(Run { client, partners, stores, tasks, stop, under_way: DashSet::new() });

    let mut watched = Watched::new(Arc::clone(&run), settings.seed);
    let (first, watched_link) = watched.next().await?;
    let planner = Planner::new(settings.seed);
    let mut opening = planner.opening().into_iter();
    let mut waiting = None;
    if let Some(plan) = opening.next() {
        let placed = run.place(plan).await?;
        waiting = Some(link(&run, &placed).await?);
        run.let_live(placed);
    }
    let (links, next_watched) = mpsc::channel(UNREAD_LINKS);
    run.tasks.spawn(async move { watched.go_on(first, links).await });
    run.tasks.spawn(keep_busy(Arc::clone(&run), planner, opening, settings.orders_per_minute));
    run.tasks.spawn(Arc::clone(&run).look_after_the_abandoned());
    // A server without an app secret would believe nobody.
    let secrets = server.partner_secrets();
    if let Some(secret) = secrets.get(whatsapp::PARTNER).and_then(|it| it.first()) {
        run.tasks.spawn(phones::play(Arc::clone(&run), secret.clone(), settings.seed));
    }

    let kitchen = |(branch, store): &(&'static Branch, StoreId)| Kitchen {
        store: *store,
        name: LocalizedText::new(branch.en, branch.ar),
        token: run.client.token(As::Staff(*store), settings.token_ttl),
        is_yours: branch.is_yours,
    };
    Ok(Opening {
        base,
        kitchens: run.stores.iter().map(kitchen).collect(),
        watched: watched_link,
        waiting,
        token: run.client.token(As::Service, settings.token_ttl),
        ops_token: run.client.token(As::Operator, settings.token_ttl),
        generic_secret: run.partners.secret(Partner::Generic).unwrap_or_default().to_owned(),
        next_watched,
    })
}

/// How this machine reaches a server that may listen on every address.
fn local_url(mut address: SocketAddr) -> String {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        IpAddr::V4(_) | IpAddr::V6(_) => {}
    }
    format!("http://{address}")
}

/// The stores; those that a kept data folder lacks are opened. All partners are told by which name.
async fn stores(client: &Client) -> Result<Vec<(&'static Branch, StoreId)>, ClientError> {
    let known = client.stores().await?;
    let mut stores = Vec::new();
    for branch in BRANCHES {
        let found = known.iter().find(|it| it.name.en.as_deref() == Some(branch.en));
        let id = match found {
            Some(store) => store.id,
            None => client.open_store(&new_store(branch)).await?.id,
        };
        for market in Partner::MARKETS {
            client.name_store(market, branch.code, id).await?;
        }
        stores.push((branch, id));
    }
    Ok(stores)
}

fn new_store(branch: &Branch) -> Value {
    json!({
        "name": {"en": branch.en, "ar": branch.ar},
        "currency": "JOD",
        "timezone": "Asia/Amman",
        "stations": STATIONS,
        "prepMinutes": 12,
        "deliveryMinutes": 14,
    })
}

async fn link(run: &Run, placed: &Placed) -> Result<Link, ClientError> {
    let token = run.client.tracking_token(placed.order.id).await?;
    Ok(Link { number: placed.order.number.clone(), path: format!("/track/{token}") })
}

/// First those that are there from the beginning, then one after another.
async fn keep_busy(
    run: Arc<Run>,
    planner: Planner,
    opening: impl Iterator<Item = Plan> + Send,
    orders_per_minute: u16,
) {
    for plan in opening {
        run.begin(plan);
    }
    while run.rest(planner.gap(orders_per_minute)).await {
        run.begin(planner.next());
    }
}

/// Orders for somebody who watches: as soon as one has arrived, the next is there.
struct Watched {
    run: Arc<Run>,
    planner: Planner,
    guests: Cycle<Iter<'static, Guest>>,
}

impl Watched {
    fn new(run: Arc<Run>, seed: u64) -> Self {
        // Throws of their own, so that the pace of one sequence does not change the other.
        let planner = Planner::new(seed.wrapping_add(1));
        Self { run, planner, guests: GUESTS.iter().cycle() }
    }

    async fn next(&mut self) -> Result<(Placed, Link), ClientError> {
        let guest = self.guests.next().unwrap_or(&GUESTS[0]);
        let placed = self.run.place(self.planner.watched(guest)).await?;
        let link = link(&self.run, &placed).await?;
        Ok((placed, link))
    }

    async fn go_on(mut self, first: Placed, links: mpsc::Sender<Link>) {
        let mut placed = first;
        loop {
            self.run.live(&placed).await;
            // The kitchen has done its part, and the courier is on the way.
            self.run.until_over(placed.order.id).await;
            if !self.run.rest(BETWEEN_WATCHED).await {
                return;
            }
            match self.next().await {
                Ok((next, link)) => {
                    placed = next;
                    let _unread_ones_are_enough = links.try_send(link);
                }
                Err(error) => self.run.complain(&error),
            }
        }
    }
}
