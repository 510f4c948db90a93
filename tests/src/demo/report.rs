//! What the demo measured: one JSON object, or a short story.

use std::{collections::BTreeMap, time::Duration};

use learning::Description;
use privacy::{Epsilon, Views};
use protocol::wire::{Attendance, RoundView};
use serde::Serialize;

use super::{Arguments, meter::Taken, steps::red};
use crate::federation::VerifiedCheck;

/// Everything that was measured in one run of the demo.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What the data is.
    pub data: String,
    /// Whether the data was generated and comes from no person.
    pub synthetic: bool,
    /// Number of participants, N.
    pub participants: u32,
    /// Number of all teachers, K.
    pub teachers: u32,
    /// Teachers of each participant, k.
    pub teachers_per_participant: u32,
    /// Number of instances, Q.
    pub instances: u32,
    /// σ, in votes.
    pub sigma: f64,
    /// σ_c, in votes.
    pub coordinator_sigma: f64,
    /// Who draws noise.
    pub noise: &'static str,
    /// Ballots needed, q.
    pub quorum: u32,
    /// Honest ballots that are always counted, h.
    pub honest: u32,
    /// Settings that weaken security, by name.
    pub insecure: Vec<String>,
    /// Labels that name a class.
    pub released: u32,
    /// Instances without a label.
    pub abstained: u32,
    /// Participants whose ballots were counted.
    pub counted: usize,
    /// Participants whose ballots came too late.
    pub late: usize,
    /// Participants whose ballots were refused.
    pub refused: usize,
    /// Participants that did not vote.
    pub absent: usize,
    /// Bytes of one ballot on the wire, header and signature included.
    pub bytes_per_ballot: u64,
    /// The same per instance.
    pub bytes_per_instance: f64,
    /// Processor time of the tally per label: with one trustee the coordinator's sum and argmax; with several that of the
    /// coordinator's and the trustees' programs, all of it, from the close of the window to the release.
    pub tally_cpu_ms_per_label: f64,
    /// Wall-clock time of the tally; with several trustees from the close of the window to the release.
    pub tally_wall_s: f64,
    /// Most memory that any trustee's program took so far, in MiB.
    pub trustee_peak_mib: u64,
    /// Seconds from the start of the agents until the federation was keyed, the known answer included.
    pub ceremony_s: f64,
    /// Number of trustees, n.
    pub trustees: u8,
    /// Number of trustees that may be corrupt, t.
    pub threshold: u8,
    /// The attempt at which the trustees' tally ended with labels, from 0; `None` with one trustee.
    pub attempt: Option<u32>,
    /// Who stands for the labels.
    pub corroboration: String,
    /// Verdict of each check of `participant verify`.
    pub checks: BTreeMap<String, String>,
    /// Share of the released labels that name the true class.
    pub label_accuracy: Option<f64>,
    /// Accuracy of the student on held-out instances.
    pub student_accuracy: Option<f64>,
    /// Gap in votes from which a label is the plain argmax of the noisy counts.
    pub resolution_votes: u64,
    /// ε per unit and view.
    pub epsilon: Epsilon,
    /// Wall-clock time of the whole demo, without the build.
    pub total_wall_s: f64,
    #[serde(skip)]
    voters: Vec<(String, Attendance)>,
    #[serde(skip)]
    colluding: u32,
}

/// What came of the round.
pub(super) struct Outcome {
    /// The round at its end.
    pub(super) view: RoundView,
    /// What the verifier said of the transcript.
    pub(super) checks: Vec<VerifiedCheck>,
    /// Share of the released labels that name the true class.
    pub(super) label_accuracy: Option<f64>,
    /// Accuracy of the student on held-out instances.
    pub(super) student_accuracy: Option<f64>,
    /// How long the keys took.
    pub(super) ceremony: Duration,
    /// What the tally of several trustees took.
    pub(super) taken: Option<Taken>,
    /// Most memory of any trustee, in MiB.
    pub(super) peak: u64,
}

