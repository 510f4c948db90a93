//! Measures the student and the selection on MNIST with simulated wrong labels.
//!
//! `cargo run -p learning --example mnist_student -- DATA POOL WRONG SEED [RECIPE] [random|typical|learnt]`: DATA is the folder of the four files,
//! POOL is `settings` (9 000 + 1 000 of the training images, to choose settings by) or `test` (the first 9 000 and the last
//! 1 000 test images, to measure once), WRONG is how many of the 100 labels are wrong, RECIPE a TOML file.

#![expect(clippy::print_stdout, reason = "a program that prints what it measures")]

use learning::{
    Dataset, Expected, Selection, StudentConfig, evaluate, load_labeled, load_source, predict, select,
    teach_student,
};
use std::error::Error;
use std::time::Instant;

const COUNT: usize = 100;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [data, pool, wrong, seed, rest @ ..] = arguments.as_slice() else {
        return Err(
            "usage: mnist_student DATA settings|test WRONG SEED [RECIPE] [random|typical|learnt]".into()
        );
    };
    let (wrong, seed): (usize, u64) = (wrong.parse()?, seed.parse()?);
    let config = match rest.first() {
        Some(path) => StudentConfig::from_toml(&std::fs::read_to_string(path)?)?,
        None => StudentConfig::default(),
    };
    let selection = match rest.get(1).map(String::as_str) {
        Some("random") => Selection::Random,
        Some("learnt") => Selection::Learnt,
        _ => Selection::Typical,
    };
    let source = load_source(data.as_ref())?;
    let schema = source.description.schema.clone();
    let whole = match pool.as_str() {
        "settings" => shuffled(&load_labeled(data.as_ref(), Expected::default())?),
        "test" => source.test.ok_or("no test files in the folder")?,
        other => return Err(format!("{other} is neither settings nor test").into()),
    };
    let pool = whole.select(&(0..9000).collect::<Vec<_>>());
    let held_out = whole.select(&(9000..10_000).collect::<Vec<_>>());
    let truth = pool.labels().unwrap_or_default().to_vec();
    let start = Instant::now();
    let asked = select(selection, &schema, &pool.clone().unlabeled(), COUNT, seed, &|_, _| ())?;
    let selecting = start.elapsed().as_secs_f64();
    let labels = released(&truth, &asked, wrong, seed);
    let counts =
        (0..10).map(|c| asked.iter().filter(|i| truth.get(**i) == Some(&c)).count()).collect::<Vec<_>>();
    let start = Instant::now();
    let taught = teach_student(&config, &schema, 10, (&pool.clone().unlabeled(), &labels), seed, &|_, _| ())?;
    let training = start.elapsed().as_secs_f64();
    let accuracy = |data: &Dataset| -> Result<f64, Box<dyn Error>> {
        let answers = predict(&taught.network, data.values())?;
        Ok(evaluate(&answers, data.labels().unwrap_or_default(), 10)?.accuracy)
    };
    let answers = predict(&taught.network, pool.values())?;
    let evaluation = evaluate(&answers, &truth, 10)?;
    let recall: Vec<String> =
        evaluation.recall.iter().map(|r| format!("{:.3}", r.unwrap_or_default())).collect();
    println!("recall on the pool by class: {}", recall.join(" "));
    let confusion = evaluation.confusion.iter().enumerate();
    let mut worst: Vec<(u64, usize, usize)> = confusion
        .flat_map(|(truth, row)| row.iter().enumerate().map(move |(answer, count)| (*count, truth, answer)))
        .filter(|(_, truth, answer)| truth != answer)
        .collect();
    worst.sort_unstable_by(|a, b| b.cmp(a));
    println!("most frequent errors (count, truth, answer): {:?}", worst.get(..5).unwrap_or_default());
    println!(
        "wrong {wrong} seed {seed}: pool {:.4} held out {:.4}; selected in {selecting:.1} s, trained in {training:.1} s; contradicted {}; classes asked {counts:?}",
        accuracy(&pool)?,
        accuracy(&held_out)?,
        taught.contradicted
    );
    Ok(())
}

/// Returns the true labels of the asked instances, `wrong` of them replaced by another class, drawn by a small
/// generator.
fn released(truth: &[u16], asked: &[usize], wrong: usize, seed: u64) -> Vec<Option<u16>> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut draw = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut order = asked.to_vec();
    for last in (1..order.len()).rev() {
        order.swap(last, draw(last + 1));
    }
    let mut labels = vec![None; truth.len()];
    for (place, &index) in order.iter().enumerate() {
        let shift = if place < wrong { 1 + draw(9) as u16 } else { 0 };
        if let (Some(label), Some(class)) = (labels.get_mut(index), truth.get(index)) {
            *label = Some((class + shift) % 10);
        }
    }
    labels
}

/// 10 000 of the training images: every sixth, which no file order explains.
fn shuffled(data: &Dataset) -> Dataset {
    data.select(&(0..10_000).map(|i| 6 * i).collect::<Vec<_>>())
}
