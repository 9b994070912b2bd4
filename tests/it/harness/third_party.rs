//! Parties that are not ours: what we speak with them must not only agree with ourselves.

use std::{
    fmt::Write as _,
    io::Write as _,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout},
};

/// How a signature is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// Small hexadecimal digits.
    Hex,
    /// The standard alphabet, padded.
    Base64,
}

/// What OpenSSL says the HMAC of a body is; `digest` is `sha256`, `sha1`…
pub fn openssl_hmac(digest: &str, key: &[u8], body: &[u8], written: Written) -> Result<String> {
    let key = format!("hexkey:{}", hex(key));
    let digest = format!("-{digest}");
    let mac = openssl(&["dgst", &digest, "-mac", "HMAC", "-macopt", &key, "-binary"], body)?;
    match written {
        Written::Hex => Ok(hex(&mac)),
        Written::Base64 => Ok(String::from_utf8(openssl(&["base64", "-A"], &mac)?)?),
    }
}

/// Runs `openssl`, for whatever else it can do: input in, output out.
pub fn openssl(arguments: &[&str], input: &[u8]) -> Result<Vec<u8>> {
    let mut process = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("the tests need openssl: apt-get install openssl")?;
    process.stdin.take().context("stdin")?.write_all(input)?;
    let output = process.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "openssl {arguments:?}: {said}");
    Ok(output.stdout)
}

/// Bytes in small hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut digits, byte| {
        write!(digits, "{byte:02x}").unwrap();
        digits
    })
}

/// `tests/clients/listen.py`: a client in Python, on somebody else's WebSocket library.
pub struct PythonListener {
    frames: Lines<BufReader<ChildStdout>>,
    process: Child,
}

impl PythonListener {
    /// Connects, with a token in the `Authorization` header if there is one, and subscribes to the topics. It ends after so
    /// many `event` frames, and fails at the deadline.
    pub fn start(
        url: &str,
        bearer: Option<&str>,
        topics: &[&str],
        events: u32,
        deadline: Duration,
    ) -> Result<Self> {
        let script: PathBuf =
            [env!("CARGO_MANIFEST_DIR"), "tests", "clients", "listen.py"].iter().collect();
        // Debian's own interpreter: another one on the PATH would not see Debian's packages.
        let mut process = tokio::process::Command::new("/usr/bin/python3")
            .arg(script)
            .args(bearer.map(|it| format!("--bearer={it}")))
            .arg(format!("--events={events}"))
            .arg(format!("--deadline={}", deadline.as_secs_f64()))
            .arg(url)
            .args(topics)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("the tests need Python: apt-get install python3-websockets")?;
        let frames = BufReader::new(process.stdout.take().context("stdout")?).lines();
        Ok(Self { frames, process })
    }

    /// The next frame as it comes; `None` after the last one.
    pub async fn next(&mut self) -> Result<Option<Value>> {
        let line = self.frames.next_line().await?;
        Ok(line.map(|it| serde_json::from_str(&it)).transpose()?)
    }

    /// The frames that are still to come; an error when the events did not all come.
    pub async fn rest(mut self) -> Result<Vec<Value>> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await? {
            frames.push(frame);
        }
        let status = self.process.wait().await?;
        ensure!(status.success(), "the Python client: {status}, after {frames:?}");
        Ok(frames)
    }
}

mod tests {
    use futures_util::{SinkExt, StreamExt};
    use serde_json::json;
    use tokio::{net::TcpListener, task::JoinSet};
    use tokio_tungstenite::{
        accept_hdr_async,
        tungstenite::{
            Message,
            handshake::server::{ErrorResponse, Request, Response},
        },
    };

    use super::*;
    use crate::harness::wait::PATIENCE;

    #[test]
    fn openssl_signs_the_example_of_rfc_4231() -> Result<()> {
        let sign =
            |written| openssl_hmac("sha256", b"Jefe", b"what do ya want for nothing?", written);
        let hex = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(sign(Written::Hex)?, hex);
        assert_eq!(sign(Written::Base64)?, "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
        Ok(())
    }

    /// Answers one client: each subscription, then two events for it.
    async fn serve(tasks: &mut JoinSet<()>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/v1/live", listener.local_addr().unwrap());
        tasks.spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            #[expect(clippy::result_large_err, reason = "the library wants this type")]
            let check = |request: &Request, response: Response| -> Result<_, ErrorResponse> {
                assert_eq!(request.headers()["authorization"], "Bearer secret");
                Ok(response)
            };
            let mut socket = accept_hdr_async(stream, check).await.unwrap();
            while let Some(Ok(Message::Text(text))) = socket.next().await {
                let mut asked: Value = serde_json::from_str(&text).unwrap();
                assert_eq!(asked["type"], "subscribe");
                let answer = json!({
                    "type": "subscribed", "id": asked["id"].take(), "topic": asked["topic"].take(),
                });
                for frame in [answer, json!({"type": "event"}), json!({"type": "event"})] {
                    // After the events it waited for, the client is free to go.
                    drop(socket.send(Message::text(frame.to_string())).await);
                }
            }
        });
        url
    }

    #[tokio::test]
    async fn python_subscribes_and_counts_events() -> Result<()> {
        let mut tasks = JoinSet::new();
        let url = serve(&mut tasks).await;
        let deadline = PATIENCE;
        let topics = ["order:1", "ops"];
        let mut client = PythonListener::start(&url, Some("secret"), &topics, 3, deadline)?;
        let first = client.next().await?.context("nothing came")?;
        assert_eq!(first, json!({"type": "subscribed", "id": 1, "topic": "order:1"}));
        let rest = client.rest().await?;
        assert_eq!(rest.iter().filter(|it| it["type"] == "event").count(), 3);
        assert!(rest.contains(&json!({"type": "subscribed", "id": 2, "topic": "ops"})));
        Ok(())
    }

    #[tokio::test]
    async fn python_fails_at_its_deadline() -> Result<()> {
        let mut tasks = JoinSet::new();
        let url = serve(&mut tasks).await;
        let deadline = Duration::from_millis(300);
        let client = PythonListener::start(&url, Some("secret"), &["ops"], 3, deadline)?;
        assert!(client.rest().await.unwrap_err().to_string().contains("exit status: 1"));
        Ok(())
    }
}
