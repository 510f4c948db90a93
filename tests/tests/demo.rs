//! The demo on a small input: one JSON object, and nothing left behind, however it ends.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;
use tests::{
    Processes, Programs,
    processes::processes_that_mention,
    wait::{PATIENCE, until},
};

const SMALL: [&str; 11] = [
    "--insecure-toy-parameters",
    "--participants",
    "3",
    "--teachers",
    "2",
    "--instances",
    "12",
    "--sigma",
    "6",
    "--format",
    "json",
];

/// Returns the demo with all of its files below `folder`.
fn demo(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
    command.args(SMALL).env("TMPDIR", folder);
    command
}

fn is_empty(folder: &Path) -> anyhow::Result<bool> {
    Ok(std::fs::read_dir(folder)?.next().is_none())
}

#[test]
fn the_demo_prints_one_object_with_every_number_and_leaves_nothing_behind() -> anyhow::Result<()> {
    Programs::find()?;
    let (folder, outputs) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let finished = Processes::default().run(&mut demo(folder.path()), outputs.path(), PATIENCE)?;
    let report: Value = finished.facts()?;
    let number = |pointer: &str| report.pointer(pointer).and_then(Value::as_f64);
    for (pointer, expected) in [
        ("/participants", 3.0),
        ("/teachers", 6.0),
        ("/teachers_per_participant", 2.0),
        ("/instances", 12.0),
        ("/sigma", 6.0),
        ("/coordinator_sigma", 8.0),
        ("/quorum", 3.0),
        ("/honest", 3.0),
        ("/released", 12.0),
        ("/abstained", 0.0),
        ("/counted", 3.0),
        ("/absent", 0.0),
        ("/epsilon/delta", 1e-5),
    ] {
        assert_eq!(number(pointer), Some(expected), "{pointer}");
    }
    for unit in ["person", "participant"] {
        for view in ["public", "coordinator", "coalition", "both"] {
            let pointer = format!("/epsilon/{unit}/{view}");
            assert!(number(&pointer).is_some_and(|epsilon| epsilon > 0.0), "{pointer}");
        }
    }
    for pointer in ["/bytes_per_instance", "/tally_cpu_ms_per_label", "/tally_wall_s", "/total_wall_s"] {
        assert!(number(pointer).is_some_and(|value| value > 0.0), "{pointer}");
    }
    for pointer in ["/label_accuracy", "/student_accuracy"] {
        assert!(number(pointer).is_some_and(|share| (0.0..=1.0).contains(&share)), "{pointer}");
    }
    assert_eq!(report.get("insecure"), Some(&serde_json::json!(["insecure_toy_parameters"])));
    assert!(is_empty(folder.path())?);
    assert_eq!(processes_that_mention(folder.path())?, [] as [u32; 0]);
    Ok(())
}

#[test]
fn a_signal_stops_everything_that_the_demo_started() -> anyhow::Result<()> {
    Programs::find()?;
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let folder = tempfile::tempdir()?;
        let mut child = Running(demo(folder.path()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?);
        // The coordinator runs from early on; the signal comes while something else runs beside it.
        until("the demo's processes", PATIENCE, || {
            Ok((processes_that_mention(folder.path())?.len() >= 2).then_some(()))
        })?;
        Command::new("sh").args(["-c", &format!("kill -{signal} {}", child.0.id())]).status()?;
        let ended = until("the demo's end", PATIENCE, || Ok(child.0.try_wait()?))?;
        assert_eq!(ended.code(), Some(code), "SIG{signal}");
        assert_eq!(processes_that_mention(folder.path())?, [] as [u32; 0]);
        assert!(is_empty(folder.path())?, "SIG{signal} left files");
    }
    Ok(())
}

#[test]
fn a_demo_that_is_kept_shows_its_finished_round_until_it_is_interrupted() -> anyhow::Result<()> {
    Programs::find()?;
    let folder = tempfile::tempdir()?;
    let said = folder.path().join("said");
    let mut command = demo(folder.path());
    command.arg("--keep").stdout(Stdio::null()).stderr(std::fs::File::create(&said)?);
    let mut child = Running(command.spawn()?);
    let word_after = |name: &str| {
        let text = std::fs::read_to_string(&said).unwrap_or_default();
        let line = text.lines().find_map(|line| Some(line.split_once(name)?.1.trim().to_owned()));
        line.filter(|word| !word.is_empty())
    };
    let token = until("the viewer's token", PATIENCE, || {
        anyhow::ensure!(child.0.try_wait()?.is_none(), "{}", std::fs::read_to_string(&said)?);
        Ok(word_after("both in one").and(word_after("viewer token")))
    })?;
    let url = word_after("dashboard ").unwrap_or_default();
    let client = reqwest::Client::builder().no_proxy().build()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let page = client.get(format!("{url}/rounds")).bearer_auth(&token);
    let page = runtime.block_on(async { page.send().await?.text().await })?;
    assert!(page.contains("<span class=\"badge released\">released</span>"), "{page}");
    Command::new("sh").args(["-c", &format!("kill -INT {}", child.0.id())]).status()?;
    let ended = until("the demo's end", PATIENCE, || Ok(child.0.try_wait()?))?;
    assert_eq!(ended.code(), Some(130));
    assert_eq!(processes_that_mention(folder.path())?, [] as [u32; 0]);
    Ok(())
}

#[test]
fn wrong_options_end_with_exit_code_4_and_say_what_is_wrong() -> anyhow::Result<()> {
    for (option, value, expected) in [
        ("--noise", "none", "insecure_no_noise"),
        ("--participants", "0", "1..=100"),
        ("--sigma", "many", "--sigma"),
    ] {
        let finished = Command::new(env!("CARGO_BIN_EXE_demo")).args([option, value]).output()?;
        let said = String::from_utf8_lossy(&finished.stderr).into_owned();
        assert_eq!(finished.status.code(), Some(4), "{said}");
        assert!(said.contains(expected), "{said}");
    }
    Ok(())
}

/// A running demo; it is killed if the story breaks before its end.
struct Running(std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
