//! Computation: the bounded pool on which everything heavy runs, and the cache of evaluation keys.

mod keys;
mod pool;

pub use keys::{KeyCache, KeyCacheError};
pub use pool::{Pool, PoolStopped, process_cpu};
