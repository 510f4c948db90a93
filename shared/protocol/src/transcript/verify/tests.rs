//! A whole life with several trustees, real ballots and real sessions: what the verifier passes, and what it does not.

use std::{collections::HashMap, sync::Arc};

use super::*;
use crate::{
    ballot::{self, Door, StepCounts},
    federation::{TrusteeApproval, Trustees},
    round::{Announcement, Corroboration, RoundRequest},
    testing::{Federation, Made, participant, request, shared_config},
    transcript::{
        BlobError, CountedBallot, EventBody, SessionRecord, TallyOutcome, TallyRecord, Task, add_up,
        shared_sum,
    },
};
use base::{Step, clock::Millis, ids::RoundId};
use fhe::Encoding;
use privacy::Unit;

/// A federation of four institutions with its chain and its artefacts.
#[derive(Clone)]
struct Scene {
    federation: Arc<Federation>,
    made: Arc<Made>,
    events: Vec<Signed<Event>>,
    replay: Replay,
    blobs: Store,
    tested: bool,
}

#[derive(Clone, Default)]
struct Store(HashMap<Digest, Vec<u8>>);

impl Store {
    fn put(&mut self, bytes: Vec<u8>) -> Digest {
        let digest = Digest::of(&bytes);
        self.0.insert(digest, bytes);
        digest
    }
}

impl Blobs for Store {
    fn blob(&self, digest: Digest) -> Result<Vec<u8>, BlobError> {
        self.0.get(&digest).cloned().ok_or(BlobError::Withheld)
    }
}

/// Counts of each participant for three instances of three classes; together 9, 8, 1 · 3, 9, 6 · 6, 6, 6.
const COUNTS: [[i64; 9]; 4] = [
    [2, 2, 0, 1, 2, 1, 2, 1, 1],
    [2, 2, 0, 1, 2, 1, 2, 1, 1],
    [2, 2, 0, 1, 2, 1, 1, 2, 2],
    [3, 2, 1, 0, 3, 3, 1, 2, 2],
];
/// Of the coordinator's own noise.
const NOISE: [i64; 9] = [0, -1, 2, 0, 1, 0, -2, 0, 1];

impl Scene {
    fn push(&mut self, body: EventBody) {
        let head = self.replay.head();
        let signed = self.federation.coordinator.sign(&head.next(Millis(head.length as i64), body));
        self.replay.follow(&signed).unwrap();
        self.events.push(signed);
    }

    /// Founds a federation and goes on until it is keyed.
    fn keyed(trustees: (u8, u8), more: &str) -> Self {
        let federation = Federation::of(&shared_config(trustees, more), 4.max(u32::from(trustees.0)), 2);
        let founded = Head::EMPTY.next(Millis(0), EventBody::Founded(federation.founding.clone()));
        let founded = federation.coordinator.sign(&founded);
        let (replay, made) = (Replay::begin(&founded).unwrap(), Arc::new(federation.make_key()));
        let federation = Arc::new(federation);
        let (events, blobs) = (vec![founded], Store::default());
        let tested = !more.is_empty();
        let mut scene = Self { federation, made, events, replay, blobs, tested };
        let members = scene.federation.roster.members.clone();
        members.into_iter().for_each(|member| scene.push(EventBody::Enrolled(member)));
        let list = Trustees::of(&scene.federation.roster);
        for (id, identity) in list.members.iter().map(|(id, _)| *id).zip(scene.made.identities.clone()) {
            let (federation, trustees) = (list.federation, list.digest());
            let approval = TrusteeApproval { federation, trustees, participant: id };
            scene.push(EventBody::TrusteeApproved(identity.sign(&approval)));
        }
        scene.made.keyed[0].shares.clone().into_iter().for_each(|share| _ = scene.blobs.put(share));
        scene.push(EventBody::KeysShared(Box::new(scene.made.keys())));
        let (task, known) = scene.replay.known_answer_task(&scene.blobs).unwrap();
        let record = scene.made.tally(&task, 1, &Arc::new(known.sum));
        scene.push_tally((None, Step::Label), task.sum, (1, &record));
        scene.push(EventBody::Keyed);
        scene
    }

    fn push_tally(
        &mut self,
        (round, step): (Option<RoundId>, Step),
        sum: Digest,
        (attempt, record): (u32, &SessionRecord),
    ) {
        let record = self.blobs.put(record.to_bytes());
        let outcome = TallyOutcome::Session { attempt, record };
        self.push(EventBody::Tallied(TallyRecord { round, step, sum, outcome }));
    }

    fn encodings(&self, announcement: &Announcement) -> Vec<Encoding> {
        let (founding, roster) = (&self.federation.founding, &self.federation.roster);
        let steps = announcement.steps().iter();
        steps.map(|step| announcement.encoding(founding, roster, *step).unwrap()).collect()
    }

