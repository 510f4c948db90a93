//! Ballots, sum and tally of every round, each ballot read once.

use std::sync::atomic::AtomicBool;

use super::{Depth, Finding, Miss, OnProgress, Verifier};
use crate::{
    fhe::{Resolution, RunningSum},
    transcript::{
        Check, Fault, Place, Recorded, RoundRecord, TallyKeys, fetch, known_answer_resolution,
        sum_of_known_answer, sum_of_round,
    },
};

impl Verifier<'_> {
    /// Checks ballots, sums and tallies of all rounds.
    pub(super) fn tallies(&self, on_progress: OnProgress<'_>) -> (Finding, Finding, Finding) {
        let rounds: Vec<(&RoundRecord, Recorded)> =
            self.replay.rounds().filter_map(|round| Some((round, round.tally?))).collect();
        let mut sums = Vec::new();
        if let Err(miss) = self.needs_trustees() {
            let tally = self.digests(&rounds).and(Err(miss.clone()));
            return (Err(miss.clone()), Err(miss), tally);
        }
        let (mut ballots, mut summed) = (0, Ok(()));
        for (place, (round, recorded)) in rounds.iter().enumerate() {
            on_progress(Check::Sum, place, rounds.len());
            match sum_of_round(round, self.blobs).map_err(Miss::from) {
                Ok(sum) => sums.push((*round, *recorded, sum)),
                Err(Miss::Fault(fault)) if fault.check == Check::Sum => summed = Err(Miss::Fault(fault)),
                Err(miss) => return self.without_ballots(&rounds, miss),
            }
            ballots += round.ballots.as_ref().map_or(0, Vec::len);
        }
        let found = format!("{ballots} ballots and {} noise ballots in {0} rounds", rounds.len());
        let sum = summed.map(|()| format!("{} sums", sums.len()));
        let tally = self.digests(&rounds).and_then(|()| match &sum {
            Ok(_) => self.recompute(&sums, on_progress),
            Err(_) => Err(Miss::NotChecked("the sum it begins with is not the recorded one".to_owned())),
        });
        (Ok(found), sum, tally)
    }

    /// Reports what is left to say when a ballot is wrong or withheld.
    fn without_ballots(
        &self,
        rounds: &[(&RoundRecord, Recorded)],
        miss: Miss,
    ) -> (Finding, Finding, Finding) {
        let why = Miss::NotChecked("not every counted ballot is at hand and in order".to_owned());
        let tally = self.digests(rounds).and(Err(why.clone()));
        (Err(miss), Err(why), tally)
    }

    /// Checks that label ciphertexts and records are what the events say, without computing them again.
    fn digests(&self, rounds: &[(&RoundRecord, Recorded)]) -> Result<(), Miss> {
        for (_, recorded) in rounds {
            fetch(self.blobs, Check::Tally, "label ciphertexts", recorded.tally.ciphertexts)?;
            if let Some(squashed) = recorded.tally.squashed {
                fetch(self.blobs, Check::Tally, "record of squashed digits", squashed)?;
            }
        }
        Ok(())
    }

    /// Computes every tally again. The known answer comes first: a machine that does not reproduce it computes
    /// other bits, and says so instead of accusing anybody.
    fn recompute(
        &self,
        sums: &[(&RoundRecord, Recorded, RunningSum)],
        on_progress: OnProgress<'_>,
    ) -> Finding {
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
            let resolution = known_answer_resolution(config).map_err(|e| height_fault(recorded, &e))?;
            self.again(&keys, recorded, &resolution, &known, &mut |_| {}).map_err(other_machine)?;
        }
        let labels: usize = sums.iter().map(|(round, ..)| round.announcement.instance_count as usize).sum();
        let (total, mut before) = (keys.steps(labels), 0);
        for (round, recorded, sum) in sums {
            let resolution = round.announcement.resolution(self.replay.founding(), &round.roster);
            let resolution = resolution.map_err(|e| height_fault(*recorded, &e))?;
            self.again(&keys, *recorded, &resolution, sum, &mut |done| {
                on_progress(Check::Tally, before + done, total);
            })?;
            before += keys.steps(round.announcement.instance_count as usize);
        }
        Ok(format!(
            "{labels} labels in {} rounds, and the known answer, computed again on this machine",
            sums.len()
        ))
    }

    fn again(
        &self,
        keys: &TallyKeys,
        recorded: Recorded,
        resolution: &Resolution,
        sum: &RunningSum,
        on_progress: &mut dyn FnMut(usize),
    ) -> Result<(), Miss> {
        let never = AtomicBool::new(false);
        keys.recompute(recorded, resolution, sum, &never, on_progress, |_| {})?;
        Ok(())
    }
}

fn height_fault(recorded: Recorded, error: &dyn std::fmt::Display) -> Miss {
    Check::Tally.fault(recorded.height, error).into()
}

/// A known answer that comes out otherwise says something about the machine, not about the coordinator.
fn other_machine(miss: Miss) -> Miss {
    match miss {
        Miss::Fault(Fault { check: Check::Tally, place: Place::Event(_), .. }) => Miss::NotChecked(
            "not recomputed on this machine: it does not reproduce the bits of the known answer".to_owned(),
        ),
        other => other,
    }
}
