//! Running the service: open the home, wire the parts, answer until told to stop.

use std::path::Path;

use shared::{clock::Clock as _, fhe::pin_fft_plan, ids::Digest};
use tokio::{net::TcpListener, sync::watch};

use crate::{
    api,
    app::App,
    clock::SystemClock,
    config::{FileSettings, SettingsError},
    home::{Home, HomeError, operator_token_path},
    rounds,
    storage::{Storage, StorageError},
    tally::Pool,
};

/// Says why the service cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The data folder cannot be used.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The settings are wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The database cannot be opened.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The tally's threads cannot be started.
    #[error("the tally's threads cannot be started: {0}")]
    Pool(#[from] rayon::ThreadPoolBuildError),
    /// The address cannot be listened on, or serving failed.
    #[error("{what}: {source}")]
    Network {
        /// What was tried.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Serves on a data folder until SIGINT or SIGTERM; flags win over the folder's `coordinator.toml`.
pub async fn serve(folder: &Path, flags: FileSettings) -> Result<(), ServeError> {
    // Before any key exists in this process, so that every tally gives the same bits.
    pin_fft_plan();
    let home = Home::open(folder)?;
    let file = FileSettings::load(&folder.join("coordinator.toml"))?;
    let settings = flags.over(file).settle()?;
    let storage = Storage::open(folder).await?;
    let removed = storage.blobs().remove_stale_parts(SystemClock.now()).await?;
    if removed > 0 {
        tracing::info!(removed, "removed uploads that nobody continued for a day");
    }
    let operator = Digest::of(home.operator_token()?.as_bytes());
    let pool = Pool::new(settings.threads)?;
    let listen = settings.listen;
    let network = |what: String| move |source| ServeError::Network { what, source };
    let listener = TcpListener::bind(listen).await.map_err(network(format!("cannot listen on {listen}")))?;
    let address = listener.local_addr().unwrap_or(listen);
    let app = App::new(storage, home.identity()?, operator, Box::new(SystemClock), settings, pool);

    let (stop, stopped) = watch::channel(false);
    let conductor = tokio::spawn(rounds::conduct(app.clone(), stopped.clone()));
    tracing::info!(%address, token = %operator_token_path(folder).display(), "listening");
    let watched = app.clone();
    let signals = async move {
        wait_for_signal().await;
        watched.watch.stop();
        tracing::info!("stopping; unfinished rounds resume at the next start");
        // Nobody waits any more when this fails.
        let _ = stop.send(true);
    };
    let mut stopped = stopped;
    let served = axum::serve(listener, api::router(app.clone())).with_graceful_shutdown(signals);
    // Clients that hold a connection open must not keep the service alive.
    let served = tokio::select! {
        served = served => served,
        () = async { let _ = stopped.wait_for(|stop| *stop).await; tokio::time::sleep(GRACE).await; } => Ok(()),
    };
    app.stop_tallies();
    let _ = tokio::time::timeout(GRACE, conductor).await;
    served.map_err(network("serving failed".to_owned()))
}

/// How long open requests may take to finish after a signal.
const GRACE: std::time::Duration = std::time::Duration::from_secs(5);

async fn wait_for_signal() {
    use tokio::signal::unix::{SignalKind, signal};
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
