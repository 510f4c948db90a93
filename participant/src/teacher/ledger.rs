//! The ledger at home: what the rounds that this institution voted in have cost, and its own cap.
//!
//! It is kept from what this institution itself noted, whatever the coordinator's ledger says. A round counts from the
//! moment its noise is drawn; only the transcript's word that nothing of it was opened gives it back.

use base::{decimal::Decimal, ids::RoundId};
use privacy::{CostError, Delta, Losses, NoiseMode, RoundCost, loss_epsilon, total_loss};
use protocol::{
    federation::FederationConfig,
    transcript::{Outcome, Replay},
};
use serde::Serialize;

use super::journal::Record;
use crate::config::Limits;

/// A round in the ledger at home.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The round.
    pub round: RoundId,
    /// Number of instances.
    pub labels: u32,
    /// Whether its cost came back because nothing of it was opened.
    pub returned: bool,
    /// What it costs, or would have cost.
    pub cost: RoundCost,
}

/// A round that would exceed the institution's own cap.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CapError {
    /// The cap stands against it.
    #[error(
        "limits.{key} = {cap}: with this round ε about {unit} would be {would_be} at δ = {delta} against a coordinator \
         that colludes with participants; {spent} is spent in the rounds that were voted in here"
    )]
    Exceeded {
        /// The key in the config.
        key: &'static str,
        /// Its value.
        cap: Decimal,
        /// Whom it protects.
        unit: &'static str,
        /// ε with the round, or that there is no bound.
        would_be: String,
        /// δ of the federation.
        delta: Delta,
        /// ε without it.
        spent: String,
    },
    /// The loss cannot be stated.
    #[error(transparent)]
    Cost(#[from] CostError),
}

/// What the rounds voted in have cost.
#[derive(Debug, Clone)]
pub struct HomeLedger {
    /// Every round for which noise was drawn.
    pub entries: Vec<Entry>,
    mode: NoiseMode,
    delta: Delta,
}

impl HomeLedger {
    /// Reads the ledger from the journal's records; `replay` is the chain as far as this institution has followed it.
    ///
    /// Without a chain nothing comes back, and no more does it through a later announcement under a round's old id.
    pub fn of(records: &[Record], config: &FederationConfig, replay: Option<&Replay>) -> Self {
        let entry = |record: &Record| {
            let cost = record.cost.filter(|_| record.stage.drawn_at().is_some())?;
            let round = replay.and_then(|replay| replay.round(record.round));
            let round = round.filter(|round| round.announcement.digest() == record.announcement);
            // What a two-step round did not label is not paid for: the trustees open nothing of it.
            let released = round.filter(|round| matches!(round.outcome, Some(Outcome::Released { .. })));
            let cost = released
                .zip(replay)
                .and_then(|(round, replay)| round.cost(replay.founding()).ok())
                .unwrap_or(cost);
            let outcome = round.and_then(|round| round.outcome.as_ref());
            let returned = matches!(
                outcome,
                Some(Outcome::Failed { charged: false } | Outcome::Cancelled { charged: false })
            );
            Some(Entry { round: record.round, labels: record.instance_count, returned, cost })
        };
        Self {
            entries: records.iter().filter_map(entry).collect(),
            mode: config.noise.mode,
            delta: config.privacy.delta,
        }
    }

    /// Returns what is spent, without the rounds that came back and without `except`.
    fn losses(&self, except: Option<RoundId>) -> Losses {
        let kept = |entry: &&Entry| !entry.returned && Some(entry.round) != except;
        total_loss(self.entries.iter().filter(kept).map(|entry| &entry.cost.rho))
    }

    /// Returns ε of everything that is spent, per unit and view.
    pub fn spent(&self) -> Result<privacy::Epsilon, CostError> {
        loss_epsilon(&self.losses(None), self.mode, self.delta)
    }

