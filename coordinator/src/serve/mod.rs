//! Running the service: open the home, wire the parts, answer until told to stop.

mod signals;

use std::{io, net::SocketAddr, path::Path, time::Duration};

use axum::{Extension, Router, serve::Listener};
use base::{clock::Clock as _, ids::Digest};
use fhe::pin_fft_plan;
use tokio::{net::TcpListener, sync::watch::channel};

use crate::{
    api,
    app::App,
    config::{FileSettings, Settings, SettingsError},
    dashboard,
    home::{Home, HomeError, operator_token_path},
    http, rounds,
    storage::{Storage, StorageError},
    telemetry::LogFilter,
    tls::{Current, TlsError, TlsListener},
    watch,
};
use runtime::{Pool, PoolError, SystemClock};

/// Why the service cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The data folder cannot be used.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The settings are wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The certificate cannot be served.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The database cannot be opened.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The tally's threads cannot be started.
    #[error("the tally's threads cannot be started: {0}")]
    Pool(#[from] PoolError),
    /// The address cannot be listened on, or serving failed.
    #[error("{what}: {source}")]
    Network {
        /// What was tried.
        what: String,
        /// What the system said.
        source: io::Error,
    },
}

/// How long open requests may take to finish after a signal.
const GRACE: Duration = Duration::from_secs(5);

/// Serves on a data folder until SIGINT or SIGTERM; flags win over the folder's `coordinator.toml`.
pub async fn serve(folder: &Path, flags: FileSettings, log: LogFilter) -> Result<(), ServeError> {
    // Before any key exists in this process, so that every tally gives the same bits.
    pin_fft_plan();
    let home = Home::open(folder)?;
    let file = FileSettings::load(&folder.join("coordinator.toml"))?;
    let settings = flags.over(file).settle(folder)?;
    let storage = Storage::open(folder).await?;
    let removed = storage.blobs().remove_stale_parts(SystemClock.now()).await?;
    if removed > 0 {
        tracing::info!(removed, "removed uploads that nobody continued for a day");
    }
    let operator = Digest::of(home.operator_token()?.as_bytes());
    let pool = Pool::start(settings.threads)?;
    let listener = bind(settings.listen).await?;
    let address = listener.local_addr().unwrap_or(settings.listen);
    let token = operator_token_path(folder);
    let app = App::new(storage, home.identity()?, operator, Box::new(SystemClock), settings.clone(), pool);
    let Settings { tls, .. } = settings;

    match tls {
        None => {
            tracing::info!(%address, tls = false, token = %token.display(), "listening");
            answer(listener, app, log).await
        }
        Some(pair) => {
            let current = Current::new(pair.load()?);
            let certificate = pair.certificate.clone();
            let _reloading = signals::reload_on_hangup(pair, current.clone());
            let listener = TlsListener::start(listener, current).map_err(network("cannot listen"))?;
            tracing::info!(%address, tls = true, certificate = %certificate.display(), token = %token.display(), "listening");
            answer(listener, app, log).await
        }
    }
}

async fn bind(listen: SocketAddr) -> Result<TcpListener, ServeError> {
    let what = format!("cannot listen on {listen}: is another service there?");
    TcpListener::bind(listen).await.map_err(|source| ServeError::Network { what, source })
}

fn network(what: &str) -> impl FnOnce(io::Error) -> ServeError {
    let what = what.to_owned();
    move |source| ServeError::Network { what, source }
}

/// Returns the whole service: the API and the dashboard.
pub fn router(app: App) -> Router {
    let routes = api::router(app.settings.largest_upload).merge(dashboard::router());
    http::finish(routes, app)
}

/// Answers requests and conducts rounds until a signal comes.
async fn answer<L>(listener: L, app: App, log: LogFilter) -> Result<(), ServeError>
where
    L: Listener,
    L::Addr: std::fmt::Debug,
{
    let (stop, stopped) = channel(false);
    let conductor = tokio::spawn(rounds::conduct(app.clone(), stopped.clone()));
    let checks = tokio::spawn(watch::keep_checked(app.clone(), stopped.clone()));
    let watched = app.clone();
    let ending = async move {
        signals::wait_for_end().await;
        watched.watch.stop();
        tracing::info!("stopping; unfinished rounds resume at the next start");
        // Nobody waits any more when this fails.
        let _ = stop.send(true);
    };
    let mut stopped = stopped;
    let router = router(app.clone()).layer(Extension(log));
    let served = axum::serve(listener, router).with_graceful_shutdown(ending);
    // Clients that hold a connection open must not keep the service alive.
    let served = tokio::select! {
        served = async { served.await } => served,
        () = async { let _ = stopped.wait_for(|stop| *stop).await; tokio::time::sleep(GRACE).await; } => Ok(()),
    };
    app.stop_tallies();
    let _ = tokio::time::timeout(GRACE, conductor).await;
    checks.abort();
    served.map_err(network("serving failed"))
}
