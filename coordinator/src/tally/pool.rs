//! The one bridge from async code to processor work: a bounded rayon pool.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
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

#[derive(Debug, Default)]
struct Load {
    waiting: AtomicUsize,
    running: AtomicUsize,
}

/// Is how busy the pool is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jobs {
    /// Threads.
    pub threads: usize,
    /// Pieces of work that run; one piece may use several threads.
    pub running: usize,
    /// Pieces of work that wait for a thread.
    pub waiting: usize,
}

/// Counts one for as long as it lives, also when the work panics.
struct Counting<'a>(&'a AtomicUsize);

impl<'a> Counting<'a> {
    fn one(of: &'a AtomicUsize) -> Self {
        of.fetch_add(1, Ordering::Relaxed);
        Self(of)
    }
}

impl Drop for Counting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
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
        let load = Arc::clone(&self.load);
        load.waiting.fetch_add(1, Ordering::Relaxed);
        self.threads.spawn(move || {
            load.waiting.fetch_sub(1, Ordering::Relaxed);
            let _running = Counting::one(&load.running);
            // The receiver may have gone away; then nobody wants the result.
            let _ = sender.send(work());
        });
        receiver.await.map_err(|_| PoolStopped)
    }

    /// Tells how busy the pool is.
    pub fn jobs(&self) -> Jobs {
        Jobs {
            threads: self.threads.current_num_threads(),
            running: self.load.running.load(Ordering::Relaxed),
            waiting: self.load.waiting.load(Ordering::Relaxed),
        }
    }
}

/// Returns the processor time that this process has used so far, all threads together.
pub fn process_cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}
