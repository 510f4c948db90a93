//! One file per page: what its template needs, from the functions that the API's handlers call.

mod federation;
mod operations;
mod privacy;
mod round;
mod rounds;
mod student;
mod transcript;

pub(super) use federation::federation;
pub(super) use operations::operations;
pub(super) use privacy::privacy;
pub(super) use round::round;
pub(super) use rounds::rounds;
pub(super) use student::student;
pub(super) use transcript::transcript;

use askama::Template;

use super::frame::Frame;

/// Any page while no federation is founded.
#[derive(Template)]
#[template(path = "unfounded.html")]
struct Unfounded {
    frame: Frame,
}
