//! The floor's process, and what makes it write.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream as Blocking},
    process::{Child, Command, Stdio},
    sync::{Arc, atomic::Ordering},
};

use anyhow::Context;
use parking_lot::Mutex;

use crate::{
    client::{frames, scan::Scanner},
    drive::Changer,
    machine, plans,
    scenario::Topic,
    world::{Order, World},
};

/// The floor's process.
#[derive(Debug)]
pub struct Process {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Process {
    /// Starts this very program as a floor.
    pub fn start() -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("floor")
            .arg("--ends-with-parent")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("no output")?).read_line(&mut line)?;
        let address = line.trim().strip_prefix("floor on ").and_then(|it| it.parse().ok());
        Ok(Self { child, address: address.context("the floor does not listen")? })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _: io::Result<()> = self.child.kill();
        let _: io::Result<_> = self.child.wait();
    }
}

/// Makes the floor write: a frame of the server, with the order, the version and the moment put in.
#[derive(Clone, Debug)]
pub struct Hand {
    control: Arc<Mutex<Blocking>>,
    template: Arc<Vec<u8>>,
    world: Arc<World>,
    /// What sockets watch: an order's events go to each of these.
    topics: Vec<Topic>,
    burst: usize,
}

impl Hand {
    /// A hand on a floor, for events that come so many at a time.
    pub fn new(
        address: SocketAddr,
        template: Vec<u8>,
        world: &Arc<World>,
        topics: Vec<Topic>,
        burst: usize,
    ) -> anyhow::Result<Self> {
        let control = Blocking::connect(address)?;
        control.set_nodelay(true)?;
        let control = Arc::new(Mutex::new(control));
        Ok(Self { control, template: Arc::new(template), world: Arc::clone(world), topics, burst })
    }

    fn frame(&self, order: &Order, version: u64) -> anyhow::Result<Vec<u8>> {
        let places = Scanner::new().places(&self.template).context("the sample is no event")?;
        let id = order.id.strip_prefix("ord_").unwrap_or_default().to_owned();
        let mut edits: Vec<_> = places
            .into_iter()
            .zip([id, version.to_string(), machine::written(machine::now())])
            .collect();
        edits.sort_unstable_by_key(|(place, _)| std::cmp::Reverse(place.start));
        let mut frame = self.template.to_vec();
        for (place, text) in edits {
            frame.splice(place, text.into_bytes());
        }
        // Every event has an id of its own, which the client tells events apart by.
        let unique = format!("{:012x}", machine::now() & 0xFFFF_FFFF_FFFF);
        if let Some(at) = memchr::memmem::find(&frame, br#""eventId":"evt_"#) {
            frame.splice(at + 35..at + 47, unique.into_bytes());
        }
        Ok(frame)
    }
}

impl Changer for Hand {
    fn change(&mut self, order: &Order) -> anyhow::Result<()> {
        let mut bytes = Vec::new();
        for _ in 0..self.burst {
            let version = order.version.fetch_add(1, Ordering::Relaxed) + 1;
            frames::push_text(&mut bytes, &self.frame(order, version)?);
        }
        let mut message = Vec::new();
        for topic in &self.topics {
            let topic = plans::topic(*topic, &self.world, order);
            message.extend_from_slice(format!("publish {topic} {}\n", bytes.len()).as_bytes());
            message.extend_from_slice(&bytes);
        }
        let mut control = self.control.lock();
        Ok(control.write_all(&message)?)
    }
}
