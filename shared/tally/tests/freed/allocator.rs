//! An allocator that searches blocks before it frees them.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use super::secrets::Secret;

struct Searching;

#[global_allocator]
static ALLOCATOR: Searching = Searching;

thread_local! {
    static ARMED: Cell<bool> = const { Cell::new(false) };
}

/// What is searched for, by one thread at a time.
static SEARCH: Mutex<Search> =
    Mutex::new(Search { wanted: Vec::new(), beginnings: Vec::new(), found: BTreeSet::new() });

struct Search {
    wanted: Vec<Vec<u8>>,
    /// For every two bytes which of the wanted begin with them.
    beginnings: Vec<Vec<u32>>,
    found: BTreeSet<u32>,
}

impl Search {
    fn look(&mut self, bytes: &[u8]) {
        for (place, pair) in bytes.windows(2).enumerate() {
            let begun = self.beginnings.get(usize::from(u16::from_le_bytes([pair[0], pair[1]])));
            for number in begun.into_iter().flatten() {
                if bytes[place..].starts_with(&self.wanted[*number as usize]) {
                    self.found.insert(*number);
                }
            }
        }
    }
}

// SAFETY: everything is left to the system's allocator; a block is read, in the length it was asked for, while it still
// belongs to whoever frees it. All its bytes are initialised: they were zeros at the beginning.
#[expect(
    unsafe_code,
    reason = "an allocator is unsafe to implement, and reads what others are about to free"
)]
unsafe impl GlobalAlloc for Searching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // Zeros, so that no block holds what somebody else left in it.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if ARMED.try_with(Cell::get).unwrap_or(false) {
            // What the search itself allocates is not searched.
            ARMED.set(false);
            let bytes = unsafe { std::slice::from_raw_parts(block, layout.size()) };
            SEARCH.lock().unwrap_or_else(PoisonError::into_inner).look(bytes);
            ARMED.set(true);
        }
        unsafe { System.dealloc(block, layout) }
    }
}

/// Runs something and returns the names of the secrets that were in memory which it freed on this thread.
pub(crate) fn found(secrets: &[Secret], run: impl FnOnce()) -> Vec<String> {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let wanted: Vec<Vec<u8>> = secrets.iter().map(|secret| secret.bytes.clone()).collect();
    let mut beginnings = vec![Vec::new(); 1 << 16];
    for (number, bytes) in (0..).zip(&wanted) {
        beginnings[usize::from(u16::from_le_bytes([bytes[0], bytes[1]]))].push(number);
    }
    *SEARCH.lock().unwrap() = Search { wanted, beginnings, found: BTreeSet::new() };
    ARMED.set(true);
    run();
    ARMED.set(false);
    let found = std::mem::take(&mut SEARCH.lock().unwrap().found);
    found.into_iter().map(|number| secrets[number as usize].name.clone()).collect()
}
