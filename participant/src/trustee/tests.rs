//! Stories of a sole trustee: its keys through crashes, and what it opens with them.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    sync::{Arc, atomic::AtomicBool},
};

use base::{
    Step,
    clock::Millis,
    identity::Identity,
    ids::{Digest, ParticipantId, RoundId},
};
use fhe::{
    ArgmaxKind, BallotBody, Encoding, EncryptionKey, EvaluationKeys, Layout, ParameterSet, Resolution,
    RunningSum, Scheme, Transform, encrypt, tally,
};
use protocol::{
    federation::{TrusteePolicy, known_answer_counts},
    round::OpeningQuestion,
    transcript::RecomputeError,
};

use super::{
    keys::{Ceremony, CeremonyError, Publication, mark_destroyed},
    log::{LogLine, Openings, StoredOpening},
    open::{OpeningFailure, OpeningJob},
    vault::Vault,
};
use crate::{
    home::Home,
    testing::{Federation, number, round},
};
use client::Question;

const TOY: Scheme = Scheme::new(ParameterSet::InsecureToy, Transform::Fused);

/// Holds a trustee's home and everything it knows.
struct Trustee {
    federation: Federation,
    home: Home,
    _folder: tempfile::TempDir,
}

impl Trustee {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        home.make_folders().unwrap();
        Self { federation: Federation::new(), home, _folder: folder }
    }

    fn identity(&self) -> Identity {
        Identity::from_secret_bytes(&self.federation.identity(1).to_secret_bytes()).unwrap()
    }

    fn make_keys(&self) -> Result<Publication, CeremonyError> {
        let ceremony = Ceremony {
            home: self.home.clone(),
            federation: self.federation.founding.digest(),
            scheme: TOY,
            trustee: number(1),
            identity: Arc::new(self.identity()),
        };
        ceremony.prepare()
    }

    /// Lets a coordinator with these keys tally one ballot of the given counts into label ciphertexts.
    fn tallied(publication: &Publication, counts: &[i64]) -> Vec<u8> {
        let [public_key, keyswitching, bootstrapping] =
            publication.blobs.each_ref().map(|(_, path)| fs::read(path).unwrap());
        let layout = Layout::new(3, counts.len() / 3).unwrap();
        let resolution = Resolution::new(layout, ArgmaxKind::Tournament, 100, 0.0).unwrap();
        let key = EncryptionKey::from_bytes(&public_key, ParameterSet::InsecureToy).unwrap();
        let encoding = Encoding::new(layout, resolution.bound(), resolution.scale());
        let ballot = BallotBody::parse(&encrypt(&key, &encoding, counts).unwrap(), layout).unwrap();
        let mut sum = RunningSum::new(layout);
        sum.add(&ballot).unwrap();
        let keys = EvaluationKeys::from_parts(&keyswitching, &bootstrapping, TOY).unwrap();
        tally(&keys, &resolution, &sum, &AtomicBool::new(false), |_| {}).unwrap().to_bytes()
    }

    /// Answers what the rule book has permitted.
    fn answer(&self, asked: OpeningQuestion, bytes: &[u8]) -> Result<StoredOpening, OpeningFailure> {
        fs::create_dir_all(self.home.blobs()).unwrap();
        fs::write(self.home.blob(asked.ciphertexts), bytes).unwrap();
        let job = OpeningJob {
            home: self.home.clone(),
            vault: Arc::new(Vault::load(&self.home).unwrap().unwrap()),
            founding: self.federation.founding.clone(),
            trustee: number(1),
            asked,
            counted: counted(),
        };
        job.answer(&self.identity(), Millis(7))
    }

    fn asked(&self, round: Option<RoundId>, bytes: &[u8]) -> OpeningQuestion {
        OpeningQuestion {
            federation: self.federation.founding.digest(),
            round,
            step: Step::Label,
            tally: TALLY,
            ciphertexts: Digest::of(bytes),
            instances: 4,
            classes: 3,
        }
    }

    fn log(&self) -> Vec<LogLine> {
        let text = fs::read_to_string(self.home.openings_log()).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn counted() -> Vec<ParticipantId> {
    (1..=5).map(number).collect()
}

/// Stands for the event that recorded the tally.
const TALLY: Digest = Digest::from_bytes([7; 32]);

/// The winners are class 1, class 0, class 2 and class 1.
const COUNTS: [i64; 12] = [10, 60, 30, 90, 5, 5, 0, 20, 80, 20, 60, 20];

#[test]
fn a_restart_publishes_the_same_keys_to_the_byte() {
    let trustee = Trustee::new();
    let first = trustee.make_keys().unwrap();
    let second = trustee.make_keys().unwrap();
    assert_eq!(first.certificate, second.certificate);
    assert_eq!(first.blobs, second.blobs);
    for (digest, path) in second.blobs {
        assert_eq!(Digest::of(&fs::read(path).unwrap()), digest);
    }
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let key = trustee.home.trustee_key();
    assert_eq!((mode(&key), mode(key.parent().unwrap())), (0o600, 0o700));
}

#[test]
fn a_crash_before_anything_was_published_makes_fresh_keys() {
    let trustee = Trustee::new();
    let first = trustee.make_keys().unwrap();
    // The certificate is written last: without it nothing was sent.
    fs::remove_file(trustee.home.publication().join("certificate.json")).unwrap();
    let second = trustee.make_keys().unwrap();
    assert_ne!(first.certificate, second.certificate);
}

#[test]
fn a_lost_key_or_a_damaged_publication_is_never_replaced() {
    let trustee = Trustee::new();
    trustee.make_keys().unwrap();
    let blob = trustee.home.publication().join("keyswitching_key.bin");
    let whole = fs::read(&blob).unwrap();
    fs::write(&blob, &whole[1..]).unwrap();
    assert!(matches!(trustee.make_keys(), Err(CeremonyError::Publication("keyswitching_key.bin"))));
    fs::write(&blob, whole).unwrap();
    fs::remove_file(trustee.home.trustee_key()).unwrap();
    assert!(matches!(trustee.make_keys(), Err(CeremonyError::KeyLost)));
}

#[test]
fn a_closed_federation_leaves_no_key_and_gets_no_new_one() {
    let trustee = Trustee::new();
    trustee.make_keys().unwrap();
    mark_destroyed(&trustee.home, trustee.federation.founding.digest()).unwrap();
    assert!(
        super::Trustee::load(&trustee.home, TrusteePolicy::default())
            .unwrap()
            .destroy(&trustee.home)
            .unwrap()
    );
    assert!(!trustee.home.trustee_key().exists());
    assert!(matches!(trustee.make_keys(), Err(CeremonyError::Destroyed)));
}

#[test]
fn a_round_is_opened_and_logged_and_the_opening_kept() {
    let trustee = Trustee::new();
    let keys = trustee.make_keys().unwrap();
    let bytes = Trustee::tallied(&keys, &COUNTS);
    let first = trustee.answer(trustee.asked(Some(round(1)), &bytes), &bytes).unwrap();
    let opening = first.opening.verify(&trustee.identity().public()).unwrap();
    assert_eq!(opening.labels, [2, 1, 3, 2]);
    assert_eq!(opening.tally, TALLY);
    assert_eq!((opening.round, opening.ciphertexts), (Some(round(1)), Digest::of(&bytes)));

    let question = Question::Round(round(1), Step::Label);
    let openings = Openings::of(&trustee.home);
    assert_eq!(openings.of_question(question).unwrap(), Some(first));
    assert_eq!(openings.rounds().unwrap(), [round(1)]);
    let log = trustee.log();
    assert_eq!((log[0].round, log[0].labels, log[0].counted.len()), (Some(round(1)), 4, 5));
    assert_eq!((log[0].of, log[0].attempt), (Digest::of(&bytes), None));
}

#[test]
fn ciphertexts_of_another_digest_or_length_are_refused_before_the_key_is_touched() {
    let trustee = Trustee::new();
    let keys = trustee.make_keys().unwrap();
    let bytes = Trustee::tallied(&keys, &COUNTS);
    let asked = trustee.asked(Some(round(1)), &bytes);
    let refused = trustee.answer(asked, &bytes[1..]).unwrap_err();
    assert!(matches!(refused, OpeningFailure::Artefact(RecomputeError::Fault(_))), "{refused}");

    let longer = [bytes, vec![0; 8]].concat();
    let refused = trustee.answer(trustee.asked(Some(round(1)), &longer), &longer).unwrap_err();
    assert!(matches!(refused, OpeningFailure::Frame(_)), "{refused}");
    assert!(trustee.log().is_empty());
}

#[test]
fn the_known_answer_is_posted_only_if_it_is_the_known_one() {
    let trustee = Trustee::new();
    let keys = trustee.make_keys().unwrap();
    let ask = |bytes: Vec<u8>| trustee.answer(trustee.asked(None, &bytes), &bytes);
    // A round's labels in disguise: they would be opened without quorum and ledger.
    let disguised = ask(Trustee::tallied(&keys, &COUNTS)).unwrap_err();
    assert!(matches!(disguised, OpeningFailure::KnownAnswer), "{disguised}");
    assert!(!disguised.to_string().contains("[2, 1, 3, 2]"), "the labels are not told");
    assert!(trustee.log().is_empty());
    ask(Trustee::tallied(&keys, &known_answer_counts(3, 90))).unwrap();
    assert_eq!(trustee.log().len(), 1);
}
