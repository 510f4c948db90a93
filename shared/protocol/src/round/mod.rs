//! The round: its announcement, its states and its outcome.

mod announcement;
mod failure;
mod opening;
mod policy;
mod state;
mod terms;

pub use announcement::{Announcement, AnnouncementError, RoundRequest};
pub use failure::FailureReason;
pub use opening::{Corroboration, Opening, OpeningError, OpeningQuestion};
pub use policy::price_of_a_label;
pub use state::{InvalidTransition, RoundState, Summed, Tallied, Tested};
pub use terms::{TallyTerms, TestTerms};
