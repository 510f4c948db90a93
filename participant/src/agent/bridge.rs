//! The bridge from async code to a bounded pool of threads: training, encryption and opening run there.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use tokio::sync::{Semaphore, oneshot};

/// Says why a computation gave no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BridgeError {
    /// The pool cannot be made.
    #[error("cannot start the pool of threads: {0}")]
    Pool(String),
    /// The computation hit a bug.
    #[error("a computation failed by a bug of this program: {0}")]
    Bug(String),
}

/// Most computations at once; more than any agent starts.
const MOST: u32 = 64;

/// Runs computations on a pool with as many threads as the machine has processors (`RAYON_NUM_THREADS`).
///
/// A clone counts the same computations; [`Bridge::beside`] uses the same pool and counts its own.
#[derive(Debug, Clone)]
pub struct Bridge {
    pool: Arc<rayon::ThreadPool>,
    running: Arc<Semaphore>,
}

impl Bridge {
    /// Starts the pool.
    pub fn start() -> Result<Self, BridgeError> {
        let pool = rayon::ThreadPoolBuilder::new()
            .thread_name(|index| format!("compute-{index}"))
            .build()
            .map_err(|e| BridgeError::Pool(e.to_string()))?;
        Ok(Self { pool: Arc::new(pool), running: Arc::new(Semaphore::new(MOST as usize)) })
    }

    /// Returns a bridge to the same pool for another agent: it waits for its own computations alone.
    pub fn beside(&self) -> Self {
        Self { pool: Arc::clone(&self.pool), running: Arc::new(Semaphore::new(MOST as usize)) }
    }

    /// Returns the number of threads of the pool.
    pub fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// Runs one computation; it goes on to its end even if the caller stops waiting.
    pub async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, BridgeError> {
        let closed = |_| BridgeError::Bug("the pool is gone".to_owned());
        let permit = Arc::clone(&self.running).acquire_owned().await.map_err(closed)?;
        let (sender, receiver) = oneshot::channel();
        self.pool.spawn(move || {
            // A panic that leaves a rayon job would end the whole process without a word.
            let result =
                catch_unwind(AssertUnwindSafe(job)).map_err(|panic| BridgeError::Bug(words(&*panic)));
            // The caller may have stopped waiting; the result is then dropped, secrets wiped.
            drop(sender.send(result));
            drop(permit);
        });
        receiver.await.map_err(|_| BridgeError::Bug("the pool dropped the computation".to_owned()))?
    }

    /// Waits until no computation runs, so that none is cut off between two files.
    pub async fn drain(&self) {
        drop(self.running.acquire_many(MOST).await);
    }
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
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
        let bridge = Bridge::start().unwrap();
        let failed = bridge.run(|| -> u32 { panic!("division of a whole") }).await;
        assert_eq!(failed, Err(BridgeError::Bug("division of a whole".to_owned())));
        assert_eq!(bridge.run(|| 6 * 7).await, Ok(42));
    }

    #[tokio::test]
    async fn an_agent_beside_does_not_wait_for_the_computations_of_others() {
        let bridge = Bridge::start().unwrap();
        let beside = bridge.beside();
        let (release, gate) = mpsc::channel::<()>();
        let waiting = bridge.clone();
        let job = tokio::spawn(async move { waiting.run(move || gate.recv().is_err()).await });
        beside.drain().await;
        assert!(!job.is_finished(), "the gate is closed");
        drop(release);
        assert_eq!(job.await.unwrap(), Ok(true));
        assert_eq!(beside.threads(), bridge.threads());
    }

    #[tokio::test]
    async fn a_computation_whose_caller_left_is_waited_for() {
        let bridge = Bridge::start().unwrap();
        let done = Arc::new(AtomicBool::new(false));
        let (release, gate) = mpsc::channel::<()>();
        let flag = Arc::clone(&done);
        let mut job = Box::pin(bridge.run(move || {
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
        bridge.drain().await;
        assert!(done.load(Ordering::SeqCst), "drain returned before the computation ended");
    }
}
