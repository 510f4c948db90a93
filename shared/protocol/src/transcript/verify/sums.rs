//! Ballots and sums of every round, each ballot read once per step.

use super::{Finding, Miss, OnProgress, Verifier};
use crate::transcript::{Check, RoundRecord, sum_of_round};
use base::Step;

impl Verifier<'_> {
    /// Checks the ballots and the sums of all rounds that trustees were asked to tally.
    pub(super) fn sums(&self, on_progress: OnProgress<'_>) -> (Finding, Finding) {
        if let Err(miss) = self.needs_trustees() {
            return (Err(miss.clone()), Err(miss));
        }
        let asked: Vec<(&RoundRecord, Step)> = self.asked().collect();
        let mut summed = Ok(());
        for (place, (round, step)) in asked.iter().enumerate() {
            on_progress(Check::Sum, place, asked.len());
            match sum_of_round(round, *step, self.blobs).map_err(Miss::from) {
                Ok(_) => {}
                Err(Miss::Fault(fault)) if fault.check == Check::Sum => summed = Err(Miss::Fault(fault)),
                Err(miss) => {
                    let why = "not every counted ballot is at hand and in order";
                    return (Err(miss), Err(Miss::NotChecked(why.to_owned())));
                }
            }
        }
        let rounds: Vec<&RoundRecord> =
            self.replay.rounds().filter(|round| !round.steps.is_empty()).collect();
        let ballots: usize = rounds.iter().map(|round| round.ballots.as_ref().map_or(0, Vec::len)).sum();
        let found = format!("{ballots} ballots and {} noise ballots in {0} rounds", rounds.len());
        (Ok(found), summed.map(|()| format!("{} sums", asked.len())))
    }

    /// Returns every step of every round that several trustees were asked to tally.
    pub(super) fn asked(&self) -> impl Iterator<Item = (&RoundRecord, Step)> {
        self.replay.rounds().flat_map(|round| {
            Step::ALL.into_iter().filter(|step| round.asked(*step).is_some()).map(move |step| (round, step))
        })
    }
}
