//! A command that keeps to the contract votes; every other is stopped and told.

use std::time::Duration;

use super::*;

/// Four records of one shard, in two classes, and what is asked.
struct Scene {
    folder: tempfile::TempDir,
}

const CLASSES: usize = 3;

impl Scene {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn teachers(&self, script: &str, count: u32) -> CommandTeachers {
        self.limited(script, count, |_| ())
    }

    /// Returns `count` teachers who are this shell script, each with a shard of four records.
    fn limited(&self, script: &str, count: u32, limit: impl FnOnce(&mut CommandConfig)) -> CommandTeachers {
        let home = Home::at(self.folder.path());
        std::fs::write(home.root().join("teacher.sh"), script).unwrap();
        let mut teacher = CommandConfig::new(vec!["sh".to_owned(), "teacher.sh".to_owned()]);
        limit(&mut teacher);
        let training = CommandTraining { teacher, seed: 7 };
        let teachers = CommandTeachers::at(&home, &home.teachers(), &home.work(), training, count);
        for shard in 0..count {
            let values = (0..8).map(|i| (shard * 8 + i) as f32).collect();
            let labels = Some(vec![0, 1, 0, 1]);
            teachers.store_shard(shard, &Dataset::new(values, vec![2], labels, None).unwrap()).unwrap();
        }
        teachers
    }

    fn asked() -> Dataset {
        Dataset::new(vec![0.5; 6], vec![2], None, None).unwrap()
    }

    /// Returns why this script gives no votes about three instances.
    fn refusal(&self, script: &str) -> String {
        self.teachers(script, 1).predict(&Self::asked(), CLASSES).unwrap_err().1.to_string()
    }

    fn work_is_gone(&self) -> bool {
        std::fs::read_dir(self.folder.path().join("work"))
            .map_or(true, |mut entries| entries.next().is_none())
    }
}

#[test]
fn each_teacher_sees_its_own_shard_and_the_instances_alone_in_a_private_folder_that_is_removed() {
    let scene = Scene::new();
    // The votes tell how many files there are, whether the mode is 0700, and which shard it is.
    let script = r#"
        ls | wc -l
        [ "$(stat -c %a .)" = 700 ] && echo 1 || echo 0
        grep -q '"shard": 1' task.json && echo 2 || echo 0
    "#;
    let teachers = scene.teachers(script, 2);
    assert_eq!(teachers.missing(), None);
    let predict = |classes| teachers.predict(&Scene::asked(), classes).unwrap();
    let votes = predict(5);
    // Three arrays and the task.
    assert_eq!((votes[0].as_slice(), votes[1].as_slice()), ([4, 1, 0].as_slice(), [4, 1, 2].as_slice()));
    assert!(scene.work_is_gone(), "data of a shard was left behind");
    std::fs::remove_file(scene.folder.path().join("teachers/shard-001/labels.npy")).unwrap();
    assert_eq!(teachers.missing(), Some(1));
}

#[test]
fn the_files_are_those_of_the_shard_and_a_run_cannot_spoil_them_for_the_next() {
    let scene = Scene::new();
    let script = "cksum < train-instances.npy >&2; echo x > train-labels.npy; echo 0; echo 1; echo 2";
    let teachers = scene.teachers(script, 2);
    let labels = scene.folder.path().join("teachers/shard-000/labels.npy");
    let before = std::fs::read(&labels).unwrap();
    teachers.predict(&Scene::asked(), CLASSES).unwrap();
    teachers.predict(&Scene::asked(), CLASSES).unwrap();
    assert_eq!(std::fs::read(&labels).unwrap(), before);
}

#[test]
fn a_command_that_hangs_is_killed_with_everything_it_started() {
    let scene = Scene::new();
    let marker = scene.folder.path().join("late");
    let script = format!("(sleep 3; echo alive > {}) & sleep 100", marker.display());
    let teachers = scene.limited(&script, 1, |limits| limits.timeout_seconds = 1);
    let (teacher, error) = teachers.predict(&Scene::asked(), CLASSES).unwrap_err();
    assert!(matches!((teacher, &error), (0, CommandError::TimedOut { seconds: 1 })), "{error}");
    assert!(error.to_string().contains("teacher.timeout_seconds"), "{error}");
    std::thread::sleep(Duration::from_secs(4));
    assert!(!marker.exists(), "a process that the command started lived on");
    assert!(scene.work_is_gone());
}

