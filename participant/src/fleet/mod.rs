//! The fleet: many participants in one process, for simulation, load and demos.
//!
//! Each has its own home, identity, token, shards, teachers and noise, and talks to a real coordinator as any other
//! participant does; they share one compute pool, one set of connections, and turns to train and to vote. Whoever
//! runs a fleet holds every participant's secrets: it protects nobody from its operator.

mod agents;
mod error;
mod homes;
mod invites;
mod join;
mod plan;
mod progress;
mod training;

use std::path::Path;

use learning::{Dataset, Partition};

pub use agents::Summary;
pub use error::FleetError;
pub use plan::{MOST, Plan, RecipeChoice};
pub use training::Trained;

use crate::{
    agent::Commons,
    approval::{Membership, Review},
    config::Config,
    home::{Home, HomeLock},
};

/// A participant of a fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Member {
    name: String,
    home: Home,
}

/// Homes of a fleet, locked, and what its agents share.
#[derive(Debug)]
pub struct Fleet {
    members: Vec<Member>,
    commons: Commons,
    invites: Vec<invites::Entry>,
    poll: f64,
    _locks: Vec<HomeLock>,
}

impl Fleet {
    /// Makes the homes that are missing, each with its part of the data, and locks all of them.
    pub fn prepare(plan: &Plan) -> Result<Self, FleetError> {
        plan.check()?;
        let invites = match &plan.invites {
            Some(path) => invites::read(path)?,
            None => Vec::new(),
        };
        let seed = plan.settle()?;
        let members = homes::prepare(plan, seed, &invites)?;
        let first = members.first().ok_or(FleetError::Participants { found: 0 })?;
        let config = Config::load(&first.home).map_err(|e| FleetError::member(&first.name, e))?;
        let url = config.endpoint(&first.home.config()).map_err(|e| FleetError::member(&first.name, e))?;
        let commons = Commons::start(url).map_err(|e| FleetError::member(&first.name, e))?;
        let lock = |member: &Member| member.home.lock().map_err(|e| FleetError::member(&member.name, e));
        let locks = members.iter().map(lock).collect::<Result<_, _>>()?;
        Ok(Self { members, commons, invites, poll: plan.poll(), _locks: locks })
    }

    /// Enrols every member that is not yet enrolled, in order, and returns what the first enrolled in.
    pub async fn enrol(&self) -> Result<Membership, FleetError> {
        join::enrol(&self.members, &self.commons, &self.invites).await
    }

    /// Trains every member whose teachers are not those of its data and recipe, several at once.
    pub async fn train(&self) -> Result<Trained, FleetError> {
        training::train(&self.members, &self.commons).await
    }

    /// Approves federation and roster for every member, and the trustees for each other; returns what was approved.
    pub async fn approve(&self) -> Result<Option<Review>, FleetError> {
        join::approve(&self.members, &self.commons).await
    }

    /// Runs every agent until `shutdown` is ready or the federation is closed.
    pub async fn run(&self, shutdown: impl Future<Output = ()>) -> Result<Summary, FleetError> {
        agents::run(&self.members, &self.commons, self.poll, shutdown).await
    }

    /// Returns the number of participants.
    pub const fn participants(&self) -> usize {
        self.members.len()
    }

    /// Returns the seconds between two heartbeats of one member.
    pub const fn poll(&self) -> f64 {
        self.poll
    }
}

/// Returns the member with this index; its home need not be there.
fn member_at(homes: &Path, index: usize, participants: usize) -> Member {
    let digits = participants.to_string().len().max(3);
    let name = format!("participant-{:0digits$}", index + 1);
    Member { home: Home::at(homes.join(&name)), name }
}

/// Deals the data and checks that each part can be given away.
fn deal(
    data: &Dataset,
    partition: Partition,
    participants: usize,
    seed: u64,
    path: &Path,
) -> Result<Vec<Vec<usize>>, FleetError> {
    learning::partition(data, partition, participants, seed)
        .map_err(|source| FleetError::Partition { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests;
