//! The running sums of rounds: every ballot is added when it arrives, so that closing a round reads none again.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use base::{
    Step,
    ids::{Digest, ParticipantId, RoundId},
};
use fhe::{Layout, RunningSum};
use protocol::{
    ballot::{Bodies, Door},
    transcript::CountedBallot,
};

/// The sums of the rounds that are not over. They are a memory of what is stored and nothing more: what a restart
/// forgot, or what is not in yet, is read from the stored ballots at the tally.
#[derive(Debug, Default)]
pub struct Sums(Mutex<HashMap<RoundId, Arc<Mutex<RoundSum>>>>);

/// The sums of one round: one per step, until its tally takes it.
#[derive(Debug)]
struct RoundSum {
    added: BTreeMap<ParticipantId, Digest>,
    steps: Vec<(Step, Option<RunningSum>)>,
}

/// A sum that has been begun, and what it lacks.
#[derive(Debug)]
pub struct Begun {
    /// The sum so far.
    pub sum: RunningSum,
    /// The counted ballots that are not in it.
    pub missing: Vec<CountedBallot>,
}

impl Sums {
    fn of(&self, door: Door<'_>, layout: Layout) -> Arc<Mutex<RoundSum>> {
        let begin = || {
            let steps = door.announcement.steps().iter().map(|step| (*step, Some(RunningSum::new(layout))));
            Arc::new(Mutex::new(RoundSum { added: BTreeMap::new(), steps: steps.collect() }))
        };
        let mut rounds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(rounds.entry(door.announcement.round).or_insert_with(begin))
    }

    /// Adds a stored ballot to the sums of all steps of its round; the same one again changes nothing.
    ///
    /// A ballot that cannot be added to every step ends the sums of its round: the tally then takes all ballots from
    /// the disk, and says what is wrong with this one.
    pub fn add(&self, door: Door<'_>, layout: Layout, ballot: (ParticipantId, Digest), bodies: &Bodies) {
        let round = self.of(door, layout);
        let mut round = round.lock().unwrap_or_else(PoisonError::into_inner);
        if round.added.contains_key(&ballot.0) {
            return;
        }
        // The sums are put back when the ballot is in all of them, so that a failure or a panic leaves none with a part.
        let mut sums: Vec<_> = round.steps.iter_mut().map(|(step, sum)| (*step, sum.take())).collect();
        for (step, sum) in &mut sums {
            let Some(sum) = sum else { continue };
            let added = bodies.of(*step).map(|body| sum.add(body));
            if !matches!(added, Some(Ok(()))) {
                let error = added.and_then(Result::err).map(|error| error.to_string());
                tracing::error!(round = %door.announcement.round, participant = %ballot.0, %step, error, "a ballot was not added");
                return;
            }
        }
        round.steps = sums;
        round.added.insert(ballot.0, ballot.1);
    }

    /// Takes the sum of a step out, for the tally of these counted ballots. A sum that holds anything else is dropped.
    pub fn take(&self, door: Door<'_>, layout: Layout, step: Step, counted: &[CountedBallot]) -> Begun {
        let round = self.of(door, layout);
        let mut round = round.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = round.steps.iter_mut().find(|(own, _)| *own == step).and_then(|(_, sum)| sum.take());
        let is_in = |ballot: &&CountedBallot| round.added.get(&ballot.participant) == Some(&ballot.digest);
        match kept.filter(|_| counted.iter().filter(is_in).count() == round.added.len()) {
            Some(sum) => {
                let missing = counted.iter().filter(|ballot| !is_in(ballot)).copied().collect();
                Begun { sum, missing }
            }
            None => Begun { sum: RunningSum::new(layout), missing: counted.to_vec() },
        }
    }

    /// Forgets the sums of all rounds but these.
    pub fn keep(&self, rounds: &[RoundId]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|round, _| rounds.contains(round));
    }
}

#[cfg(test)]
mod tests;
