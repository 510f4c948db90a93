//! The teachers: their training, their votes, and the journal that keeps noise from being drawn twice.

pub mod command;
pub mod ensemble;
pub mod journal;
pub mod ledger;
pub mod limits;
pub mod terms;
pub mod train;
pub mod vote;
