//! A data folder on a disk that fills up, and has space again.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use reqwest::Method;
use serde_json::Value;

use crate::harness::{
    app::config,
    client::{Answer, answer, order_for},
    process::{Process, command, environment},
    services::Isolated,
    wait::eventually,
};

/// A small file system on the data folder of a test. It goes with this value.
struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// `None` where the test may not mount anything.
    fn on(path: &Path) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=12m,mode=700", "tmpfs"]).arg(path);
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        mounted.then(|| Self { path: path.to_owned() })
    }

    /// Takes all space that is left.
    fn fill(&self) {
        let mut file = File::create(self.path.join("ballast")).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
    }

    fn make_space(&self) {
        fs::remove_file(self.path.join("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _unmounted = Command::new("umount").arg("--lazy").arg(&self.path).status();
    }
}

async fn place(server: &Process, store: &str, key: usize) -> Answer {
    server.post_order(&server.service(), &format!("full-{key}"), &order_for(store)).await
}

async fn readiness(server: &Process) -> (u16, Value) {
    let answer = answer(server.request(Method::GET, "/readyz")).await;
    (answer.status, answer.json)
}

#[tokio::test]
async fn a_full_disk_refuses_writes_with_503_until_there_is_space() {
    let isolated = Arc::new(Isolated::embedded());
    let Some(disk) = SmallDisk::on(isolated.data.path()) else { return };
    let mut server = Process::on(Arc::clone(&isolated), &[]).await;
    let store = server.store().await;
    let before = server.place(&store).await;
    for round in 0..2 {
        disk.fill();
        let mut refused = 0;
        // The write-ahead log may have some space of its own.
        for number in 0..500 {
            let answer = place(&server, &store, round * 1000 + number).await;
            if answer.status == 201 {
                continue;
            }
            assert_eq!(answer.status, 503, "{:?}", answer.json);
            assert!(answer.header("retry-after").is_some(), "{:?}", answer.headers);
            refused += 1;
            if refused == 5 {
                break;
            }
        }
        assert_eq!(refused, 5, "the disk is not full");
        let (status, ready) = readiness(&server).await;
        assert_eq!((status, &ready["store"]["ok"]), (503, &Value::Bool(false)), "{ready}");
        assert!(ready["store"]["trouble"].as_str().unwrap().contains("writ"), "{ready}");
        // Reads go on.
        assert_eq!(server.order(before["id"].as_str().unwrap()).await["id"], before["id"]);

        disk.make_space();
        let answer = place(&server, &store, round * 1000 + 999).await;
        assert_eq!(answer.status, 201, "{:?}", answer.json);
        eventually(async || {
            let (status, ready) = readiness(&server).await;
            if status == 200 { Ok(()) } else { Err(ready) }
        })
        .await;
    }
    assert!(server.terminate().await.success());
}

#[tokio::test]
async fn a_start_on_a_full_disk_says_so_and_names_the_folder() {
    let isolated = Isolated::embedded();
    let Some(disk) = SmallDisk::on(isolated.data.path()) else { return };
    disk.fill();
    let variables = environment(&config(&isolated));
    let output =
        command(&["serve", "--listen", "127.0.0.1:0"]).envs(variables).output().await.unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("the disk is full"), "{said}");
    assert!(said.contains(&isolated.data.path().display().to_string()), "{said}");
}

#[tokio::test]
async fn a_limit_on_the_size_of_files_refuses_writes_and_does_not_end_the_process() {
    let mut server = Process::on(Arc::new(Isolated::embedded()), &[]).await;
    let store = server.store().await;
    server.limit_files(1024 * 1024).await;
    let mut refused = 0;
    for number in 0..500 {
        let answer = place(&server, &store, number).await;
        if answer.status == 503 {
            refused += 1;
        } else {
            assert_eq!(answer.status, 201, "{:?}", answer.json);
        }
        if refused == 3 {
            break;
        }
    }
    assert_eq!(refused, 3, "no file has reached the limit");
    server.limit_files(u64::MAX).await;
    assert_eq!(place(&server, &store, 999).await.status, 201);
    assert!(server.terminate().await.success());
}
