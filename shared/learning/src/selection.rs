//! Which instances to ask labels for: chosen by the instances alone, before anyone has seen a label.

use super::features::Study;
use super::{Dataset, DatasetError, StudentConfig, TrainError, seeds};
use base::schema::{InstanceKind, InstanceSchema};
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// The most rounds of k-means; it ends earlier when no instance changes its group.
const MOST_ROUNDS: usize = 60;

/// How instances are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Selection {
    /// Every instance is as likely as any other.
    Random,
    /// The middle of each of as many groups of similar instances: those teachers agree on most.
    #[default]
    Typical,
    /// The same, where instances are similar if their learnt features are.
    Learnt,
}

/// Why nothing is chosen.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SelectionError {
    /// More instances are wanted than there are, or none.
    #[error("{count} instances cannot be chosen out of {instances}; choose between 1 and {instances}")]
    Count {
        /// How many are wanted.
        count: usize,
        /// How many there are.
        instances: usize,
    },
    /// The instances do not fit their schema.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// Features cannot be learnt of such instances.
    #[error(
        "features are learnt from changed copies, and instances of kind `{kind}` have no change that keeps their class: choose the typical ones"
    )]
    NoChange {
        /// The instances' kind.
        kind: InstanceKind,
    },
    /// Learning the features failed.
    #[error(transparent)]
    Features(#[from] Box<TrainError>),
}