impl Report {
    /// Gathers what was measured.
    pub(super) fn new(
        arguments: &Arguments,
        description: &Description,
        outcome: Outcome,
        total: Duration,
    ) -> Self {
        let Outcome { view, checks, label_accuracy, student_accuracy, ceremony, taken, peak } = outcome;
        let (sigma, coordinator_sigma) = arguments.sigmas();
        let announcement = &view.announcement;
        let instances = announcement.instance_count;
        let tally = view.state.last_tally();
        let count = |kept: Attendance| view.voters.iter().filter(|voter| voter.attendance == kept).count();
        Self {
            data: description.title.clone(),
            synthetic: description.synthetic,
            participants: arguments.participants,
            teachers: arguments.participants * arguments.teachers,
            teachers_per_participant: arguments.teachers,
            instances,
            sigma: sigma.to_f64(),
            coordinator_sigma: coordinator_sigma.to_f64(),
            noise: arguments.noise.mode().name(),
            quorum: announcement.quorum,
            honest: announcement.quorum.saturating_sub(announcement.colluding),
            insecure: view.insecure.clone(),
            released: view.labelled.unwrap_or(0),
            abstained: view.abstained.unwrap_or(0),
            counted: count(Attendance::Counted),
            late: count(Attendance::Late),
            refused: count(Attendance::Refused),
            absent: count(Attendance::Absent),
            bytes_per_ballot: view.ballot_bytes,
            bytes_per_instance: view.ballot_bytes as f64 / f64::from(instances),
            tally_cpu_ms_per_label: match taken {
                Some(Taken { cpu, .. }) => 1e3 * cpu.as_secs_f64() / f64::from(instances),
                None => tally.map_or(f64::NAN, |t| t.cpu_ms as f64 / f64::from(instances)),
            },
            tally_wall_s: match taken {
                Some(Taken { wall, .. }) => wall.as_secs_f64(),
                None => tally.map_or(f64::NAN, |t| t.wall_ms as f64 / 1e3),
            },
            trustee_peak_mib: peak,
            ceremony_s: ceremony.as_secs_f64(),
            trustees: arguments.trustees().count,
            threshold: arguments.trustees().threshold,
            attempt: tally.and_then(|tally| tally.attempt),
            corroboration: view.corroboration.as_ref().map(ToString::to_string).unwrap_or_default(),
            checks: checks.into_iter().map(|check| (check.check, check.verdict)).collect(),
            label_accuracy,
            student_accuracy,
            resolution_votes: view.resolution_votes,
            epsilon: view.epsilon.clone(),
            total_wall_s: total.as_secs_f64(),
            voters: view.voters.iter().map(|voter| (voter.name.clone(), voter.attendance)).collect(),
            colluding: announcement.colluding,
        }
    }

    /// Returns the report as a short story for people; `has_color` shows insecure settings red.
    pub fn in_words(&self, has_color: bool) -> String {
        let mut lines = vec![String::new(), self.data.clone(), String::new()];
        lines.extend(self.insecure.iter().map(|name| red(&format!("INSECURE    {name}"), has_color)));
        lines.extend(self.votes());
        lines.extend(self.labels());
        lines.extend(self.openings());
        lines.extend(self.privacy());
        lines.push(format!("time        {:.0} s for everything but the build", self.total_wall_s));
        lines.join("\n")
    }

    fn votes(&self) -> Vec<String> {
        let named = |kept: Attendance| {
            let names: Vec<&str> =
                self.voters.iter().filter(|(_, a)| *a == kept).map(|(name, _)| name.as_str()).collect();
            if names.is_empty() { "nobody".to_owned() } else { names.join(", ") }
        };
        vec![
            format!(
                "votes       {} teachers of {} participants, {} each; {} ballots were needed",
                self.teachers, self.participants, self.teachers_per_participant, self.quorum
            ),
            format!("            counted: {}", named(Attendance::Counted)),
            format!(
                "            late: {}; refused: {}; absent: {}",
                named(Attendance::Late),
                named(Attendance::Refused),
                named(Attendance::Absent)
            ),
            format!(
                "noise       σ = {} votes by any {} honest participants, σ_c = {} by the coordinator",
                self.sigma, self.honest, self.coordinator_sigma
            ),
        ]
    }

