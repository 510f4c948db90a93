//! A ledger kept by hand: what the transcript's events say that all rounds together have cost, in exact units.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use base::ids::RoundId;
use privacy::{Epsilon, Losses, Rho, RoundCost, Units, Views, loss_epsilon};
use protocol::{
    federation::{Founding, Member, Roster},
    round::Announcement,
    transcript::{Event, EventBody, Replay},
    wire::{EntryState, LedgerView},
};

use crate::Federation;

/// A round in a ledger kept by hand.
#[derive(Debug, Clone)]
pub struct Line {
    /// Height of its announcement.
    pub height: u64,
    /// What became of its cost.
    pub state: EntryState,
    /// What it was announced to cost, or what its release paid.
    pub cost: RoundCost,
    announcement: Announcement,
    roster: Roster,
    /// How many instances passed the test of a two-step round.
    passed: Option<u32>,
}

/// A ledger kept by hand from a transcript's events.
#[derive(Debug, Clone)]
pub struct HandLedger {
    /// Every round.
    pub lines: BTreeMap<RoundId, Line>,
    founding: Founding,
}

/// Lists a loss per unit and view, in units of 2^-50.
fn exact(losses: &Losses) -> [Option<u128>; 8] {
    let Units { person: p, participant: i } = losses;
    let views = [p.public, p.coordinator, p.coalition, p.both, i.public, i.coordinator, i.coalition, i.both];
    views.map(|rho| rho.map(Rho::units))
}

fn losses(exact: [Option<u128>; 8]) -> Losses {
    let [a, b, c, d, e, f, g, h] = exact.map(|units| units.map(Rho::from_units));
    Units {
        person: Views { public: a, coordinator: b, coalition: c, both: d },
        participant: Views { public: e, coordinator: f, coalition: g, both: h },
    }
}

impl HandLedger {
    /// Goes through the events in order; a round is priced under the roster at its announcement.
    pub fn of(events: &[Event]) -> anyhow::Result<Self> {
        let founding = events.iter().find_map(|event| match &event.body {
            EventBody::Founded(founding) => Some(founding.clone()),
            _ => None,
        });
        let mut ledger = Self { lines: BTreeMap::new(), founding: founding.context("nothing is founded")? };
        let mut members = Vec::new();
        for event in events {
            ledger.take(event, &mut members)?;
        }
        Ok(ledger)
    }

