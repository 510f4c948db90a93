//! Measures what users might pick instead of Psephos, beside it and in the same run, and prints one table or JSON.
//!
//! Every peer does real work on real ciphertexts, its result is checked, and its processor time is taken over all threads.
//! The whole sequence is repeated, so that a busy machine hits all alike; figures are medians with the spread.

mod high_level;
mod measure;
mod paillier;
mod prio3;
mod report;
mod speed;

use std::process::ExitCode;

const REPETITIONS: usize = 3;

fn main() -> ExitCode {
    let json = std::env::args().any(|argument| argument == "json" || argument == "--format=json");
    match run(json) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("peers: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(json: bool) -> Result<(), Box<dyn std::error::Error>> {
    let high_level = high_level::Peer::new();
    let speed = speed::Peer::new();
    let paillier = paillier::Peer::new();
    let prio = prio3::Peer::new()?;
    let mut report = report::Report::default();
    for repetition in 1..=REPETITIONS {
        eprintln!("repetition {repetition} of {REPETITIONS}: ours");
        report.ours(&ours()?)?;
        eprintln!("repetition {repetition} of {REPETITIONS}: tfhe's high-level integers");
        report.add("tfhe_high_level", high_level.argmax()?);
        eprintln!("repetition {repetition} of {REPETITIONS}: the shape of SPEED's circuit");
        report.add("speed_shape", speed.argmax()?);
        eprintln!("repetition {repetition} of {REPETITIONS}: Paillier, Prio3");
        report.paillier(paillier.sum()?);
        report.prio3(prio.aggregate()?);
    }
    if json { report.print_json() } else { report.print_table() }
    report.draw("target/peers.svg")
}

/// Runs our own benchmark, which prints one JSON object.
fn ours() -> Result<serde_json::Value, Box<dyn std::error::Error>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = std::process::Command::new(cargo)
        .args(["bench", "--workspace", "--profile", "dev", "--locked", "--quiet", "--bench", "argmax", "--", "--json"])
        .stderr(std::process::Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("our own benchmark ended with {}", output.status).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
