//! Ceremonies: a key without a dealer, and everything that can be done to it.

mod endings;
mod keys;
mod lies;
mod secrecy;
mod stage;

pub(super) use stage::{Stage, identities, lie, new_world, setup, stage, through};
