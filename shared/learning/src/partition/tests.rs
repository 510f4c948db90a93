//! Every record goes to exactly one participant, and persons stay whole.

use super::*;
use std::collections::{BTreeMap, BTreeSet};

/// `persons` × 5 records in ten classes; each person's records have two classes.
fn people(persons: usize) -> Dataset {
    let keys = (0..persons * 5).map(|i| format!("person {}", i % persons)).collect();
    let labels = (0..persons * 5).map(|i| ((i % persons + usize::from(i < persons)) % 10) as u16).collect();
    let values = (0..persons * 5).map(|i| i as f32).collect();
    Dataset::new(values, vec![1], Some(labels), Some(keys)).unwrap()
}

fn records(count: usize) -> Dataset {
    let labels = (0..count).map(|i| (i % 10) as u16).collect();
    Dataset::new((0..count).map(|i| i as f32).collect(), vec![1], Some(labels), None).unwrap()
}

fn assert_each_once(parts: &[Vec<usize>], records: usize) {
    let mut all = parts.concat();
    all.sort_unstable();
    assert_eq!(all, (0..records).collect::<Vec<_>>());
    assert!(parts.iter().all(|part| !part.is_empty() && part.is_sorted()));
}

const ALL: [Partition; 3] = [Partition::Hashed, Partition::Skew { alpha: 0.3 }, Partition::Group];

#[test]
fn every_record_is_dealt_exactly_once_and_no_person_is_split() {
    let data = people(400);
    for by in ALL {
        let parts = partition(&data, by, 12, 7).unwrap();
        assert_each_once(&parts, data.len());
        let mut homes: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
        for (participant, part) in parts.iter().enumerate() {
            for &index in part {
                homes.entry(&data.persons().unwrap()[index]).or_default().insert(participant);
            }
        }
        assert_eq!(homes.len(), 400);
        assert!(homes.values().all(|homes| homes.len() == 1), "{by} splits a person");
    }
}

#[test]
fn the_seed_decides_and_nothing_else() {
    let data = records(2000);
    for by in [Partition::Hashed, Partition::Skew { alpha: 0.3 }] {
        let parts = partition(&data, by, 20, 7).unwrap();
        assert_each_once(&parts, 2000);
        assert_eq!(parts, partition(&data, by, 20, 7).unwrap());
        assert_ne!(parts, partition(&data, by, 20, 8).unwrap(), "{by}");
    }
    assert_eq!(simulated_seed(1, 2), simulated_seed(1, 2));
    assert_ne!(simulated_seed(1, 2), simulated_seed(1, 3));
}

/// Returns the mean over participants of the share that its most frequent class has: 0.1 at least with ten classes.
fn mean_peak(parts: &[Vec<usize>], labels: &[u16]) -> f64 {
    let peak = |part: &Vec<usize>| {
        let mut counts = [0_usize; 10];
        part.iter().for_each(|&i| counts[usize::from(labels[i])] += 1);
        *counts.iter().max().unwrap() as f64 / part.len() as f64
    };
    parts.iter().map(peak).sum::<f64>() / parts.len() as f64
}

#[test]
fn a_small_alpha_skews_classes_a_large_one_does_not_and_sizes_stay_even() {
    let data = records(10_000);
    let peak = |by| {
        let parts = partition(&data, by, 50, 3).unwrap();
        assert_each_once(&parts, 10_000);
        if by.is_simulation() {
            assert!(parts.iter().all(|part| part.len() == 200), "{by} deals unevenly");
        }
        mean_peak(&parts, data.labels().unwrap())
    };
    let [tiny, small, large, hashed] = [
        Partition::Skew { alpha: 0.02 },
        Partition::Skew { alpha: 0.3 },
        Partition::Skew { alpha: 1000.0 },
        Partition::Hashed,
    ]
    .map(peak);
    // Even classes give a peak near 0.13 in 200 records; Dirichlet(0.3) has a mean largest part near 0.5.
    assert!(large < 0.18 && hashed < 0.18, "{large} {hashed}");
    assert!((0.35..0.65).contains(&small), "{small}");
    // Less than the mixture alone would give: towards the end classes have run out.
    assert!(tiny > 0.65, "{tiny}");
}

#[test]
fn groups_stay_whole_and_are_balanced() {
    let groups: Vec<String> =
        (0..100).map(|i| format!("g{}", [0, 0, 0, 1, 1, 2, 3, 3, 4, 4][i % 10])).collect();
    let data = Dataset::new(vec![0.0; 100], vec![1], Some(vec![0; 100]), Some(groups)).unwrap();
    let parts = partition(&data, Partition::Group, 3, 0).unwrap();
    assert_each_once(&parts, 100);
    let mut sizes: Vec<usize> = parts.iter().map(Vec::len).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [30, 30, 40]);
    let too_many = partition(&data, Partition::Group, 6, 0).unwrap_err();
    assert_eq!(too_many, PartitionError::TooFew { unit: "groups", found: 5, participants: 6 });
}

#[test]
fn what_cannot_be_dealt_is_refused_in_words() {
    let data = records(30);
    let refusal = |by, participants| partition(&data, by, participants, 1).unwrap_err().to_string();
    assert!(refusal(Partition::Hashed, 0).contains("0 participants"));
    assert!(refusal(Partition::Hashed, 30).contains("would hold no record"));
    assert!(refusal(Partition::Skew { alpha: 0.3 }, 31).contains("30 records cannot be dealt to 31"));
    assert!(refusal(Partition::Group, 3).contains("names no groups"));
    let skew = Partition::Skew { alpha: 0.3 };
    let unlabeled = partition(&data.clone().unlabeled(), skew, 3, 1).unwrap_err();
    assert_eq!(unlabeled, PartitionError::Dataset(DatasetError::NoLabels));
    for (text, expected) in [("hashed", Partition::Hashed), ("skew:0.3", skew), ("group", Partition::Group)] {
        let parsed: Partition = text.parse().unwrap();
        assert_eq!((parsed, parsed.to_string().as_str()), (expected, text));
    }
    for text in ["skew:0", "skew:-1", "skew:NaN", "skew:inf"] {
        assert!(matches!(text.parse::<Partition>(), Err(PartitionError::Alpha { .. })), "{text}");
    }
    for text in ["", "skew", "skew:", "random", "hashed:1"] {
        assert!(matches!(text.parse::<Partition>(), Err(PartitionError::Unknown { .. })), "{text}");
    }
}
