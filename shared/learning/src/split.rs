//! Splitting one labeled source into a whole federation's data, for demos and experiments.

use super::dataset::Dataset;
use super::description::Description;
use super::files::{self, FileError};
use super::seeds;
use rand::seq::{SliceRandom, index};
use std::collections::HashMap;
use std::path::Path;

/// Why a source cannot be split, or instances cannot be drawn.
#[derive(Debug, thiserror::Error)]
pub enum SplitError {
    /// No participants were asked for.
    #[error("a split needs at least 1 participant, not 0")]
    NoParticipants,
    /// There are too few records or persons for all parts.
    #[error(
        "{found} {unit} are too few for {participants} participants, the unlabeled and the held-out part; use fewer participants or more data"
    )]
    TooFew {
        /// `records` or `persons`.
        unit: &'static str,
        /// How many there are.
        found: usize,
        /// How many participants were asked for.
        participants: usize,
    },
    /// More instances were asked for than there are.
    #[error("{asked} instances were asked for and the unlabeled part holds {available}; ask for fewer")]
    TooMany {
        /// How many were asked for.
        asked: usize,
        /// How many there are.
        available: usize,
    },
    /// The source has no labels.
    #[error(transparent)]
    Dataset(#[from] super::dataset::DatasetError),
    /// A file or folder cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// A labeled source: with a test part of its own (MNIST), or in one piece.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// What participants are given, and all there is if `test` is nothing.
    pub train: Dataset,
    /// The source's own test part.
    pub test: Option<Dataset>,
    /// What the data is.
    pub description: Description,
}

/// A federation's data. No record is in two parts; no person either, where persons are known and the source comes in
/// one piece.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    /// One labeled dataset per participant.
    pub participants: Vec<Dataset>,
    /// Instances for rounds, without labels and persons.
    pub unlabeled: Dataset,
    /// The true labels of `unlabeled`, for a report only.
    pub truth: Vec<u16>,
    /// What tests the student.
    pub held_out: Dataset,
    /// What the data is.
    pub description: Description,
}

/// Splits `source` over `participants`.
///
/// With a test part of its own the training part is permuted by `seed` and dealt to the participants; the first nine
/// tenths of the test part, in file order, become the unlabeled part and the rest is held out. In one piece, a tenth
/// of the persons (of the records, where there are no persons) is held out, a tenth becomes the unlabeled part, and
/// the others are dealt to the participants, all after a permutation by `seed`.
///
/// # Errors
/// No participants, no labels, or too few records or persons for the parts.
pub fn split(source: &Source, participants: usize, seed: u64) -> Result<Split, SplitError> {
    if participants == 0 {
        return Err(SplitError::NoParticipants);
    }
    let mut units = Units::of(&source.train);
    units.records.shuffle(&mut seeds::generator("split", seed, 0));
    let (unlabeled, held_out) = match &source.test {
        Some(test) => {
            let records: Vec<usize> = (0..test.len()).collect();
            let (first, last) = records.split_at(records.len() - records.len() / 10);
            (test.select(first), test.select(last))
        }
        None => {
            let tenth = units.records.len() / 10;
            let mut take = || source.train.select(&units.take(tenth));
            (take(), take())
        }
    };
    let parts = units.deal(participants);
    if unlabeled.is_empty() || held_out.is_empty() || parts.iter().any(Vec::is_empty) {
        let (unit, found) = (units.unit, units.total);
        return Err(SplitError::TooFew { unit, found, participants });
    }
    let truth = unlabeled.labels().ok_or(super::dataset::DatasetError::NoLabels)?.to_vec();
    let participants = parts.iter().map(|part| source.train.select(part)).collect();
    let description = source.description.clone();
    Ok(Split { participants, unlabeled: unlabeled.unlabeled(), truth, held_out, description })
}

/// Draws `count` different instances by `seed`: their indices in `unlabeled`, and the instances in that order.
///
/// # Errors
/// Fewer instances than `count`.
pub fn draw(unlabeled: &Dataset, count: usize, seed: u64) -> Result<(Vec<usize>, Dataset), SplitError> {
    let available = unlabeled.len();
    if count > available {
        return Err(SplitError::TooMany { asked: count, available });
    }
    let indices = index::sample(&mut seeds::generator("draw", seed, 0), available, count).into_vec();
    let instances = unlabeled.select(&indices).unlabeled();
    Ok((indices, instances))
}

