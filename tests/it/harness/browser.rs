//! A headless Chromium, driven over the protocol of its developer tools.

use std::{path::Path, process::Stdio, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStderr, Command},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use crate::harness::{
    devtools::{Wire, exception, text},
    folder::Folder,
    wait::PATIENCE,
};

/// In the order of preference.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
const FLAGS: [&str; 10] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--remote-debugging-port=0",
];
/// A running browser; dropped, it is gone.
pub struct Browser {
    wire: Arc<Wire>,
    user_agent: String,
    _tasks: JoinSet<()>,
    process: Child,
    _profile: Folder,
}

impl Browser {
    /// Starts one with an empty profile; an error when this machine has none.
    pub async fn launch() -> Result<Self> {
        let profile = Folder::new("browser");
        let mut process = spawn(profile.path())?;
        let mut output = BufReader::new(process.stderr.take().context("stderr")?).lines();
        let address = timeout(PATIENCE, address_in(&mut output))
            .await
            .context("the browser does not say where it listens")??;
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { while let Ok(Some(_)) = output.next_line().await {} });
        let wire = Wire::connect(&address, &mut tasks).await?;
        let version = wire.call(None, "Browser.getVersion", json!({})).await?;
        let user_agent = text(&version["userAgent"])?;
        Ok(Self { wire, user_agent, _tasks: tasks, process, _profile: profile })
    }

    /// Opens an empty page that shares no storage with others. `lang` is what it asks servers for, and `navigator.language`.
    pub async fn page(&self, width: u32, height: u32, lang: Option<&str>) -> Result<Page> {
        let wire = Arc::clone(&self.wire);
        let context = wire.call(None, "Target.createBrowserContext", json!({})).await?;
        let target = json!({"url": "about:blank", "browserContextId": context["browserContextId"]});
        let target = wire.call(None, "Target.createTarget", target).await?;
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = wire.call(None, "Target.attachToTarget", attach).await?;
        let page = Page { wire, session: text(&attached["sessionId"])? };
        for domain in ["Page", "Runtime", "Log", "Network"] {
            page.call(&format!("{domain}.enable"), json!({})).await?;
        }
        let size = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600,
        });
        page.call("Emulation.setDeviceMetricsOverride", size).await?;
        if let Some(lang) = lang {
            let agent = json!({"userAgent": self.user_agent, "acceptLanguage": lang});
            page.call("Emulation.setUserAgentOverride", agent).await?;
        }
        Ok(page)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // With its children, which would else go on writing into the profile for a while.
        if let Some(group) = self.process.id() {
            let kill = format!("kill -KILL -{group}");
            drop(std::process::Command::new("sh").args(["-c", &kill]).status());
        }
    }
}

/// One tab.
pub struct Page {
    wire: Arc<Wire>,
    session: String,
}

impl Page {
    /// Opens an address and waits until it is loaded.
    pub async fn goto(&self, url: &str) -> Result<()> {
        self.eval("window.leftBehind = true").await?;
        let answer = self.call("Page.navigate", json!({"url": url})).await?;
        if let Some(error) = answer["errorText"].as_str() {
            bail!("cannot open {url}: {error}");
        }
        // Without a loader it was a jump within the page.
        if answer["loaderId"].is_null() {
            return Ok(());
        }
        self.wait_for("!window.leftBehind && document.readyState === 'complete'", PATIENCE).await
    }

    /// What a JavaScript expression comes to, awaited; an exception is an error.
    pub async fn eval(&self, js: &str) -> Result<Value> {
        let params = json!({"expression": js, "awaitPromise": true, "returnByValue": true});
        let mut answer = self.call("Runtime.evaluate", params).await?;
        if let Some(details) = answer.get("exceptionDetails") {
            bail!("{js}: {}", exception(details));
        }
        Ok(answer["result"]["value"].take())
    }

    /// Waits until a JavaScript expression is truthy. The error shows the page as it is then.
    pub async fn wait_for(&self, condition: &str, deadline: Duration) -> Result<()> {
        let end = Instant::now() + deadline;
        let js = format!("(async () => Boolean(await ({condition})))()");
        loop {
            // An exception is no yet: while a page is replaced, everything throws.
            let seen = self.eval(&js).await;
            if matches!(seen, Ok(Value::Bool(true))) {
                return Ok(());
            }
            if end < Instant::now() {
                let shown = self.eval("location.href + '\\n' + document.body.innerText").await;
                let shown =
                    shown.as_ref().map_or("(nothing)", |it| it.as_str().unwrap_or_default());
                let console = self.console().join("\n");
                bail!(
                    "not so after {deadline:?}: {condition} ({seen:?})\n\
                     --- the page:\n{shown}\n--- its console:\n{console}"
                );
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Clicks with the mouse on what a selector names, once it is there and nothing covers it.
    pub async fn click(&self, selector: &str) -> Result<()> {
        let quoted = Value::from(selector);
        let find = format!(
            "(() => {{
                const it = document.querySelector({quoted});
                if (!it || it.disabled) return null;
                it.scrollIntoView({{block: 'center', behavior: 'instant'}});
                const box = it.getBoundingClientRect();
                const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
                return it.contains(document.elementFromPoint(x, y)) ? {{x, y}} : null;
            }})()"
        );
        self.wait_for(&find, PATIENCE).await?;
        let at = self.eval(&find).await?;
        ensure!(at.is_object(), "{selector} went away before the click");
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({"type": kind, "x": at["x"], "y": at["y"], "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", event).await?;
        }
        Ok(())
    }

