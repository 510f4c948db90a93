//! How a test's liar changes what its trustee computes, signs and sends.

use std::cell::RefCell;
use std::sync::{Arc, Mutex};

use crate::check::Ends;
use crate::draw::Place;
use crate::hidden::Words;
use crate::phase::Pieces;
use crate::session::message::Said;
use crate::sharing::Piece;

/// Something that a liar can change, at the moment when its trustee has it.
pub(crate) enum Moment<'a> {
    /// The rounded pieces of the counts of a batch.
    Counts(&'a mut Vec<(Piece, Pieces)>),
    /// The summand that is shared in an exchange of a batch.
    Summand(&'a Place, &'a mut Words),
    /// The ciphertext of a correction, by exchange.
    Sealed(u32, &'a mut Vec<u8>),
    /// The pieces of the check's elements.
    Ends(&'a mut Ends),
    /// The pieces of the labels.
    Outputs(&'a mut [Words]),
    /// A message before it is signed.
    Said(&'a mut Said),
}

type Change = Box<dyn FnMut(&mut Moment<'_>) -> bool + Send>;

/// A liar, and how often it lied.
#[derive(Clone)]
pub(crate) struct Tamper {
    change: Arc<Mutex<Change>>,
    told: Arc<Mutex<usize>>,
}

impl Tamper {
    /// Takes what changes a moment and returns whether it did.
    pub(crate) fn new(change: impl FnMut(&mut Moment<'_>) -> bool + Send + 'static) -> Self {
        Self { change: Arc::new(Mutex::new(Box::new(change))), told: Arc::default() }
    }

    pub(crate) fn change(&self, moment: &mut Moment<'_>) {
        if self.change.lock().unwrap()(moment) {
            *self.told.lock().unwrap() += 1;
        }
    }

    /// Returns how often the lie was told.
    pub(crate) fn told(&self) -> usize {
        *self.told.lock().unwrap()
    }
}

thread_local! {
    static CURRENT: RefCell<Option<Tamper>> = const { RefCell::new(None) };
}

/// The liar of the sessions that are begun on this thread just now.
pub(crate) fn current() -> Option<Tamper> {
    CURRENT.with_borrow(Clone::clone)
}

/// Begins sessions with a liar.
pub(crate) fn with<T>(tamper: Option<Tamper>, begin: impl FnOnce() -> T) -> T {
    CURRENT.set(tamper);
    let begun = begin();
    CURRENT.set(None);
    begun
}
