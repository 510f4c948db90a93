//! A listener that speaks TLS: handshakes run beside each other, each with a timer, and never hold up the next guest.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use axum::serve::Listener;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc},
    task::JoinHandle,
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig, server::TlsStream};

/// Longest time for a handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Most handshakes at a time; more guests wait in the system's queue.
const MOST_HANDSHAKES: usize = 256;
/// Pause after the system gave no connection, as when files run out.
const REST: Duration = Duration::from_millis(200);

/// The certificate that the next handshake uses; clones share it.
#[derive(Debug, Clone)]
pub struct Current(Arc<RwLock<Arc<ServerConfig>>>);

impl Current {
    /// Begins with a certificate.
    pub fn new(config: Arc<ServerConfig>) -> Self {
        Self(Arc::new(RwLock::new(config)))
    }

    /// Serves another certificate from the next handshake on.
    pub fn replace(&self, config: Arc<ServerConfig>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = config;
    }

    fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// Accepts connections and hands out those whose handshake succeeded.
#[derive(Debug)]
pub struct TlsListener {
    address: SocketAddr,
    ready: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    accepting: JoinHandle<()>,
}

impl Drop for TlsListener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl TlsListener {
    /// Begins to accept on a bound socket.
    pub fn start(listener: TcpListener, current: Current) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (sender, ready) = mpsc::channel(MOST_HANDSHAKES);
        let accepting = tokio::spawn(accept(listener, current, sender));
        Ok(Self { address, ready, accepting })
    }
}

async fn accept(
    listener: TcpListener,
    current: Current,
    sender: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>,
) {
    let turns = Arc::new(Semaphore::new(MOST_HANDSHAKES));
    // Nobody closes the semaphore; each turn ends with its handshake's timer.
    while let Ok(turn) = Arc::clone(&turns).acquire_owned().await {
        let (stream, guest) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "no connection could be accepted");
                tokio::time::sleep(REST).await;
                continue;
            }
        };
        let (acceptor, sender) = (current.acceptor(), sender.clone());
        tokio::spawn(async move {
            match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => drop(sender.send((stream, guest)).await),
                Ok(Err(error)) => tracing::debug!(%guest, %error, "a TLS handshake failed"),
                Err(_) => tracing::debug!(%guest, "a TLS handshake took too long"),
            }
            drop(turn);
        });
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(ready) => ready,
            // The accepting task ends only when this listener is dropped.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}
