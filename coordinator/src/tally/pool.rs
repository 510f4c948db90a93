//! The one bridge from async code to processor work: a bounded rayon pool.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};

/// Says that work was lost because the pool stopped or the work itself panicked.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the computation was stopped before it finished")]
pub struct PoolStopped;

/// Runs processor work on its own threads; clones share them.
#[derive(Debug, Clone)]
pub struct Pool {
    threads: Arc<rayon::ThreadPool>,
    load: Arc<Load>,
}

/// Counts what waits for a thread and what runs on one.
#[derive(Debug, Default)]
struct Load {
    waiting: AtomicU32,
    running: AtomicU32,
}

/// Is one computation that waits or runs; it is counted until it is dropped, also by a panic.
struct Counted(Arc<Load>, bool);

impl Counted {
    fn waiting(load: &Arc<Load>) -> Self {
        load.waiting.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(load), false)
    }

    fn run(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
        self.0.running.fetch_add(1, Ordering::Relaxed);
        self.1 = true;
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let counter = if self.1 { &self.0.running } else { &self.0.waiting };
        counter.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Pool {
    /// Starts a pool with so many threads, at least one.
    pub fn new(threads: usize) -> Result<Self, rayon::ThreadPoolBuildError> {
        let named = rayon::ThreadPoolBuilder::new().thread_name(|i| format!("tally-{i}"));
        // A panic is a bug; it must end that one computation and not the service.
        let pool =
            named.num_threads(threads.max(1)).panic_handler(|_| tracing::error!("a computation panicked"));
        Ok(Self { threads: Arc::new(pool.build()?), load: Arc::default() })
    }

    /// Runs work on the pool; inside, rayon's parallel iterators use the pool's threads.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PoolStopped> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let mut counted = Counted::waiting(&self.load);
        self.threads.spawn(move || {
            counted.run();
            // The receiver may have gone away; then nobody wants the result.
            let _ = sender.send(work());
            drop(counted);
        });
        receiver.await.map_err(|_| PoolStopped)
    }

    /// Returns the numbers of computations that wait for a thread and that run.
    pub fn load(&self) -> (u32, u32) {
        (self.load.waiting.load(Ordering::Relaxed), self.load.running.load(Ordering::Relaxed))
    }
}

/// Returns the processor time that this process has used so far, all threads together.
pub fn process_cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}
