//! Processor time of this process.

use std::time::Duration;

/// Returns the processor seconds of all threads of this process so far (Linux; ticks of 10 ms).
fn ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let mut numbers = fields.split_whitespace().skip(11).map(|field| field.parse().unwrap_or(0_u64));
    numbers.next().unwrap_or(0) + numbers.next().unwrap_or(0)
}

/// Repeats work until it took two processor seconds at least, so that ticks do not matter; returns the time of one.
pub fn cpu(mut work: impl FnMut()) -> Duration {
    let start = ticks();
    let mut count = 0;
    loop {
        work();
        count += 1;
        let passed = ticks() - start;
        if passed >= 200 {
            return Duration::from_millis(10 * passed) / count;
        }
    }
}
