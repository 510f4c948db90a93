//! From votes to labels in the hands of three trustees: tally, squash, shares, and what two or three of them combine.

#![expect(clippy::unwrap_used, reason = "a story that cannot go on ends")]

use std::sync::atomic::AtomicBool;

use base::{
    Step,
    ids::{Digest, RoundId},
};
use fhe::{
    ArgmaxKind, BallotBody, DealerKeys, EncryptionKey, EvaluationKeys, FrameError, LabelCiphertexts, Layout,
    ParameterSet, Resolution, RunningSum, Scheme, Squashed, SquashedRecord, SquashingKey, Transform,
    Unrolling, encrypt, label_digits, squash, tally,
};
use threshold::{Combined, Opener, Package, Question, Shares, Sharing, TrusteeIndex, combine, deal};

const SCHEME: Scheme =
    Scheme { parameters: ParameterSet::InsecureToy, transform: Transform::Fused, unrolling: Unrolling::Bits };

/// A federation of three trustees whose key one of them dealt.
struct Federation {
    encryption: EncryptionKey,
    evaluation: EvaluationKeys,
    squashing: SquashingKey,
    packages: Vec<(TrusteeIndex, Package)>,
}

impl Federation {
    fn new() -> Self {
        let keys = DealerKeys::generate(SCHEME.parameters).unwrap();
        let material = keys.secret().public_material(SCHEME.unrolling).unwrap();
        let pieces = deal(keys.squashed_bits(), sharing()).unwrap();
        let package = |one| (one, Package::select(sharing(), one, &pieces).unwrap());
        Self {
            encryption: EncryptionKey::from_bytes(&material.public_key, SCHEME.parameters).unwrap(),
            evaluation: EvaluationKeys::from_parts(
                &material.keyswitching_key,
                &material.bootstrapping_key,
                SCHEME,
            )
            .unwrap(),
            squashing: SquashingKey::from_bytes(
                &keys.squashing_key().unwrap(),
                SCHEME.parameters,
                SCHEME.transform,
            )
            .unwrap(),
            packages: sharing().trustees().map(package).collect(),
        }
    }

    fn tally(&self, resolution: &Resolution, counts: &[i64]) -> LabelCiphertexts {
        let body = encrypt(&self.encryption, resolution, counts).unwrap();
        let mut sum = RunningSum::new(resolution.layout());
        sum.add(&BallotBody::parse(&body, resolution.layout()).unwrap()).unwrap();
        tally(&self.evaluation, resolution, &sum, &AtomicBool::new(false), |_| ()).unwrap()
    }

    /// Squashes labels and lets every trustee answer them.
    fn answer(&self, labels: &LabelCiphertexts) -> (SquashedRecord, Vec<(TrusteeIndex, Shares)>) {
        let layout = labels.layout();
        let question = Question {
            federation: Digest::of(b"event 0"),
            round: Some(RoundId::from_bytes([1; 16])),
            step: Step::Label,
            tally: Digest::of(b"tally"),
        };
        let mut record = SquashedRecord::new(layout);
        let mut openers: Vec<Opener<'_>> =
            self.packages.iter().map(|(_, package)| Opener::new(package, question, layout)).collect();
        let mut push = |digit: &Squashed| {
            record.push(digit.record());
            openers.iter_mut().for_each(|opener| opener.push(digit).unwrap());
        };
        squash(&self.evaluation, &self.squashing, labels, &AtomicBool::new(false), |_, digits| {
            digits.iter().for_each(&mut push);
        })
        .unwrap();
        let shares = openers.into_iter().map(|opener| opener.finish().unwrap());
        (record, self.packages.iter().map(|(trustee, _)| *trustee).zip(shares).collect())
    }
}

fn sharing() -> Sharing {
    Sharing::new(3, 1).unwrap()
}

fn combined(classes: usize, record: &SquashedRecord, answers: &[&(TrusteeIndex, Shares)]) -> Combined {
    let bodies: Vec<u128> = record.digits().iter().map(|digit| digit.body).collect();
    let answers: Vec<_> = answers.iter().map(|(trustee, shares)| (*trustee, shares)).collect();
    combine(sharing(), classes, &bodies, &answers).unwrap()
}

#[test]
fn every_two_of_three_trustees_open_a_label_among_a_hundred() {
    let federation = Federation::new();
    let layout = Layout::new(100, 1).unwrap();
    let resolution = Resolution::new(layout, ArgmaxKind::Tournament, 100, 0.0).unwrap();
    let counts: Vec<i64> = (0..100).map(|class| if class == 98 { 100 } else { 0 }).collect();
    let (record, answers) = federation.answer(&federation.tally(&resolution, &counts));
    for pair in [[0, 1], [0, 2], [1, 2]] {
        let pair: Vec<_> = pair.iter().map(|place| &answers[*place]).collect();
        let Combined::Opened(opened) = combined(100, &record, &pair) else {
            panic!("honest trustees never disagree")
        };
        assert_eq!(opened.labels, [99]);
    }
}

#[test]
fn trustees_open_a_test_to_bits_by_its_layout_alone() {
    let federation = Federation::new();
    let layout = Layout::new(17, 6).unwrap();
    let resolution = Resolution::test(layout, 250, 0.0, 120).unwrap();
    // every second instance passes by twenty votes, the others fail by twenty
    let votes = |instance: i64| (0..17).map(move |class| if class == instance { 120 } else { 0 });
    let by = |instance: i64| if instance % 2 == 0 { 20 } else { -20 };
    let counts: Vec<i64> = (0..6)
        .flat_map(|instance| {
            votes(instance).map(move |count| if count > 0 { count + by(instance) } else { 0 })
        })
        .collect();
    let outcomes = federation.tally(&resolution, &counts);
    let (record, answers) = federation.answer(&outcomes);
    let all: Vec<_> = answers.iter().collect();
    let Combined::Opened(opened) = combined(outcomes.layout().classes(), &record, &all) else {
        panic!("honest trustees never disagree")
    };
    assert_eq!(opened.labels, [1, 0, 1, 0, 1, 0]);
    assert_eq!(label_digits(outcomes.layout().classes()), 1);
    assert_eq!(SquashedRecord::expected(resolution.outcomes()), 6);
    let bytes = record.to_bytes();
    assert_eq!(SquashedRecord::from_bytes(&bytes, resolution.outcomes()).unwrap(), record);
    let error = SquashedRecord::from_bytes(&bytes, resolution.layout()).unwrap_err();
    assert!(matches!(error, FrameError::OtherLayout { classes: 17, got_classes: 1, .. }), "{error}");
}