    /// Announces a round, votes in it and closes its window.
    fn counted(&mut self) -> RoundId {
        let instances = self.blobs.put(b"instances".to_vec());
        let keys = self.replay.ceremony().keys().unwrap().digest();
        let asked = RoundRequest { keys, instances, closes_at: Millis(1_000_000), ..request(1, 3) };
        let announcement = self.federation.announce_as(&asked);
        let round = announcement.round;
        self.push(EventBody::Announced(announcement.clone()));
        let key = self.replay.encryption_key(&self.blobs).unwrap();
        let encodings = self.encodings(&announcement);
        let mut ballots = Vec::new();
        for (number, counts) in (1..).zip(COUNTS) {
            let steps = encodings.iter().map(|encoding| StepCounts { encoding, counts: &counts });
            let steps: Vec<StepCounts<'_>> = steps.collect();
            let (voter, identity) = (participant(number), self.federation.identity(number));
            let bytes = ballot::cast(identity, voter, &announcement, &key, &steps).unwrap();
            let digest = self.blobs.put(bytes);
            ballots.push(CountedBallot { participant: voter, digest, received_at: Millis(5) });
        }
        for number in 5..=self.federation.roster.enrolled() {
            let counts = [0; 9];
            let steps = encodings.iter().map(|encoding| StepCounts { encoding, counts: &counts });
            let steps: Vec<StepCounts<'_>> = steps.collect();
            let (voter, identity) = (participant(number), self.federation.identity(number));
            let bytes = ballot::cast(identity, voter, &announcement, &key, &steps).unwrap();
            let digest = self.blobs.put(bytes);
            ballots.push(CountedBallot { participant: voter, digest, received_at: Millis(5) });
        }
        self.push(EventBody::WindowClosed { round, ballots });
        let steps = encodings.iter().map(|encoding| StepCounts { encoding, counts: &NOISE });
        let noise = ballot::encrypt(&key, &steps.collect::<Vec<_>>()).unwrap();
        let digest = self.blobs.put(noise);
        self.push(EventBody::NoiseBallot { round, digest });
        round
    }

    /// Names the sum of a step, lets the trustees tally it, and returns what came out.
    fn tallied(&mut self, round: RoundId, step: Step, attempt: u32) -> Vec<u16> {
        let record = self.replay.round(round).unwrap();
        let door = Door { announcement: &record.announcement, roster: &record.roster };
        let (ballots, noise) = (record.ballots.clone().unwrap(), record.noise_ballot.unwrap());
        let sum = add_up(door, &ballots, noise, step, &self.blobs).unwrap();
        let sum = Arc::new(shared_sum(&sum).unwrap());
        self.push(EventBody::Summed { round, step, sum: sum.digest() });
        let task: Task = self.replay.task(round, step).unwrap().unwrap();
        let session = self.made.tally(&task, attempt, &sum);
        let labels = task.labels(attempt, &session).unwrap();
        self.push_tally((Some(round), step), task.sum, (attempt, &session));
        labels
    }

    fn release(&mut self, round: RoundId, labels: Vec<u16>) {
        let cost = self.replay.round(round).unwrap().cost_of_release(&self.federation.founding).unwrap();
        let cost = Digest::of(&serde_json::to_vec(&cost).unwrap());
        self.push(EventBody::Released { round, labels, cost, corroboration: Corroboration::Agreed });
    }

    /// A federation with one released round.
    fn released(trustees: (u8, u8)) -> Self {
        let mut scene = Self::keyed(trustees, "");
        let round = scene.counted();
        let labels = scene.tallied(round, Step::Label, 3);
        assert_eq!(labels, clear_labels(), "the labels of a clear-text tally");
        scene.release(round, labels);
        scene
    }

    fn report(&self) -> Report {
        verify(&self.events, &self.blobs, &mut |_, _, _| {})
    }

    fn failed(&self) -> Vec<(Check, String)> {
        let lines = self.report().lines.into_iter().filter(|line| line.verdict == Verdict::Failed);
        lines.map(|line| (line.check, line.detail)).collect()
    }
}

/// The labels that the counts and the noise have in the clear: the first of the most voted.
fn clear_labels() -> Vec<u16> {
    let count = |slot: usize| COUNTS.iter().map(|counts| counts[slot]).sum::<i64>() + NOISE[slot];
    let label = |instance: usize| {
        let counts: Vec<i64> = (0..3).map(|class| count(3 * instance + class)).collect();
        let most = counts.iter().max().unwrap();
        counts.iter().position(|count| count == most).unwrap() as u16 + 1
    };
    (0..3).map(label).collect()
}

