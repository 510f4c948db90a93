//! Openings: they combine to the released labels, and claim no more agreement than they have.

use super::{Finding, Miss, Verifier};
use crate::{
    fhe::SquashedRecord,
    round::{Corroboration, Judgement, JudgementError, Opening, compare, judge},
    transcript::{Check, Outcome, RoundRecord, fetch},
};

impl Verifier<'_> {
    pub(super) fn openings(&self) -> Finding {
        self.needs_trustees()?;
        let (mut releases, mut uncorroborated, mut noise) = (0, 0, 0);
        for round in self.replay.rounds() {
            let Some(Outcome::Released { labels, corroboration, openings }) = &round.outcome else {
                continue;
            };
            let record = self.record(round)?;
            let at_release = round.openings.get(..*openings).unwrap_or_default();
            let fault = |what: String| Miss::Fault(Check::Openings.fault(round.height, what));
            let then = self.judge_round(&record, at_release).map_err(|e| fault(e.to_string()))?;
            let Judgement::Labels { labels: opened, corroboration: first, largest_noise } = then else {
                return Err(fault("the openings of a release contradict each other".to_owned()));
            };
            if opened != *labels {
                return Err(fault("the openings combine to other labels than the released ones".to_owned()));
            }
            let now = compare(self.judge_round(&record, &round.openings), labels, &round.openings);
            if *corroboration != first && *corroboration != now {
                return Err(fault(format!(
                    "the release claims to be {corroboration}, its openings are {now}"
                )));
            }
            if matches!(now, Corroboration::Disputed { .. }) {
                return Err(fault(format!("the release is {now}: its labels are not to be relied on")));
            }
            releases += 1;
            uncorroborated += u32::from(now == Corroboration::Uncorroborated);
            noise = noise.max(largest_noise);
        }
        let bits = if noise == 0 { 0.0 } else { (noise as f64).log2() };
        Ok(format!(
            "{releases} releases, {uncorroborated} of them uncorroborated; largest opened noise 2^{bits:.1}"
        ))
    }

    fn record(&self, round: &RoundRecord) -> Result<SquashedRecord, Miss> {
        let fault = |what: String| Miss::Fault(Check::Openings.fault(round.height, what));
        let digest = round.tally.and_then(|recorded| recorded.tally.squashed);
        let digest = digest.ok_or_else(|| fault("released without squashed digits".to_owned()))?;
        let bytes = fetch(self.blobs, Check::Openings, "record of squashed digits", digest)?;
        let layout = round.announcement.layout().map_err(|e| fault(e.to_string()))?;
        SquashedRecord::from_bytes(&bytes, layout).map_err(|e| fault(e.to_string()))
    }

    fn judge_round(
        &self,
        record: &SquashedRecord,
        openings: &[Opening],
    ) -> Result<Judgement, JudgementError> {
        let config = &self.replay.founding().config;
        judge(config.trustees, &self.replay.trustees(), config.classes.len(), record, openings)
    }
}
