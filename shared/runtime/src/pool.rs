//! The one pool from async code to processor work: a bounded pool of threads. Training, encryption, tallies and
//! openings run there; async code never computes.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use base::bug;
use tokio::{
    sync::{Semaphore, oneshot},
    task::JoinError,
};
use tracing::Span;

/// Why a computation gave no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// The pool cannot be made.
    #[error("cannot start the pool of threads: {0}")]
    Start(String),
    /// The program ends.
    #[error("the computation was stopped before it finished")]
    Stopped,
    /// The computation panicked, with these words.
    #[error("a computation failed by a bug of this program: {0}")]
    Bug(String),
}

/// Most computations at once; more than any program starts.
const MOST: u32 = 64;

/// A pool of threads for processor work, with as many as the machine has processors (`RAYON_NUM_THREADS`) unless it is
/// told otherwise.
///
/// A clone counts the same computations; [`Pool::beside`] uses the same threads and counts its own.
///
/// ```
/// use runtime::{Pool, PoolError};
///
/// let pool = Pool::start(1)?;
/// let asynchronous = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
/// assert_eq!(asynchronous.block_on(pool.run(|| 6 * 7))?, 42);
/// let failed = asynchronous.block_on(pool.run(|| -> u32 { panic!("no such number") }));
/// assert_eq!(failed, Err(PoolError::Bug("no such number".to_owned())));
/// # Ok::<(), PoolError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Pool {
    threads: Arc<rayon::ThreadPool>,
    permits: Arc<Semaphore>,
    load: Arc<Load>,
}

#[derive(Debug, Default)]
struct Load {
    waiting: AtomicUsize,
    running: AtomicUsize,
}

/// How busy a pool is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jobs {
    /// Threads.
    pub threads: usize,
    /// Pieces of work that run; one piece may use several threads.
    pub running: usize,
    /// Pieces of work that wait for a thread.
    pub waiting: usize,
}

/// One of those that are counted, for as long as it lives.
struct Counted(Arc<Load>, fn(&Load) -> &AtomicUsize);

impl Counted {
    fn one(load: &Arc<Load>, of: fn(&Load) -> &AtomicUsize) -> Self {
        of(load).fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(load), of)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        (self.1)(&self.0).fetch_sub(1, Ordering::Relaxed);
    }
}

impl Pool {
    /// Starts a pool of so many threads; 0 stands for as many as there are processors.
    ///
    /// # Errors
    /// [`PoolError::Start`] if the system gives no threads.
    pub fn start(threads: usize) -> Result<Self, PoolError> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|index| format!("compute-{index}"))
            .build()
            .map_err(|e| PoolError::Start(e.to_string()))?;
        Ok(Self { threads: Arc::new(pool), permits: permits(), load: Arc::default() })
    }

    /// Returns a pool of the same threads for somebody else, who waits for computations of its own alone.
    #[must_use]
    pub fn beside(&self) -> Self {
        Self { threads: Arc::clone(&self.threads), permits: permits(), load: Arc::clone(&self.load) }
    }

    /// Returns the number of threads.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.threads.current_num_threads()
    }

    /// Returns how busy the threads are.
    #[must_use]
    pub fn jobs(&self) -> Jobs {
        Jobs {
            threads: self.threads(),
            running: self.load.running.load(Ordering::Relaxed),
            waiting: self.load.waiting.load(Ordering::Relaxed),
        }
    }

    /// Runs one computation in the caller's tracing span; it goes on to its end even if the caller stops waiting. Inside,
    /// rayon's parallel iterators use the pool's threads.
    ///
    /// # Errors
    /// [`PoolError::Bug`] with the words of a panic, which ends that one computation alone.
    pub async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PoolError> {
        let waiting = Counted::one(&self.load, |load| &load.waiting);
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| PoolError::Stopped)?;
        let (sender, receiver) = oneshot::channel();
        let (load, span) = (Arc::clone(&self.load), Span::current());
        self.threads.spawn(move || {
            drop(waiting);
            let running = Counted::one(&load, |load| &load.running);
            // A panic that leaves a rayon job would end the whole process without a word.
            let result = catch_unwind(AssertUnwindSafe(|| span.in_scope(job))).map_err(|panic| {
                let words = bug::words(&*panic);
                tracing::error!(parent: &span, words, "a computation panicked");
                PoolError::Bug(words)
            });
            drop(running);
            // The caller may have stopped waiting; the result is then dropped, secrets wiped.
            drop(sender.send(result));
            drop(permit);
        });
        receiver.await.map_err(|_| PoolError::Stopped)?
    }

    /// Waits until no computation runs, so that none is cut off between two files.
    pub async fn drain(&self) {
        drop(self.permits.acquire_many(MOST).await);
    }
}

fn permits() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(MOST as usize))
}

impl From<JoinError> for PoolError {
    fn from(lost: JoinError) -> Self {
        match lost.try_into_panic() {
            Ok(panic) => Self::Bug(bug::words(&*panic)),
            Err(_) => Self::Stopped,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        atomic::{AtomicBool, Ordering},
        mpsc,
    };

    use super::*;

    #[tokio::test]
    async fn a_bug_in_a_computation_is_an_error_and_the_pool_lives_on() {
        let pool = Pool::start(0).unwrap();
        let failed = pool.run(|| -> u32 { panic!("division of a whole") }).await;
        assert_eq!(failed, Err(PoolError::Bug("division of a whole".to_owned())));
        assert_eq!(pool.run(|| 6 * 7).await, Ok(42));
    }

    #[tokio::test]
    async fn an_agent_beside_does_not_wait_for_the_computations_of_others() {
        let pool = Pool::start(0).unwrap();
        let beside = pool.beside();
        let (release, gate) = mpsc::channel::<()>();
        let waiting = pool.clone();
        let job = tokio::spawn(async move { waiting.run(move || gate.recv().is_err()).await });
        beside.drain().await;
        assert!(!job.is_finished(), "the gate is closed");
        drop(release);
        assert_eq!(job.await.unwrap(), Ok(true));
        assert_eq!(beside.threads(), pool.threads());
    }

    #[tokio::test]
    async fn a_computation_whose_caller_left_is_waited_for() {
        let pool = Pool::start(0).unwrap();
        let done = Arc::new(AtomicBool::new(false));
        let (release, gate) = mpsc::channel::<()>();
        let flag = Arc::clone(&done);
        let mut job = Box::pin(pool.run(move || {
            assert!(gate.recv().is_err(), "the gate opens by being dropped");
            flag.store(true, Ordering::SeqCst);
        }));
        tokio::select! {
            biased;
            _ = &mut job => unreachable!("the gate is closed"),
            () = tokio::task::yield_now() => {}
        }
        drop(job);
        drop(release);
        pool.drain().await;
        assert!(done.load(Ordering::SeqCst), "drain returned before the computation ended");
    }
}
