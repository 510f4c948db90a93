//! Synthetic electrocardiogram beats, for demos without any download. They come from no person.
//!
//! A beat is a sum of Gaussians, one per wave (P, Q, R, S, T), as in McSharry, Clifford, Tarassenko and Smith, "A
//! dynamical model for generating synthetic electrocardiogram signals", IEEE TBME 50(3), 2003; here directly over time
//! and beat by beat. Each person has its own heart rate, wave heights, widths and times, baseline wander and noise.
//! Block of a bundle branch stays with a person, premature beats come between normal ones. The values are millivolts,
//! roughly between −1.5 and 2.5.

use super::dataset::{Dataset, DatasetError};
use super::description::Description;
use super::seeds::{self, normal};
use super::split::Source;
use base::schema::{InstanceKind, InstanceSchema};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::f32::consts::TAU;

/// Samples per second.
pub const SAMPLE_RATE: f32 = 125.0;
/// Samples per beat: 1.024 s.
pub const BEAT_LENGTH: usize = 128;
/// The most beats, or other records, that are made at once.
pub const MAX_BEATS: usize = 1_000_000;

/// The beats' classes in label order.
const CLASSES: [&str; 5] = [
    "normal",
    "premature atrial",
    "premature ventricular",
    "left bundle branch block",
    "right bundle branch block",
];
/// Where the R wave stands in a beat, in seconds.
const R_TIME: f32 = 0.42;

/// Why synthetic data cannot be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SyntheticError {
    /// Nobody, or no records.
    #[error("{persons} persons with {records} records each give no data; both must be at least 1")]
    Nothing {
        /// The persons asked for.
        persons: usize,
        /// The records per person asked for.
        records: usize,
    },
    /// More than [`MAX_BEATS`] records.
    #[error("{persons} persons with {records} records each are more than {MAX_BEATS} records; ask for fewer")]
    TooMany {
        /// The persons asked for.
        persons: usize,
        /// The records per person asked for.
        records: usize,
    },
    /// The records make no dataset.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
}

/// Makes `persons` × `beats_per_person` labeled beats of shape `[128]` at 125 samples per second in five classes, with
/// the persons' keys. About a fifth of the beats is of each class.
///
/// # Errors
/// No beats, or more than [`MAX_BEATS`].
pub fn generate_ecg(persons: usize, beats_per_person: usize, seed: u64) -> Result<Source, SyntheticError> {
    let beats = persons.saturating_mul(beats_per_person);
    if beats == 0 {
        return Err(SyntheticError::Nothing { persons, records: beats_per_person });
    }
    if beats > MAX_BEATS {
        return Err(SyntheticError::TooMany { persons, records: beats_per_person });
    }
    let mut values = Vec::with_capacity(beats * BEAT_LENGTH);
    let (mut labels, mut keys) = (Vec::with_capacity(beats), Vec::with_capacity(beats));
    for number in 0..persons {
        // Each person has a stream of its own: one person more leaves the others as they are.
        let mut rng = seeds::generator("electrocardiogram", seed, number as u64);
        let person = Person::new(&mut rng);
        for _ in 0..beats_per_person {
            let rhythm = person.next_rhythm(&mut rng);
            values.extend(person.beat(rhythm, &mut rng));
            labels.push(rhythm as u16);
            keys.push(format!("synthetic-{seed}-{number}"));
        }
    }
    let schema = InstanceSchema::new(InstanceKind::Signal, vec![BEAT_LENGTH]).map_err(DatasetError::from)?;
    let train = Dataset::new(values, vec![BEAT_LENGTH], Some(labels), Some(keys))?;
    let title = format!(
        "Electrocardiogram beats from a sum-of-Gaussians model (after McSharry et al. 2003): {persons} persons, \
         {beats} beats, {SAMPLE_RATE} samples per second, millivolts, seed {seed}."
    );
    let classes = CLASSES.map(str::to_owned).to_vec();
    let description = Description { title, synthetic: true, schema, classes };
    Ok(Source { train, test: None, description })
}

