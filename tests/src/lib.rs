//! A harness that runs a federation of real processes, for the stories in `tests/` and for the demo.
//!
//! [`Federation`] founds, enrols, trains and starts everything through the two programs' own command lines and
//! stops it all when it is dropped. [`Proxy`] holds or cuts what one participant sends, [`memory`] looks into a
//! running process, [`oracle`] repeats a tally in the clear.

pub mod api;
pub mod browser;
pub mod data;
pub mod demo;
pub mod federation;
pub mod law;
pub mod ledger;
pub mod memory;
pub mod mnist250;
pub mod openapi;
pub mod oracle;
pub mod plan;
pub mod processes;
pub mod programs;
pub mod proxy;
pub mod recorder;
pub mod scrape;
pub mod stage;
pub mod throughput;
pub mod wait;

pub use api::{Answer, Api};
pub use browser::{Browser, Look};
pub use federation::{Federation, Member};
pub use plan::Plan;
pub use processes::{Processes, Service};
pub use programs::Programs;
pub use proxy::Proxy;
pub use recorder::Recorder;
