//! A fleet is settled once, its homes are made once, and a seed decides data, shards and training.

use std::{collections::BTreeMap, path::Path};

use base::schema::{InstanceKind, InstanceSchema};
use learning::{Augment, NetworkConfig, files::write_folder, generate_ecg};

use super::*;
use crate::config::Config;

fn plan(folder: &Path, name: &str, seed: Option<u64>) -> Plan {
    Plan {
        coordinator: "http://127.0.0.1:1".to_owned(),
        fingerprint: None,
        insecure_http: false,
        invites: None,
        homes: folder.join(name),
        data: folder.join("beats"),
        participants: 4,
        teachers: 2,
        partition: Partition::Hashed,
        seed,
        recipe: RecipeChoice::default(),
        poll: None,
    }
}

fn beats(folder: &Path) {
    let source = generate_ecg(120, 2, 3).unwrap();
    write_folder(&folder.join("beats"), &source.train, &source.description).unwrap();
}

/// Returns everything in the homes that the seed decides.
fn decided(fleet: &Fleet) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for member in &fleet.members {
        for file in ["data/instances.npy", "data/labels.npy", "data/persons.npy", "secret/shard.key"] {
            let bytes = std::fs::read(member.home.root().join(file)).unwrap();
            files.insert(format!("{}/{file}", member.name), bytes);
        }
        let seed = Config::load(&member.home).unwrap().teachers.seed;
        files.insert(format!("{}/seed", member.name), seed.to_le_bytes().to_vec());
    }
    files
}

#[test]
fn the_seed_decides_data_shards_and_training_but_never_an_identity() {
    let folder = tempfile::tempdir().unwrap();
    beats(folder.path());
    let make = |name, seed| Fleet::prepare(&plan(folder.path(), name, Some(seed))).unwrap();
    let (one, again, other) = (make("one", 5), make("again", 5), make("other", 6));
    assert_eq!(decided(&one), decided(&again));
    assert_ne!(decided(&one), decided(&other));
    let identity = |fleet: &Fleet| std::fs::read(fleet.members[0].home.secret().join("identity")).unwrap();
    assert_ne!(identity(&one), identity(&again), "an identity came from the seed");
    let keys: Vec<_> =
        one.members.iter().map(|m| decided(&one)[&format!("{}/secret/shard.key", m.name)].clone()).collect();
    assert!(keys.iter().enumerate().all(|(i, key)| !keys[..i].contains(key)), "two members share a key");
}

#[test]
fn a_second_start_uses_the_homes_again_and_refuses_other_settings() {
    let folder = tempfile::tempdir().unwrap();
    beats(folder.path());
    let first = Fleet::prepare(&plan(folder.path(), "homes", None)).unwrap();
    let before = decided(&first);
    let locked = Fleet::prepare(&plan(folder.path(), "homes", None)).unwrap_err().to_string();
    assert!(locked.contains("another agent runs"), "{locked}");
    drop(first);
    let again = Fleet::prepare(&plan(folder.path(), "homes", None)).unwrap();
    assert_eq!(decided(&again), before);
    drop(again);
    let mut other = plan(folder.path(), "homes", None);
    other.partition = Partition::Skew { alpha: 0.3 };
    let refused = Fleet::prepare(&other).unwrap_err();
    assert!(
        refused.is_usage() && refused.to_string().contains("--partition hashed, not skew:0.3"),
        "{refused}"
    );
}

#[test]
fn a_home_that_a_crash_left_half_made_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    beats(folder.path());
    let first = Fleet::prepare(&plan(folder.path(), "homes", Some(2))).unwrap();
    let (before, home) = (decided(&first), first.members[2].home.clone());
    drop(first);
    std::fs::remove_file(home.config()).unwrap();
    std::fs::remove_file(home.secret().join("shard.key")).unwrap();
    assert_eq!(decided(&Fleet::prepare(&plan(folder.path(), "homes", Some(2))).unwrap()), before);
}

#[test]
fn numbers_out_of_range_are_refused_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let refusal = |bend: fn(&mut Plan)| {
        let mut plan = plan(folder.path(), "homes", None);
        bend(&mut plan);
        Fleet::prepare(&plan).unwrap_err().to_string()
    };
    assert_eq!(refusal(|plan| plan.participants = 0), "--participants 0 must be from 1 to 1000");
    assert_eq!(refusal(|plan| plan.participants = 1001), "--participants 1001 must be from 1 to 1000");
    assert_eq!(refusal(|plan| plan.teachers = 0), "--teachers 0 must be from 1 to 10000");
    assert!(refusal(|plan| plan.data = "nowhere".into()).contains("nowhere"));
    assert!(refusal(|plan| plan.poll = Some(f64::NAN)).contains("--poll NaN"));
    assert!(!folder.path().join("homes").exists());
    let mut many = plan(folder.path(), "homes", None);
    assert!((many.poll() - 2.0).abs() < 1e-9);
    many.participants = 1000;
    assert!((many.poll() - 20.0).abs() < 1e-9, "1000 agents send 50 heartbeats a second");
}

#[test]
fn images_get_a_small_cnn_with_changes_and_everything_else_the_usual() {
    let image = InstanceSchema::new(InstanceKind::Image, vec![28, 28]).unwrap();
    let (network, train) = RecipeChoice::default().settle(&image, 10);
    assert!(matches!(network, Some(NetworkConfig::Cnn(config)) if config.channels == [8, 16]));
    let train = train.unwrap();
    assert_eq!((train.epochs, train.batch), (60, 16));
    assert!(matches!(train.augment, Augment::Warp(_)));
    let plain = RecipeChoice { model: None, epochs: Some(10), plain: true };
    let train = plain.settle(&image, 10).1.unwrap();
    assert_eq!((train.epochs, train.augment), (10, Augment::None {}));
    let table = InstanceSchema::new(InstanceKind::Table, vec![4]).unwrap();
    assert!(matches!(RecipeChoice::default().settle(&table, 3).0, Some(NetworkConfig::Mlp(_))));
    let tiny = InstanceSchema::new(InstanceKind::Image, vec![3, 3]).unwrap();
    assert!(matches!(RecipeChoice::default().settle(&tiny, 3).0, Some(NetworkConfig::Mlp(_))));
}
