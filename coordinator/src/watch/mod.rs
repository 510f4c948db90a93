//! What watchers see: one function per view, called by the API's handler and by the dashboard's page alike.
//!
//! Nothing here decides anything; it reads what the other rooms hold.

mod ceremony;
mod checks;
mod events;
mod federation;
mod feed;
mod kept;
mod ledger;
mod observers;
mod operations;
mod privacy;
mod round;
mod session;

pub use checks::{check_now, checks, keep_checked};
pub use events::{event_line, event_lines, timeline};
pub use federation::{federation, roster, weakenings};
pub use feed::{Client, Told, subscribe};
pub use ledger::ledger;
pub use operations::operations;
pub use privacy::privacy;
pub use round::{summary, view};
