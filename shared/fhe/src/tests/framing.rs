//! Frames that are not what they should be are refused before tfhe sees them.

use super::*;

const HEADER: usize = 12;
const TOY_SET: ParameterSet = ParameterSet::InsecureToy;

fn evaluation_error(keyswitching: &[u8], bootstrapping: &[u8]) -> FrameError {
    match EvaluationKeys::from_parts(keyswitching, bootstrapping, TOY_SCHEME).unwrap_err() {
        KeyError::Frame(error) => error,
        other => panic!("{other}"),
    }
}

fn encryption_error(bytes: &[u8]) -> FrameError {
    match EncryptionKey::from_bytes(bytes, TOY_SET).unwrap_err() {
        KeyError::Frame(error) => error,
        other => panic!("{other}"),
    }
}

/// Returns every way in which a blob may be damaged in length: each prefix near the fields' ends, and one byte too
/// many.
fn wrong_lengths(blob: &[u8]) -> Vec<Vec<u8>> {
    let cuts = [0, 1, 7, 8, 10, 11, 12, 43, 44, 59, 60, 61, 68, blob.len() - 8, blob.len() - 1];
    let mut damaged: Vec<Vec<u8>> = cuts.iter().map(|&cut| blob[..cut].to_vec()).collect();
    damaged.push([blob, &[0]].concat());
    damaged.push([blob, blob].concat());
    damaged
}

#[test]
fn a_key_of_any_other_length_is_refused() {
    let material = &TOY.material;
    for damaged in wrong_lengths(&material.public_key) {
        assert!(matches!(encryption_error(&damaged), FrameError::Length { .. }));
    }
    for damaged in wrong_lengths(&material.keyswitching_key) {
        let error = evaluation_error(&damaged, &material.bootstrapping_key);
        assert!(matches!(error, FrameError::Length { what: "keyswitching key", .. }), "{error}");
    }
    for damaged in wrong_lengths(&material.bootstrapping_key) {
        let error = evaluation_error(&material.keyswitching_key, &damaged);
        assert!(matches!(error, FrameError::Length { what: "bootstrapping key", .. }), "{error}");
    }
}

#[test]
fn interchanged_keys_are_refused() {
    let material = &TOY.material;
    let error = evaluation_error(&material.bootstrapping_key, &material.keyswitching_key);
    assert_eq!(error, FrameError::Kind { what: "keyswitching key", expected: 2, got: 3 });
    let error = encryption_error(&material.keyswitching_key);
    assert_eq!(error, FrameError::Kind { what: "public key", expected: 1, got: 2 });
}

#[test]
fn a_key_of_other_parameters_is_refused() {
    let mut key = TOY.material.public_key.clone();
    key[HEADER..HEADER + 32].copy_from_slice(&ParameterSet::Full.digest());
    let error = encryption_error(&key);
    assert_eq!(
        error,
        FrameError::OtherParameters { what: "public key", expected: "insecure_toy", got: "full" }
    );
    key[HEADER] ^= 1;
    assert!(matches!(encryption_error(&key), FrameError::UnknownParameters { .. }));
}

#[test]
fn a_frame_of_another_program_or_version_is_refused() {
    let mut key = TOY.material.public_key.clone();
    key[0] = b'P';
    assert_eq!(encryption_error(&key), FrameError::Magic { what: "public key" });
    let mut key = TOY.material.public_key.clone();
    key[8] = 2;
    assert_eq!(encryption_error(&key), FrameError::Version { what: "public key", got: 2 });
}

#[test]
fn secret_keys_survive_the_vault_and_nothing_else_passes_for_them() {
    // 918 bits leave two padding bits, so the secure set is the harder case; drawing bits alone is quick
    for set in ParameterSet::ALL {
        let keys = SecretKeys::generate(set).unwrap();
        let bytes = keys.to_bytes();
        let again = SecretKeys::from_bytes(&bytes).unwrap();
        assert_eq!(again.large().as_ref(), keys.large().as_ref());
        assert_eq!(again.small().as_ref(), keys.small().as_ref());
        assert_eq!(again.parameter_set(), set);
        for cut in [0, 12, 43, bytes.len() - 1] {
            let error = SecretKeys::from_bytes(&bytes[..cut]).unwrap_err();
            assert!(matches!(error, KeyError::Frame(FrameError::Length { .. })), "{error}");
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        assert!(matches!(SecretKeys::from_bytes(&longer), Err(KeyError::Frame(FrameError::Length { .. }))));
    }
    let mut bytes = SecretKeys::generate(ParameterSet::Full).unwrap().to_bytes();
    *bytes.last_mut().unwrap() |= 0x80;
    let error = SecretKeys::from_bytes(&bytes).unwrap_err();
    assert_eq!(error, KeyError::Frame(FrameError::Padding { what: "secret keys" }));
}

#[test]
fn keys_are_drawn_anew_each_time_and_never_printed() {
    let first = SecretKeys::generate(ParameterSet::Full).unwrap();
    let second = SecretKeys::generate(ParameterSet::Full).unwrap();
    assert_ne!(first.large().as_ref(), second.large().as_ref());
    assert_ne!(first.small().as_ref(), second.small().as_ref());
    // a fair key of 2048 bits has 1024 ± 181 ones but for a chance of 2^-50
    let ones: u64 = first.large().as_ref().iter().sum();
    assert!(ones.abs_diff(1024) < 181, "{ones}");
    assert_eq!(format!("{first:?}"), "SecretKeys { set: Full, .. }");
}

#[test]
fn a_sum_survives_a_restart_and_other_rounds_sums_are_refused() {
    let layout = Layout::new(10, 7).unwrap();
    let resolution = Resolution::new(layout, ArgmaxKind::Tournament, 50, 30.0).unwrap();
    let sum = TOY.sum(&resolution, &vec![vec![3; 10]; 7]);
    let bytes = sum.to_bytes();
    assert_eq!(RunningSum::from_bytes(&bytes, layout).unwrap(), sum);
    let error = RunningSum::from_bytes(&bytes, Layout::new(7, 10).unwrap()).unwrap_err();
    assert!(matches!(error, FrameError::OtherLayout { got_classes: 10, got_instances: 7, .. }), "{error}");
    for cut in [0, 11, 20, 24, bytes.len() - 1] {
        assert!(matches!(RunningSum::from_bytes(&bytes[..cut], layout), Err(FrameError::Length { .. })));
    }
}
