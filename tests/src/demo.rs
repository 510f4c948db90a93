//! The demo: one federation from data to student, by real processes and their command lines alone.

mod arguments;
mod meter;
mod report;
mod steps;
mod stopped;
mod story;

pub use arguments::{Arguments, Format, Noise};
pub use report::Report;
pub use steps::Steps;
pub use story::{keep, tell};
