//! The running sums of rounds: every ballot is added when it arrives, so that closing a round reads none again.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use shared::{
    ballot::{Bodies, Door},
    fhe::{Layout, RunningSum},
    ids::{Digest, ParticipantId, RoundId},
    round::Step,
    transcript::CountedBallot,
};

/// Holds the sums of the rounds that are not over. They are a memory of what is stored and nothing more: what a restart
/// forgot, or what is not in yet, is read from the stored ballots at the tally.
#[derive(Debug, Default)]
pub struct Sums(Mutex<HashMap<RoundId, Arc<Mutex<RoundSum>>>>);

/// Is the sums of one round: one per step, until its tally takes it.
#[derive(Debug)]
struct RoundSum {
    added: BTreeMap<ParticipantId, Digest>,
    steps: Vec<(Step, Option<RunningSum>)>,
}

/// Is a sum that has been begun, and what it lacks.
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

    /// Adds a stored ballot to the sums of its round; the same one again changes nothing.
    pub fn add(&self, door: Door<'_>, layout: Layout, ballot: (ParticipantId, Digest), bodies: &Bodies) {
        let round = self.of(door, layout);
        let mut round = round.lock().unwrap_or_else(PoisonError::into_inner);
        if round.added.contains_key(&ballot.0) {
            return;
        }
        for (step, sum) in &mut round.steps {
            let Some((sum, body)) = sum.as_mut().zip(bodies.of(*step)) else { continue };
            if let Err(error) = sum.add(body) {
                // Not recorded as added, so that the tally takes it from the disk and says what is wrong.
                tracing::error!(round = %door.announcement.round, participant = %ballot.0, %error, "a ballot was not added");
                return;
            }
        }
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