#[test]
fn a_released_round_of_every_form_passes_every_check() {
    for trustees in [(3, 1), (4, 1), (5, 2)] {
        let scene = Scene::released(trustees);
        let report = scene.report();
        assert!(report.has_passed(), "{trustees:?}: {report:#?}");
        assert!(scene.replay.ledger().committed().get(Unit::Person).public.is_some());
    }
}

#[test]
fn a_two_step_round_passes_and_labels_only_what_passed() {
    let mut scene =
        Scene::keyed((3, 1), "\n[threshold]\nvotes = 8\ntest = { sigma = 9, coordinator_sigma = 2 }\n");
    assert!(scene.tested);
    let round = scene.counted();
    let bits = scene.tallied(round, Step::Test, 0);
    assert_eq!(bits, [1, 1, 0], "eight votes and more");
    scene.push(EventBody::Tested { round, passed: vec![0, 1], corroboration: Corroboration::Agreed });
    let labels = scene.tallied(round, Step::Label, 0);
    let labels = scene.replay.round(round).unwrap().spread(&labels).unwrap();
    assert_eq!(labels, [clear_labels()[0], clear_labels()[1], 0]);
    scene.release(round, labels);
    assert!(scene.report().has_passed(), "{:#?}", scene.report());
}

#[test]
fn one_flipped_bit_of_any_message_or_share_fails_a_check_that_names_it() {
    let scene = Scene::released((3, 1));
    for (digest, bytes) in scene.blobs.0.clone() {
        if scene.replay.artefacts().iter().all(|artefact| artefact.digest != digest) {
            continue;
        }
        let mut changed = scene.clone();
        let mut bytes = bytes;
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        changed.blobs.0.insert(digest, bytes);
        let failed = changed.failed();
        assert!(failed.iter().any(|(_, detail)| detail.contains(&digest.to_string())), "{failed:?}");
    }
}

/// The coordinator writes the chain: it may name any record, but not make it show other labels.
#[test]
fn a_record_that_does_not_show_the_labels_fails_the_tally() {
    let mut honest = Scene::keyed((3, 1), "");
    let round = honest.counted();
    let mut forged = honest.clone();
    let labels = honest.tallied(round, Step::Label, 0);
    let tallied = honest.replay.tally(Some(round), Step::Label).unwrap();
    let bytes = honest.blobs.blob(tallied.tally.outcome.digest()).unwrap();
    let record = SessionRecord::from_bytes(&bytes).unwrap();
    let EventBody::Summed { sum, .. } = asked(&honest) else { unreachable!("the sum is named") };
    // A message is left out, whichever it is of the last exchanges; or one is repeated, which hurts nobody.
    let last = record.0.len() - 1;
    for (messages, attempt) in
        [(record.0[..last - 4].to_vec(), 0), (record.0[1..].to_vec(), 0), (record.0.clone(), 1)]
    {
        let mut scene = forged.clone();
        scene.push(EventBody::Summed { round, step: Step::Label, sum });
        scene.push_tally((Some(round), Step::Label), sum, (attempt, &SessionRecord(messages)));
        scene.release(round, labels.clone());
        let failed = scene.failed();
        assert_eq!(failed.first().map(|(check, _)| *check), Some(Check::Tally), "{failed:?}");
    }
    forged.push(EventBody::Summed { round, step: Step::Label, sum });
    forged.push_tally((Some(round), Step::Label), sum, (0, &record));
    let mut others = labels;
    others[1] = others[1] % 3 + 1;
    forged.release(round, others);
    let failed = forged.failed();
    assert_eq!(failed.first().map(|(check, _)| *check), Some(Check::Openings), "{failed:?}");
}

/// Returns the event that names the sum.
fn asked(scene: &Scene) -> EventBody {
    let bodies = scene.events.iter().map(|signed| signed.unverified().unwrap().body);
    bodies.into_iter().find(|body| matches!(body, EventBody::Summed { .. })).unwrap()
}

#[test]
fn another_sum_than_that_of_the_ballots_is_seen_by_whoever_has_the_ballots() {
    let mut scene = Scene::keyed((3, 1), "");
    let round = scene.counted();
    scene.push(EventBody::Summed { round, step: Step::Label, sum: Digest::of(b"another sum") });
    let failed = scene.failed();
    assert_eq!(failed.first().map(|(check, _)| *check), Some(Check::Sum), "{failed:?}");
    scene.blobs.0.retain(|digest, _| {
        let ballots = scene.replay.round(round).unwrap().ballots.as_ref().unwrap();
        ballots.iter().all(|ballot| ballot.digest != *digest)
    });
    assert!(scene.failed().is_empty(), "without ballots it is not checked, and not called passed");
    let sum = scene.report().lines.into_iter().find(|line| line.check == Check::Sum).unwrap();
    assert_eq!(sum.verdict, Verdict::NotChecked);
}
