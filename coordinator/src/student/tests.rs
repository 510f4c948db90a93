//! From released labels to a student that leaves the federation.

use std::path::Path;

use anyhow::Result;
use base::ids::{Digest, RoundId};
use learning::{
    Method,
    files::{instances_to_npy_bytes, write_folder, write_instances},
};
use privacy::{Epsilon, Views};
use protocol::{federation::FederationConfig, round::Corroboration, transcript::Head, wire::Labels};

use super::*;

const CONFIG: &str = r#"
name = "two letters"
classes = ["low", "high"]
insecure_toy_parameters = true
[instances]
kind = "table"
shape = [3]
[noise]
sigma = 4
coordinator_sigma = 2
honest_fraction = "1"
[privacy]
delta = 1e-5
"#;

fn epsilon() -> Epsilon {
    let views = Views { public: Some(1.5), coordinator: Some(2.5), coalition: Some(1.5), both: None };
    Epsilon { delta: "1e-5".parse().unwrap(), person: views, participant: views, reasons: None }
}

fn origin() -> Origin {
    Origin {
        federation: Digest::of(b"event 0"),
        config: FederationConfig::from_toml(CONFIG).unwrap(),
        epsilon: epsilon(),
        head: Head { length: 9, digest: Digest::of(b"event 8") },
    }
}

/// Rows of three values; those of odd rows are larger.
fn rows(from: usize, count: usize) -> Vec<f32> {
    let row =
        |i: usize| [(i % 2) as f32 * 2.0 + (i % 7) as f32 / 10.0, (i % 5) as f32 / 5.0, i as f32 / 100.0];
    (from..from + count).flat_map(row).collect()
}

fn lesson(from: usize, labels: Option<Vec<Option<u16>>>, count: usize) -> Lesson {
    let instances = instances_to_npy_bytes(&rows(from, count), &[3]).unwrap();
    let round = RoundId::from_bytes([from as u8; 16]);
    let labels = labels.map(|labels| Labels {
        round,
        instances: Digest::of(&instances),
        classes: vec!["low".into(), "high".into()],
        labels,
        submitted: None,
        epsilon: epsilon(),
        corroboration: Corroboration::SoleTrustee,
    });
    Lesson { round, instances, labels }
}

fn alternating(count: usize) -> Vec<Option<u16>> {
    (0..count).map(|i| Some((i % 2) as u16)).collect()
}

fn assignment(folder: &Path) -> Assignment {
    Assignment { out: folder.join("student.v1"), seed: 1, ..Assignment::default() }
}

#[test]
fn each_instance_is_taken_once_with_the_label_it_has_anywhere() -> Result<()> {
    let failed = lesson(4, None, 4);
    let released = lesson(2, Some(vec![Some(0), None, Some(1), Some(1)]), 4);
    let more = Dataset::new(rows(0, 10), vec![3], None, None)?;
    let (pool, labels) = pool::gather(&[3], &[failed, released], Some(&more))?;
    assert_eq!(pool.len(), 10);
    let place = |i: usize| pool.values().chunks(3).position(|row| row == rows(i, 1)).unwrap();
    let found: Vec<Option<u16>> = (0..10).map(|i| labels[place(i)]).collect();
    assert_eq!(found, [None, None, Some(0), None, Some(1), Some(1), None, None, None, None]);

    let mut swapped = lesson(2, Some(vec![Some(0); 4]), 4);
    swapped.instances = lesson(3, None, 4).instances;
    assert!(pool::gather(&[3], &[swapped], None).unwrap_err().to_string().contains("do not have the digest"));
    let short = lesson(2, Some(vec![Some(0); 3]), 4);
    assert!(pool::gather(&[3], &[short], None).is_err());
    Ok(())
}

