//! What consistency training gains, what it refuses, and that it gives the same bits everywhere.

use super::*;
use crate::{NetworkConfig, network::WideConfig};
use base::schema::InstanceKind;

/// Bars in images of 12 × 12, upright or lying; the label of instance `i` is `i % 2`.
fn bars(count: usize) -> (InstanceSchema, Dataset) {
    let schema = InstanceSchema::new(InstanceKind::Image, vec![12, 12]).unwrap();
    let pixel = |i: usize, at: usize| {
        let (y, x, place) = (at / 12, at % 12, 3 + i / 2 % 6);
        let (along, across) = if i.is_multiple_of(2) { (y, x) } else { (x, y) };
        f32::from(u8::from((2..10).contains(&along) && across.abs_diff(place) < 1 + i / 12 % 2))
    };
    let values = (0..count).flat_map(|i| (0..144).map(move |at| pixel(i, at))).collect();
    (schema, Dataset::new(values, vec![12, 12], None, None).unwrap())
}

/// Returns the first `known` labels of instances that take turns between two classes.
fn first_labels(count: usize, known: usize) -> Vec<Option<u16>> {
    (0..count).map(|i| (i < known).then_some((i % 2) as u16)).collect()
}

fn quick(steps: usize) -> StudentConfig {
    let network = Some(NetworkConfig::Wide(WideConfig { channels: [4, 8], hidden: 16 }));
    let consistency =
        ConsistencyConfig { steps: Some(steps), labelled: 6, unlabelled: 10, ..ConsistencyConfig::default() };
    StudentConfig { network, consistency, ..StudentConfig::default() }
}

fn silent(
    config: &StudentConfig,
    data: &(InstanceSchema, Dataset),
    labels: &[Option<u16>],
) -> Result<Student, TrainError> {
    teach_student(config, &data.0, 2, (&data.1, labels), 3, &|_, _| ())
}

fn right(student: &Student, data: &Dataset) -> usize {
    let answers = predict(&student.network, data.values()).unwrap();
    answers.iter().enumerate().filter(|(i, answer)| usize::from(**answer) == i % 2).count()
}

#[test]
fn the_same_seed_gives_the_same_bits_on_one_thread_and_on_four() {
    let (data, labels) = (bars(40), first_labels(40, 6));
    let bits = |threads: usize, seed: u64| -> Vec<u32> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let student = pool
            .install(|| teach_student(&quick(6), &data.0, 2, (&data.1, &labels), seed, &|_, _| ()).unwrap());
        student.network.weights().into_iter().map(f32::to_bits).collect()
    };
    let one = bits(1, 7);
    assert_eq!(one, bits(4, 7));
    assert_eq!(one, bits(2, 7));
    assert_ne!(one, bits(2, 8));
}

#[test]
fn instances_without_a_label_and_what_is_drawn_from_them_decide_the_weights() {
    let (mut data, labels) = (bars(60), first_labels(60, 10));
    let mut config = quick(20);
    // Every instance has a pseudo-label, however unsure.
    config.consistency.threshold = 0.0;
    let weights = |config: &StudentConfig, data: &(InstanceSchema, Dataset)| {
        let taught = silent(config, data, &labels).unwrap();
        assert_eq!((taught.method, taught.labelled, taught.unlabelled), (Method::Consistency, 10, 50));
        taught.network.weights()
    };
    let first = weights(&config, &data);
    let mut changed = data.1.values().to_vec();
    changed[144 * 10..].reverse();
    data.1 = Dataset::new(changed, vec![12, 12], None, None).unwrap();
    assert!(first != weights(&config, &data));
    config.consistency.weight = 0.0;
    assert!(first != weights(&config, &bars(60)));
}

#[test]
fn a_wrong_label_among_many_right_ones_is_contradicted() {
    let data = bars(120);
    let mut labels = first_labels(120, 30);
    labels[4] = Some(1);
    let mut config = quick(150);
    config.consistency.loss = LabelLoss::Generalised { power: 0.7 };
    let taught = silent(&config, &data, &labels).unwrap();
    assert_eq!(taught.contradicted, 1);
    assert!(right(&taught, &data.1) >= 115, "{} of 120", right(&taught, &data.1));
}

