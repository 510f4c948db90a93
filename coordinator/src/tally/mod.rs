//! Computation: the bounded pool on which everything heavy runs, and the cache of evaluation keys.

mod keys;
mod pool;

pub use keys::{KeyCache, KeyCacheError};
pub use pool::{Jobs, Pool, PoolStopped, process_cpu};
