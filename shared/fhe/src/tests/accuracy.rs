//! How often a coarse circuit's label is not the plain argmax of the noisy counts: no more often than the formula says.
#![expect(clippy::print_stdout, reason = "the rates are read off the output of the tests")]

use super::super::noise::{self, Precision};
use super::*;

const CLASSES: usize = 10;
const TEACHERS: u32 = 250;

/// Returns a normal number of mean 0 and deviation 1 (Box and Muller).
fn normal(rng: &mut ChaCha20Rng) -> f64 {
    let (radius, angle): (f64, f64) = (rng.random(), rng.random());
    (-2.0 * (1.0 - radius).ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

/// 250 votes of which 40 % agree, and noise.
fn histogram(rng: &mut ChaCha20Rng, sigma: f64) -> Vec<i64> {
    let mut counts = [0; CLASSES];
    let favourite = rng.random_range(0..CLASSES);
    for _ in 0..TEACHERS {
        let agrees: f64 = rng.random();
        counts[if agrees < 0.4 { favourite } else { rng.random_range(0..CLASSES) }] += 1;
    }
    counts.iter().map(|count| count + (sigma * normal(rng)).round() as i64).collect()
}

fn resolution(sigma: f64, instances: usize) -> Resolution {
    let layout = Layout::new(CLASSES, instances).unwrap();
    Resolution::new(layout, ArgmaxKind::Tournament, TEACHERS, sigma * sigma).unwrap()
}

/// Returns the chance that a standard normal number exceeds x ≥ 0, from above within 1.5e-7 (Abramowitz and Stegun
/// 26.2.17).
fn upper_tail(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * x);
    let polynomial = t
        * (0.319_381_53
            + t * (-0.356_563_782 + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
    polynomial * (-x * x / 2.0).exp() / std::f64::consts::TAU.sqrt()
}

/// Returns the chance that some other class passes the first, were each comparison as wrong as the final.
fn predicted(counts: &[i64], deviation: f64) -> f64 {
    let most = counts.iter().max().unwrap();
    let best = counts.iter().position(|count| count == most).unwrap();
    let others = counts.iter().enumerate().filter(|(class, _)| *class != best);
    others.map(|(_, count)| upper_tail((most - count) as f64 / deviation)).sum::<f64>().min(1.0)
}

/// Plays the tournament in the clear, with the errors of switches and bootstraps that the circuit would make.
fn simulated(counts: &[i64], resolution: &Resolution, rng: &mut ChaCha20Rng) -> usize {
    let scheme = Scheme::NOISIEST;
    let votes_per_tick = resolution.bound() as f64 / 2048.0;
    let bracket = circuits::bracket::Bracket::new(CLASSES, false);
    let rounds = bracket.rounds();
    let mut values: Vec<(f64, usize)> =
        counts.iter().zip(0..).map(|(count, class)| (*count as f64, class)).collect();
    for level in 0..rounds {
        let is_final = level + 1 == rounds;
        let is_fine = is_final || rounds - 2 - level < resolution.precise();
        let precision = if is_fine { Precision::Fine } else { Precision::Coarse };
        let switch = noise::switch_deviation(&scheme, precision) * votes_per_tick;
        let doublings = f64::from(1 << (rounds - 1 - level)) / 2.0;
        let bootstrap = noise::bootstrap_deviation(&scheme) / 52_f64.exp2() * doublings * votes_per_tick;
        for one in &bracket.matches()[bracket.matches_at(level)] {
            let (left, right) = (values[one.left], values[one.right]);
            let difference = left.0 - right.0 + switch * normal(rng);
            let value = f64::midpoint(left.0, right.0) + difference.abs() / 2.0 + bootstrap * normal(rng);
            values.push((value, if difference >= 0.0 { left.1 } else { right.1 }));
        }
    }
    values[values.len() - 1].1
}

/// Fails where labels differ from the plain argmax more often than predicted, by five standard errors: a false alarm has a
/// chance below 3e-7.
fn assert_rate(what: &str, histograms: &[Vec<i64>], labels: impl Iterator<Item = usize>, deviation: f64) {
    let predicted: f64 = histograms.iter().map(|counts| predicted(counts, deviation)).sum();
    let wrong = histograms
        .iter()
        .zip(labels)
        .filter(|(counts, label)| counts[*label] != *counts.iter().max().unwrap());
    let wrong = wrong.count() as f64;
    println!(
        "{what}: {wrong} of {} labels are not the plain argmax, at most {predicted:.1} predicted",
        histograms.len()
    );
    assert!(wrong <= predicted + 5.0 * predicted.sqrt().max(1.0), "{what}: {wrong}, predicted {predicted}");
}

#[test]
fn of_ten_thousand_histograms_no_more_differ_than_predicted() {
    for sigma in [19.0, 40.0] {
        let (mut rng, resolution) = (rng(31), resolution(sigma, 1000));
        assert_eq!(resolution.precise(), 0);
        let histograms: Vec<_> = (0..10_000).map(|_| histogram(&mut rng, sigma)).collect();
        let labels: Vec<usize> =
            histograms.iter().map(|counts| simulated(counts, &resolution, &mut rng)).collect();
        let what = format!("simulated, σ = {sigma}");
        assert_rate(&what, &histograms, labels.into_iter(), resolution.comparison_deviation());
    }
}

#[test]
fn of_real_tallies_no_more_labels_differ_than_predicted() {
    for (federation, sigma) in [(&*SWIFTEST, 19.0), (&*SWIFTLY, 40.0)] {
        let (mut rng, resolution) = (rng(32), resolution(sigma, 120));
        let histograms: Vec<_> = (0..120).map(|_| histogram(&mut rng, sigma)).collect();
        let labels = federation.labels(&resolution, &histograms);
        let labels = labels.into_iter().map(|label| usize::from(label.unwrap()));
        let what = format!("{:?}, σ = {sigma}", federation.evaluation.scheme());
        assert_rate(&what, &histograms, labels, resolution.comparison_deviation());
    }
}
