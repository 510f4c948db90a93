//! Digits and labels that no tally puts out are refused, and named.

use tfhe::core_crypto::prelude::{Plaintext, lwe_ciphertext_plaintext_add_assign};

use super::super::circuits::tournament::zero;
use super::super::expand::Lwe;
use super::super::labels::DIGIT_LOG;
use super::*;

/// Returns an encryption without noise of a digit, with `error` added to its phase.
fn digit(value: u64, error: i64) -> Lwe {
    let mut digit = zero();
    let phase = (value << DIGIT_LOG).wrapping_add_signed(error);
    lwe_ciphertext_plaintext_add_assign(&mut digit, Plaintext(phase));
    digit
}

fn labels(classes: usize, digits: &[Vec<Lwe>]) -> LabelCiphertexts {
    let layout = Layout::new(classes, digits.len()).unwrap();
    let mut labels = LabelCiphertexts::new(ParameterSet::InsecureToy, layout);
    digits.iter().for_each(|digits| labels.push(digits));
    labels
}

#[test]
fn digits_round_to_the_nearest_and_zero_is_an_abstention() {
    let almost = (1 << (DIGIT_LOG - 1)) - 1;
    let one = labels(
        10,
        &[vec![digit(0, -almost)], vec![digit(0, almost)], vec![digit(1, almost)], vec![digit(10, -almost)]],
    );
    assert_eq!(TOY.secret.open(&one).unwrap(), [None, None, Some(0), Some(9)]);
    let two = labels(
        100,
        &[vec![digit(0, 5), digit(1, 5)], vec![digit(4, 0), digit(6, 0)], vec![digit(0, 0), digit(0, 0)]],
    );
    assert_eq!(TOY.secret.open(&two).unwrap(), [Some(15), Some(99), None]);
}

#[test]
fn an_impossible_digit_is_named() {
    for value in 16..=31 {
        let damaged = labels(100, &[vec![digit(1, 0), digit(1, 0)], vec![digit(3, 0), digit(value, 0)]]);
        let error = TOY.secret.open(&damaged).unwrap_err();
        assert_eq!(error, OpenError::Digit { instance: 1, digit: 1, value });
    }
}

#[test]
fn a_label_without_a_class_is_named() {
    let one = labels(10, &[vec![digit(10, 0)], vec![digit(11, 0)]]);
    assert_eq!(TOY.secret.open(&one), Err(OpenError::Label { instance: 1, label: 11, classes: 10 }));
    let two = labels(99, &[vec![digit(4, 0), digit(6, 0)]]);
    assert_eq!(TOY.secret.open(&two), Err(OpenError::Label { instance: 0, label: 100, classes: 99 }));
}

#[test]
fn labels_under_other_parameters_are_not_decrypted() {
    let secret = SecretKeys::seeded(ParameterSet::Full, 1);
    let error = secret.open(&labels(10, &[vec![digit(1, 0)]])).unwrap_err();
    assert_eq!(error, OpenError::Parameters { labels: "insecure_toy", keys: "full" });
}

#[test]
fn labels_survive_the_wire_and_other_lengths_are_refused() {
    let layout = Layout::new(33, 3).unwrap();
    let sent = labels(33, &vec![vec![digit(1, 0), digit(2, 0)]; 3]);
    let bytes = sent.to_bytes();
    assert_eq!(bytes.len(), LabelCiphertexts::frame_bytes(layout));
    let read = |bytes: &[u8], layout| LabelCiphertexts::from_bytes(bytes, ParameterSet::InsecureToy, layout);
    assert_eq!(read(&bytes, layout).unwrap(), sent);
    for cut in [0, 12, 44, 52, bytes.len() - 1] {
        assert!(matches!(read(&bytes[..cut], layout), Err(FrameError::Length { .. })));
    }
    let longer = [bytes.as_slice(), &[0; 8]].concat();
    assert!(matches!(read(&longer, layout), Err(FrameError::Length { .. })));
    let other = Layout::new(33, 4).unwrap();
    assert!(matches!(read(&bytes, other), Err(FrameError::OtherLayout { got_instances: 3, .. })));
    let secure = LabelCiphertexts::from_bytes(&bytes, ParameterSet::Full, layout);
    assert!(matches!(secure, Err(FrameError::OtherParameters { .. })));
}

#[test]
fn keys_of_another_federation_open_nothing() {
    // under a wrong key each of 20 digits is uniform over 32 values, of which 11 pass: chance (11/32)^20 <
    // 1e-9
    let layout = Layout::new(10, 20).unwrap();
    let resolution = Resolution::new(layout, ArgmaxKind::Tournament, 50, 30.0).unwrap();
    let sum = TOY.sum(&resolution, &vec![vec![0, 0, 0, 0, 50, 0, 0, 0, 0, 0]; 20]);
    let labels = tally(&TOY.evaluation, &resolution, &sum, &AtomicBool::new(false), |_| ()).unwrap();
    assert_eq!(TOY.secret.open(&labels).unwrap(), [Some(4); 20]);
    assert!(SecretKeys::seeded(ParameterSet::InsecureToy, 8).open(&labels).is_err());
}
