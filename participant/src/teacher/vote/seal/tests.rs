//! A ballot is sealed from real noise and real teachers, or lost for good.

use base::clock::Millis;
use fhe::{ParameterSet, RunningSum, SecretKeys, Unrolling};
use learning::{Recipe, train};
use protocol::ballot::Door;

use base::Step;

use super::*;
use crate::{
    home::Home,
    teacher::journal::{Resume, Stage},
    testing::{Federation, Fixed, number, round},
};

struct Story {
    federation: Federation,
    keys: SecretKeys,
    home: Home,
    announcement: Announcement,
    _folder: tempfile::TempDir,
}

impl Story {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        home.make_folders().unwrap();
        let federation = Federation::new();
        let announcement = federation.announce(round(1));
        let keys = SecretKeys::generate(ParameterSet::InsecureToy).unwrap();
        Self { federation, keys, home, announcement, _folder: folder }
    }

    /// Trains three teachers who all tell three clusters apart.
    fn ensemble(&self) -> Ensemble {
        let clusters = [[0.0, 0.0], [6.0, 0.0], [0.0, 6.0]];
        let values: Vec<f32> = clusters.iter().cycle().take(60).flatten().copied().collect();
        let labels = (0..60).map(|i| i % 3).collect();
        let dataset = Dataset::new(values, vec![2], Some(labels), None).unwrap();
        let recipe = Recipe::teacher(self.federation.founding.config.instances.clone(), 3);
        let all: Vec<usize> = (0..60).collect();
        let teacher = |seed| train(&recipe, &dataset, &all, seed, &|_, _| {}).unwrap();
        Ensemble::of((1..=3).map(teacher).collect())
    }

    fn key(&self) -> EncryptionKey {
        let material = self.keys.public_material(Unrolling::Bits).unwrap();
        EncryptionKey::from_bytes(&material.public_key, ParameterSet::InsecureToy).unwrap()
    }

    fn job(&self, instances: Vec<f32>) -> SealingJob {
        let (founding, roster) = (&self.federation.founding, &self.federation.roster);
        SealingJob {
            journal: Journal::of(&self.home),
            identity: Arc::new(
                Identity::from_secret_bytes(&self.federation.identity(2).to_secret_bytes()).unwrap(),
            ),
            participant: number(2),
            clock: Arc::new(Fixed(Millis(15))),
            announcement: self.announcement.clone(),
            encodings: self
                .announcement
                .steps()
                .iter()
                .map(|step| self.announcement.encoding(founding, roster, *step).unwrap())
                .collect(),
            key: self.key(),
            instances: Dataset::new(instances, vec![2], None, None).unwrap(),
            ensemble: self.ensemble(),
            record: Record {
                round: round(1),
                announcement: self.announcement.digest(),
                instances: self.announcement.instances,
                instance_count: 4,
                seen_at: Millis(14),
                closes_at: Millis(20),
                cost: None,
                stage: Stage::Waiting,
            },
            ballot: BallotId::from_bytes([9; 16]),
        }
    }
}

/// Four instances of the classes 0, 2, 1 and 0.
const INSTANCES: [f32; 8] = [0.0, 0.0, 0.0, 6.0, 6.0, 0.0, 0.1, 0.1];

#[test]
fn a_sealed_ballot_passes_the_door_and_holds_exactly_noise_and_votes() {
    let story = Story::new();
    let job = story.job(INSTANCES.to_vec());
    let encoding = job.encodings[0];
    let sealed = job.seal().unwrap();
    let door = Door { announcement: &story.announcement, roster: &story.federation.roster };
    let ballot = door.admit(&sealed.bytes, number(2)).unwrap();
    let mut sum = RunningSum::new(encoding.layout());
    sum.add(ballot.bodies.of(Step::Label).unwrap()).unwrap();
    assert_eq!(story.keys.decrypt_counts(&sum, encoding.scale()), *sealed.plaintext[0]);

    let stored = Journal::of(&story.home).resume(round(1)).unwrap();
    assert_eq!(stored, Resume::Stored { ballot: sealed.ballot, bytes: sealed.bytes });
}

#[test]
fn a_two_step_ballot_holds_the_same_votes_under_noise_of_its_own_in_each_step() {
    let mut story = Story::new();
    let test = "\n[threshold]\nvotes = 2\ntest = { sigma = 40, coordinator_sigma = 8 }\n";
    story.federation = Federation::with_config(|text| format!("{text}{test}"));
    story.announcement = story.federation.announce(round(1));
    let job = story.job(INSTANCES.to_vec());
    let encodings = job.encodings.clone();
    let sealed = job.seal().unwrap();
    let door = Door { announcement: &story.announcement, roster: &story.federation.roster };
    let ballot = door.admit(&sealed.bytes, number(2)).unwrap();
    let counts: Vec<Vec<i64>> = [Step::Test, Step::Label]
        .into_iter()
        .zip(&encodings)
        .map(|(step, encoding)| {
            let mut sum = RunningSum::new(encoding.layout());
            sum.add(ballot.bodies.of(step).unwrap()).unwrap();
            story.keys.decrypt_counts(&sum, encoding.scale())
        })
        .collect();
    assert_eq!((&counts[0], &counts[1]), (&*sealed.plaintext[0], &*sealed.plaintext[1]));
    let votes = [3, 0, 0, 0, 0, 3, 0, 3, 0, 3, 0, 0];
    let noise = |step: usize| -> Vec<i64> { counts[step].iter().zip(votes).map(|(c, v)| c - v).collect() };
    // Twelve draws of size 20 and 8: equal by chance with a probability below 1e-20.
    assert_ne!(noise(0), noise(1), "each step has shares of its own");
}

#[test]
fn without_noise_a_ballot_is_the_bare_sum_of_one_hot_votes() {
    let mut story = Story::new();
    story.federation = Federation::with_config(|text| {
        let text = text.replace("coordinator_sigma = 8", "coordinator_sigma = 0");
        text.replace("sigma = 16", "mode = \"insecure_no_noise\"\nsigma = 0")
    });
    story.announcement = story.federation.announce(round(1));
    let sealed = story.job(INSTANCES.to_vec()).seal().unwrap();
    assert_eq!(*sealed.plaintext[0], [3, 0, 0, 0, 0, 3, 0, 3, 0, 3, 0, 0]);
}

#[test]
fn a_failure_after_the_marker_loses_the_round_for_good() {
    let story = Story::new();
    // One instance too few for the announced four: noise is drawn, then the votes do not fit.
    let failed = story.job(INSTANCES[..6].to_vec()).seal().map(drop);
    assert!(matches!(failed, Err(VoteError::Ensemble(_))));
    let Resume::Never { reason } = Journal::of(&story.home).resume(round(1)).unwrap() else {
        unreachable!("the round may be voted in again")
    };
    assert!(reason.contains("after noise was drawn"), "{reason}");
    let again = story.job(INSTANCES.to_vec()).seal().map(drop);
    assert!(matches!(again, Err(VoteError::Journal(_))), "noise drawn twice");
}
