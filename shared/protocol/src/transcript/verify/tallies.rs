//! Ballots, sum and tally of every round, each ballot read once.

use std::sync::atomic::AtomicBool;

use super::{Depth, Finding, Miss, OnProgress, Verifier};
use crate::transcript::{
    Check, Fault, Place, Recorded, RoundRecord, TallyInput, TallyKeys, TallySink, check_digest,
    sum_of_known_answer, sum_of_round,
};
use base::Step;

/// A step that was tallied.
type Tallied<'a> = (&'a RoundRecord, Step, Recorded);

impl Verifier<'_> {
    /// Checks ballots, sums and tallies of all rounds.
    pub(super) fn tallies(&self, on_progress: OnProgress<'_>) -> (Finding, Finding, Finding) {
        let tallied = |round| Step::ALL.into_iter().filter_map(move |step| tallied(round, step));
        let steps: Vec<Tallied<'_>> = self.replay.rounds().flat_map(tallied).collect();
        let mut sums = Vec::new();
        if let Err(miss) = self.needs_trustees() {
            let tally = self.digests(&steps).and(Err(miss.clone()));
            return (Err(miss.clone()), Err(miss), tally);
        }
        let mut summed = Ok(());
        for (place, (round, step, recorded)) in steps.iter().enumerate() {
            on_progress(Check::Sum, place, steps.len());
            match sum_of_round(round, self.replay.founding(), *step, self.blobs).map_err(Miss::from) {
                Ok(input) => sums.push((*recorded, input)),
                Err(Miss::Fault(fault)) if fault.check == Check::Sum => summed = Err(Miss::Fault(fault)),
                Err(miss) => return self.without_ballots(&steps, miss),
            }
        }
        let rounds: Vec<&RoundRecord> =
            self.replay.rounds().filter(|round| !round.steps.is_empty()).collect();
        let ballots: usize = rounds.iter().map(|round| round.ballots.as_ref().map_or(0, Vec::len)).sum();
        let found = format!("{ballots} ballots and {} noise ballots in {0} rounds", rounds.len());
        let sum = summed.map(|()| format!("{} sums", sums.len()));
        let tally = self.digests(&steps).and_then(|()| match &sum {
            Ok(_) => self.recompute(&sums, on_progress),
            Err(_) => Err(Miss::NotChecked("the sum it begins with is not the recorded one".to_owned())),
        });
        (Ok(found), sum, tally)
    }

    /// Reports what is left to say when a ballot is wrong or withheld.
    fn without_ballots(&self, steps: &[Tallied<'_>], miss: Miss) -> (Finding, Finding, Finding) {
        let why = Miss::NotChecked("not every counted ballot is at hand and in order".to_owned());
        let tally = self.digests(steps).and(Err(why.clone()));
        (Err(miss), Err(why), tally)
    }

    /// Checks that label ciphertexts and records are what the events say, without computing them again.
    fn digests(&self, steps: &[Tallied<'_>]) -> Result<(), Miss> {
        for (_, _, recorded) in steps {
            check_digest(self.blobs, Check::Tally, "label ciphertexts", recorded.tally.ciphertexts)?;
            if let Some(squashed) = recorded.tally.squashed {
                check_digest(self.blobs, Check::Tally, "record of squashed digits", squashed)?;
            }
        }
        Ok(())
    }

    /// Computes every tally again. The known answer comes first: a machine that does not reproduce it computes
    /// other bits, and says so instead of accusing anybody.
    fn recompute(&self, sums: &[(Recorded, TallyInput)], on_progress: OnProgress<'_>) -> Finding {
        if self.depth == Depth::Quick {
            return Err(Miss::NotChecked("left out (--quick)".to_owned()));
        }
        let Some(certificate) = self.replay.ceremony().certificate() else {
            return Err(Miss::NotChecked("no keys are published yet".to_owned()));
        };
        let config = &self.replay.founding().config;
        let keys = TallyKeys::load(certificate, config, self.blobs)?;
        let known = sum_of_known_answer(self.replay, self.blobs)?;
        if let Some(recorded) = self.replay.ceremony().tally() {
            self.again(&keys, recorded, &known, &mut |_| {}).map_err(other_machine)?;
        }
        let outcomes = |step| {
            let of_step = sums.iter().filter(move |(recorded, _)| recorded.tally.step == step);
            of_step.map(|(_, input)| input.instances.len()).sum::<usize>()
        };
        let (tested, labels) = (outcomes(Step::Test), outcomes(Step::Label));
        let (total, mut before) = (keys.steps(tested + labels), 0);
        for (recorded, input) in sums {
            self.again(&keys, *recorded, input, &mut |done| on_progress(Check::Tally, before + done, total))?;
            before += keys.steps(input.instances.len());
        }
        let tests = if tested == 0 { String::new() } else { format!("{tested} tests, ") };
        Ok(format!(
            "{tests}{labels} labels in {} tallies, and the known answer, computed again on this machine",
            sums.len()
        ))
    }

    fn again(
        &self,
        keys: &TallyKeys,
        recorded: Recorded,
        input: &TallyInput,
        on_progress: &mut dyn FnMut(usize),
    ) -> Result<(), Miss> {
        keys.recompute(recorded, input, &AtomicBool::new(false), &mut Watched(on_progress))?;
        Ok(())
    }
}

/// Sink that keeps nothing of a tally and reports how far it is.
struct Watched<'a>(&'a mut dyn FnMut(usize));

impl TallySink for Watched<'_> {
    fn progress(&mut self, done: usize) {
        (self.0)(done);
    }
}

fn tallied(round: &RoundRecord, step: Step) -> Option<Tallied<'_>> {
    Some((round, step, round.tally(step)?))
}

/// Turns a known answer that comes out otherwise into a word about the machine, not about the coordinator.
fn other_machine(miss: Miss) -> Miss {
    match miss {
        Miss::Fault(Fault { check: Check::Tally, place: Place::Event(_), .. }) => Miss::NotChecked(
            "not recomputed on this machine: it does not reproduce the bits of the known answer".to_owned(),
        ),
        other => other,
    }
}