/// A beat's class; the discriminants are the labels.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rhythm {
    Normal = 0,
    PrematureAtrial = 1,
    PrematureVentricular = 2,
    LeftBlock = 3,
    RightBlock = 4,
}

/// A wave: millivolts, seconds from the R wave, and standard deviation in seconds.
#[derive(Clone, Copy)]
struct Wave {
    height: f32,
    time: f32,
    width: f32,
}

const fn wave(height: f32, time: f32, width: f32) -> Wave {
    Wave { height, time, width }
}

const P: Wave = wave(0.15, -0.17, 0.025);
const Q: Wave = wave(-0.12, -0.032, 0.010);
const R: Wave = wave(1.05, 0.0, 0.014);
const S: Wave = wave(-0.24, 0.034, 0.012);
const T: Wave = wave(0.28, 0.26, 0.050);

/// Returns the waves of one beat; premature atrial beats differ from normal ones before the R wave only.
const fn waves(rhythm: Rhythm) -> [Wave; 6] {
    let nothing = wave(0.0, 0.0, 0.01);
    match rhythm {
        Rhythm::Normal => [P, Q, R, S, T, nothing],
        Rhythm::PrematureAtrial => [wave(-0.12, -0.13, 0.020), Q, R, S, T, nothing],
        Rhythm::PrematureVentricular => [
            nothing,
            wave(-0.10, -0.07, 0.03),
            wave(1.10, 0.0, 0.034),
            wave(-0.25, 0.085, 0.03),
            wave(-0.33, 0.28, 0.06),
            nothing,
        ],
        Rhythm::LeftBlock => [
            P,
            nothing,
            wave(0.75, -0.012, 0.020),
            wave(0.62, 0.044, 0.022),
            wave(-0.2, 0.29, 0.055),
            nothing,
        ],
        Rhythm::RightBlock => [P, Q, R, wave(-0.30, 0.040, 0.016), T, wave(0.32, 0.090, 0.022)],
    }
}

/// What stays the same over one person's beats.
struct Person {
    block: Option<Rhythm>,
    /// Seconds between beats.
    interval: f32,
    /// Factors and offsets for each wave, the same in all of the person's beats.
    heights: [f32; 6],
    widths: [f32; 6],
    delays: [f32; 6],
    gain: f32,
    wander: f32,
    noise: f32,
}

impl Person {
    fn new(rng: &mut ChaCha8Rng) -> Self {
        let block = match rng.random_range(0..5) {
            3 => Some(Rhythm::LeftBlock),
            4 => Some(Rhythm::RightBlock),
            _ => None,
        };
        Self {
            block,
            interval: uniform(rng, 0.65, 1.05),
            heights: std::array::from_fn(|_| (0.25 * normal(rng)).exp()),
            widths: std::array::from_fn(|_| (0.12 * normal(rng)).exp()),
            delays: std::array::from_fn(|_| 0.006 * normal(rng)),
            gain: (0.20 * normal(rng)).exp(),
            wander: uniform(rng, 0.02, 0.10),
            noise: uniform(rng, 0.015, 0.045),
        }
    }

    /// With a block every beat has it; without one, each third beat is normal, premature atrial or premature ventricular.
    fn next_rhythm(&self, rng: &mut ChaCha8Rng) -> Rhythm {
        self.block.unwrap_or_else(|| match rng.random_range(0..3) {
            0 => Rhythm::Normal,
            1 => Rhythm::PrematureAtrial,
            _ => Rhythm::PrematureVentricular,
        })
    }

