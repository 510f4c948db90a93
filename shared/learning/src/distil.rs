//! The student: a network trained on the labels of released rounds.

use super::dataset::Dataset;
use super::network::Network;
use super::recipe::Recipe;
use super::train::{TrainError, train};

/// Trains the student on the instances that have a label; `labels[i]` belongs to instance `i` and is nothing for an
/// abstention. Labels are released, so this costs no privacy.
///
/// # Errors
/// Not one label (or abstention) per instance, no label at all, or as [`train`].
pub fn distil(
    recipe: &Recipe,
    instances: &Dataset,
    labels: &[Option<u16>],
    seed: u64,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Network, TrainError> {
    if labels.len() != instances.len() {
        return Err(TrainError::Labels { labels: labels.len(), instances: instances.len() });
    }
    let (answered, labels): (Vec<usize>, Vec<u16>) =
        labels.iter().enumerate().filter_map(|(index, label)| Some((index, (*label)?))).unzip();
    let shape = instances.shape().to_vec();
    let labeled = Dataset::new(instances.select(&answered).into_values(), shape, Some(labels), None)?;
    let all: Vec<usize> = (0..labeled.len()).collect();
    train(recipe, &labeled, &all, seed, progress)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate_ecg;

    #[test]
    fn an_instance_without_a_label_does_not_touch_the_student() {
        let source = generate_ecg(6, 2, 4).unwrap();
        let mut recipe = Recipe::student(source.description.schema, 5);
        recipe.train.epochs = 1;
        let labels: Vec<Option<u16>> = (0..12).map(|i| (i % 4 != 0).then_some(i % 5)).collect();
        let mut changed = source.train.values().to_vec();
        changed[..128].fill(1.5);
        let changed = Dataset::new(changed, vec![128], None, None).unwrap();
        let student = |instances: &Dataset, labels: &[Option<u16>]| {
            distil(&recipe, instances, labels, 1, &|_, _| ()).map(|network| network.weights())
        };
        let first = student(&source.train, &labels).unwrap();
        assert_eq!(student(&changed, &labels).unwrap(), first);
        let mut answered = labels.clone();
        answered[0] = Some(0);
        assert_ne!(student(&changed, &answered).unwrap(), first);
        assert_eq!(student(&changed, &[None; 12]), Err(TrainError::NoRecords));
        assert_eq!(student(&changed, &labels[1..]), Err(TrainError::Labels { labels: 11, instances: 12 }));
    }
}
