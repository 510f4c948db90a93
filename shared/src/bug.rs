//! What a program says when it hits a bug of its own, and how it ends then.

use std::{
    io::Write as _,
    panic::{self, AssertUnwindSafe},
};

/// Exit code of a program that hit a bug.
pub const EXIT: u8 = 5;

/// Lets every panic of this process say that it is a bug, where, and what to do; the message itself comes along.
pub fn explain_panics(program: &'static str) {
    panic::set_hook(Box::new(move |panic| {
        // Nothing more can be said if standard error is closed.
        let _ = writeln!(
            std::io::stderr(),
            "{program}: this is a bug of {program} {}, not of yours: {panic}\n{program}: please report it with this \
             message; your data folder is as the last finished step left it",
            env!("CARGO_PKG_VERSION")
        );
    }));
}

/// Runs a whole program; `None` if it hit a bug.
pub fn guard<T>(program: impl FnOnce() -> T) -> Option<T> {
    panic::catch_unwind(AssertUnwindSafe(program)).ok()
}