/// Chooses `count` different instances and returns their indices, from low to high; the same seed chooses the same on any
/// number of threads.
///
/// Typical instances are the medoids of k-means, in images on pixels blurred 3 × 3, otherwise on columns scaled to the
/// same deviation, or on features that are learnt from the instances first; `progress` is told the steps of that. Only
/// the unlabeled instances are read, so this costs no privacy.
///
/// # Errors
/// A count outside 1 to the number of instances, instances of another schema, or features of instances that have none.
pub fn select(
    selection: Selection,
    schema: &InstanceSchema,
    instances: &Dataset,
    count: usize,
    seed: u64,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Vec<usize>, SelectionError> {
    instances.check_schema(schema)?;
    if !(1..=instances.len()).contains(&count) {
        return Err(SelectionError::Count { count, instances: instances.len() });
    }
    let mut rng = seeds::generator("selection", seed, 0);
    let mut chosen = match selection {
        Selection::Random => {
            let mut order: Vec<usize> = (0..instances.len()).collect();
            order.shuffle(&mut rng);
            order.truncate(count);
            order
        }
        Selection::Typical => Points::of(schema, instances).medoids(count, &mut rng),
        Selection::Learnt => Points::learnt(schema, instances, seed, progress)?.medoids(count, &mut rng),
    };
    chosen.sort_unstable();
    Ok(chosen)
}

/// Instances as points between which distances mean something; `values` holds points of `width` numbers, at least one.
struct Points {
    values: Vec<f32>,
    width: usize,
}

impl Points {
    fn of(schema: &InstanceSchema, instances: &Dataset) -> Self {
        let width = instances.width();
        let values = match (schema.kind(), schema.shape_with_channels().as_slice()) {
            (InstanceKind::Image, &[_, height, columns]) => {
                let images = instances.values().par_chunks(height * columns);
                images.flat_map_iter(|channel| blurred(channel, columns)).collect()
            }
            _ => standardised(instances.values(), width),
        };
        Self { values, width }
    }

    /// Features learnt as a student would learn them.
    fn learnt(
        schema: &InstanceSchema,
        instances: &Dataset,
        seed: u64,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<Self, SelectionError> {
        let config = StudentConfig::default();
        if !config.consistency.learns_features(schema) {
            return Err(SelectionError::NoChange { kind: schema.kind() });
        }
        let [_, change] = config.consistency.changes_for(schema);
        // The features are those of the hidden layer, which does not know how many classes there are.
        let failed = |e: TrainError| SelectionError::Features(Box::new(e));
        let (network, _) = config.network(schema, 2).map_err(|e| failed(e.into()))?;
        let study = Study {
            config: &config.features,
            schema,
            pool: instances,
            network: &network,
            change: &change,
            seed,
        };
        let (values, width) = study.learn(progress).map_err(failed)?.of(instances);
        Ok(Self { values, width })
    }

    fn all(&self) -> rayon::slice::ChunksExact<'_, f32> {
        self.values.par_chunks_exact(self.width)
    }

    fn point(&self, index: usize) -> &[f32] {
        self.values.chunks_exact(self.width).nth(index).unwrap_or_default()
    }

    /// Returns the medoids of `count` groups; where groups stay empty, the points farthest from all medoids.
    fn medoids(&self, count: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
        let mut centres = self.first_centres(count, rng);
        let mut groups = self.nearest(&centres);
        for _ in 0..MOST_ROUNDS {
            self.move_centres(&groups, &mut centres);
            let next = self.nearest(&centres);
            let settled = next.iter().zip(&groups).all(|(a, b)| a.0 == b.0);
            groups = next;
            if settled {
                break;
            }
        }
        let mut best: Vec<Option<(usize, f32)>> = vec![None; count];
        for (index, (group, distance)) in groups.iter().enumerate() {
            if let Some(best) = best.get_mut(*group)
                && best.is_none_or(|(_, least)| *distance < least)
            {
                *best = Some((index, *distance));
            }
        }
        let mut chosen: Vec<usize> = best.into_iter().flatten().map(|(index, _)| index).collect();
        let distances = self.all().map(|point| {
            chosen.iter().map(|medoid| distance(point, self.point(*medoid))).fold(f32::INFINITY, f32::min)
        });
        let distances: Vec<f32> = distances.collect();
        self.fill(&mut chosen, distances, count);
        chosen
    }

    /// Adds the farthest points not yet taken until there are `count`.
    fn fill(&self, chosen: &mut Vec<usize>, mut far: Vec<f32>, count: usize) {
        while chosen.len() < count {
            let free = far.iter().enumerate().filter(|(index, _)| !chosen.contains(index));
            let Some((farthest, _)) = free.max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(&a.0))) else {
                return;
            };
            chosen.push(farthest);
            self.come_nearer(&mut far, farthest);
        }
    }

    /// Returns the k-means++ start (Arthur and Vassilvitskii 2007): a point is drawn by the square of its distance to
    /// those drawn before.
    fn first_centres(&self, count: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
        let points = self.values.len() / self.width;
        let mut squares = vec![f32::INFINITY; points];
        let mut centres = Vec::with_capacity(count * self.width);
        let mut drawn = rng.random_range(0..points);
        for _ in 0..count {
            centres.extend_from_slice(self.point(drawn));
            self.come_nearer(&mut squares, drawn);
            let sum: f64 = squares.iter().map(|square| f64::from(*square)).sum();
            let mut left = rng.random::<f64>() * sum;
            // Points that are all drawn already have distance 0: then any will do, and its group stays empty.
            drawn = squares
                .iter()
                .position(|square| {
                    left -= f64::from(*square);
                    left < 0.0
                })
                .unwrap_or(0);
        }
        centres
    }

    /// Lowers each square distance to the one from `centre`, where that is lower.
    fn come_nearer(&self, squares: &mut [f32], centre: usize) {
        let centre = self.point(centre);
        self.all().zip(squares.par_iter_mut()).for_each(|(point, square)| {
            *square = square.min(distance(point, centre));
        });
    }

    /// Returns the nearest centre of each point and the square of its distance; the first of several.
    fn nearest(&self, centres: &[f32]) -> Vec<(usize, f32)> {
        let nearest = |point: &[f32]| {
            let centres = centres.chunks_exact(self.width).enumerate();
            centres.map(|(index, centre)| (index, distance(point, centre))).fold(
                (0, f32::INFINITY),
                |best, next| {
                    if next.1 < best.1 { next } else { best }
                },
            )
        };
        self.all().map(nearest).collect()
    }

    /// Moves each centre to the mean of its group; a centre without a group stays.
    fn move_centres(&self, groups: &[(usize, f32)], centres: &mut [f32]) {
        centres.par_chunks_exact_mut(self.width).enumerate().for_each(|(group, centre)| {
            let mut sum = vec![0.0_f64; self.width];
            let mut members = 0_u32;
            let all = self.values.chunks_exact(self.width).zip(groups);
            for (point, _) in all.filter(|(_, (of, _))| *of == group) {
                members += 1;
                sum.iter_mut().zip(point).for_each(|(sum, value)| *sum += f64::from(*value));
            }
            if members > 0 {
                centre.iter_mut().zip(sum).for_each(|(c, sum)| *c = (sum / f64::from(members)) as f32);
            }
        });
    }
}

/// Returns the square of the distance, summed in eight lanes that the processor adds side by side.
fn distance(a: &[f32], b: &[f32]) -> f32 {
    let (a_lanes, b_lanes) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut lanes = [0.0_f32; 8];
    for (a, b) in a_lanes.0.iter().zip(b_lanes.0) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += (a - b) * (a - b);
        }
    }
    let rest: f32 = a_lanes.1.iter().zip(b_lanes.1).map(|(a, b)| (a - b) * (a - b)).sum();
    lanes.iter().sum::<f32>() + rest
}

/// Each pixel's mean with its eight neighbours; outside it is dark.
fn blurred(channel: &[f32], width: usize) -> Vec<f32> {
    let height = channel.len() / width;
    let near = |at: usize, extent: usize| at.saturating_sub(1)..(at + 2).min(extent);
    let mean = |at: usize| {
        let rows = near(at / width, height).filter_map(|y| channel.get(y * width..(y + 1) * width));
        rows.filter_map(|row| row.get(near(at % width, width))).flatten().sum::<f32>() / 9.0
    };
    (0..channel.len()).map(mean).collect()
}

