//! The conformance cases of WebSockets (`cases.txt`), played by hand against any server.
//!
//! The unit tests play them against an echo around the codec, the integration tests against the application.

mod cases;
mod socket;

use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::{io::AsyncWriteExt, net::tcp::OwnedWriteHalf, sync::watch, time::timeout};

pub use self::socket::Frame;
use self::{
    cases::{Case, Step},
    socket::Reader,
};

/// Longer than any case may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// Cases played at once.
const AT_ONCE: usize = 4;

/// A server, and how it differs from an echo.
pub struct Server {
    /// Where it listens.
    pub authority: String,
    /// The path of its sockets, with the query.
    pub target: String,
    /// What it answers where an echo answers with this; a close ends it.
    pub answers: fn(Frame) -> Frame,
    /// What the test sees of what it sends; nothing of what it says unasked.
    pub hears: fn(Frame) -> Option<Frame>,
}

/// What has been heard so far.
#[derive(Clone, Copy, Default)]
struct Heard {
    frames: usize,
    closed: bool,
}

impl Server {
    /// Plays all cases, prints the verdicts as a table, and fails unless all are good.
    pub async fn conforms(&self) {
        let cases = Case::all();
        let verdicts = stream::iter(&cases).map(async |case| (case, self.verdict(case).await));
        let verdicts: Vec<_> = verdicts.buffered(AT_ONCE).collect().await;
        for (case, verdict) in &verdicts {
            println!(
                "{:8} {:6} {}",
                case.number,
                if verdict.is_ok() { "OK" } else { "FAILED" },
                case.what
            );
        }
        let failed: Vec<_> =
            verdicts.iter().filter_map(|it| Some((it.0.number, it.1.as_ref().err()?))).collect();
        println!("{} cases, {} failed", cases.len(), failed.len());
        assert!(failed.is_empty(), "{failed:#?}");
    }

    async fn verdict(&self, case: &Case) -> Result<(), String> {
        let expected = self.expected(case);
        let played = timeout(PATIENCE, self.play(case, &expected)).await;
        let heard = played.map_err(|_| "the server goes on and on".to_owned())??;
        let same = heard == expected;
        if same { Ok(()) } else { Err(format!("expected {expected:?}, heard {heard:?}")) }
    }

    /// What this server should send, up to its close.
    fn expected(&self, case: &Case) -> Vec<Frame> {
        let echo = case.answers().into_iter().map(|(opcode, payload)| Frame { opcode, payload });
        let frames = echo.chain([Frame::close(1000)]);
        // The client's own code comes back everywhere.
        let answer =
            |it: Frame| if it.is_close() && case.closes() { it } else { (self.answers)(it) };
        let mut frames: Vec<_> = frames.map(answer).collect();
        let end = frames.iter().position(Frame::is_close);
        frames.truncate(end.map_or(frames.len(), |it| it + 1));
        frames
    }

    /// Answers what the server sends until it ends the connection.
    async fn play(&self, case: &Case, expected: &[Frame]) -> Result<Vec<Frame>, String> {
        let (mut reader, mut writer) = socket::connect(&self.authority).await;
        let mut steps = case.steps();
        let mut begin = format!(
            "GET {} HTTP/1.1\r\nhost: {}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: {}\r\n{}\r\n",
            self.target,
            self.authority,
            socket::KEY,
            case.headers()
        )
        .into_bytes();
        if case.is_early() {
            for step in steps.drain(..) {
                let Step::Write(bytes) = step else { continue };
                begin.extend(bytes);
            }
        }
        writer.write_all(&begin).await.map_err(|it| it.to_string())?;
        reader.handshake().await?;
        let (tell, heard) = watch::channel(Heard::default());
        let answers = expected.len() - 1;
        let spoken = async {
            speak(&mut writer, steps, heard.clone()).await;
            if !case.closes() {
                until(&mut heard.clone(), answers).await;
                drop(writer.write_all(&Frame::close(1000).masked()).await);
            }
        };
        let (frames, ()) = tokio::join!(self.hear(reader, tell), spoken);
        frames
    }

    /// Takes what the server sends.
    async fn hear(
        &self,
        mut reader: Reader,
        tell: watch::Sender<Heard>,
    ) -> Result<Vec<Frame>, String> {
        let mut frames = Vec::new();
        while let Some(frame) = reader.next().await? {
            let Some(frame) = (self.hears)(frame) else { continue };
            tell.send_modify(|it| {
                it.frames += 1;
                it.closed |= frame.is_close();
            });
            frames.push(frame);
        }
        Ok(frames)
    }
}

/// Does what the case says, as far as the server takes it.
async fn speak(writer: &mut OwnedWriteHalf, steps: Vec<Step>, mut heard: watch::Receiver<Heard>) {
    let mut awaited = 0;
    for step in steps {
        match step {
            Step::Await => {
                awaited += 1;
                until(&mut heard, awaited).await;
            }
            Step::Write(bytes) => {
                if writer.write_all(&bytes).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Waits for so many frames, or for the end.
async fn until(heard: &mut watch::Receiver<Heard>, frames: usize) {
    drop(heard.wait_for(|it| it.closed || frames <= it.frames).await);
}
