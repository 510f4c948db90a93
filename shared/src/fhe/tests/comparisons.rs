//! The noise of the circuit is the predicted one. Windows of ±5 standard errors: each check raises a false alarm with a
//! chance below 6e-7.

use rayon::prelude::*;
use tfhe::core_crypto::prelude::{LweSecretKey, ModulusSwitchedLweCiphertext};

use super::super::expand;
use super::super::lookup::{LookUp, Switched, Table};
use super::super::noise;
use super::*;

/// Mean and standard deviation.
fn moments(samples: &[f64]) -> (f64, f64) {
    let count = samples.len() as f64;
    let mean = samples.iter().sum::<f64>() / count;
    let variance = samples.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (count - 1.0);
    (mean, variance.sqrt())
}

/// The phase of a switched ciphertext in steps, −N..N.
fn steps(federation: &Federation, switched: &Switched) -> f64 {
    let key: LweSecretKey<&[u64]> = federation.secret.small();
    let masked: usize = (&switched).mask().zip(key.as_ref()).map(|(word, &bit)| word * bit as usize).sum();
    let phase = ((&switched).body() as i64 - masked as i64).rem_euclid(4096);
    (if phase >= 2048 { phase - 4096 } else { phase }) as f64
}

/// Switches `samples` encryptions of zero and compares the phases with −1/2 ± the predicted deviation.
///
/// Each comes from a ballot of its own: the slots of one list share their mask words, and so their rounding errors.
fn assert_switch(federation: &Federation, samples: usize) {
    let set = federation.secret.parameter_set();
    let layout = Layout::new(2, 1).unwrap();
    let resolution = Resolution::new(layout, ArgmaxKind::Tournament, 250, 2285.7).unwrap();
    let phases: Vec<f64> = (0..samples)
        .into_par_iter()
        .map(|_| federation.sum(&resolution, &[vec![0; 2]]))
        .map(|sum| steps(federation, &federation.evaluation.switch(&expand::slot(&sum, 0))))
        .collect();
    let (mean, deviation) = moments(&phases);
    let predicted = noise::switch_deviation(set.parameters());
    let relative_error = 5.0 / (2.0 * samples as f64).sqrt();
    assert!((deviation / predicted - 1.0).abs() < relative_error, "{deviation} {predicted}");
    // the switch leaves half a step below the phase: then a tie reads + and − equally often
    assert!((mean + 0.5).abs() < 5.0 * predicted / (samples as f64).sqrt(), "{mean}");
}

#[test]
fn a_comparison_errs_as_predicted_with_the_toy_parameters() {
    assert_switch(&TOY, 4096);
}

#[test]
fn a_comparison_errs_as_predicted_with_the_secure_parameters() {
    assert_switch(&SECURE, 2048);
}

#[test]
fn a_bootstrap_leaves_the_predicted_noise() {
    let federation = &SECURE;
    let resolution =
        Resolution::new(Layout::new(2, 200).unwrap(), ArgmaxKind::Tournament, 250, 2285.7).unwrap();
    let sum = federation.sum(&resolution, &vec![vec![100, 0]; 200]);
    let inputs: Vec<Switched> = (0..200)
        .into_par_iter()
        .map(|slot| federation.evaluation.switch(&expand::slot(&sum, 2 * slot)))
        .collect();
    let value = 1 << 61;
    let table = Table::sign(value);
    let look_ups: Vec<LookUp<'_>> = inputs.iter().map(|input| LookUp { input, table: &table }).collect();
    let errors: Vec<f64> = federation
        .evaluation
        .look_up_all(&look_ups, 8)
        .iter()
        .map(|output| federation.secret.phase(output.as_ref()).wrapping_sub(value).cast_signed() as f64)
        .collect();
    let (mean, deviation) = moments(&errors);
    let predicted = noise::bootstrap_deviation(&FULL);
    // the transform in floating point adds a little to the formula
    assert!(deviation / predicted < 1.1 + 0.25, "{deviation} {predicted}");
    assert!(deviation / predicted > 1.0 - 0.25, "{deviation} {predicted}");
    assert!(mean.abs() < 5.0 * deviation / 200_f64.sqrt(), "{mean}");
}

#[test]
fn the_final_errs_as_often_as_predicted_from_either_side() {
    // eight classes play three full levels; winner and runner-up meet in the final, one standard deviation apart
    let (classes, instances, teachers) = (8, 600, 100_000);
    let layout = Layout::new(classes, instances).unwrap();
    let resolution = Resolution::new(layout, ArgmaxKind::Tournament, teachers, 0.0).unwrap();
    let deviation = noise::tournament_deviation(&INSECURE_TOY, classes) * resolution.bound() as f64 / 2048.0;
    let (ahead, level) = (50_000, (50_000.0 - deviation).round() as i64);
    let counts: Vec<Vec<i64>> = (0..instances)
        .map(|instance| {
            let mut counts = vec![0; classes];
            let (winner, runner_up) = if instance % 2 == 0 { (1, 6) } else { (6, 1) };
            (counts[winner], counts[runner_up]) = (ahead, level);
            counts
        })
        .collect();
    let labels = TOY.labels(&resolution, &counts);
    let expected = 0.1587 * (instances / 2) as f64;
    let allowance = 5.0 * (expected * (1.0 - 0.1587)).sqrt();
    for parity in [0, 1] {
        let winner = if parity == 0 { 1 } else { 6 };
        let lost =
            labels.iter().skip(parity).step_by(2).filter(|&&label| label != Some(winner)).count() as f64;
        assert!((lost - expected).abs() < allowance, "side {parity}: {lost}, expected {expected}");
    }
}
