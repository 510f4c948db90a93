//! The noise of the circuit is the predicted one. Windows of ±5 standard errors: each check raises a false alarm with a
//! chance below 6e-7, and so it does where the key at hand deviates by up to 4 % from the average key of the formulas.
#![expect(clippy::print_stdout, reason = "the predicted margins are read off the output of the tests")]

use rayon::prelude::*;
use tfhe::core_crypto::prelude::ModulusSwitchedLweCiphertext;

use super::super::circuits::bracket::{Bracket, Group};
use super::super::circuits::tournament::{Play, Tournament};
use super::super::expand::{self, Lwe};
use super::super::lookup::{LookUp, Switched, Table};
use super::super::noise::{self, Precision, Shape};
use super::*;

/// Mean and standard deviation.
fn moments(samples: &[f64]) -> (f64, f64) {
    let count = samples.len() as f64;
    let mean = samples.iter().sum::<f64>() / count;
    let variance = samples.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (count - 1.0);
    (mean, variance.sqrt())
}

/// Returns the phase of a switched ciphertext in ticks, −N..N.
fn ticks(federation: &Federation, switched: &Switched) -> f64 {
    let bits = federation.secret.rotation_bits(federation.evaluation.scheme().unrolling);
    let masked: usize = switched.mask().zip(bits.iter()).map(|(word, &bit)| word * bit as usize).sum();
    let phase = (switched.body() as i64 - masked as i64).rem_euclid(4096);
    (if phase >= 2048 { phase - 4096 } else { phase }) as f64
}

/// How far the deviation under one key may lie from that under the average key, which the formulas give.
const OF_THE_KEY: f64 = 0.04;

/// Fails unless the samples have this mean and deviation, within five standard errors each and what the key may do.
fn assert_moments(samples: &[f64], mean: f64, deviation: f64) {
    let count = samples.len() as f64;
    let (found_mean, found_deviation) = moments(samples);
    let found = format!("{found_mean} ± {found_deviation}, predicted {mean} ± {deviation}");
    assert!((found_mean - mean).abs() < 5.0 * deviation / count.sqrt(), "{found}");
    assert!((found_deviation / deviation - 1.0).abs() < 5.0 / (2.0 * count).sqrt() + OF_THE_KEY, "{found}");
}

/// Switches encryptions of zero: their phases lie half a unit below 0, so that a tie reads + and − equally often.
///
/// Each comes from a ballot of its own: the slots of one list share their mask words, and so their rounding
/// errors.
fn assert_switch(federation: &Federation, samples: usize) {
    let layout = Layout::new(2, 1).unwrap();
    let resolution = Resolution::new(layout, ArgmaxKind::Tournament, 250, 2285.7).unwrap();
    let zeros: Vec<Lwe> = (0..samples)
        .into_par_iter()
        .map(|_| expand::slot(&federation.sum(&resolution, &[vec![0; 2]]), 0))
        .collect();
    for precision in [Precision::Fine, Precision::Coarse] {
        let switched = federation.evaluation.switch_all(&zeros, precision);
        let phases: Vec<f64> = switched.iter().map(|switched| ticks(federation, switched)).collect();
        let deviation = noise::switch_deviation(&federation.evaluation.scheme(), precision);
        let scheme = federation.evaluation.scheme();
        println!(
            "{scheme:?}, {precision:?}: a switch errs by {:.2?} ticks, predicted {deviation:.2}",
            moments(&phases)
        );
        assert_moments(&phases, -0.5 * f64::from(precision.ticks()), deviation);
    }
}

/// Bootstraps to a constant: the output errs as predicted, but for what is allowed to the Fourier transform.
fn assert_bootstrap(federation: &Federation, keys: &EvaluationKeys, samples: usize) {
    let layout = Layout::new(2, samples).unwrap();
    let resolution = Resolution::new(layout, ArgmaxKind::Tournament, 250, 2285.7).unwrap();
    let sum = federation.sum(&resolution, &vec![vec![100, 0]; samples]);
    let slots: Vec<Lwe> =
        (0..samples).into_par_iter().map(|instance| expand::slot(&sum, 2 * instance)).collect();
    let inputs = keys.switch_all(&slots, Precision::Fine);
    let value = 1 << 61;
    let table = Table::sign(value);
    let look_ups: Vec<LookUp<'_>> = inputs.iter().map(|input| LookUp { input, table: &table }).collect();
    let outputs = keys.look_up_all(&look_ups, 8);
    let error = |output: &Lwe| federation.secret.phase(output.as_ref()).wrapping_sub(value).cast_signed();
    let errors: Vec<f64> = outputs.iter().map(|output| error(output) as f64).collect();
    let (predicted, found) = (noise::bootstrap_deviation(&keys.scheme()), moments(&errors).1);
    println!(
        "{:?}: a bootstrap errs by 2^{:.2}, predicted 2^{:.2}",
        keys.scheme(),
        found.log2(),
        predicted.log2()
    );
    assert_moments(&errors, 0.0, predicted);
}

#[test]
fn a_node_errs_as_predicted_with_the_secure_parameters() {
    for federation in [&*SECURE, &*SWIFTLY, &*SWIFTEST] {
        assert_switch(federation, 2048);
        assert_bootstrap(federation, &federation.evaluation, 200);
        assert_bootstrap(federation, &federation.with(Rotation::Fourier), 200);
    }
}

