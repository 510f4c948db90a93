//! What the transcript says of all rounds together.

use std::collections::BTreeMap;

use base::Step;
use fhe::{Effort, effort, label_digits};
use protocol::transcript::{Outcome, Replay, RoundRecord};

use crate::{
    app::App,
    metrics::{Circuit, Page},
};

/// What the transcript says of all rounds together.
#[derive(Debug, Default)]
pub(super) struct Figures {
    phases: BTreeMap<&'static str, u64>,
    running: u64,
    queued: u64,
    ballots: u64,
    tallied: u64,
    released: u64,
    abstained: u64,
    squashes: u64,
    effort: Effort,
}

impl Figures {
    pub(super) fn of(app: &App, replay: &Replay) -> Self {
        let mut figures = Self::default();
        for round in replay.rounds() {
            figures.add(app, replay, round);
        }
        figures
    }

    fn add(&mut self, app: &App, replay: &Replay, round: &RoundRecord) {
        let id = round.announcement.round;
        let phase = phase(round);
        *self.phases.entry(phase).or_default() += 1;
        if phase == "tallying" {
            let count = if app.running_tally(id).is_some() { &mut self.running } else { &mut self.queued };
            *count += 1;
        }
        self.ballots += round.ballots.as_ref().map_or(0, |ballots| ballots.len() as u64);
        if let Some(Outcome::Released { labels, .. }) = &round.outcome {
            let abstained = labels.iter().filter(|label| **label == 0).count() as u64;
            self.released += labels.len() as u64 - abstained;
            self.abstained += abstained;
        }
        for (step, record) in &round.steps {
            let instances = round.instances_of(*step).map_or(0, |instances| instances.len() as u64);
            let circuit = circuit(round, *step);
            let one = app.metrics.effort(circuit, || one_instance(replay, round, *step));
            self.tallied += instances;
            self.effort = self.effort.and(one.times(instances));
            if record.tally.tally.squashed.is_some() {
                let classes = round.outcomes(*step).map_or(1, |layout| layout.classes());
                let digits = instances * label_digits(classes) as u64;
                self.squashes += digits;
                self.effort.keyswitches += digits;
            }
        }
    }

    pub(super) fn write(&self, page: &mut Page) {
        let phases = self.phases.iter().map(|(phase, rounds)| {
            let label = vec![("phase", (*phase).to_owned())];
            (label, *rounds as f64)
        });
        page.gauge("psephos_rounds", "Rounds by state", phases)
            .value("psephos_tally_running", "Tallies that run", self.running as f64)
            .value("psephos_tally_queue", "Rounds that wait for their tally", self.queued as f64)
            .counter("psephos_ballots_counted", "Ballots counted when windows closed", self.ballots)
            .counter(
                "psephos_label_ciphertexts",
                "Label ciphertexts tallied, bits of tests included",
                self.tallied,
            )
            .counter("psephos_labels_released", "Labels released that name a class", self.released)
            .counter("psephos_abstentions", "Abstentions released", self.abstained)
            .counter(
                "psephos_keyswitches",
                "Keyswitches of all tallies on the transcript, counted from their circuits",
                self.effort.keyswitches,
            )
            .counter(
                "psephos_bootstraps",
                "Bootstraps of all tallies on the transcript, counted from their circuits",
                self.effort.bootstraps,
            )
            .counter(
                "psephos_squashes",
                "Digits squashed to 128 bits, one wide bootstrap each",
                self.squashes,
            );
    }
}

fn circuit(round: &RoundRecord, step: Step) -> Circuit {
    let announcement = &round.announcement;
    let bound = match (step, announcement.test) {
        (Step::Test, Some(test)) => test.bound,
        _ => announcement.bound,
    };
    Circuit {
        classes: announcement.classes,
        argmax: announcement.argmax,
        bound,
        abstains: announcement.threshold.is_some(),
        step,
    }
}

/// Returns the work of one instance; a round that is on the transcript has a resolution.
fn one_instance(replay: &Replay, round: &RoundRecord, step: Step) -> Effort {
    let resolution = round.announcement.resolution(replay.founding(), &round.roster, step);
    resolution.ok().and_then(|resolution| effort(&resolution).ok()).unwrap_or_default()
}

/// Names where a round stands as far as the transcript tells; the transcript does not tell `announced` from `voting`.
fn phase(round: &RoundRecord) -> &'static str {
    let has_label = round.steps.contains_key(&Step::Label);
    match &round.outcome {
        Some(Outcome::Released { .. }) => "released",
        Some(Outcome::Failed { .. }) => "failed",
        Some(Outcome::Cancelled { .. }) => "cancelled",
        None if has_label || (round.steps.contains_key(&Step::Test) && round.test.is_none()) => "opening",
        None if round.ballots.is_some() => "tallying",
        None => "voting",
    }
}
