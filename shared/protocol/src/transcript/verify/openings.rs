//! Openings: they combine to the released labels, and claim no more agreement than they have.

use super::{Finding, Miss, Verifier};
use crate::{
    round::{Corroboration, Judgement, JudgementError, Opening, compare, judge},
    transcript::{Check, Outcome, RoundRecord, check_test, fetch},
};
use base::Step;
use fhe::SquashedRecord;

impl Verifier<'_> {
    pub(super) fn openings(&self) -> Finding {
        self.needs_trustees()?;
        let (mut releases, mut uncorroborated, mut noise) = (0, 0, 0);
        for round in self.replay.rounds() {
            check_test(self.replay, round, self.blobs)?;
            let Some(Outcome::Released { .. }) = &round.outcome else { continue };
            let (now, largest_noise) = self.release(round)?;
            releases += 1;
            uncorroborated += u32::from(now == Corroboration::Uncorroborated);
            noise = noise.max(largest_noise);
        }
        let bits = if noise == 0 { 0.0 } else { (noise as f64).log2() };
        Ok(format!(
            "{releases} releases, {uncorroborated} of them uncorroborated; largest opened noise 2^{bits:.1}"
        ))
    }

    /// Judges every step that a release rests on; returns how far the openings agree with it now, and their largest noise.
    fn release(&self, round: &RoundRecord) -> Result<(Corroboration, u128), Miss> {
        let fault = |what: String| Miss::Fault(Check::Openings.fault(round.height, what));
        let Some(Outcome::Released { labels, corroboration, openings }) = &round.outcome else {
            return Err(fault("it is not released".to_owned()));
        };
        let (mut then, mut now, mut noise) = (Corroboration::Corroborated, Corroboration::Corroborated, 0);
        for (step, count) in openings {
            let judged = self.step(round, *step, *count, labels)?;
            (then, now) = (then.and(judged.then), now.and(judged.now));
            noise = noise.max(judged.largest_noise);
        }
        if *corroboration != then && *corroboration != now {
            return Err(fault(format!("the release claims to be {corroboration}, its openings are {now}")));
        }
        if matches!(now, Corroboration::Disputed { .. }) {
            return Err(fault(format!("the release is {now}: its labels are not to be relied on")));
        }
        Ok((now, noise))
    }

    /// Judges one step by the openings it had at the release, and by all it has now.
    fn step(
        &self,
        round: &RoundRecord,
        step: Step,
        at_release: usize,
        labels: &[u16],
    ) -> Result<Judged, Miss> {
        let fault = |what: &str| Miss::Fault(Check::Openings.fault(round.height, what));
        let record = self.record(round, step)?;
        let openings = round.openings(step);
        let first = openings.get(..at_release).unwrap_or_default();
        let judged = self.judge_step(&record, first).map_err(|e| fault(&e.to_string()))?;
        let Judgement::Labels { labels: opened, corroboration: then, largest_noise } = judged else {
            return Err(fault("the openings of a release contradict each other"));
        };
        let is_released = match step {
            Step::Test => round.test.as_ref().is_some_and(|test| opened == round.bits(&test.passed)),
            Step::Label => round.spread(&opened).as_deref() == Some(labels),
        };
        if !is_released {
            return Err(fault("the openings combine to other labels than the released ones"));
        }
        let now = compare(self.judge_step(&record, openings), &opened, openings);
        Ok(Judged { then, now, largest_noise })
    }

    fn record(&self, round: &RoundRecord, step: Step) -> Result<SquashedRecord, Miss> {
        let fault = |what: String| Miss::Fault(Check::Openings.fault(round.height, what));
        let digest = round.tally(step).and_then(|recorded| recorded.tally.squashed);
        let digest = digest.ok_or_else(|| fault("released without squashed digits".to_owned()))?;
        let bytes = fetch(self.blobs, Check::Openings, "record of squashed digits", digest)?;
        let layout = round.outcomes(step).ok_or_else(|| fault("released without its labels".to_owned()))?;
        SquashedRecord::from_bytes(&bytes, layout).map_err(|e| fault(e.to_string()))
    }

    fn judge_step(&self, record: &SquashedRecord, openings: &[Opening]) -> Result<Judgement, JudgementError> {
        let policy = self.replay.founding().config.trustees;
        judge(policy, &self.replay.trustees(), record.layout().classes(), record, openings)
    }
}

/// What the openings of one step of a release say: those it rests on, and all of them.
struct Judged {
    then: Corroboration,
    now: Corroboration,
    largest_noise: u128,
}
