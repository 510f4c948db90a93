//! The noise of the circuit is the predicted one. Windows of ±5 standard errors: each check raises a false
//! alarm with a chance below 6e-7.

use rayon::prelude::*;
use tfhe::core_crypto::prelude::{LweSecretKey, ModulusSwitchedLweCiphertext};

use super::super::expand::{self, Lwe};
use super::super::lookup::{LookUp, Switched, Table};
use super::super::noise;
use super::super::tournament::Tournament;
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

/// Fails unless the samples have this mean and deviation, within five standard errors each.
fn assert_moments(samples: &[f64], mean: f64, deviation: f64) {
    let count = samples.len() as f64;
    let (found_mean, found_deviation) = moments(samples);
    let found = format!("{found_mean} ± {found_deviation}, predicted {mean} ± {deviation}");
    assert!((found_mean - mean).abs() < 5.0 * deviation / count.sqrt(), "{found}");
    assert!((found_deviation / deviation - 1.0).abs() < 5.0 / (2.0 * count).sqrt(), "{found}");
}

/// Switches encryptions of zero: their phases lie around −1/2, so that a tie reads + and − equally often.
///
/// Each comes from a ballot of its own: the slots of one list share their mask words, and so their rounding
/// errors.
fn assert_switch(federation: &Federation, samples: usize) {
    let layout = Layout::new(2, 1).unwrap();
    let resolution = Resolution::new(layout, ArgmaxKind::Tournament, 250, 2285.7).unwrap();
    let phases: Vec<f64> = (0..samples)
        .into_par_iter()
        .map(|_| federation.sum(&resolution, &[vec![0; 2]]))
        .map(|sum| steps(federation, &federation.evaluation.switch(&expand::slot(&sum, 0))))
        .collect();
    let parameters = federation.secret.parameter_set().parameters();
    assert_moments(&phases, -0.5, noise::switch_deviation(parameters));
}

/// Bootstraps to a constant: the output errs as predicted, but for what is allowed to the Fourier transform.
fn assert_bootstrap(federation: &Federation, samples: usize) {
    let layout = Layout::new(2, samples).unwrap();
    let resolution = Resolution::new(layout, ArgmaxKind::Tournament, 250, 2285.7).unwrap();
    let sum = federation.sum(&resolution, &vec![vec![100, 0]; samples]);
    let inputs: Vec<Switched> = (0..samples)
        .into_par_iter()
        .map(|instance| federation.evaluation.switch(&expand::slot(&sum, 2 * instance)))
        .collect();
    let value = 1 << 61;
    let table = Table::sign(value);
    let look_ups: Vec<LookUp<'_>> = inputs.iter().map(|input| LookUp { input, table: &table }).collect();
    let outputs = federation.evaluation.look_up_all(&look_ups, 8);
    let error = |output: &Lwe| federation.secret.phase(output.as_ref()).wrapping_sub(value).cast_signed();
    let errors: Vec<f64> = outputs.iter().map(|output| error(output) as f64).collect();
    let parameters = federation.secret.parameter_set().parameters();
    assert_moments(&errors, 0.0, noise::bootstrap_deviation(parameters));
}

#[test]
fn a_node_errs_as_predicted_with_the_secure_parameters() {
    assert_switch(&SECURE, 2048);
    assert_bootstrap(&SECURE, 200);
}

#[test]
fn a_switch_errs_as_predicted_with_the_toy_parameters() {
    assert_switch(&TOY, 4096);
}

#[test]
fn the_final_of_a_tournament_errs_as_predicted() {
    // eight classes play three full levels; the winners of both halves meet in the final, 500 votes apart
    let (classes, samples) = (8, 500);
    let layout = Layout::new(classes, 1).unwrap();
    let resolution = Resolution::new(layout, ArgmaxKind::Tournament, 100_000, 0.0).unwrap();
    let counts = [0, 50_000, 0, 0, 9_000, 0, 49_500, 0];
    let expanded: Vec<Vec<Lwe>> = (0..samples)
        .into_par_iter()
        .map(|_| TOY.sum(&resolution, &[counts.to_vec()]))
        .map(|sum| (0..classes).map(|slot| expand::slot(&sum, slot)).collect())
        .collect();
    let tournament = Tournament::new(classes, None);
    let mut plays = tournament.begin(expanded);
    tournament.play_level(&TOY.evaluation, &mut plays, 0, 8);
    tournament.play_level(&TOY.evaluation, &mut plays, 1, 8);
    let finals = tournament.switch_level(&TOY.evaluation, &plays, 2);
    let phases: Vec<f64> = finals.iter().map(|switched| steps(&TOY, switched)).collect();
    let lead = 500.0 * 2048.0 / resolution.bound() as f64;
    assert_moments(&phases, lead - 0.5, noise::final_deviation(&INSECURE_TOY, classes, false));
}
