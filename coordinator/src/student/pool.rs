//! What the student learns from: the instances of all lessons and of a file, each once, and their labels.

use std::collections::HashMap;

use base::ids::Digest;
use learning::{Dataset, files::instances_from_npy_bytes};

use super::{Lesson, StudentError};

/// Puts the instances of all lessons and `more` unlabeled ones together. An instance that comes several times is taken
/// once, with the first label it has.
pub(super) fn gather(
    shape: &[usize],
    lessons: &[Lesson],
    more: Option<&Dataset>,
) -> Result<(Dataset, Vec<Option<u16>>), StudentError> {
    let mut pool = Pool::default();
    for lesson in lessons {
        let digest = Digest::of(&lesson.instances);
        if lesson.labels.as_ref().is_some_and(|labels| labels.instances != digest) {
            return Err(StudentError::Digest(lesson.round));
        }
        let instances = instances_from_npy_bytes(&lesson.instances, shape)?;
        let labels = lesson.labels.as_ref().map_or(&[][..], |labels| &labels.labels);
        if lesson.labels.is_some() && labels.len() != instances.len() {
            return Err(StudentError::Digest(lesson.round));
        }
        pool.add(&instances, labels);
    }
    if let Some(more) = more {
        pool.add(more, &[]);
    }
    Ok((Dataset::new(pool.values, shape.to_vec(), None, None)?, pool.labels))
}

#[derive(Default)]
struct Pool {
    values: Vec<f32>,
    labels: Vec<Option<u16>>,
    places: HashMap<Digest, usize>,
}

impl Pool {
    fn add(&mut self, instances: &Dataset, labels: &[Option<u16>]) {
        let rows = instances.values().chunks(instances.width()).zip(instances.digests());
        for (row, (instance, digest)) in rows.enumerate() {
            let label = labels.get(row).copied().flatten();
            let next = self.labels.len();
            let place = *self.places.entry(digest).or_insert(next);
            match self.labels.get_mut(place) {
                Some(known) => *known = known.or(label),
                None => {
                    self.values.extend_from_slice(instance);
                    self.labels.push(label);
                }
            }
        }
    }
}
