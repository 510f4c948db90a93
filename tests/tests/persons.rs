//! Forgetting one person: only the teacher that learned from it is trained again.

use std::collections::BTreeMap;

use learning::Dataset;
use tests::{Federation, Member, Plan, data};

/// Returns the bytes of every teacher by file name.
fn teachers(member: &Member) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let read = |path: std::path::PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok((name, std::fs::read(path)?))
    };
    member.teachers()?.into_iter().map(read).collect()
}

fn without(rows: &Dataset, person: &str) -> Dataset {
    let persons = rows.persons().unwrap_or_default();
    let kept: Vec<usize> =
        (0..rows.len()).filter(|row| persons.get(*row).is_none_or(|of| of != person)).collect();
    rows.select(&kept)
}

#[test]
fn a_person_that_leaves_changes_one_teacher_and_no_other_bit() -> anyhow::Result<()> {
    let mut plan = Plan::toy()?;
    (plan.participants, plan.teachers, plan.persons) = (1, 6, 120);
    let federation = Federation::assemble(&plan)?;
    let [member] = federation.members.as_slice() else { anyhow::bail!("one participant was planned") };
    let before = teachers(member)?;
    assert_eq!(before.len(), 6);

    // Trained again from the same data, every bit is the same: what changes below is the person's doing.
    federation.member(member, &["train", "--force"])?.success()?;
    assert_eq!(teachers(member)?, before);

    let rows = data::rows(plan.classes(), plan.persons, 4, 1)?;
    let rest = without(&rows, "person-7");
    assert_eq!(rest.len(), rows.len() - 4);
    data::write(&federation.folder.join("data-1"), &rest, plan.classes())?;
    federation.train(member)?;
    let after = teachers(member)?;
    let changed: Vec<&String> =
        before.iter().filter(|(name, old)| after.get(*name) != Some(*old)).map(|(n, _)| n).collect();
    assert_eq!(changed.len(), 1, "{changed:?}");
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    federation.finish()
}
