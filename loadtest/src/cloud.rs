//! A stand-in for WhatsApp's Cloud API: takes messages, keeps Meta's limits, and reports each as sent, delivered and read.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    fmt::Write as _,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use memchr::memmem;
use parking_lot::{Mutex, MutexGuard};
use serde_json::{Value, json};

use crate::{http::Http, machine, token};

/// What signs its reports.
pub const APP_SECRET: &str = "loadtest app secret";

/// How long it takes to answer, as an API does that is not on this machine.
const LATENCY: Duration = Duration::from_millis(150);

/// Meta's own limits: messages within any second, and from one to the same person to the next.
const PER_SECOND: usize = 80;
const PAIR: u64 = 6_000_000_000;
/// Clocks of one machine, and a turn that is taken a moment later than it was given: so much of a limit may be missing.
const LEEWAY: f64 = 0.95;

const REPORTERS: usize = 4;

/// What it has seen.
#[derive(Debug, Default)]
pub struct Seen {
    /// Messages taken.
    pub taken: u64,
    /// Messages that it had taken before.
    pub repeated: u64,
    /// Refused for too many in a second.
    pub too_fast: u64,
    /// Refused for too many to one person.
    pub too_often: u64,
    /// The most within one second.
    pub most_per_second: usize,
    /// The shortest time between two messages to one person, in nanoseconds.
    pub shortest_pair: Option<u64>,
    /// When the first and the last came.
    pub first: u64,
    /// See above.
    pub last: u64,
    lately: VecDeque<u64>,
    people: HashMap<String, u64>,
    ids: HashSet<String>,
}

/// The API.
pub struct Cloud {
    /// Where it listens.
    pub address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    reports: Receiver<(String, u64)>,
}

impl Cloud {
    /// Begins to listen.
    pub fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let seen = Arc::<Mutex<Seen>>::default();
        let (taken, reports) = channel();
        let desk = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (desk, taken) = (Arc::clone(&desk), taken.clone());
                std::thread::spawn(move || drop(serve(stream, &desk, &taken)));
            }
        });
        Ok(Self { address, seen, reports })
    }

    /// From now on every message is reported to this server.
    pub fn report_to(self, server: SocketAddr) -> Reported {
        let (reports, stop) = (Arc::new(Mutex::new(self.reports)), Arc::<AtomicBool>::default());
        let threads = (0..REPORTERS).map(|_| {
            let (reports, stop) = (Arc::clone(&reports), Arc::clone(&stop));
            std::thread::spawn(move || report(server, &reports, &stop))
        });
        Reported { threads: threads.collect(), stop, seen: self.seen }
    }
}

/// The API, with somebody to report to.
pub struct Reported {
    seen: Arc<Mutex<Seen>>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<anyhow::Result<u64>>>,
}

impl Reported {
    /// What it has seen so far.
    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock()
    }

    /// Makes the reports that are left; answers how many were made in all.
    pub fn finish(self) -> anyhow::Result<(u64, Arc<Mutex<Seen>>)> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = 0;
        for thread in self.threads {
            all += thread.join().map_err(|_| anyhow::anyhow!("a reporter panicked"))??;
        }
        Ok((all, self.seen))
    }
}

