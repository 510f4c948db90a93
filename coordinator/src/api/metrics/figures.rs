//! What the transcript says of all rounds together.

use std::collections::BTreeMap;

use base::Step;
use fhe::{ArgmaxKind, Effort, effort};
use protocol::{
    round::TallyTerms,
    transcript::{Outcome, Replay, RoundRecord},
};

use crate::{
    app::App,
    metrics::{Circuit, Page},
    rounds::class_of,
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
    sessions: u64,
    together: u64,
    attempts: u64,
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
            let is_asked = round.steps.values().any(|step| step.asked.is_some() && step.tally.is_none());
            let is_running = is_asked || app.running_tally(id).is_some();
            let count = if is_running { &mut self.running } else { &mut self.queued };
            *count += 1;
        }
        self.ballots += round.ballots.as_ref().map_or(0, |ballots| ballots.len() as u64);
        if let Some(Outcome::Released { labels, .. }) = &round.outcome {
            let abstained = labels.iter().filter(|label| class_of(**label).is_none()).count() as u64;
            self.released += labels.len() as u64 - abstained;
            self.abstained += abstained;
        }
        for (step, record) in &round.steps {
            let Some(tally) = record.tally.map(|recorded| recorded.tally) else { continue };
            let instances = round.instances_of(*step).map_or(0, |instances| instances.len() as u64);
            match (tally.outcome.attempt(), round.announcement.tally) {
                (None, TallyTerms::Homomorphic { argmax, .. }) => {
                    let circuit = circuit(round, *step, argmax);
                    let one = app.metrics.effort(circuit, || one_instance(replay, round, *step));
                    self.tallied += instances;
                    self.effort = self.effort.and(one.times(instances));
                }
                (attempt, _) => {
                    self.sessions += 1;
                    self.together += instances;
                    self.attempts += u64::from(attempt.unwrap_or(0)) + 1;
                }
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
            .counter("psephos_sessions", "Steps that several trustees tallied together", self.sessions)
            .counter(
                "psephos_session_labels",
                "Labels that several trustees tallied together, bits of tests included",
                self.together,
            )
            .counter("psephos_session_attempts", "Attempts that those steps took", self.attempts);
    }
}

fn circuit(round: &RoundRecord, step: Step, argmax: ArgmaxKind) -> Circuit {
    let announcement = &round.announcement;
    let bound = match (step, announcement.test) {
        (Step::Test, Some(test)) => test.bound,
        _ => announcement.bound,
    };
    Circuit { classes: announcement.classes, argmax, bound, abstains: announcement.threshold.is_some(), step }
}

/// Returns the work of one instance; a round that is on the transcript has a resolution.
fn one_instance(replay: &Replay, round: &RoundRecord, step: Step) -> Effort {
    let resolution = round.announcement.resolution(replay.founding(), &round.roster, step);
    resolution.ok().and_then(|resolution| effort(&resolution).ok()).unwrap_or_default()
}

/// Names where a round stands as far as the transcript tells; the transcript does not tell `announced` from `voting`.
fn phase(round: &RoundRecord) -> &'static str {
    let is_tallied = |step: Step| round.tally(step).is_some();
    let has_label = is_tallied(Step::Label);
    match &round.outcome {
        Some(Outcome::Released { .. }) => "released",
        Some(Outcome::Failed { .. }) => "failed",
        Some(Outcome::Cancelled { .. }) => "cancelled",
        None if has_label || (is_tallied(Step::Test) && round.test.is_none()) => "opening",
        None if round.ballots.is_some() => "tallying",
        None => "voting",
    }
}