#[test]
fn a_command_that_dies_is_told_with_its_status_and_the_end_of_its_words() {
    let scene = Scene::new();
    let error = scene.refusal("echo 'no module named sklearn' >&2; exit 3");
    assert!(error.contains("exit status: 3") && error.contains("no module named sklearn"), "{error}");
    let error = scene.refusal("kill -s KILL $$");
    assert!(error.contains("signal: 9"), "{error}");
    // Even if it answered before it died.
    assert!(scene.refusal("echo 0; echo 1; echo 2; exit 1").contains("exit status: 1"));
    let mut teachers = scene.teachers("", 1);
    teachers.words = vec!["/no/such/program".to_owned()];
    let error = teachers.predict(&Scene::asked(), CLASSES).unwrap_err().1.to_string();
    assert!(error.contains("exit status: 127") && error.contains("/no/such/program"), "{error}");
}

#[test]
fn too_few_or_too_many_lines_and_what_is_no_class_are_refused() {
    let scene = Scene::new();
    assert!(scene.refusal("").starts_with("the command printed 0 lines for 3 instances"));
    assert!(scene.refusal("echo 0; echo 1").starts_with("the command printed 2 lines for 3"));
    assert!(scene.refusal("for i in 0 1 2 0; do echo $i; done").starts_with("the command printed 4 lines"));
    let error = scene.refusal("echo 0; echo 3; echo 1");
    assert!(error.starts_with("line 2 of the command's output, \"3\", is not a class index"), "{error}");
    assert!(error.ends_with("from 0 to 2"), "{error}");
    for wrong in ["-1", "1.0", "one", "+1", "", "65536", "0x1", "1 1", "99999999999999999999"] {
        let error = scene.refusal(&format!("echo 0; echo 1; echo '{wrong}'"));
        assert!(error.starts_with("line 3"), "{wrong}: {error}");
    }
    let fine = scene.teachers("printf '0\\r\\n 1 \\n2'", 1);
    assert_eq!(fine.predict(&Scene::asked(), CLASSES).unwrap()[0].as_slice(), [0, 1, 2]);
}

#[test]
fn output_memory_and_left_open_ends_are_bounded() {
    let scene = Scene::new();
    let teachers = scene.limited("yes", 1, |limits| limits.output_kib = 1);
    let (_, error) = teachers.predict(&Scene::asked(), CLASSES).unwrap_err();
    assert!(matches!(error, CommandError::TooMuch { limit: 1024 }), "{error}");
    // Standard error is no way around: it is read to its end, and only the end is kept.
    let error = scene.refusal("head -c 300000 /dev/zero | tr '\\0' x >&2; exit 9");
    assert!(error.contains("exit status: 9") && error.len() < 3000, "{}", error.len());
    let hungry = "head -c 200000000 /dev/zero | tail -c 200000000 > /dev/null || exit 5";
    let teachers = scene.limited(hungry, 1, |limits| limits.memory_mib = 64);
    let (_, error) = teachers.predict(&Scene::asked(), CLASSES).unwrap_err();
    assert!(error.to_string().contains("memory"), "{error}");
    // Whoever leaves the group keeps the pipe, and is not waited for.
    let away = "setsid sh -c 'touch away; sleep 20' & while [ ! -e away ]; do sleep 0.05; done";
    let error = scene.refusal(&format!("{away}; echo 0; echo 1; echo 2"));
    assert!(error.contains("keeps its standard output open"), "{error}");
}

#[test]
fn one_teacher_that_fails_is_named_by_its_number() {
    let scene = Scene::new();
    let script = r#"grep -q '"shard": 1' task.json && exit 4; echo 0; echo 1; echo 2"#;
    let (teacher, error) = scene.teachers(script, 3).predict(&Scene::asked(), CLASSES).unwrap_err();
    assert_eq!(teacher, 1);
    assert!(error.to_string().contains("exit status: 4"), "{error}");
}
