//! Training of a whole fleet: as many members at once as the pool has threads, and never more in memory.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{sync::Semaphore, task::JoinSet};

use super::{FleetError, Member, progress::Progress};
use crate::{agent::Commons, approval::Membership, config::Config, home::Home, teacher::train::Lesson};
use runtime::{SystemClock, process_cpu};

/// What training a fleet took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trained {
    /// Members whose teachers were trained; the others had theirs.
    pub members: usize,
    /// Teachers trained.
    pub teachers: usize,
    /// Time on the clock.
    pub wall: Duration,
    /// Processor time.
    pub cpu: Duration,
}

/// Trains every member whose teachers are not those of its data, seed and recipe.
pub(super) async fn train(members: &[Member], commons: &Commons) -> Result<Trained, FleetError> {
    let (begun, cpu) = (Instant::now(), process_cpu());
    let progress = Progress::start("trained", members.len());
    let gate = Arc::new(Semaphore::new(commons.pool().threads()));
    let mut tasks = JoinSet::new();
    for member in members {
        let (gate, pool, member) = (Arc::clone(&gate), commons.pool().clone(), member.clone());
        tasks.spawn(async move {
            // Nobody closes the gate. Each holds its data only while it has a permit.
            let _permit = gate.acquire_owned().await.ok();
            let home = member.home.clone();
            let trained = pool.run(move || train_one(&home)).await;
            let trained = trained.map_err(|e| FleetError::member(&member.name, e))?;
            trained.map_err(|reason| FleetError::Member { name: member.name, reason })
        });
    }
    let mut counts = Vec::with_capacity(members.len());
    while let Some(joined) = tasks.join_next().await {
        match joined.map_err(|e| FleetError::member("training", e)).and_then(|trained| trained) {
            Ok(count) => counts.push(count),
            Err(error) => {
                tasks.abort_all();
                commons.pool().drain().await;
                return Err(error);
            }
        }
        progress.done_one();
    }
    progress.finish();
    let trained = counts.iter().filter(|count| **count > 0);
    Ok(Trained {
        members: trained.count(),
        teachers: counts.iter().sum(),
        wall: begun.elapsed(),
        cpu: process_cpu().saturating_sub(cpu),
    })
}

/// Trains one member's teachers by the ordinary lesson; returns how many.
fn train_one(home: &Home) -> Result<usize, String> {
    let config = Config::load(home).map_err(|e| e.to_string())?;
    let membership = Membership::load(home).map_err(|e| e.to_string())?;
    let lesson = Lesson::prepare(home, &config, membership.as_ref()).map_err(|e| e.to_string())?;
    if lesson.is_done(home).map_err(|e| e.to_string())? {
        return Ok(0);
    }
    lesson.train(home, &SystemClock, &|_, _, _| ()).map_err(|e| e.to_string())?;
    Ok(lesson.teachers())
}
