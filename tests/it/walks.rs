//! The commands of the documents, as a reader pastes them into a shell.

use std::{fs, net::TcpListener, path::Path, sync::Arc, time::Duration};

use tokio::{process::Command, time::timeout};

use crate::harness::{
    process::{PROGRAM, Process},
    services::Isolated,
};

/// How long a walk may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// The shell commands between two headings of a document, each block by itself.
fn blocks(document: &str, from: &str, to: &str) -> Vec<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(document);
    let text = fs::read_to_string(file).unwrap();
    let (_, text) = text.split_once(from).unwrap();
    let (text, _) = text.split_once(to).unwrap();
    let parts = text.split("```sh\n").skip(1);
    parts.map(|part| part.split_once("```").unwrap().0.to_owned()).collect()
}

/// The blocks of a README's chapter about a first order, for this server.
fn first_order(server: &Process) -> Vec<String> {
    let blocks = blocks("README.md", "\n## A first order", "\n## Listening");
    let here = |block: String| {
        let block =
            block.replace("orderwire=target/release/orderwire", &format!("orderwire={PROGRAM}"));
        block.replace("127.0.0.1:8080", server.authority())
    };
    blocks.into_iter().map(here).collect()
}

/// Runs commands in the folder of a server, and answers with what they print.
async fn shell(server: &Process, script: &str) -> String {
    let mut bash = Command::new("bash");
    bash.args(["-euc", script]).current_dir(server.isolated().data.path()).kill_on_drop(true);
    let output = timeout(PATIENCE, bash.output()).await.expect("it does not end").unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}\nprinted\n{text}\n{errors}");
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_readme_leads_to_a_first_order_and_a_first_webhook() {
    let server = Process::in_folder(Arc::new(Isolated::embedded()), &[]).await;
    let blocks = first_order(&server);
    assert!(blocks.len() >= 6, "{blocks:#?}");
    let history = "curl -s $site/v1/orders/$order/history";
    // Calls are applied a moment after they are answered.
    let wait = "for i in $(seq 100); do HISTORY | grep -q picked_up && break; sleep 0.1; done\n";
    let wait = wait.replace("HISTORY", &format!("{history} -H \"authorization: Bearer $token\""));
    let script: String = blocks
        .iter()
        .map(|block| if block.contains(history) { format!("{wait}{block}") } else { block.clone() })
        .collect();
    let text = shell(&server, &script).await;
    assert_eq!(text.lines().filter(|line| line.ends_with("200")).count(), 2, "{text}");
    for word in ["str_", "ord_", "/track/", "picked_up"] {
        assert!(text.contains(word), "{word} is not in {text}");
    }
    let messages = "curl -s $site/v1/notifications -H \"authorization: Bearer $ops\"";
    let mint = "ops=$($orderwire token --role staff --all-stores --scope notifications:write)";
    let wait = format!("for i in $(seq 300); do {messages} | grep ntf_ && break; sleep 0.1; done");
    let text = shell(&server, &format!("{}\n{mint}\n{wait}", blocks[0])).await;
    assert!(text.contains("ntf_"), "nobody was written to: {text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_is_tried_out_as_its_page_says() {
    let settings = ["endpoints.allow_http=true", "endpoints.allow_private=[\"127.0.0.0/8\"]"];
    let server = Process::in_folder(Arc::new(Isolated::embedded()), &settings).await;
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let walk = blocks("docs/endpoints.md", "\n### Try it on this machine", "\n## ");
    let walk: Vec<_> =
        walk.iter().map(|block| block.replace("127.0.0.1:9911", &free.to_string())).collect();
    let walk: Vec<_> =
        walk.iter().map(|block| block.replace("9911", &free.port().to_string())).collect();
    let [serve, receiver, register, look] = walk.as_slice() else { panic!("{walk:#?}") };
    for setting in settings {
        assert!(serve.contains(setting), "{setting} is not in {serve}");
    }
    // It ends with the shell.
    let receiver = receiver.replace("python3", "exec setpriv --pdeathsig KILL python3");
    let blocks = first_order(&server);
    let [prepare, order] = &blocks[..2] else { panic!("{blocks:#?}") };
    let script = format!(
        "{prepare}
        ( {receiver} ) > received &
        for i in $(seq 100); do curl -s -o /dev/null http://{free}/ && break; sleep 0.1; done
        {register}
        {order}
        for i in $(seq 100); do grep -q OrderCreated received && break; sleep 0.1; done
        {look}
        cat received"
    );
    let text = shell(&server, &script).await;
    for word in ["\"delivered\":true", "\"eventType\":\"OrderCreated\"", "\"type\":\"Ping\""] {
        assert!(text.contains(word), "{word} is not in {text}");
    }
}