fn serve(
    mut stream: TcpStream,
    desk: &Mutex<Seen>,
    taken: &Sender<(String, u64)>,
) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::new();
    let mut chunk = [0; 8192];
    loop {
        let Some(end) = memmem::find(&buffer, b"\r\n\r\n") else {
            let read = stream.read(&mut chunk)?;
            if read == 0 {
                return Ok(());
            }
            buffer.extend_from_slice(chunk.get(..read).unwrap_or_default());
            continue;
        };
        let head = String::from_utf8_lossy(buffer.get(..end).unwrap_or_default()).into_owned();
        let length = crate::http::header(&head, "content-length").and_then(|it| it.parse().ok());
        let whole = end + 4 + length.unwrap_or(0usize);
        while buffer.len() < whole {
            let read = stream.read(&mut chunk)?;
            anyhow::ensure!(read > 0, "cut short");
            buffer.extend_from_slice(chunk.get(..read).unwrap_or_default());
        }
        let body: Value = serde_json::from_slice(buffer.get(end + 4..whole).unwrap_or_default())?;
        buffer.drain(..whole);
        let answer = {
            let mut seen = desk.lock();
            seen.take(&body, machine::now())
        };
        std::thread::sleep(LATENCY);
        let (status, json) = match answer {
            Ok((id, number)) => {
                let json =
                    json!({"messaging_product": "whatsapp", "messages": [{"id": wamid(number)}]});
                taken.send((id, number))?;
                ("200 OK", json)
            }
            Err(code) => ("400 Bad Request", json!({"error": {"code": code, "message": "limit"}})),
        };
        let json = json.to_string();
        let length = json.len();
        write!(
            stream,
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{json}"
        )?;
    }
}

fn wamid(number: u64) -> String {
    format!("wamid.{number}")
}

impl Seen {
    /// From the first message to the last.
    pub fn per_second(&self) -> f64 {
        self.taken.saturating_sub(1) as f64 / (self.last.saturating_sub(self.first) as f64 / 1e9)
    }

    fn take(&mut self, body: &Value, now: u64) -> Result<(String, u64), u32> {
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let (to, id) = (text("to"), text("biz_opaque_callback_data"));
        let second = (1e9 * LEEWAY) as u64;
        while self.lately.front().is_some_and(|it| *it + second <= now) {
            self.lately.pop_front();
        }
        if PER_SECOND <= self.lately.len() {
            self.too_fast += 1;
            return Err(130_429);
        }
        let gap = self.people.get(&to).map(|it| now - it);
        if gap.is_some_and(|it| it < (PAIR as f64 * LEEWAY) as u64) {
            self.too_often += 1;
            return Err(131_056);
        }
        self.shortest_pair = self.shortest_pair.into_iter().chain(gap).min();
        self.lately.push_back(now);
        self.most_per_second = self.most_per_second.max(self.lately.len());
        self.people.insert(to, now);
        if self.first == 0 {
            self.first = now;
        }
        self.last = now;
        self.taken += 1;
        self.repeated += u64::from(!self.ids.insert(id.clone()));
        Ok((id, self.taken))
    }
}

fn report(
    server: SocketAddr,
    reports: &Mutex<Receiver<(String, u64)>>,
    stop: &AtomicBool,
) -> anyhow::Result<u64> {
    let mut http = Http::new(server);
    let mut made = 0;
    loop {
        let next = {
            let reports = reports.lock();
            reports.recv_timeout(Duration::from_millis(50))
        };
        let Ok((id, number)) = next else {
            if stop.load(Ordering::Relaxed) {
                return Ok(made);
            }
            continue;
        };
        for status in ["sent", "delivered", "read"] {
            let said = json!({"id": wamid(number), "status": status, "biz_opaque_callback_data": id,
                "timestamp": (machine::now() / 1_000_000_000).to_string()});
            let body = json!({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [
                {"field": "messages", "value": {"messaging_product": "whatsapp", "statuses": [said]}}]}]});
            let body = body.to_string();
            let mac = token::mac(APP_SECRET.as_bytes(), body.as_bytes());
            let signature = mac.iter().fold("sha256=".to_owned(), |mut text, byte| {
                // Writing to a string cannot fail.
                let _infallible = write!(text, "{byte:02x}");
                text
            });
            let headers = [("x-hub-signature-256", signature.as_str())];
            let answer = http.call("POST", "/v1/webhooks/whatsapp", &headers, body.as_bytes())?;
            anyhow::ensure!(answer.status == 200, "a report is answered {}", answer.status);
            made += 1;
        }
    }
}
