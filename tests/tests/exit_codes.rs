//! Every exit code of both programs, each from the program itself; 3 is in `backup.rs`, where something takes long.

use std::{
    ffi::OsString,
    process::{Command, ExitCode},
};

use tests::Programs;

/// Runs a program and returns its exit code and what it said of errors.
fn run(program: &std::path::Path, arguments: &[&str]) -> anyhow::Result<(Option<i32>, String)> {
    let output = Command::new(program)
        .args(arguments)
        .env_remove("PSEPHOS_COORDINATOR_HOME")
        .env_remove("PSEPHOS_PARTICIPANT_HOME")
        .output()?;
    Ok((output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned()))
}

#[test]
fn each_exit_code_comes_from_the_program_itself() -> anyhow::Result<()> {
    let (programs, folder) = (Programs::find()?, tempfile::tempdir()?);
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(folder.path().join("no-backup.tar"), "no archive")?;
    std::fs::create_dir(folder.path().join("data"))?;
    let (home, new, archive, data) = (path("home"), path("new"), path("no-backup.tar"), path("data"));
    let away = "http://127.0.0.1:1";
    let coordinator: [(i32, &[&str]); 5] = [
        (0, &["completions", "bash"]),
        (1, &["restore", &archive, "--home", &new]),
        (2, &["federation", "show", "--url", away, "--token", "none"]),
        (4, &["federation", "show", "--home", &home]),
        (4, &["round", "creat"]),
    ];
    for (code, arguments) in coordinator {
        let (found, said) = run(&programs.coordinator, arguments)?;
        assert_eq!(found, Some(code), "coordinator {arguments:?}: {said}");
    }
    let init =
        ["init", "--home", &home, "--name", "a", "--coordinator", away, "--data", &data, "--teachers", "2"];
    let participant: [(i32, &[&str]); 5] = [
        (0, &init),
        (1, &["train", "--home", &home]),
        (2, &["enroll", "--home", &home, "--invite", "none"]),
        (4, &["status", "--home", &new]),
        (4, &["trian"]),
    ];
    for (code, arguments) in participant {
        let (found, said) = run(&programs.participant, arguments)?;
        assert_eq!(found, Some(code), "participant {arguments:?}: {said}");
    }
    Ok(())
}

/// Arguments that break whoever reads them, as only a bug could.
struct Broken;

impl Iterator for Broken {
    type Item = OsString;

    #[expect(clippy::panic, reason = "this is the bug that the test is about")]
    fn next(&mut self) -> Option<OsString> {
        panic!("the arguments broke")
    }
}

/// Is run by the test below in a process of its own, so that it can read what is said.
#[test]
fn bug() {
    let Ok(program) = std::env::var("PSEPHOS_TEST_BUG") else { return };
    let code = match program.as_str() {
        "coordinator" => coordinator::cli::main(Broken),
        _ => participant::cli::main(Broken),
    };
    assert_eq!(code, ExitCode::from(5));
}

#[test]
fn a_bug_says_that_it_is_one_and_ends_with_5() -> anyhow::Result<()> {
    for program in ["coordinator", "participant"] {
        let mut child = Command::new(std::env::current_exe()?);
        child.args(["--exact", "bug", "--nocapture"]).env("PSEPHOS_TEST_BUG", program);
        let output = child.output()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        assert!(said.contains(&format!("this is a bug of {program}")), "{said}");
        assert!(said.contains("the arguments broke") && said.contains("please report"), "{said}");
    }
    Ok(())
}