/// Writes `participant-1/`, …, `unlabeled/`, `unlabeled-truth/` and `held-out/` below `folder`, each with
/// `description.json`.
///
/// # Errors
/// A file or folder that cannot be written.
pub fn write_split(split: &Split, folder: &Path) -> Result<(), SplitError> {
    for (number, data) in (1..).zip(&split.participants) {
        files::write_folder(&folder.join(format!("participant-{number}")), data, &split.description)?;
    }
    files::write_folder(&folder.join("unlabeled"), &split.unlabeled, &split.description)?;
    files::write_folder(&folder.join("held-out"), &split.held_out, &split.description)?;
    let truth = folder.join("unlabeled-truth");
    files::create_folder(&truth)?;
    Ok(files::write_labels(&truth.join("labels.npy"), &split.truth)?)
}

/// Groups of records that must stay together: a person's, or single records.
struct Units {
    unit: &'static str,
    total: usize,
    records: Vec<Vec<usize>>,
}

impl Units {
    fn of(data: &Dataset) -> Self {
        let Some(persons) = data.persons() else {
            return Self {
                unit: "records",
                total: data.len(),
                records: (0..data.len()).map(|i| vec![i]).collect(),
            };
        };
        // Persons stand in the order of their first record, so that the result is a function of data and seed.
        let mut records: Vec<Vec<usize>> = Vec::new();
        let mut place: HashMap<&str, usize> = HashMap::new();
        for (index, person) in persons.iter().enumerate() {
            let group = *place.entry(person).or_insert(records.len());
            match records.get_mut(group) {
                Some(group) => group.push(index),
                None => records.push(vec![index]),
            }
        }
        Self { unit: "persons", total: records.len(), records }
    }

    /// Takes `count` units off the end, as records.
    fn take(&mut self, count: usize) -> Vec<usize> {
        let keep = self.records.len().saturating_sub(count);
        self.records.drain(keep..).flatten().collect()
    }