    /// Writes what the page looks like to a PNG file.
    pub async fn screenshot(&self, path: &Path) -> Result<()> {
        let shot = self.call("Page.captureScreenshot", json!({"format": "png"})).await?;
        std::fs::write(path, BASE64_STANDARD.decode(text(&shot["data"])?)?)?;
        Ok(())
    }

    /// Takes the page off the network, or puts it back. Requests and new sockets fail meanwhile; open sockets fall
    /// silent without being closed, and what was sent to them arrives when the network is back.
    pub async fn set_offline(&self, offline: bool) -> Result<()> {
        let network = json!({
            "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1,
        });
        self.call("Network.emulateNetworkConditions", network).await.map(drop)
    }

    /// Whatever the page wrote to its console, with the level before it.
    pub fn console(&self) -> Vec<String> {
        self.wire.console(&self.session)
    }

    /// Errors alone: written by the page, thrown by it, or about what it failed to load.
    pub fn console_errors(&self) -> Vec<String> {
        self.console().into_iter().filter(|it| it.starts_with("error: ")).collect()
    }

    async fn call(&self, method: &str, params: Value) -> Result<Value> {
        self.wire.call(Some(&self.session), method, params).await
    }
}

/// Dies with the thread that started it, so that a killed test run leaves no browser behind.
fn spawn(profile: &Path) -> Result<Child> {
    let is_there = |name: &&str| {
        let paths = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&paths).any(|it| it.join(name).exists())
    };
    let browser = NAMES
        .into_iter()
        .find(is_there)
        .context("the tests of the pages need a browser: apt-get install chromium")?;
    Command::new("setpriv")
        .args(["--pdeathsig", "KILL", browser])
        .args(FLAGS)
        .arg(format!("--user-data-dir={}", profile.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot start {browser}"))
}

async fn address_in(output: &mut Lines<BufReader<ChildStderr>>) -> Result<String> {
    let mut said = Vec::new();
    while let Some(line) = output.next_line().await? {
        if let Some(address) = line.strip_prefix("DevTools listening on ") {
            return Ok(address.to_owned());
        }
        said.push(line);
    }
    bail!("the browser ended at once; it said:\n{}", said.join("\n"))
}

mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    const PAGE: &str = "<!doctype html><link rel=icon href='data:,'><meta name=viewport content='width=device-width'>
        <p id=said>nothing</p>
        <button onclick=\"said.textContent = 'clicked'; console.log('a click', 1)\">Click</button>";

    fn answer() -> String {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n";
        format!("{head}content-length: {}\r\n\r\n{PAGE}", PAGE.len())
    }

    /// Serves [`PAGE`] at every path.
    async fn serve(tasks: &mut JoinSet<()>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        tasks.spawn(async move {
            let mut answers = JoinSet::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                answers.spawn(async move {
                    // A connection that the browser opens in advance asks for nothing.
                    if stream.read(&mut [0; 4096]).await.is_ok_and(|it| 0 < it) {
                        stream.write_all(answer().as_bytes()).await.unwrap();
                    }
                });
            }
        });
        address
    }

    #[tokio::test]
    async fn a_page_is_clicked_read_and_cut_off() -> Result<()> {
        let mut tasks = JoinSet::new();
        let address = serve(&mut tasks).await;
        let browser = Browser::launch().await?;
        let page = browser.page(390, 844, Some("ar")).await?;
        page.goto(&address).await?;
        assert_eq!(page.eval("said.textContent").await?, "nothing");
        assert_eq!(page.eval("[innerWidth, navigator.language]").await?, json!([390, "ar"]));

        page.click("button").await?;
        page.wait_for("said.textContent === 'clicked'", PATIENCE).await?;
        assert_eq!(page.console(), ["log: a click 1"]);
        assert_eq!(page.console_errors(), Vec::<String>::new());

        let thrown = page.eval("nobody.home").await.unwrap_err().to_string();
        assert!(thrown.contains("nobody is not defined"), "{thrown}");
        let late = page.wait_for("said.textContent === 'never'", Duration::ZERO).await;
        let late = late.unwrap_err().to_string();
        assert!(late.contains("clicked\n") && late.contains("a click"), "{late}");

        let folder = Folder::new("screenshot");
        let file = folder.path().join("page.png");
        page.screenshot(&file).await?;
        assert!(std::fs::read(&file)?.starts_with(b"\x89PNG"));

        page.set_offline(true).await?;
        assert_eq!(page.eval("navigator.onLine").await?, false);
        page.eval("fetch('/')").await.unwrap_err();
        page.wait_for("true", PATIENCE).await?;
        assert!(page.console_errors()[0].contains("ERR_INTERNET_DISCONNECTED"));
        page.set_offline(false).await?;
        assert_eq!(page.eval("fetch('/').then(it => it.status)").await?, 200);
        Ok(())
    }
}
