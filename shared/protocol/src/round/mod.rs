//! The round: its announcement, its states and its outcome.

mod announcement;
mod opening;
mod policy;
mod state;

pub use announcement::{Announcement, AnnouncementError, RoundRequest, TallyTerms, TestTerms};
pub use opening::{Corroboration, Opening, OpeningError, OpeningQuestion};
pub use policy::price_of_a_label;
pub use state::{FailureReason, InvalidTransition, RoundState, Summed, Tallied, Tested};
