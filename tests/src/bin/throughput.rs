//! The program behind `scripts/throughput.sh`: one round of ten thousand instances and 250 ballots, and what the
//! coordinator took for it.

use std::process::ExitCode;

use tests::{
    stage::{perform, play, print},
    throughput::{Arguments, tell},
};

fn main() -> ExitCode {
    perform("throughput", |arguments: Arguments| {
        let format = arguments.format;
        let played = play("throughput", arguments.keep, move |stage| tell(&arguments, stage));
        played?.finish(|report| print(&report, format, || report.in_words()))
    })
}
