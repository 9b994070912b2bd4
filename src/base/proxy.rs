//! A TCP proxy for tests: the way to a service, which can be frozen or cut.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

use crate::base::tasks::Tasks;

/// What happens on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Bytes pass.
    Open,
    /// Connections stay, but nothing passes.
    Frozen,
    /// Connections are closed, and new ones at once.
    Cut,
}

/// Listens, and passes on.
pub struct Proxy {
    /// Where it listens.
    pub address: SocketAddr,
    way: watch::Sender<Way>,
    tasks: Tasks,
}

impl Proxy {
    /// Listens on a free port of this machine and passes on to `target`.
    pub async fn start(target: String, way: Way) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, way) = watch::channel(way);
        let tasks = Tasks::default();
        let spawner = tasks.clone();
        tasks.spawn(async move {
            let stop = spawner.stop();
            while let Some(Ok((client, _))) = stop.run_until_cancelled(listener.accept()).await {
                if *way.borrow() == Way::Cut {
                    continue;
                }
                let (from_client, to_client) = client.into_split();
                let (from_target, to_target) =
                    TcpStream::connect(&target).await.unwrap().into_split();
                for (from, to) in [(from_client, to_target), (from_target, to_client)] {
                    spawner.spawn(pipe(from, to, way.clone()));
                }
            }
        });
        Self { address, way: sender, tasks }
    }

    /// Closes every connection and refuses new ones, as the machine of a service does that has ended.
    pub async fn close(self) {
        self.set(Way::Cut);
        assert!(self.tasks.shut_down(Duration::from_secs(10)).await);
    }

    /// Changes what happens on the way, for open connections too.
    pub fn set(&self, way: Way) {
        self.way.send_replace(way);
    }
}

async fn pipe(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut way: watch::Receiver<Way>) {
    let mut cut = way.clone();
    let passing = async {
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let length = from.read(&mut buffer).await.unwrap_or(0);
            let open = way.wait_for(|it| *it == Way::Open).await.is_ok();
            if length == 0 || !open || to.write_all(&buffer[..length]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = passing => {}
        _ = cut.wait_for(|it| *it == Way::Cut) => {}
    }
}
