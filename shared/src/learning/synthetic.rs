//! Synthetic electrocardiogram beats, for demos without any download. They come from no person.

use super::split::Source;

/// Makes `persons` × `beats_per_person` labeled beats of five classes, persons included.
#[must_use]
pub fn generate_ecg(persons: usize, beats_per_person: usize, seed: u64) -> Source {
    let _ = (persons, beats_per_person, seed);
    todo!()
}
