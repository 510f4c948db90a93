//! The one bridge from async code to processor work: a bounded rayon pool.

use std::{sync::Arc, time::Duration};

use rustix::time::{ClockId, clock_gettime};

/// Says that work was lost because the pool stopped or the work itself panicked.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the computation was stopped before it finished")]
pub struct PoolStopped;

/// Runs processor work on its own threads; clones share them.
#[derive(Debug, Clone)]
pub struct Pool {
    threads: Arc<rayon::ThreadPool>,
}

impl Pool {
    /// Starts a pool with so many threads, at least one.
    pub fn new(threads: usize) -> Result<Self, rayon::ThreadPoolBuildError> {
        let named = rayon::ThreadPoolBuilder::new().thread_name(|i| format!("tally-{i}"));
        // A panic is a bug; it must end that one computation and not the service.
        let pool =
            named.num_threads(threads.max(1)).panic_handler(|_| tracing::error!("a computation panicked"));
        Ok(Self { threads: Arc::new(pool.build()?) })
    }

    /// Runs work on the pool; inside, rayon's parallel iterators use the pool's threads.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PoolStopped> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        self.threads.spawn(move || {
            // The receiver may have gone away; then nobody wants the result.
            let _ = sender.send(work());
        });
        receiver.await.map_err(|_| PoolStopped)
    }
}

/// Returns the processor time that this process has used so far, all threads together.
pub fn process_cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}
