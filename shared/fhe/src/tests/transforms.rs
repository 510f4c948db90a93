//! All transforms and both forms of the bootstrapping key give the same labels; those that are not tfhe's give the same bits
//! everywhere.

use sha2::{Digest, Sha256};

use super::super::tally::{Batching, tally_in_batches};
use super::*;

static INTEGER: LazyLock<EvaluationKeys> = LazyLock::new(|| TOY.with(Transform::Integer));

fn resolution(classes: usize, instances: usize) -> Resolution {
    let layout = Layout::new(classes, instances).unwrap();
    Resolution::new(layout, ArgmaxKind::Tournament, 100, 384.0).unwrap()
}

fn tally_with(keys: &EvaluationKeys, resolution: &Resolution, sum: &RunningSum) -> LabelCiphertexts {
    tally(keys, resolution, sum, &AtomicBool::new(false), |_| ()).unwrap()
}

#[test]
fn all_transforms_and_forms_find_the_winner_each_with_its_own_bits() {
    let machines: Vec<(&Federation, EvaluationKeys)> = [&*TOY, &*PAIRED]
        .into_iter()
        .flat_map(|federation| {
            [Transform::Fused, Transform::Fourier, Transform::Integer]
                .map(|transform| (federation, federation.with(transform)))
        })
        .collect();
    for classes in [3, 8] {
        let resolution = resolution(classes, classes);
        let gap = resolution.votes().cast_signed();
        let mut rng = rng(classes as u64);
        let counts: Vec<Vec<i64>> =
            (0..classes).map(|winner| counts_with_gap(&mut rng, classes, winner, gap, -60..120)).collect();
        let expected: Vec<Option<u16>> = (0..classes as u16).map(Some).collect();
        let mut seen = std::collections::BTreeSet::new();
        for (federation, keys) in &machines {
            let labels = tally_with(keys, &resolution, &federation.sum(&resolution, &counts));
            assert_eq!(federation.secret.open(&labels).unwrap(), expected, "{:?}", keys.scheme());
            // each rounds in its own way; equal bits would mean that one of them was not used
            assert!(seen.insert(labels.to_bytes()), "{:?}", keys.scheme());
        }
    }
}

#[test]
fn integer_bits_depend_neither_on_batches_nor_on_threads() {
    let resolution = resolution(5, 4);
    let sum = TOY.sum(&resolution, &vec![vec![3, 1, 4, 1, 50]; 4]);
    let run = |threads, instances, look_ups| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let batching = Batching { instances, look_ups };
        let go = AtomicBool::new(false);
        pool.install(|| tally_in_batches(&INTEGER, &resolution, &sum, &[0, 1, 2, 3], batching, &go, |_| ()))
            .unwrap()
    };
    let one_by_one = run(1, 1, 1);
    for (threads, instances, look_ups) in [(1, 4, 8), (2, 2, 3), (3, 4, 64)] {
        assert_eq!(run(threads, instances, look_ups), one_by_one, "{threads} {instances} {look_ups}");
    }
    assert_eq!(tally_with(&TOY.with(Transform::Integer), &resolution, &sum), one_by_one);
}

/// Computed once on x86-64 with AVX-512. The keys grow from a seed and the "ballot" is noise from another, so
/// that a machine with other bits anywhere between key generation and label is found out.
#[test]
fn our_own_transforms_have_the_bits_of_every_other_machine() {
    let resolution = resolution(5, 3);
    let mut bytes = vec![0; resolution.layout().body_bytes()];
    rand::Rng::fill_bytes(&mut rng(9), &mut bytes);
    let mut sum = RunningSum::new(resolution.layout());
    sum.add(&BallotBody::parse(&bytes, resolution.layout()).unwrap()).unwrap();
    let digest = |keys| hex::encode(Sha256::digest(tally_with(keys, &resolution, &sum).to_bytes()));
    assert_eq!(
        [&*INTEGER, &TOY.with(Transform::Fused), &PAIRED.with(Transform::Fused)].map(digest),
        [
            "7f8be55548f298a79eae8e2f52843a0e752a54bb34b32007db2ea8ffa173dcd6",
            "0a19a835753667023e5ee9ee14f0508cd8d55b8c00219f27c49d2e6a62cf46d8",
            "0fe4c353274e3bb05d398c20b0fe1d45e36a91998728afd33f21f0e5a766b4e2",
        ]
    );
}

#[test]
fn a_transform_is_named_in_snake_case() {
    for (transform, name) in [
        (Transform::Fused, "\"fused\""),
        (Transform::Fourier, "\"fourier\""),
        (Transform::FusedPairs, "\"fused_pairs\""),
        (Transform::Integer, "\"integer\""),
    ] {
        assert_eq!(serde_json::to_string(&transform).unwrap(), name);
        assert_eq!(serde_json::from_str::<Transform>(name).unwrap(), transform);
        let bytes = borsh::to_vec(&transform).unwrap();
        assert_eq!(borsh::from_slice::<Transform>(&bytes).unwrap(), transform);
    }
    assert_eq!(Transform::default(), Transform::Fused);
    assert!(serde_json::from_str::<Transform>("\"Integer\"").is_err());
}
