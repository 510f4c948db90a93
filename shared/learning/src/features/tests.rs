//! What features are good for, and that they come out the same everywhere.

use super::*;
use crate::{Selection, Warp, network::CnnConfig, select};
use base::schema::InstanceKind;

/// Images of 12 × 12: a bar, a ring or a cross, moved by up to two pixels; the shape of instance `i` is `i % 3`.
fn shapes(count: usize) -> (InstanceSchema, Dataset) {
    let schema = InstanceSchema::new(InstanceKind::Image, vec![12, 12]).unwrap();
    let pixel = |i: usize, at: usize| {
        let (down, right) = ((i / 3) % 5, (i / 15) % 5);
        let (y, x) = (at / 12, at % 12);
        let (Some(y), Some(x)) = ((y + 2).checked_sub(2 + down), (x + 2).checked_sub(2 + right)) else {
            return 0.0;
        };
        if y >= 7 || x >= 7 {
            return 0.0;
        }
        let lit = match i % 3 {
            0 => x == 3 || x == 4,
            1 => y == 0 || y == 6 || x == 0 || x == 6,
            _ => x == y || x + y == 6,
        };
        f32::from(u8::from(lit))
    };
    let values = (0..count).flat_map(|i| (0..144).map(move |at| pixel(i, at))).collect();
    (schema, Dataset::new(values, vec![12, 12], None, None).unwrap())
}

fn learn(steps: usize, data: &(InstanceSchema, Dataset), seed: u64) -> Features {
    let change = Augment::Warp(Warp { shift: 4.0, rotation: 10.0, elastic: 0.4, ..Warp::default() });
    let network = NetworkConfig::Cnn(CnnConfig { channels: [6, 12], hidden: 16 });
    let config = FeatureConfig { steps: Some(steps), batch: 30, ..FeatureConfig::default() };
    let study =
        Study { config: &config, schema: &data.0, pool: &data.1, network: &network, change: &change, seed };
    study.learn(&|_, _| ()).unwrap()
}

/// Returns the share of instances whose nearest other one has the same shape.
fn neighbours_alike(rows: &[f32], width: usize) -> f64 {
    let rows: Vec<&[f32]> = rows.chunks(width).collect();
    let near = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum::<f32>();
    let alike = (0..rows.len()).filter(|&i| {
        let others = (0..rows.len()).filter(|j| *j != i);
        let nearest = others.min_by(|a, b| near(rows[i], rows[*a]).total_cmp(&near(rows[i], rows[*b])));
        nearest.is_some_and(|j| i % 3 == j % 3)
    });
    alike.count() as f64 / rows.len() as f64
}

#[test]
fn moved_shapes_are_neighbours_in_learnt_features_and_not_in_pixels() {
    let data = shapes(75);
    let pixels = neighbours_alike(data.1.values(), 144);
    let (rows, width) = learn(400, &data, 1).of(&data.1);
    assert_eq!((rows.len(), width), (75 * 16, 16));
    let learnt = neighbours_alike(&rows, width);
    assert!(learnt > 0.75 && learnt > pixels + 0.08, "learnt {learnt}, pixels {pixels}");
    assert!(rows.chunks(width).all(|row| (contrast::length(row) - 1.0).abs() < 1e-4));
}

#[test]
fn the_same_seed_gives_the_same_bits_on_any_number_of_threads() {
    let data = shapes(31);
    let bits = |threads: usize, seed: u64| -> Vec<u32> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| learn(4, &data, seed).of(&data.1).0.into_iter().map(f32::to_bits).collect())
    };
    let one = bits(1, 5);
    assert_eq!(one, bits(3, 5));
    assert_ne!(one, bits(3, 6));
}

#[test]
fn what_was_learnt_takes_the_place_of_all_first_weights_but_the_last_layers() {
    let data = shapes(12);
    let features = learn(2, &data, 1);
    let plan = NetworkConfig::Cnn(CnnConfig { channels: [6, 12], hidden: 16 }).plan(&data.0, 3).unwrap();
    let layers = Layers::new(&plan, &mut seeds::generator("test", 0, 0), &Device::flex());
    let (before, mut after) = (layers.to_weights(), layers.to_weights());
    features.plant(&plan, &mut after);
    let trunk = before.len() - 17 * 3;
    assert_eq!(after[..trunk], features.trunk);
    assert_eq!(after[trunk..], before[trunk..]);
    let other = NetworkConfig::Cnn(CnnConfig { channels: [6, 12], hidden: 15 }).plan(&data.0, 3).unwrap();
    let layers = Layers::new(&other, &mut seeds::generator("test", 0, 0), &Device::flex());
    let mut untouched = layers.to_weights();
    features.plant(&other, &mut untouched);
    assert_eq!(untouched, layers.to_weights(), "other layers keep their weights");
}

#[test]
fn tables_have_no_features_and_settings_that_do_not_fit_are_refused() {
    let schema = InstanceSchema::new(InstanceKind::Table, vec![2]).unwrap();
    let data = Dataset::new(vec![1.0; 8], vec![2], None, None).unwrap();
    let error = select(Selection::Learnt, &schema, &data, 1, 1, &|_, _| ()).unwrap_err().to_string();
    assert!(error.starts_with("features are learnt from changed copies"), "{error}");
    let refusal = |config: FeatureConfig| config.check().unwrap_err().to_string();
    let config = FeatureConfig::default;
    assert!(refusal(FeatureConfig { batch: 1, ..config() }).contains("between 2 and"));
    assert!(refusal(FeatureConfig { steps: Some(0), ..config() }).contains("steps of features is 0"));
    assert!(refusal(FeatureConfig { rate: f64::NAN, ..config() }).contains("learning rate NaN"));
    assert!(refusal(FeatureConfig { temperature: 0.0, ..config() }).contains("temperature is 0"));
    assert_eq!([10, 9000, 1_000_000].map(|pool| config().steps_for(pool)), [50, 4000, 4000]);
}
