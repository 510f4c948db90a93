//! What both programs run on: clock, processor time, files that survive a crash, a bounded pool of threads, a doctor's
//! findings.

pub mod clock;
pub mod cpu;
pub mod doctor;
pub mod files;
mod pool;

pub use clock::SystemClock;
pub use cpu::{process_cpu, thread_cpu};
pub use pool::{Jobs, Pool, PoolError};
