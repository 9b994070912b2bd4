//! The listener: accepts connections up to a bound, times their heads, and lets them finish at a shutdown.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, extract::Request};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::Semaphore,
};
use tower::ServiceExt;

use crate::{base::tasks::Tasks, config::Http, http::address::Peer};

/// Room for a request's head.
const HEAD_BYTES: usize = 16 * 1024;

/// How long what we send may wait for the other end, unacknowledged or unread, before that counts as gone (RFC 5482). Else whoever
/// asks and never reads would keep a place for good. A WebSocket keeps it: no longer than the default of `live.idle_timeout`, so that the
/// kernel does not hold on to the bytes of a peer that we have given up.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// How long to leave a listener alone that cannot accept: out of file descriptors, say.
const REST: Duration = Duration::from_millis(100);

/// Listens where the settings say. A storm of clients that come back waits in the kernel's queue, and need not try again.
pub fn listen(config: &Http) -> io::Result<TcpListener> {
    let socket = match config.listen {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // Else a restart would have to wait for the connections of its predecessor to time out.
    socket.set_reuseaddr(true)?;
    socket.bind(config.listen)?;
    socket.listen(config.backlog)
}

/// Serves until `tasks` are told to stop; requests under way are finished.
pub async fn serve(listener: TcpListener, router: Router, config: Http, tasks: Tasks) {
    let stop = tasks.stop();
    let places = Arc::new(Semaphore::new(config.max_connections));
    loop {
        // Without a place nothing is accepted: the rest waits in the kernel's queue.
        let place = tokio::select! {
            () = stop.cancelled() => return,
            place = Arc::clone(&places).acquire_owned() => place,
        };
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok(place) = place else { return };
        match accepted {
            Ok((stream, peer)) => {
                let router = router.clone();
                let (header_timeout, stop) = (*config.header_timeout, tasks.stop());
                tasks.spawn(async move {
                    let served = connection(stream, peer, router, header_timeout, stop);
                    if let Err(error) = served.await {
                        tracing::debug!("a connection ended early: {error}");
                    }
                    drop(place);
                });
            }
            Err(error) => rest(&error).await,
        }
    }
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    header_timeout: Duration,
    stop: tokio_util::sync::CancellationToken,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    // Frames are small and wanted at once.
    stream.set_nodelay(true)?;
    #[cfg(target_os = "linux")]
    socket2::SockRef::from(&stream).set_tcp_user_timeout(Some(UNACKNOWLEDGED))?;
    let service = router.map_request(move |mut request: Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(Peer(peer.ip().to_canonical()));
        request.map(axum::body::Body::new)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .with_upgrades();
    tokio::pin!(connection);
    tokio::select! {
        served = connection.as_mut() => return Ok(served?),
        () = stop.cancelled() => {}
    }
    connection.as_mut().graceful_shutdown();
    Ok(connection.await?)
}

async fn rest(error: &io::Error) {
    tracing::warn!("cannot accept a connection: {error}");
    tokio::time::sleep(REST).await;
}
