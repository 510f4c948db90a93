//! Sessions and ceremonies of all trustees in one process, and everything that can be done to them.

mod attacks;
pub(crate) mod board;
mod ceremonies;
pub(crate) mod ceremony_lies;
pub(crate) mod controls;
mod correctness;
mod draws;
mod endings;
mod fresh_eyes;
mod hostile;
mod interruptions;
mod kernels;
pub(crate) mod lies;
mod ranges;
mod records;
mod rosters;
mod secrecy;
