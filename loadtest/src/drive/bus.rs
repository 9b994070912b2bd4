//! Events laid straight on RabbitMQ, as if the relay had published them: for measuring what delivers them, without what makes them.
//!
//! Where one event goes to two sockets, making it costs a hundred times what delivering it costs, and its noise drowns the delivery.
//! Just as much of AMQP 0-9-1 as that takes. The first event of the run is the model for all others.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use parking_lot::Mutex;
use serde_json::Value;

use crate::{
    drive::Changer,
    machine,
    world::{Order, World, customer},
};

const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;
const END: u8 = 0xCE;

/// How long the relay may take to publish the model.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection with one channel.
#[derive(Debug)]
struct Amqp {
    stream: TcpStream,
    exchange: String,
}

/// An event, and how it was addressed.
#[derive(Clone, Debug)]
struct Model {
    routing_key: Vec<u8>,
    /// The content header behind the body's size: flags and properties.
    properties: Vec<u8>,
    event: Value,
}

/// Lays events on the bus.
#[derive(Clone, Debug)]
pub struct Bus {
    amqp: Arc<Mutex<Amqp>>,
    model: Arc<Model>,
    world: Arc<World>,
}

impl Bus {
    /// Listens on the exchange while `change` makes one event: the model.
    pub fn open(
        url: &str,
        exchange: &str,
        world: &Arc<World>,
        change: impl FnOnce() -> anyhow::Result<()>,
    ) -> anyhow::Result<Self> {
        let mut amqp = Amqp::connect(url, exchange)?;
        let queue = amqp.listen()?;
        change()?;
        let end = Instant::now() + PATIENCE;
        let model = loop {
            match amqp.take(&queue)? {
                Some(model) => break model,
                None if end <= Instant::now() => {
                    bail!("no event has come over the exchange {exchange}")
                }
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        // Nobody reads it any more.
        amqp.call(&method(50, 40, |it| it.u16(0).short(&queue).byte(0)), (50, 41))?;
        Ok(Self {
            amqp: Arc::new(Mutex::new(amqp)),
            model: Arc::new(model),
            world: Arc::clone(world),
        })
    }
}

impl Changer for Bus {
    fn change(&mut self, order: &Order) -> anyhow::Result<()> {
        let version = order.version.load(Ordering::Relaxed) + 1;
        let now = machine::now();
        let mut event = self.model.event.clone();
        let store = self.world.stores.get(order.store).map_or("", String::as_str);
        event["eventId"] = format!("evt_{now:032x}").into();
        event["timestamp"] = machine::written(now).into();
        let data = &mut event["data"];
        data["orderId"] = order.id.as_str().into();
        data["storeId"] = store.into();
        data["orderVersion"] = version.into();
        data["order"]["id"] = order.id.as_str().into();
        data["order"]["storeId"] = store.into();
        data["order"]["version"] = version.into();
        data["order"]["customer"]["id"] = customer(order.place).into();
        let body = event.to_string();
        let mut amqp = self.amqp.lock();
        amqp.publish(&self.model, body.as_bytes())?;
        order.version.store(version, Ordering::Relaxed);
        Ok(())
    }
}

impl Amqp {
    fn connect(url: &str, exchange: &str) -> anyhow::Result<Self> {
        let rest = url.strip_prefix("amqp://").context("AMQP_URL begins with amqp://")?;
        let (rest, vhost) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, address) = rest.rsplit_once('@').unwrap_or(("guest:guest", rest));
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        let vhost = match vhost.replace("%2f", "/").replace("%2F", "/") {
            vhost if vhost.is_empty() => "/".to_owned(),
            vhost => vhost,
        };
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut amqp = Self { stream, exchange: exchange.to_owned() };
        amqp.stream.write_all(b"AMQP\0\0\x09\x01")?;
        amqp.expect((10, 10))?;
        let response = format!("\0{user}\0{password}");
        let start = method(10, 11, |it| {
            it.u32(0).short(b"PLAIN").long(response.as_bytes()).short(b"en_US")
        });
        let tune = amqp.call(&start, (10, 30))?;
        let most = tune.get(4..10).context("a short Tune")?;
        // As the broker proposes, but without heartbeats: the run is short.
        let tuned = method(10, 31, |it| it.bytes(most).u16(0));
        amqp.send_on(0, METHOD, &tuned)?;
        let open = method(10, 40, |it| it.short(vhost.as_bytes()).short(b"").byte(0));
        amqp.call(&open, (10, 41))?;
        amqp.send_on(1, METHOD, &method(20, 10, |it| it.short(b"")))?;
        amqp.expect((20, 11))?;
        Ok(amqp)
    }

    /// A queue of our own that gets everything.
    fn listen(&mut self) -> anyhow::Result<Vec<u8>> {
        let (exclusive, auto_delete) = (0b100, 0b1000);
        let declare =
            method(50, 10, |it| it.u16(0).short(b"").byte(exclusive | auto_delete).u32(0));
        let declared = self.call(&declare, (50, 11))?;
        let queue = short(declared.get(4..).unwrap_or_default())
            .context("a queue without a name")?
            .to_vec();
        let exchange = self.exchange.clone();
        let bind = method(50, 20, |it| {
            it.u16(0).short(&queue).short(exchange.as_bytes()).short(b"#").byte(0).u32(0)
        });
        self.call(&bind, (50, 21))?;
        Ok(queue)
    }

    fn take(&mut self, queue: &[u8]) -> anyhow::Result<Option<Model>> {
        self.send_on(1, METHOD, &method(60, 70, |it| it.u16(0).short(queue).byte(1)))?;
        let (_, got) = self.frame()?;
        if got.starts_with(&[0, 60, 0, 72]) {
            return Ok(None);
        }
        let names = got.get(13..).context("a short Get-Ok")?;
        let exchange = short(names).context("no exchange")?.len() + 1;
        let routing_key =
            short(names.get(exchange..).unwrap_or_default()).context("no key")?.to_vec();
        let (_, header) = self.frame()?;
        let size =
            header.get(4..12).and_then(|it| it.try_into().ok()).map_or(0, u64::from_be_bytes);
        let properties = header.get(12..).unwrap_or_default().to_vec();
        let mut body = Vec::new();
        while (body.len() as u64) < size {
            body.extend(self.frame()?.1);
        }
        if body.is_empty() {
            // A probe of the queues' bindings.
            return Ok(None);
        }
        let event = serde_json::from_slice(&body).context("what is on the bus is no JSON")?;
        Ok(Some(Model { routing_key, properties, event }))
    }

    fn publish(&mut self, model: &Model, body: &[u8]) -> anyhow::Result<()> {
        let exchange = self.exchange.clone();
        let publish = method(60, 40, |it| {
            it.u16(0).short(exchange.as_bytes()).short(&model.routing_key).byte(0)
        });
        let size = (body.len() as u64).to_be_bytes();
        let header = Fields::default().u16(60).u16(0).bytes(&size).bytes(&model.properties).0;
        let mut all = framed(1, METHOD, &publish);
        all.extend(framed(1, HEADER, &header));
        all.extend(framed(1, BODY, body));
        Ok(self.stream.write_all(&all)?)
    }

    /// Sends a method and waits for its answer.
    fn call(&mut self, method: &[u8], answer: (u16, u16)) -> anyhow::Result<Vec<u8>> {
        let channel = u16::from(!method.starts_with(&[0, 10]));
        self.send_on(channel, METHOD, method)?;
        self.expect(answer)
    }

    fn expect(&mut self, (class, number): (u16, u16)) -> anyhow::Result<Vec<u8>> {
        let (_, payload) = self.frame()?;
        let wanted = Fields::default().u16(class).u16(number).0;
        if !payload.starts_with(&wanted) {
            bail!("the broker answers {}", String::from_utf8_lossy(&payload));
        }
        Ok(payload)
    }

    fn send_on(&mut self, channel: u16, kind: u8, payload: &[u8]) -> anyhow::Result<()> {
        Ok(self.stream.write_all(&framed(channel, kind, payload))?)
    }

    fn frame(&mut self) -> anyhow::Result<(u8, Vec<u8>)> {
        let mut head = [0; 7];
        self.stream.read_exact(&mut head).context("the broker has hung up")?;
        let [kind, _, _, size @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes(size) as usize + 1];
        self.stream.read_exact(&mut payload)?;
        payload.pop();
        Ok((kind, payload))
    }
}

/// Writes fields one after the other.
#[derive(Default)]
struct Fields(Vec<u8>);

impl Fields {
    fn byte(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }

    fn bytes(mut self, value: &[u8]) -> Self {
        self.0.extend_from_slice(value);
        self
    }

    fn u16(self, value: u16) -> Self {
        self.bytes(&value.to_be_bytes())
    }

    fn u32(self, value: u32) -> Self {
        self.bytes(&value.to_be_bytes())
    }

    fn short(self, text: &[u8]) -> Self {
        self.byte(text.len() as u8).bytes(text)
    }

    fn long(self, text: &[u8]) -> Self {
        self.u32(text.len() as u32).bytes(text)
    }
}

fn method(class: u16, number: u16, fields: impl FnOnce(Fields) -> Fields) -> Vec<u8> {
    fields(Fields::default().u16(class).u16(number)).0
}

fn framed(channel: u16, kind: u8, payload: &[u8]) -> Vec<u8> {
    Fields::default().byte(kind).u16(channel).long(payload).byte(END).0
}

/// A text with its length in one byte before it.
fn short(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first()?;
    rest.get(..usize::from(*length))
}