    /// Checks that one more round keeps the institution's caps, in the view of whoever knows most.
    pub fn check(&self, limits: &Limits, round: RoundId, cost: &RoundCost) -> Result<(), CapError> {
        let before = self.losses(Some(round));
        let after = total_loss([&before, &cost.rho].into_iter());
        let before = loss_epsilon(&before, self.mode, self.delta)?;
        let after = loss_epsilon(&after, self.mode, self.delta)?;
        let caps = [
            ("epsilon", limits.epsilon, "one person", before.person.both, after.person.both),
            (
                "participant_epsilon",
                limits.participant_epsilon,
                "this institution",
                before.participant.both,
                after.participant.both,
            ),
        ];
        for (key, cap, unit, spent, would_be) in caps {
            let Some(cap) = cap else { continue };
            if would_be.is_none_or(|epsilon| epsilon > cap.to_f64()) {
                let shown =
                    |value: Option<f64>| value.map_or("without a bound".to_owned(), |e| format!("{e:.4}"));
                let (would_be, spent) = (shown(would_be), shown(spent));
                return Err(CapError::Exceeded { key, cap, unit, would_be, delta: self.delta, spent });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use base::{
        clock::Millis,
        ids::{BallotId, Digest},
    };
    use protocol::{
        round::{Announcement, FailureReason},
        transcript::EventBody,
    };

    use super::*;
    use crate::{
        teacher::journal::Stage,
        testing::{Board, Federation, round},
    };

    /// Returns a keyed federation in which round 1 is announced.
    fn board() -> Board {
        let mut board = Board::keyed(Federation::new());
        board.announce(round(1));
        board
    }

    fn announced(board: &Board) -> Announcement {
        board.replay().round(round(1)).unwrap().announcement.clone()
    }

    fn cost(board: &Board) -> RoundCost {
        announced(board).cost(&board.federation.founding, &board.federation.roster).unwrap()
    }

    fn record(board: &Board, stage: Stage) -> Record {
        Record {
            round: round(1),
            announcement: announced(board).digest(),
            instances: Digest::of(b"instances"),
            instance_count: 4,
            seen_at: Millis(11),
            closes_at: Millis(20),
            cost: Some(cost(board)),
            stage,
        }
    }

    fn drawn() -> Stage {
        Stage::Drawing { ballot: BallotId::from_bytes([9; 16]), at: Millis(12) }
    }

    fn ledger(board: &Board, record: &Record) -> HomeLedger {
        HomeLedger::of(std::slice::from_ref(record), &board.federation.founding.config, Some(&board.replay()))
    }

    /// ε about one person of what is spent, in the view of whoever knows most.
    fn spent(ledger: &HomeLedger) -> f64 {
        ledger.spent().unwrap().person.both.unwrap()
    }

    #[test]
    fn a_round_counts_from_the_drawing_and_comes_back_only_by_the_transcript() {
        let mut board = board();
        let price = cost(&board).epsilon(board.federation.founding.config.privacy.delta).unwrap();
        let price = price.person.both.unwrap();
        let waiting = record(&board, Stage::Waiting);
        assert_eq!(ledger(&board, &waiting).entries, [], "nothing was drawn");
        let lost = record(&board, Stage::Lost { reason: "crashed".to_owned(), at: Some(Millis(12)) });
        for record in [record(&board, drawn()), lost] {
            assert_eq!(spent(&ledger(&board, &record)), price);
        }
        let record = record(&board, drawn());
        board.push(EventBody::Cancelled { round: round(1), charged: false });
        let back = ledger(&board, &record);
        assert!(back.entries[0].returned && spent(&back) < price);
        let alone = HomeLedger::of(&[record], &board.federation.founding.config, None);
        assert_eq!(spent(&alone), price, "without a transcript nothing comes back");
    }

    #[test]
    fn a_failure_after_an_opening_and_another_round_of_the_same_name_give_nothing_back() {
        let mut board = board();
        let record = record(&board, drawn());
        let before_the_end = board.events.len();
        let ballots: Vec<_> = (1..=5).map(|id| (id, Digest::of(&[id as u8]))).collect();
        board.close(round(1), &ballots);
        board.push(EventBody::NoiseBallot { round: round(1), digest: Digest::of(b"noise") });
        let tally = board.pretended_tally(Some(round(1)));
        board.push(EventBody::Tallied(tally));
        board.pretend_opened(Some(round(1)), 1);
        let reason = FailureReason::OpeningTimedOut;
        board.push(EventBody::Failed { round: round(1), reason, charged: true });
        assert!(!ledger(&board, &record).entries[0].returned);

        // Restored from a backup, the coordinator announces under the old id and cancels.
        board.roll_back(before_the_end - 1);
        let mut again = board.federation.announce_with(round(1), board.federation.certificate().digest());
        again.opens_at = Millis(11);
        board.push(EventBody::Announced(again));
        board.push(EventBody::Cancelled { round: round(1), charged: false });
        assert!(!ledger(&board, &record).entries[0].returned, "this is not the round that was voted in");
    }

    #[test]
    fn a_cap_is_reached_by_the_round_that_would_exceed_it_and_a_second_try_of_a_round_counts_once() {
        let board = board();
        let (record, cost) = (record(&board, drawn()), cost(&board));
        let ledger = ledger(&board, &record);
        let cap = |epsilon: f64| Limits {
            epsilon: Some(Decimal::from_float(epsilon).unwrap()),
            ..Limits::default()
        };
        let one = spent(&ledger);
        ledger.check(&cap(one), round(1), &cost).unwrap();
        let beyond = ledger.check(&cap(one), round(2), &cost).unwrap_err();
        assert!(beyond.to_string().starts_with(&format!("limits.epsilon = {one}: ")), "{beyond}");
        ledger.check(&cap(2.0 * one), round(2), &cost).unwrap();
        ledger.check(&Limits::default(), round(2), &cost).unwrap();
        let institution = Limits { participant_epsilon: cap(one).epsilon, ..Limits::default() };
        let beyond = ledger.check(&institution, round(1), &cost).unwrap_err();
        assert!(
            beyond.to_string().starts_with("limits.participant_epsilon = "),
            "20 teachers cost more: {beyond}"
        );
    }
}