/// Each column minus its mean, divided by its deviation; a column without deviation is 0.
fn standardised(values: &[f32], width: usize) -> Vec<f32> {
    let rows = (values.len() / width).max(1) as f64;
    let mut mean = vec![0.0_f64; width];
    for row in values.chunks_exact(width) {
        mean.iter_mut().zip(row).for_each(|(mean, value)| *mean += f64::from(*value) / rows);
    }
    let mut variance = vec![0.0_f64; width];
    for row in values.chunks_exact(width) {
        let moments = variance.iter_mut().zip(&mean).zip(row);
        moments.for_each(|((variance, mean), value)| *variance += (f64::from(*value) - mean).powi(2) / rows);
    }
    let scaled = |(value, (mean, variance)): (&f32, (&f64, &f64))| {
        if *variance > 0.0 { ((f64::from(*value) - mean) / variance.sqrt()) as f32 } else { 0.0 }
    };
    values
        .chunks_exact(width)
        .flat_map(|row| row.iter().zip(mean.iter().zip(&variance)).map(scaled))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(values: Vec<f32>, columns: usize) -> (InstanceSchema, Dataset) {
        let schema = InstanceSchema::new(InstanceKind::Table, vec![columns]).unwrap();
        (schema, Dataset::new(values, vec![columns], None, None).unwrap())
    }

    /// Five clouds of 21 points; the point in the middle of cloud `c` is instance `21 c + 10`.
    fn clouds() -> (InstanceSchema, Dataset) {
        let offset = |i: usize| (i as f32 - 10.0) / 100.0;
        let point = |i: usize| [((i / 21 * 3) % 5) as f32 + offset(i % 21), (i / 21) as f32 * 1000.0];
        table((0..105).flat_map(point).collect(), 2)
    }

    #[test]
    fn typical_instances_are_the_middles_of_their_groups_whatever_the_columns_units() {
        let (schema, data) = clouds();
        for seed in 0..5 {
            let chosen = select(Selection::Typical, &schema, &data, 5, seed, &|_, _| ()).unwrap();
            assert_eq!(chosen, [10, 31, 52, 73, 94], "seed {seed}");
        }
    }

    #[test]
    fn the_seed_decides_and_the_threads_do_not() {
        let values: Vec<f32> =
            (0_u32..4000).map(|i| ((i.wrapping_mul(2_654_435_761) >> 16) % 997) as f32).collect();
        let (schema, data) = table(values, 8);
        for selection in [Selection::Random, Selection::Typical] {
            let with = |threads: usize, seed: u64| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| select(selection, &schema, &data, 20, seed, &|_, _| ()).unwrap())
            };
            let one = with(1, 3);
            assert_eq!(one, with(4, 3));
            assert_ne!(one, with(1, 4));
            assert_eq!(one.len(), 20);
            assert!(one.is_sorted_by(|a, b| a < b) && one.iter().all(|i| *i < 500));
        }
    }

    #[test]
    fn equal_instances_are_still_chosen_one_by_one() {
        let (schema, data) = table(vec![2.0; 12], 2);
        for selection in [Selection::Random, Selection::Typical] {
            for count in 1..=6 {
                let mut chosen = select(selection, &schema, &data, count, 1, &|_, _| ()).unwrap();
                chosen.dedup();
                assert_eq!(chosen.len(), count, "{selection:?}");
            }
        }
    }

    #[test]
    fn a_pixel_shines_on_its_neighbours_but_not_over_the_edge() {
        let mut image = vec![0.0; 12];
        image[3] = 9.0;
        assert_eq!(blurred(&image, 4), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
        let scaled = standardised(&[1.0, 5.0, 3.0, 5.0], 2);
        assert_eq!(scaled, [-1.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn distances_do_not_forget_the_last_values() {
        let (a, b) = ([1.0; 11], [3.0; 11]);
        assert!((distance(&a, &b) - 44.0).abs() < 1e-6);
    }

    #[test]
    fn counts_and_instances_that_do_not_fit_are_refused() {
        let (schema, data) = clouds();
        let refusal =
            |count| select(Selection::Typical, &schema, &data, count, 1, &|_, _| ()).unwrap_err().to_string();
        assert_eq!(refusal(0), "0 instances cannot be chosen out of 105; choose between 1 and 105");
        assert!(refusal(106).starts_with("106 instances cannot be chosen out of 105"));
        let other = InstanceSchema::new(InstanceKind::Table, vec![3]).unwrap();
        let error = select(Selection::Random, &other, &data, 1, 1, &|_, _| ()).unwrap_err().to_string();
        assert!(error.contains("shape [2], the schema says [3]"), "{error}");
    }
}
