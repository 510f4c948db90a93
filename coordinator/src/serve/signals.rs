//! Signals: SIGINT and SIGTERM end the service, SIGHUP reads the certificate again.

use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinHandle,
};

use crate::tls::{Current, Pair};

/// Waits for SIGINT or SIGTERM.
pub(super) async fn wait_for_end() {
    let interrupted = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    match signal(SignalKind::terminate()) {
        Ok(mut terminated) => {
            tokio::select! { () = interrupted => {}, _ = terminated.recv() => {} }
        }
        Err(_) => interrupted.await,
    }
}

/// Stops reloading when it is dropped.
pub(super) struct Reloading(JoinHandle<()>);

impl Drop for Reloading {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Reads certificate and key again at every SIGHUP; a pair that cannot be served leaves the old one in place.
pub(super) fn reload_on_hangup(pair: Pair, current: Current) -> Reloading {
    Reloading(tokio::spawn(async move {
        let Ok(mut hangup) = signal(SignalKind::hangup()) else { return };
        while hangup.recv().await.is_some() {
            match pair.load() {
                Ok(config) => {
                    current.replace(config);
                    tracing::info!(certificate = %pair.certificate.display(), "read the certificate again");
                }
                Err(error) => tracing::error!(%error, "the certificate stays as it was"),
            }
        }
    }))
}
