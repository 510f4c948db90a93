//! What watchers see: one function per view, called by the API's handler and by the dashboard's page alike.
//!
//! Nothing here decides anything; it reads what the other rooms hold.

mod checks;
mod events;
mod federation;
mod feed;
mod kept;
mod ledger;
mod observers;
mod operations;
mod privacy;
mod refusals;

pub use checks::{check_now, checks, keep_checked};
pub use events::{event_line, event_lines, timeline};
pub use federation::{federation, is_online, roster, weakenings};
pub use feed::{Client, Told, subscribe};
pub use ledger::ledger;
pub use operations::operations;
pub use privacy::privacy;
pub use refusals::Refusals;

use shared::{
    clock::Millis,
    wire::{LedgerView, PrivacyView, StorageView},
};
use tokio::sync::{Mutex, watch};

/// Is what is kept in memory for watchers; a restart forgets it.
#[derive(Debug)]
pub struct Watch {
    /// When the service started.
    pub started_at: Millis,
    /// How often what was refused.
    pub refusals: Refusals,
    events: events::Index,
    checks: checks::State,
    feed: feed::Feed,
    ledger: kept::Kept<LedgerView>,
    privacy: kept::Kept<PrivacyView>,
    usage: Mutex<Option<StorageView>>,
    stop: watch::Sender<bool>,
}

impl Watch {
    /// Begins to watch.
    pub fn new(now: Millis) -> Self {
        Self {
            started_at: now,
            refusals: Refusals::default(),
            events: events::Index::default(),
            checks: checks::State::default(),
            feed: feed::Feed::default(),
            ledger: kept::Kept::default(),
            privacy: kept::Kept::default(),
            usage: Mutex::new(None),
            stop: watch::channel(false).0,
        }
    }

    /// Ends every stream of events, because the service ends.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }
}