    fn labels(&self) -> Vec<String> {
        let share =
            |value: Option<f64>| value.map_or("not known".to_owned(), |v| format!("{:.1} %", 100.0 * v));
        vec![
            format!(
                "labels      {} released, {} abstentions, of {} instances",
                self.released, self.abstained, self.instances
            ),
            format!(
                "            {} agree with the truth, which no program but this report read",
                share(self.label_accuracy)
            ),
            format!("student     {} right on held-out instances", share(self.student_accuracy)),
            format!(
                "cost        {:.0} bytes of ballot and {:.1} ms of processor time per label; the tally took {:.1} s",
                self.bytes_per_instance, self.tally_cpu_ms_per_label, self.tally_wall_s
            ),
        ]
    }

    fn openings(&self) -> Vec<String> {
        let count = |verdict: &str| self.checks.values().filter(|found| *found == verdict).count();
        let mut lines = Vec::new();
        if self.trustees > 1 {
            lines.push(format!(
                "tally       by {} trustees together, on shares, in attempt {}: {}; at most {} MiB each, keys in {:.1} s",
                self.trustees,
                self.attempt.map_or(0, |attempt| attempt + 1),
                self.corroboration,
                self.trustee_peak_mib,
                self.ceremony_s
            ));
        }
        lines.push(format!(
            "transcript  {} checks passed, {} failed, {} not checked (participant verify)",
            count("passed"),
            count("failed"),
            count("not_checked")
        ));
        lines
    }

    fn privacy(&self) -> Vec<String> {
        let colluders = format!("up to {} colluding participants, who pool what they know", self.colluding);
        let views: [(&str, View); 4] = [
            ("anyone who reads the labels", |v| v.public),
            ("the coordinator, which knows its own noise", |v| v.coordinator),
            (&colluders, |v| v.coalition),
            ("the coordinator together with them", |v| v.both),
        ];
        let shown = |value: Option<f64>| value.map_or("no bound".to_owned(), |e| format!("{e:.2}"));
        let mut lines = vec![
            format!(
                "privacy     ε at δ = {}, for this round: how much the labels tell each observer",
                self.epsilon.delta
            ),
            format!("            {:62}{:>12}{:>15}", "who sees them", "one person", "a participant"),
        ];
        lines.extend(views.iter().map(|(who, of)| {
            let (person, participant) = (of(&self.epsilon.person), of(&self.epsilon.participant));
            format!("            {who:62}{:>12}{:>15}", shown(person), shown(participant))
        }));
        if let Some(reasons) = &self.epsilon.reasons {
            let reason = [&reasons.public, &reasons.coordinator, &reasons.coalition, &reasons.both];
            let reason = reason.into_iter().flatten().next();
            lines.extend(reason.map(|reason| format!("            no bound: {reason}")));
        }
        match self.trustees {
            1 => lines.extend(SOLE_TRUST.map(str::to_owned)),
            _ => lines.extend(self.shared_trust()),
        }
        lines
    }
}

impl Report {
    /// Returns, in words, what all of this rests on with several trustees.
    fn shared_trust(&self) -> [String; 3] {
        let Self { trustees, threshold, .. } = self;
        let few = if *threshold == 1 { "one trustee".to_owned() } else { format!("{threshold} trustees") };
        [
            format!(
                "trust       {few} of {trustees} may be corrupt, also together with the coordinator: nobody then"
            ),
            "            reads a ballot or sees a count; nobody ever held the key. Nothing protects against ballots"
                .to_owned(),
            "            that are not well-formed; see docs/THREAT-MODEL.md.".to_owned(),
        ]
    }
}

/// Picks one view's ε.
type View = fn(&Views<Option<f64>>) -> Option<f64>;

/// What all of this rests on with one trustee.
const SOLE_TRUST: [&str; 3] = [
    "trust       one trustee holds the whole decryption key. All of this protects the votes only if the",
    "            coordinator and the trustee both follow the protocol and do not collude: together, or if",
    "            either of them misbehaves, they can read every ballot.",
];