#[test]
fn a_student_leaves_with_its_card_and_answers_by_name() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name);
    let origin = origin();
    let held_out = Dataset::new(rows(300, 40), vec![3], Some((0..40).map(|i| i % 2).collect()), None)?;
    let description = learning::Description {
        title: "rows".into(),
        synthetic: false,
        schema: origin.config.instances.clone(),
        classes: origin.config.classes.clone(),
    };
    write_folder(&path("held-out"), &held_out, &description)?;
    write_instances(&path("pool.npy"), &Dataset::new(rows(20, 60), vec![3], None, None)?)?;
    std::fs::write(path("recipe.toml"), "[consistency]\nsteps = 60\nunlabelled = 16\nlabelled = 8\n")?;
    let asked = Assignment {
        unlabeled: Some(path("pool.npy")),
        recipe: Some(path("recipe.toml")),
        held_out: Some(path("held-out")),
        svg: Some(path("confusion.svg")),
        ..assignment(folder.path())
    };
    let report = teach(&origin, &[lesson(0, Some(alternating(20)), 20)], &asked)?;
    assert_eq!((report.labels, report.unlabelled, report.method), (20, 60, Method::Consistency));
    assert_eq!((report.held_out, &report.epsilon), (40, &epsilon()));
    let accuracy = report.evaluation.as_ref().map(|evaluation| evaluation.accuracy);
    assert!(accuracy.is_some_and(|accuracy| accuracy > 0.9), "{accuracy:?}");
    assert!(report.calibration.is_some_and(|calibration| calibration.bins.len() == 10));
    assert!(std::fs::read_to_string(path("confusion.svg"))?.contains("of low answered as low"));
    assert!(report.weights.ends_with("student.v1.safetensors") && report.weights.is_file());

    let card: serde_json::Value = serde_json::from_slice(&std::fs::read(path("student.v1.json"))?)?;
    let said = |pointer: &str| card.pointer(pointer).cloned().unwrap_or_default();
    assert_eq!(said("/about/federation"), serde_json::json!(origin.federation));
    assert_eq!(said("/about/transcript"), serde_json::json!({ "events": 9, "digest": origin.head.digest }));
    assert_eq!(said("/about/epsilon/person/public"), 1.5);
    assert_eq!((said("/about/classes/1"), said("/schema/shape/0")), ("high".into(), 3.into()));

    for name in ["student.v1", "student.v1.safetensors", "student.v1.json"] {
        let answers = answer(&path(name), &path("held-out/instances.npy"))?;
        assert_eq!(answers.labels.len(), 40);
        let right = answers.labels.iter().enumerate();
        let right = right.filter(|(i, label)| *label == ["low", "high"][i % 2]).count();
        assert_eq!(Some(right as f64 / 40.0), accuracy);
        assert!(answers.confidence.iter().all(|c| (0.5..=1.0).contains(c)));
    }
    Ok(())
}

#[test]
fn what_cannot_be_answered_is_refused_with_the_file_and_the_reason() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name);
    let lessons = [lesson(0, Some(alternating(20)), 20)];
    let report = teach(&origin(), &lessons, &assignment(folder.path()))?;
    assert_eq!((report.method, report.unlabelled, report.evaluation), (Method::Plain, 0, None));
    write_instances(&path("wide.npy"), &Dataset::new(vec![0.0; 8], vec![4], None, None)?)?;
    let refusal = |student: &str, instances: &str| {
        let error = answer(&path(student), &path(instances)).unwrap_err();
        assert!(error.is_usage(), "{error}");
        error.to_string()
    };
    let said = refusal("student.v1", "wide.npy");
    assert!(said.contains("wide.npy") && said.contains('4') && said.contains('3'), "{said}");
    assert!(refusal("student.v1", "none.npy").contains("none.npy"));
    assert!(refusal("nobody", "wide.npy").contains("nobody.json: cannot be read"));
    let text = std::fs::read_to_string(path("student.v1.json"))?;
    std::fs::write(path("student.v1.json"), text.replace("\"high\"", "\"high\", \"higher\""))?;
    assert!(refusal("student.v1", "wide.npy").contains("names 3 classes and tells 2 apart"));
    learning::save_network(&learning::load_network(&path("student.v1"))?, &path("teacher"))?;
    assert!(refusal("teacher", "wide.npy").contains("does not say where the network comes from"));

    let refused = |change: &dyn Fn(&mut Assignment)| {
        let mut asked = assignment(folder.path());
        change(&mut asked);
        teach(&origin(), &lessons, &asked).unwrap_err().to_string()
    };
    assert!(refused(&|asked| asked.svg = Some(path("a.svg"))).contains("give --held-out too"));
    assert!(refused(&|asked| asked.recipe = Some(path("none.toml"))).contains("none.toml: cannot be read"));
    std::fs::write(path("bad.toml"), "[consistency]\nspeed = 3\n")?;
    assert!(refused(&|asked| asked.recipe = Some(path("bad.toml"))).contains("unknown field `speed`"));
    assert!(refused(&|asked| asked.unlabeled = Some(path("wide.npy"))).contains("wide.npy"));
    Ok(())
}