    fn beat(&self, rhythm: Rhythm, rng: &mut ChaCha8Rng) -> Vec<f32> {
        let early = matches!(rhythm, Rhythm::PrematureAtrial | Rhythm::PrematureVentricular);
        let hurry = if early { uniform(rng, 0.55, 0.75) } else { uniform(rng, 0.92, 1.08) };
        // The T wave of the beat before, a normal or a blocked one, runs into this beat if it comes soon.
        let [.., before, _] = self.vary(waves(self.block.unwrap_or(Rhythm::Normal)), rng);
        let before = Wave { time: before.time - self.interval * hurry, ..before };
        let mut sum = self.vary(waves(rhythm), rng).to_vec();
        sum.push(before);
        let (phase, period) = (uniform(rng, 0.0, TAU), uniform(rng, 2.0, 5.0));
        let shake = 0.012 * normal(rng);
        let sample = |index: usize| {
            #[expect(clippy::cast_precision_loss, reason = "an index below 128")]
            let time = index as f32 / SAMPLE_RATE;
            let heart: f32 = sum.iter().map(|wave| wave.at(time - R_TIME - shake)).sum();
            let wander = self.wander * (phase + TAU * time / period).sin();
            self.gain * heart + wander + self.noise * normal(rng)
        };
        (0..BEAT_LENGTH).map(sample).collect()
    }

    /// Returns the person's own waves, a little different each time.
    fn vary(&self, waves: [Wave; 6], rng: &mut ChaCha8Rng) -> [Wave; 6] {
        let mut varied = waves;
        let own = self.heights.iter().zip(&self.widths).zip(&self.delays);
        for (wave, ((height, width), delay)) in varied.iter_mut().zip(own) {
            wave.height *= height * (0.10 * normal(rng)).exp();
            wave.width *= width * (0.08 * normal(rng)).exp();
            wave.time += delay + 0.004 * normal(rng);
        }
        varied
    }
}

impl Wave {
    fn at(&self, time: f32) -> f32 {
        let distance = (time - self.time) / self.width;
        self.height * (-0.5 * distance * distance).exp()
    }
}

/// Returns a number between two others, each as likely.
pub(super) fn uniform(rng: &mut ChaCha8Rng, from: f32, to: f32) -> f32 {
    from + (to - from) * rng.random::<f32>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn every_class_occurs_about_equally_often_and_values_are_millivolts() {
        let source = generate_ecg(1000, 5, 1).unwrap();
        let mut counts = [0; 5];
        for &label in source.train.labels().unwrap() {
            counts[usize::from(label)] += 1;
        }
        // About 1000 each. Blocks come in fives, sd 63; the seed is fixed, so this is no matter of luck.
        assert!(counts.iter().all(|count| (700..1300).contains(count)), "{counts:?}");
        let values = source.train.values();
        let inside = values.iter().filter(|v| (-1.5..2.5).contains(*v)).count();
        assert!(inside as f64 > 0.995 * values.len() as f64);
        assert!(values.iter().all(|v| v.abs() < 8.0));
        assert!(source.description.synthetic && source.description.classes.len() == 5);
    }

    #[test]
    fn a_block_is_in_each_beat_of_its_person() {
        let source = generate_ecg(200, 6, 1).unwrap();
        let mut classes: BTreeMap<&str, Vec<u16>> = BTreeMap::new();
        for (person, &label) in source.train.persons().unwrap().iter().zip(source.train.labels().unwrap()) {
            classes.entry(person).or_default().push(label);
        }
        assert_eq!(classes.len(), 200);
        assert!(
            classes
                .values()
                .all(|labels| labels.iter().all(|&l| l < 3) || labels.iter().all(|l| l == &labels[0]))
        );
    }

    #[test]
    fn the_seed_decides_and_one_person_more_changes_nobody() {
        let data = |persons, seed| generate_ecg(persons, 3, seed).unwrap().train;
        assert_eq!(data(5, 1), data(5, 1));
        assert_ne!(data(5, 1).values(), data(5, 2).values());
        assert_eq!(data(6, 1).select(&(0..15).collect::<Vec<_>>()), data(5, 1));
    }

    #[test]
    fn nobody_and_too_many_are_refused() {
        assert!(generate_ecg(0, 5, 1).unwrap_err().to_string().contains("both must be at least 1"));
        assert!(generate_ecg(5, 0, 1).unwrap_err().to_string().contains("both must be at least 1"));
        assert!(
            generate_ecg(usize::MAX, 2, 1).unwrap_err().to_string().contains("more than 1000000 records")
        );
    }
}
