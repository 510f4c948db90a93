//! The round: its announcement, its states and its outcome.

mod announcement;
mod judgement;
mod opening;
mod policy;
mod state;

pub use announcement::{Announcement, AnnouncementError, RoundRequest, TestTerms};
pub use judgement::{Judgement, JudgementError, compare, every_subset_opens, judge};
pub use opening::{Corroboration, Opening, OpeningContent, OpeningError, OpeningQuestion};
pub use policy::price_of_a_label;
pub use state::{FailureReason, InvalidTransition, RoundState, Tallied, Tested};
