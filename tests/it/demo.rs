//! The demo moves by itself, and ends when it is told to.

use std::{process::Stdio, time::Duration};

use anyhow::{Context, Result, bail};
use futures_util::StreamExt;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};
use tokio_tungstenite::connect_async;

use crate::harness::{browser::Browser, wait::PATIENCE};

fn demo(args: &[&str]) -> Result<Child> {
    Command::new(env!("CARGO_BIN_EXE_orderwire"))
        .args(["demo", "--seed", "7", "--rate", "60"])
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("the demo does not start")
}

/// What it printed, as far as the first line that is wanted.
async fn first_line(demo: &mut Child, wanted: fn(&str) -> bool) -> Result<String> {
    let mut lines = BufReader::new(demo.stdout.take().context("stdout")?).lines();
    let find = async {
        while let Some(line) = lines.next_line().await? {
            if wanted(&line) {
                return Ok(line);
            }
        }
        bail!("it ended without a word")
    };
    timeout(PATIENCE, find).await.context("it says nothing")?
}

/// Ends it as a person or a system would, and answers its exit code and what it had to complain of.
async fn told_to_stop(demo: Child, signal: &str) -> Result<(Option<i32>, String)> {
    let id = demo.id().context("it is gone already")?.to_string();
    Command::new("kill").args([signal, &id]).status().await?;
    let output = timeout(PATIENCE, demo.wait_with_output()).await.context("it does not end")??;
    Ok((output.status.code(), String::from_utf8(output.stderr)?))
}

#[tokio::test]
async fn the_first_order_moves_every_partner_calls_and_it_all_ends_well() -> Result<()> {
    let mut demo = demo(&["--listen", "127.0.0.1:0", "--json"])?;
    let opening: Value = serde_json::from_str(&first_line(&mut demo, |_| true).await?)?;
    let text = |pointer: &str| opening.pointer(pointer).and_then(Value::as_str).context("text");
    let (base, token) = (text("/base")?, text("/token")?);

    let page = text("/watched/url")?;
    let moved = timeout(PATIENCE, moves(base, page, 3)).await;
    moved.context("the first order stands still")??;
    let http = reqwest::Client::builder().no_proxy().build()?;
    for url in [page, text("/kitchens/0/url")?, text("/kitchens/1/arabicUrl")?] {
        assert!(http.get(url).send().await?.status().is_success());
    }
    for partner in ["generic", "careem", "talabat", "deliveroo", "uber_direct"] {
        has_applied_calls(&http, base, token, partner).await?;
    }
    hear_of_their_orders(&http, base, token).await?;
    assert_eq!(told_to_stop(demo, "-TERM").await?, (Some(0), String::new()));
    Ok(())
}

/// Follows a tracking link as its page does, until the order has moved so many times.
async fn moves(base: &str, page: &str, times: usize) -> Result<()> {
    let token = page.rsplit('/').next().context("a token")?;
    let address = format!("{}/v1/live?token={token}", base.replacen("http", "ws", 1));
    let (mut socket, _) = connect_async(address).await?;
    let mut events = 0;
    while events < times {
        let frame = socket.next().await.context("the socket is closed")??;
        let frame: Value = serde_json::from_str(frame.to_text()?)?;
        events += usize::from(frame["type"] == "event");
    }
    Ok(())
}

async fn has_applied_calls(
    http: &reqwest::Client,
    base: &str,
    token: &str,
    partner: &str,
) -> Result<()> {
    let url = format!("{base}/v1/webhooks/inbox?partner={partner}&outcome=applied");
    let end = Instant::now() + Duration::from_mins(1);
    while Instant::now() < end {
        let page: Value = http.get(&url).bearer_auth(token).send().await?.json().await?;
        if page["calls"].as_array().context("calls")?.iter().any(|it| it["state"] == "done") {
            return Ok(());
        }
        sleep(Duration::from_millis(100)).await;
    }
    bail!("no call of {partner} has been applied")
}

/// Waits until every partner where people order was told something.
async fn hear_of_their_orders(http: &reqwest::Client, base: &str, token: &str) -> Result<()> {
    let url = format!("{base}/v1/partners");
    let end = Instant::now() + Duration::from_mins(1);
    let mut board = Value::Null;
    while Instant::now() < end {
        board = http.get(&url).bearer_auth(token).send().await?.json().await?;
        let rows = board["partners"].as_array().context("partners")?;
        let was_told = |name: &str| {
            let row = rows.iter().find(|it| it["partner"] == name);
            row.is_some_and(|it| it["told"]["lastHour"]["sent"].is_u64())
        };
        if ["generic", "careem", "talabat", "deliveroo"].into_iter().all(was_told) {
            return Ok(());
        }
        sleep(Duration::from_millis(100)).await;
    }
    bail!("somebody was not told: {board}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_reach_phones_and_the_ops_page_shows_their_receipts() -> Result<()> {
    let mut demo = demo(&["--listen", "127.0.0.1:0", "--json"])?;
    let opening: Value = serde_json::from_str(&first_line(&mut demo, |_| true).await?)?;
    let text = |name: &str| opening[name].as_str().context("text");
    let (base, token, page_url) = (text("base")?, text("token")?, text("opsUrl")?);
    let http = reqwest::Client::builder().no_proxy().build()?;
    for state in ["delivered", "read"] {
        let message = has_message(&http, base, token, state).await?;
        let stages: Vec<_> = ["sentAt", "deliveredAt", "readAt"]
            .map(|it| message[it].is_string())
            .into_iter()
            .take_while(|is_there| *is_there)
            .collect();
        assert_eq!(stages.len(), if state == "read" { 3 } else { 2 }, "{message}");
        assert!(message["text"].is_string() && message["orderNumber"].is_string(), "{message}");
    }
    let browser = Browser::launch().await?;
    let page = browser.page(1280, 800, Some("en")).await?;
    page.goto(page_url).await?;
    page.until_shown(".message[data-state=read] [data-stage=read]").await;
    page.until_shown("[data-partner=whatsapp] [data-outcome=applied]").await;
    page.keep_picture("ops-demo").await;
    page.assert_tidy().await;
    assert_eq!(told_to_stop(demo, "-TERM").await?, (Some(0), String::new()));
    Ok(())
}

/// The first message that it finds in a state.
async fn has_message(
    http: &reqwest::Client,
    base: &str,
    token: &str,
    state: &str,
) -> Result<Value> {
    let url = format!("{base}/v1/notifications?state={state}&limit=1");
    let end = Instant::now() + Duration::from_mins(1);
    while Instant::now() < end {
        let mut page: Value = http.get(&url).bearer_auth(token).send().await?.json().await?;
        if let Some(message) = page["notifications"].as_array_mut().context("list")?.pop() {
            return Ok(message);
        }
        sleep(Duration::from_millis(100)).await;
    }
    bail!("no message is {state}")
}

#[tokio::test]
async fn a_person_reads_where_to_look_and_ctrl_c_ends_it() -> Result<()> {
    let mut demo = demo(&["--listen", "127.0.0.1:0"])?;
    let page = first_line(&mut demo, |it| it.contains("/track/")).await?;
    assert!(reqwest::get(page).await?.status().is_success());
    assert_eq!(told_to_stop(demo, "-INT").await?, (Some(0), String::new()));
    Ok(())
}