    /// Deals the units that are left, one by one.
    fn deal(&self, parts: usize) -> Vec<Vec<usize>> {
        (0..parts)
            .map(|part| self.records.iter().skip(part).step_by(parts).flatten().copied().collect())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::files::{Expected, load_instances, load_labeled, load_labels};
    use super::super::generate_ecg;
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    /// Records whose only value is their number; label = number modulo 10.
    fn numbered(from: usize, to: usize) -> Dataset {
        let values = (from..to).map(|i| i as f32).collect();
        Dataset::new(values, vec![1], Some((from..to).map(|i| (i % 10) as u16).collect()), None).unwrap()
    }

    fn source(train: Dataset, test: Option<Dataset>) -> Source {
        Source { train, test, description: generate_ecg(1, 1, 0).unwrap().description }
    }

    #[test]
    fn a_source_with_a_test_part_keeps_it_apart_and_in_order() {
        let split = split(&source(numbered(0, 1003), Some(numbered(5000, 5100))), 5, 1).unwrap();
        let sizes: Vec<usize> = split.participants.iter().map(Dataset::len).collect();
        assert_eq!(sizes, [201, 201, 201, 200, 200]);
        let given: BTreeSet<u32> =
            split.participants.iter().flat_map(|p| p.values()).map(|&v| v as u32).collect();
        assert_eq!(given, (0..1003).collect());
        assert_eq!(split.unlabeled, numbered(5000, 5090).unlabeled());
        assert_eq!(split.truth, numbered(5000, 5090).labels().unwrap());
        assert_eq!(split.held_out, numbered(5090, 5100));
        // Dealt after a permutation, not in file order.
        assert_ne!(split.participants[0].values()[..3], [0.0, 5.0, 10.0]);
    }

    #[test]
    fn no_person_is_in_two_parts_and_no_record_is_lost() {
        let source = generate_ecg(230, 3, 8).unwrap();
        let split = split(&source, 4, 1).unwrap();
        let mut homes: BTreeMap<&str, usize> = BTreeMap::new();
        for (part, data) in split.participants.iter().chain([&split.held_out]).enumerate() {
            for person in data.persons().unwrap() {
                assert_eq!(*homes.entry(person).or_insert(part), part, "{person}");
            }
        }
        assert_eq!(homes.len(), 207);
        assert_eq!((split.unlabeled.len(), split.held_out.len()), (69, 69));
        assert!(split.unlabeled.persons().is_none() && split.unlabeled.labels().is_none());
        // The unlabeled beats are those of the 23 persons that are nowhere else.
        let others: Vec<usize> =
            (0..690).filter(|&i| !homes.contains_key(source.train.persons().unwrap()[i].as_str())).collect();
        let mut expected: Vec<_> = others.iter().map(|&i| source.train.instance(i).unwrap()).collect();
        let mut found: Vec<_> = (0..69).map(|i| split.unlabeled.instance(i).unwrap()).collect();
        expected.sort_by(|a, b| a.partial_cmp(b).unwrap());
        found.sort_by(|a, b| a.partial_cmp(b).unwrap());
        assert_eq!(found, expected);
    }

    #[test]
    fn the_seed_decides_and_nothing_else() {
        let source = source(numbered(0, 100), None);
        assert_eq!(split(&source, 3, 1).unwrap(), split(&source, 3, 1).unwrap());
        assert_ne!(split(&source, 3, 1).unwrap(), split(&source, 3, 2).unwrap());
    }

    #[test]
    fn too_little_data_is_refused() {
        let refusal = |records, participants| {
            split(&source(numbered(0, records), None), participants, 1).unwrap_err().to_string()
        };
        assert!(refusal(9, 2).contains("9 records are too few for 2 participants"));
        assert!(refusal(10, 9).contains("10 records are too few for 9 participants"));
        assert!(refusal(10, 0).contains("at least 1 participant"));
        assert!(split(&source(numbered(0, 10), None), 8, 1).is_ok());
    }

    #[test]
    fn a_draw_has_no_instance_twice_and_is_repeated_by_its_seed() {
        let unlabeled = numbered(0, 50);
        let (indices, instances) = draw(&unlabeled, 50, 3).unwrap();
        assert_eq!(indices.iter().copied().collect::<BTreeSet<_>>(), (0..50).collect());
        assert!(indices.iter().zip(instances.values()).all(|(&i, &v)| i as f32 == v));
        assert!(instances.labels().is_none());
        assert_eq!(draw(&unlabeled, 20, 3).unwrap(), draw(&unlabeled, 20, 3).unwrap());
        assert_ne!(draw(&unlabeled, 20, 3).unwrap().0, draw(&unlabeled, 20, 4).unwrap().0);
        let error = draw(&unlabeled, 51, 3).unwrap_err().to_string();
        assert_eq!(error, "51 instances were asked for and the unlabeled part holds 50; ask for fewer");
    }

    #[test]
    fn what_is_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let split = split(&generate_ecg(50, 2, 8).unwrap(), 2, 1).unwrap();
        write_split(&split, folder.path()).unwrap();
        let expected = split.description.expected();
        for (number, data) in (1..).zip(&split.participants) {
            let path = folder.path().join(format!("participant-{number}"));
            assert_eq!(load_labeled(&path, expected).unwrap(), *data);
            assert_eq!(Description::read_beside(&path).unwrap().unwrap(), split.description);
            assert!(std::fs::read_to_string(path.join("README.txt")).unwrap().starts_with("SYNTHETIC DATA."));
        }
        assert_eq!(load_labeled(&folder.path().join("held-out"), expected).unwrap(), split.held_out);
        let unlabeled = folder.path().join("unlabeled");
        assert_eq!(load_instances(&unlabeled.join("instances.npy"), expected).unwrap(), split.unlabeled);
        assert!(!unlabeled.join("labels.npy").exists() && !unlabeled.join("persons.npy").exists());
        let truth = folder.path().join("unlabeled-truth/labels.npy");
        assert_eq!(load_labels(&truth, Expected::default().classes).unwrap(), split.truth);
    }
}
