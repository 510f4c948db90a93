//! What tests keep of draws: which label covered which data. Per thread, and only while it is switched on.

use std::cell::RefCell;
use std::collections::BTreeMap;

use base::ids::Digest;

use super::{Label, Root};

#[derive(Default)]
struct Log {
    on: bool,
    covered: BTreeMap<Vec<u8>, Digest>,
    twice: usize,
}

thread_local! {
    static LOG: RefCell<Log> = RefCell::default();
}

/// Notes that a draw covers this data.
pub(crate) fn note(root: &Root, label: &Label, data: &[u8]) {
    LOG.with_borrow_mut(|log| {
        if !log.on {
            return;
        }
        let key = [root.bytes().as_slice(), &label.0].concat();
        let data = Digest::of(data);
        if log.covered.insert(key, data).is_some_and(|before| before != data) {
            log.twice += 1;
        }
    });
}

/// Starts an empty log on this thread.
pub(crate) fn start() {
    LOG.set(Log { on: true, ..Log::default() });
}

/// Ends the log: how many labels were drawn, and how often one covered other data than before.
pub(crate) fn finish() -> (usize, usize) {
    let log = LOG.take();
    (log.covered.len(), log.twice)
}

/// Runs without noting: what a liar covers is its own affair.
pub(crate) fn paused<T>(run: impl FnOnce() -> T) -> T {
    let before = LOG.with_borrow_mut(|log| std::mem::replace(&mut log.on, false));
    let result = run();
    LOG.with_borrow_mut(|log| log.on = before);
    result
}
