//! Small, easy data for stories: rows of a table whose largest column tells the class.

use std::path::Path;

use base::schema::{InstanceKind, InstanceSchema};
use learning::{
    Dataset, Description,
    files::{instances_to_npy_bytes, write_folder},
};

/// Returns the schema of rows for `classes` classes: one column per class.
pub fn schema(classes: usize) -> anyhow::Result<InstanceSchema> {
    Ok(InstanceSchema::new(InstanceKind::Table, vec![classes])?)
}

/// Makes `persons` × `per_person` labelled rows; the class's own column stands out, the others are small.
///
/// About one row in ten is so blurred that teachers may disagree, so that counts are not all the same.
pub fn rows(classes: usize, persons: usize, per_person: usize, seed: u64) -> anyhow::Result<Dataset> {
    let mut stream = Stream(seed);
    let (mut values, mut labels, mut keys) = (Vec::new(), Vec::new(), Vec::new());
    for person in 0..persons {
        for record in 0..per_person {
            let label = (person + record) % classes;
            let height = if stream.unit() < 0.1 { 0.35 } else { 1.0 };
            values.extend((0..classes).map(|column| {
                let own = if column == label { height } else { 0.0 };
                own + 0.4 * stream.unit()
            }));
            labels.push(u16::try_from(label)?);
            keys.push(format!("person-{person}"));
        }
    }
    Ok(Dataset::new(values, vec![classes], Some(labels), Some(keys))?)
}

/// Writes labelled rows as a folder that `participant data split` and `participant train` read.
pub fn write(folder: &Path, data: &Dataset, classes: usize) -> anyhow::Result<()> {
    let description = Description {
        title: "rows for a test".to_owned(),
        synthetic: true,
        schema: schema(classes)?,
        classes: class_names(classes),
    };
    Ok(write_folder(folder, data, &description)?)
}

/// Returns names of classes: `class 0`, `class 1`, …
pub fn class_names(classes: usize) -> Vec<String> {
    (0..classes).map(|class| format!("class {class}")).collect()
}

/// Returns the first `count` rows of fresh data as the canonical bytes of a round's instances.
pub fn instances(classes: usize, count: usize, seed: u64) -> anyhow::Result<Vec<u8>> {
    let data = rows(classes, count, 1, seed ^ 0x5EED)?;
    Ok(instances_to_npy_bytes(data.values(), data.shape())?)
}

/// A reproducible stream of numbers (splitmix64), good enough for rows.
struct Stream(u64);

impl Stream {
    /// Returns the next number in [0, 1).
    fn unit(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 40) as f32 / (1 << 24) as f32
    }
}
