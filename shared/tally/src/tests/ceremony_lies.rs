//! How a test's liar changes what it says in a ceremony.

use std::cell::RefCell;

use crate::ceremony::message::Spoken;
use crate::sharing::Trustee;

type Lie = Box<dyn FnMut(Trustee, &mut Spoken) -> bool>;

thread_local! {
    static LIE: RefCell<(Option<Lie>, usize)> = const { RefCell::new((None, 0)) };
}

/// Sets the lie of this thread.
pub(crate) fn set(lie: impl FnMut(Trustee, &mut Spoken) -> bool + 'static) {
    LIE.set((Some(Box::new(lie)), 0));
}

/// Ends the lie and returns how often it was told.
pub(crate) fn end() -> usize {
    LIE.take().1
}

/// Changes what a trustee is about to sign.
pub(crate) fn change(sender: Trustee, mut spoken: Spoken) -> Spoken {
    LIE.with_borrow_mut(|(lie, told)| {
        if lie.as_mut().is_some_and(|lie| lie(sender, &mut spoken)) {
            *told += 1;
        }
    });
    spoken
}
