//! MNIST at the published scale: 250 participants, one encrypted round, a student, and what each step reached.

mod arguments;
mod circuit;
mod clear;
mod report;
mod story;

pub use arguments::{Arguments, Selection};
pub use circuit::Circuit;
pub use report::{Report, Run};
pub use story::tell;
