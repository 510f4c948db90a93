//! `participant run`: the agent, until it is told to stop or the federation is closed.

use std::{path::Path, sync::Arc};

use fhe::pin_fft_plan;
use tokio::signal::unix::{SignalKind, signal};

use super::{Failure, block_on, output};
use crate::{
    agent::{Agent, Ended, run as run_agent},
    config::Config,
    home::Home,
};
use runtime::SystemClock;

pub(super) fn run(root: &Path) -> Result<(), Failure> {
    let home = Home::open(root)?;
    let config = Config::load(&home)?;
    let _lock = home.lock()?;
    // Before any other use of the encryption library in this process.
    pin_fft_plan();
    block_on(serve(home, config))?
}

async fn serve(home: Home, config: Config) -> Result<(), Failure> {
    let agent = Arc::new(Agent::new(home, config, Arc::new(SystemClock))?);
    let federation = &agent.membership.founding.config;
    for name in federation.insecure_settings().into_iter().chain(agent.config.insecure_settings()) {
        output::insecure(name);
    }
    tracing::info!(
        participant = agent.membership.participant.get(),
        federation = %agent.membership.federation().short(),
        coordinator = agent.config.coordinator,
        trustee = agent.membership.trustee,
        "the agent runs"
    );
    let ended = run_agent(&agent, shutdown()?).await?;
    match ended {
        Ended::Stopped => tracing::info!("stopped"),
        Ended::Closed => tracing::info!("ended: the federation is closed"),
    }
    Ok(())
}

/// Returns a future that is ready at SIGTERM or SIGINT.
pub(super) fn shutdown() -> Result<impl Future<Output = ()>, Failure> {
    let listen =
        |kind| signal(kind).map_err(|e| Failure::job(format_args!("cannot listen for signals: {e}")));
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
