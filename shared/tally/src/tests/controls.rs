//! Negative controls: what a session would be without one of its guards.

use std::cell::Cell;

use base::ids::Digest;

use crate::draw::Place;

/// The guards that are switched off on this thread.
#[derive(Clone, Copy, Default)]
pub(crate) struct Controls {
    /// Labels of draws do not name what was seen.
    pub(crate) unseen: bool,
    /// Summands are shared without masks.
    pub(crate) no_masks: bool,
    /// The opened elements are believed.
    pub(crate) no_check: bool,
}

thread_local! {
    static CONTROLS: Cell<Controls> = const { Cell::new(Controls { unseen: false, no_masks: false, no_check: false }) };
}

pub(crate) fn get() -> Controls {
    CONTROLS.get()
}

/// Runs without some guards.
pub(crate) fn without<T>(controls: Controls, run: impl FnOnce() -> T) -> T {
    CONTROLS.set(controls);
    let result = run();
    CONTROLS.set(Controls::default());
    result
}

/// Returns the place that a label names.
pub(crate) fn place(place: &Place) -> Place {
    let seen = if get().unseen { Digest::of(b"unseen") } else { place.seen };
    Place { seen, ..*place }
}
