//! What a program says when it hits a bug of its own, and how it ends then.

use std::{
    any::Any,
    cell::Cell,
    io::Write as _,
    panic::{self, AssertUnwindSafe},
};

thread_local! {
    /// Whether a panic of this thread is somebody else's to report as an error.
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// Exit code of a program that hit a bug.
pub const EXIT: u8 = 5;

/// Makes every panic of this process say that it is a bug, where, and what to do; the panic's own message comes along.
pub fn explain_panics(program: &'static str) {
    panic::set_hook(Box::new(move |panic| {
        if CONTAINED.get() {
            return;
        }
        // Nothing more can be said if standard error is closed.
        let _ = writeln!(
            std::io::stderr(),
            "{program}: this is a bug of {program} {}, not of yours: {panic}\n{program}: please report it with this \
             message; your data folder is as the last finished step left it",
            env!("CARGO_PKG_VERSION")
        );
    }));
}

/// Runs code of a library that asserts what damaged input may break; `None` if it panicked, which is then no bug of ours
/// and is not told as one. Nothing that the code was working on may be used afterwards.
pub fn contain<T>(foreign: impl FnOnce() -> T) -> Option<T> {
    let before = CONTAINED.replace(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(foreign)).ok();
    CONTAINED.set(before);
    outcome
}

/// Longest message of a panic that is passed on, in characters.
const LONGEST: usize = 400;

/// Returns what a panic said, on one line and of bounded length.
pub fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LONGEST).collect()
}

/// Runs a whole program; `None` if it hit a bug.
pub fn guard<T>(program: impl FnOnce() -> T) -> Option<T> {
    panic::catch_unwind(AssertUnwindSafe(program)).ok()
}