#[test]
fn with_few_unlabeled_instances_the_labels_alone_teach() {
    let (data, labels) = (bars(40), first_labels(40, 30));
    let mut config = quick(5);
    config.plain = Some(crate::Recipe::student(data.0.clone(), 2).train);
    let taught = silent(&config, &data, &labels).unwrap();
    assert_eq!((taught.method, taught.labelled, taught.unlabelled), (Method::Plain, 30, 0));
    let recipe = config.plain_recipe(&data.0, 2);
    let distilled = distil(&recipe, &data.1, &labels, 3, &|_, _| ()).unwrap();
    assert_eq!(taught.network.weights(), distilled.weights());
    config.method = Method::Consistency;
    assert_eq!(silent(&config, &data, &labels).unwrap().method, Method::Consistency);
    // Nothing is left unlabeled: consistency on the labelled instances themselves still works.
    let all = first_labels(40, 40);
    assert_eq!(silent(&config, &data, &all).unwrap().unlabelled, 0);
}

#[test]
fn batches_smaller_than_their_parts_and_tiny_pools_train_too() {
    let data = bars(3);
    let mut config = quick(2);
    (config.consistency.labelled, config.consistency.unlabelled) = (1, 1);
    assert!(silent(&config, &data, &[Some(1), None, None]).is_ok());
    config.consistency.threshold = 0.0;
    (config.consistency.labelled, config.consistency.unlabelled) = (9, 50);
    assert!(silent(&config, &data, &[Some(1), None, None]).is_ok());
}

#[test]
fn signals_and_tables_have_changes_of_their_own() {
    for (kind, shape, name) in
        [(InstanceKind::Signal, vec![40], "Wobble"), (InstanceKind::Table, vec![5], "None")]
    {
        let schema = InstanceSchema::new(kind, shape.clone()).unwrap();
        let [weak, strong] = ConsistencyConfig::default().changes_for(&schema);
        assert!(format!("{weak:?}").starts_with(name) && format!("{strong:?}").starts_with(name));
        let width = shape[0];
        let values = (0..30 * width).map(|i| (i % 7) as f32).collect();
        let data = (schema, Dataset::new(values, shape, None, None).unwrap());
        let config = StudentConfig { network: None, ..quick(3) };
        assert!(silent(&config, &data, &first_labels(30, 4)).is_ok());
    }
}

#[test]
fn labels_and_settings_that_do_not_fit_are_refused_before_training() {
    let data = bars(4);
    let refusal = |config: &StudentConfig, labels: &[Option<u16>]| {
        teach_student(config, &data.0, 2, (&data.1, labels), 3, &|_, _| panic!("training began"))
            .unwrap_err()
            .to_string()
    };
    let good = [Some(0), None, None, None];
    assert!(refusal(&quick(1), &[None; 4]).contains("no labeled record"));
    assert!(refusal(&quick(1), &good[1..]).contains("3 labels for 4 instances"));
    assert!(refusal(&quick(1), &[None, Some(2), None, None]).contains("instance 1: label 2 is out of range"));
    assert_eq!(refusal(&quick(0), &good), "steps is 0; it must be between 1 and 1000000");
    let parse = |text: &str| StudentConfig::from_toml(text).map_err(|e| e.to_string());
    let with = |line: &str| refusal(&parse(&format!("[consistency]\n{line}")).unwrap(), &good);
    assert!(with("rate = nan").contains("learning rate NaN must be above 0"));
    assert!(with("average = 1.5").contains("average is 1.5"));
    assert!(with("threshold = nan").contains("threshold is NaN"));
    assert!(with("loss = { kind = 'generalised', power = 0.0 }").contains("loss is 0"));
    assert!(with("strong = { kind = 'warp', rotation = 300.0 }").contains("rotation 300"));
    assert!(with("weak = { kind = 'wobble' }").contains("`wobble` is for instances of kind `signal`"));
    assert!(parse("[consistency]\nspeed = 3").unwrap_err().contains("unknown field `speed`"));
    assert!(parse("method = 'magic'").unwrap_err().contains("unknown variant `magic`"));
    let whole = toml::to_string(&quick(4)).unwrap();
    assert_eq!(parse(&whole).unwrap(), quick(4));
}

#[test]
fn the_schedule_follows_the_pool_within_its_bounds() {
    let config = ConsistencyConfig::default();
    assert_eq!([10, 9000, 1_000_000].map(|pool| config.steps_for(pool)), [200, 11_953, 12_000]);
    assert_eq!(ConsistencyConfig { steps: Some(7), ..config }.steps_for(9000), 7);
}