    fn take(&mut self, event: &Event, members: &mut Vec<Member>) -> anyhow::Result<()> {
        match &event.body {
            EventBody::Enrolled(member) => members.push(member.clone()),
            EventBody::Revoked { participant, .. } => members.retain(|member| member.id != *participant),
            EventBody::Announced(announcement) => {
                let roster = Roster { federation: self.founding.digest(), members: members.clone() };
                let cost = announcement.cost(&self.founding, &roster)?;
                let (height, state, announcement) =
                    (event.height, EntryState::Reserved, announcement.clone());
                let round = announcement.round;
                let line = Line { height, state, cost, announcement, roster, passed: None };
                let earlier = self.lines.insert(round, line);
                ensure!(earlier.is_none(), "round {round} is announced twice");
            }
            EventBody::Tested { round, passed, .. } => {
                let line = self.lines.get_mut(round).with_context(|| format!("round {round} is tested"))?;
                line.passed = Some(u32::try_from(passed.len())?);
            }
            EventBody::Released { round, .. } => {
                self.end(*round, EntryState::Committed)?;
                let line = self.lines.get_mut(round).context("it has just ended")?;
                if let Some(passed) = line.passed {
                    line.cost = line.announcement.cost_of_release(&self.founding, &line.roster, passed)?;
                }
            }
            EventBody::Failed { round, charged, .. } | EventBody::Cancelled { round, charged } => {
                self.end(*round, if *charged { EntryState::Charged } else { EntryState::Returned })?;
            }
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, round: RoundId, state: EntryState) -> anyhow::Result<()> {
        let line = self.lines.get_mut(&round).with_context(|| format!("round {round} ends unannounced"))?;
        ensure!(line.state == EntryState::Reserved, "round {round} ends twice");
        line.state = state;
        Ok(())
    }

    /// Adds up the rounds in these states, per unit and view, in units of 2^-50.
    fn sum(&self, states: &[EntryState]) -> [Option<u128>; 8] {
        let counted = self.lines.values().filter(|line| states.contains(&line.state));
        counted.fold([Some(0); 8], |sum, line| {
            let cost = exact(&line.cost.rho);
            std::array::from_fn(|place| {
                let pair = sum.get(place).copied().flatten().zip(cost.get(place).copied().flatten());
                pair.and_then(|(sum, cost)| sum.checked_add(cost))
            })
        })
    }

    /// Returns how many rounds are in a state.
    pub fn count(&self, state: EntryState) -> usize {
        self.lines.values().filter(|line| line.state == state).count()
    }

    /// Compares the replay's ledger, unit by unit, and the coordinator's answer with this one.
    pub fn compare(&self, replay: &Replay, view: &LedgerView) -> anyhow::Result<()> {
        use EntryState::{Charged, Committed, Reserved};
        let (spent, committed) = (self.sum(&[Committed, Charged]), self.sum(&[Committed, Charged, Reserved]));
        let ledger = replay.ledger();
        ensure!(exact(ledger.spent()) == spent, "spent: {:?}, by hand {spent:?}", ledger.spent());
        let reserved = self.sum(&[Reserved]);
        ensure!(
            exact(&ledger.reserved()) == reserved,
            "reserved: {:?}, by hand {reserved:?}",
            ledger.reserved()
        );
        let config = &self.founding.config;
        let shown = |sum, delta| loss_epsilon(&losses(sum), config.noise.mode, delta);
        ensure!(view.spent == shown(spent, config.privacy.delta)?, "shown as spent: {:?}", view.spent);
        ensure!(view.committed == shown(committed, config.privacy.delta)?, "committed: {:?}", view.committed);
        for promise in &view.promises {
            let of =
                |sum| Ok::<_, anyhow::Error>(*shown(sum, promise.delta)?.get(promise.unit).get(promise.view));
            ensure!(promise.spent == of(spent)? && promise.committed == of(committed)?, "{promise:?}");
        }
        self.compare_entries(view)
    }

    fn compare_entries(&self, view: &LedgerView) -> anyhow::Result<()> {
        ensure!(
            view.entries.len() == self.lines.len(),
            "{} entries, {} rounds",
            view.entries.len(),
            self.lines.len()
        );
        let mut prices: Vec<(RoundCost, Epsilon)> = Vec::new();
        for entry in &view.entries {
            let line =
                self.lines.get(&entry.round).with_context(|| format!("{entry:?} was never announced"))?;
            let found = (entry.height, entry.state, entry.labels, entry.passed);
            let expected = (line.height, line.state, line.announcement.instance_count, line.passed);
            ensure!(found == expected, "{entry:?}, by hand {line:?}");
            // Each cost is converted once: rounds often cost the same.
            if prices.iter().all(|(cost, _)| *cost != line.cost) {
                prices.push((line.cost, line.cost.epsilon(self.founding.config.privacy.delta)?));
            }
            let price = prices.iter().find(|(cost, _)| *cost == line.cost).map(|(_, epsilon)| epsilon);
            ensure!(Some(&entry.epsilon) == price, "{entry:?}");
        }
        Ok(())
    }
}

/// Compares the coordinator's ledger with one kept by hand from its transcript, and returns that one.
pub fn check(federation: &Federation) -> anyhow::Result<HandLedger> {
    let signed = federation.signed_transcript()?;
    let events = signed.iter().map(|signed| Ok(signed.unverified()?)).collect::<anyhow::Result<Vec<_>>>()?;
    let by_hand = HandLedger::of(&events)?;
    by_hand.compare(&Replay::of(&signed)?, &federation.ledger()?)?;
    Ok(by_hand)
}
