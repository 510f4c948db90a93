//! Computation: the bounded pool on which everything heavy runs, the running sums, the tally that goes to the disk as it
//! comes, and the cache of evaluation keys.

mod keys;
mod publish;
mod sums;

pub use keys::{KeyCache, KeyCacheError};
pub use publish::{PublishError, publish};
pub use sums::{Begun, Sums};
