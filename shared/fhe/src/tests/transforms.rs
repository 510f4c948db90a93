//! Our rotation and tfhe's give the same labels with both forms of the bootstrapping key; ours gives the same bits
//! everywhere.

use sha2::{Digest, Sha256};

use super::*;

fn resolution(classes: usize, instances: usize) -> Resolution {
    let layout = Layout::new(classes, instances).unwrap();
    Resolution::new(layout, ArgmaxKind::Tournament, 100, 384.0).unwrap()
}

fn tally_with(keys: &EvaluationKeys, resolution: &Resolution, sum: &RunningSum) -> LabelCiphertexts {
    tally(keys, resolution, sum, &AtomicBool::new(false), |_| ()).unwrap()
}

#[test]
fn both_rotations_and_forms_find_the_winner_each_with_its_own_bits() {
    let machines: Vec<(&Federation, EvaluationKeys)> = [&*TOY, &*PAIRED]
        .into_iter()
        .flat_map(|federation| {
            [Rotation::Fused, Rotation::Fourier].map(|rotation| (federation, federation.with(rotation)))
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

/// Computed once on x86-64 with AVX-512. The keys grow from a seed and the "ballot" is noise from another, so
/// that a machine with other bits anywhere between key generation and label is found out.
#[test]
fn both_forms_have_the_bits_of_every_other_machine() {
    let resolution = resolution(5, 3);
    let mut bytes = vec![0; resolution.layout().body_bytes()];
    rand::Rng::fill_bytes(&mut rng(9), &mut bytes);
    let mut sum = RunningSum::new(resolution.layout());
    sum.add(&BallotBody::parse(&bytes, resolution.layout()).unwrap()).unwrap();
    let digest =
        |keys: &EvaluationKeys| hex::encode(Sha256::digest(tally_with(keys, &resolution, &sum).to_bytes()));
    assert_eq!(
        [&*TOY, &*PAIRED].map(|federation| digest(&federation.evaluation)),
        [
            "0a19a835753667023e5ee9ee14f0508cd8d55b8c00219f27c49d2e6a62cf46d8",
            "0fe4c353274e3bb05d398c20b0fe1d45e36a91998728afd33f21f0e5a766b4e2",
        ]
    );
}

#[test]
fn a_config_names_our_two_forms_and_nothing_else() {
    for (transform, name, code, unrolling) in [
        (Transform::Fused, "\"fused\"", 2, Unrolling::Bits),
        (Transform::FusedPairs, "\"fused_pairs\"", 3, Unrolling::Pairs),
    ] {
        assert_eq!(serde_json::to_string(&transform).unwrap(), name);
        assert_eq!(serde_json::from_str::<Transform>(name).unwrap(), transform);
        assert_eq!(borsh::to_vec(&transform).unwrap(), [code]);
        assert_eq!(borsh::from_slice::<Transform>(&[code]).unwrap(), transform);
        let scheme = Scheme::new(ParameterSet::Swift, transform);
        assert_eq!((scheme.rotation, scheme.unrolling), (Rotation::Fused, unrolling));
    }
    assert_eq!(Transform::default(), Transform::Fused);
    // tfhe's rotation and that of version 0.1 in integers, by name and by code
    for name in ["\"fourier\"", "\"integer\"", "\"Fused\"", "2"] {
        assert!(serde_json::from_str::<Transform>(name).is_err(), "{name}");
    }
    for code in [0, 1, 4, u8::MAX] {
        assert!(borsh::from_slice::<Transform>(&[code]).is_err(), "{code}");
    }
}
