//! Progress of a fleet: a bar on a terminal, a plain line every tenth otherwise; on standard error.

use std::{
    io::{IsTerminal, Write, stderr},
    sync::atomic::{AtomicUsize, Ordering},
};

use indicatif::{ProgressBar, ProgressStyle};

/// Progress through a number of things.
#[derive(Debug)]
pub(super) struct Progress {
    what: &'static str,
    total: usize,
    done: AtomicUsize,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Begins with nothing done.
    pub(super) fn start(what: &'static str, total: usize) -> Self {
        let bar = stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(total as u64).with_message(what);
            if let Ok(style) = ProgressStyle::with_template("{msg:20} {wide_bar} {pos}/{len} {eta} left") {
                bar.set_style(style);
            }
            bar
        });
        Self { what, total, done: AtomicUsize::new(0), bar }
    }

    /// Counts one more.
    pub(super) fn done_one(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        match &self.bar {
            Some(bar) => bar.set_position(done as u64),
            None if is_told(done, self.total) => say(&format!("{} {done} of {}", self.what, self.total)),
            None => {}
        }
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Returns whether a line is due: when another tenth is full, and at the end.
fn is_told(done: usize, total: usize) -> bool {
    let tenth = |done: usize| done * 10 / total.max(1);
    done == total || tenth(done) > tenth(done.saturating_sub(1))
}

/// Prints a line on standard error.
pub(super) fn say(text: &str) {
    // Nothing more can be said if standard error is closed.
    drop(writeln!(stderr(), "{text}"));
}

#[cfg(test)]
mod tests {
    use super::is_told;

    #[test]
    fn a_line_is_told_every_tenth_and_at_the_end() {
        let told = |total| (1..=total).filter(|done| is_told(*done, total)).count();
        assert_eq!([told(1), told(5), told(10), told(250), told(1000)], [1, 5, 10, 10, 10]);
        assert!(is_told(250, 250) && is_told(25, 250) && !is_told(26, 250));
    }
}
