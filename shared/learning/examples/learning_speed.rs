//! Measures what training costs, for `scripts/pytorch.sh`, which measures PyTorch beside it.
//!
//! `cargo run --example learning_speed -- DATA` trains 250 fully connected teachers on 240 images each for ten epochs, lets each
//! predict 1 000 images, then trains a student for 300 steps, and prints one JSON object of processor seconds. One
//! thread (`RAYON_NUM_THREADS=1`) makes it comparable.

#![expect(clippy::print_stdout, reason = "a program that prints what it measures")]

use learning::{
    Augment, NetworkConfig, Recipe, StudentConfig, load_source,
    network::MlpConfig,
    predict,
    student::{ConsistencyConfig, Start},
    teach_student, train,
};
use rustix::time::{ClockId, clock_gettime};
use serde_json::json;
use std::error::Error;

const TEACHERS: usize = 250;
const IMAGES: usize = 240;
const EPOCHS: usize = 10;
const STEPS: usize = 300;

fn main() -> Result<(), Box<dyn Error>> {
    let data = std::env::args().nth(1).ok_or("usage: learning_speed DATA")?;
    let source = load_source(data.as_ref())?;
    let (schema, test) = (&source.description.schema, source.test.ok_or("no test files in the folder")?);
    let mut recipe = Recipe::teacher(schema.clone(), 10);
    recipe.network = NetworkConfig::Mlp(MlpConfig { hidden: vec![128] });
    recipe.train.epochs = EPOCHS;
    recipe.train.augment = Augment::None {};
    let asked = test.select(&(0..1000).collect::<Vec<_>>());
    let start = cpu_seconds();
    let mut right = 0;
    for teacher in 0..TEACHERS {
        let shard: Vec<usize> = (teacher * IMAGES..(teacher + 1) * IMAGES).collect();
        let network = train(&recipe, &source.train, &shard, teacher as u64, &|_, _| ())?;
        let answers = predict(&network, asked.values())?;
        let truth = asked.labels().unwrap_or_default();
        right += answers.iter().zip(truth).filter(|(answer, label)| answer == label).count();
    }
    let teachers = cpu_seconds() - start;
    let pool = test.select(&(0..9000).collect::<Vec<_>>());
    let labels: Vec<Option<u16>> = pool
        .labels()
        .unwrap_or_default()
        .iter()
        .enumerate()
        .map(|(i, label)| (i % 90 == 0).then_some(*label))
        .collect();
    let consistency =
        ConsistencyConfig { steps: Some(STEPS), start: Start::Random, ..ConsistencyConfig::default() };
    let config = StudentConfig { consistency, ..StudentConfig::default() };
    let start = cpu_seconds();
    teach_student(&config, schema, 10, (&pool.unlabeled(), &labels), 1, &|_, _| ())?;
    let student = cpu_seconds() - start;
    let accuracy = right as f64 / (TEACHERS * 1000) as f64;
    let measured =
        json!({ "teachers_cpu_s": teachers, "teacher_accuracy": accuracy, "student_cpu_s": student });
    println!("{measured}");
    Ok(())
}

/// Returns the processor time of this process so far, all threads together.
fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