#[test]
fn the_rounding_of_ballots_errs_as_predicted() {
    let (ballots, samples, layout) = (5, 600, Layout::new(2, 1).unwrap());
    let resolution = Resolution::new(layout, ArgmaxKind::Tournament, 250, 2285.7).unwrap();
    let tick = 52_f64.exp2();
    // one slot of each sum: those of one list share their mask words, and so a part of their errors
    let phase = |_| {
        let mut sum = RunningSum::new(layout);
        for _ in 0..ballots {
            let body = encrypt(&TOY.encryption, &resolution.encoding(), &[0; 2]).unwrap();
            sum.add(&BallotBody::parse(&body, layout).unwrap()).unwrap();
        }
        TOY.secret.phase(&sum.slot_ciphertext(0).unwrap()).cast_signed() as f64 / tick
    };
    let phases: Vec<f64> = (0..samples).into_par_iter().map(phase).collect();
    let variance = noise::ballot_variance(ballots, TOY.secret.parameter_set().parameters());
    assert_moments(&phases, 0.0, variance.sqrt());
}

#[test]
fn a_switch_errs_as_predicted_with_the_toy_parameters() {
    assert_switch(&TOY, 4096);
    assert_switch(&PAIRED, 4096);
}

/// The counts of eight classes, which play three full levels; the winners of both halves meet in the final, 500 votes
/// apart.
const EIGHT: [i64; 8] = [0, 50_000, 0, 0, 9_000, 0, 49_500, 0];

/// Encrypts the same counts anew for each sample.
fn eight_classes(resolution: &Resolution, samples: usize) -> Vec<Vec<Lwe>> {
    (0..samples)
        .into_par_iter()
        .map(|_| TOY.sum(resolution, &[EIGHT.to_vec()]))
        .map(|sum| (0..EIGHT.len()).map(|slot| expand::slot(&sum, slot)).collect())
        .collect()
}

#[test]
fn the_final_of_a_tournament_errs_as_predicted() {
    let (classes, samples) = (8, 500);
    let layout = Layout::new(classes, 1).unwrap();
    let resolution = Resolution::new(layout, ArgmaxKind::Tournament, 100_000, 0.0).unwrap();
    let expanded = eight_classes(&resolution, samples);
    let lead = 500.0 * 2048.0 / resolution.bound() as f64;
    for precise in 0..=2 {
        let tournament = Tournament::new(classes, None, precise);
        let mut plays = tournament.begin(expanded.clone());
        tournament.play_level(&TOY.evaluation, &mut plays, 0, 8);
        tournament.play_level(&TOY.evaluation, &mut plays, 1, 8);
        let finals = tournament.switch_level(&TOY.evaluation, &plays, 2);
        let phases: Vec<f64> = finals.iter().map(|switched| ticks(&TOY, switched)).collect();
        let shape = Shape { classes, ballots: 1, threshold: false, precise };
        assert_moments(&phases, lead - 0.5, shape.final_deviation(&TOY_SCHEME));
    }
}

#[test]
fn the_final_and_the_threshold_after_it_err_as_predicted() {
    let (classes, samples, threshold) = (8, 500, 50_400);
    let layout = Layout::new(classes, 1).unwrap();
    let resolution =
        Resolution::with_threshold(layout, ArgmaxKind::Tournament, 100_000, 0.0, threshold).unwrap();
    let shape = Shape { classes, ballots: 1, threshold: true, precise: 1 };
    let tournament = Tournament::new(classes, resolution.threshold_plaintext(), shape.precise);
    let mut plays = tournament.begin(eight_classes(&resolution, samples));
    let phases = |plays: &[Play], level| -> Vec<f64> {
        let switched = tournament.switch_level(&TOY.evaluation, plays, level);
        switched.iter().map(|switched| ticks(&TOY, switched)).collect()
    };
    let steps_per_vote = 2048.0 / resolution.bound() as f64;
    (0..2).for_each(|level| tournament.play_level(&TOY.evaluation, &mut plays, level, 8));
    let deviation = shape.final_deviation(&TOY_SCHEME);
    assert_moments(&phases(&plays, 2), 500.0 * steps_per_vote - 0.5, deviation);
    tournament.play_level(&TOY.evaluation, &mut plays, 2, 8);
    // the abstention stands half a vote below T, and on the left side of its match
    let deviation = shape.threshold_deviation(&TOY_SCHEME);
    assert_moments(&phases(&plays, 3), 399.5 * steps_per_vote - 0.5, deviation);
}

/// Predicted standard deviation, in ticks, of the input of an index look-up.
fn index_deviation(scheme: &Scheme, group: &Group) -> f64 {
    let win_bit = group.local.len() as i32;
    let weights = group.path.iter().map(|_| win_bit).chain(0..win_bit);
    // a won match stands at a whole box, an output's noise is multiplied with it
    let box_ticks = 2048.0 / group.boxes() as f64;
    let win_ticks = f64::from(1 << 7);
    let bootstrap = noise::bootstrap_deviation(scheme) / 52_f64.exp2() * box_ticks / win_ticks;
    let outputs: f64 = weights.map(|weight| 4_f64.powi(weight)).sum();
    let switch = noise::switch_deviation(scheme, Precision::Fine);
    (switch * switch + bootstrap * bootstrap * outputs).sqrt()
}

#[test]
fn half_a_box_of_an_index_look_up_is_ten_deviations_at_least() {
    let mut worst = [0_f64; 2];
    for (worst, abstention) in worst.iter_mut().zip([false, true]) {
        for classes in 2..=MAX_CLASSES {
            for group in Bracket::new(classes, abstention).groups() {
                let half_box = 1024.0 / group.boxes() as f64;
                *worst = worst.max(index_deviation(&Scheme::NOISIEST, group) / half_box);
            }
        }
    }
    println!(
        "worst deviation of an index input, in half boxes: 1/{:.2}, with a threshold 1/{:.2}",
        worst[0].recip(),
        worst[1].recip()
    );
    assert!(worst.into_iter().all(|worst| 10.0 * worst < 1.0), "{worst:?}");
}
