//! Writing NPY files, and the canonical bytes of instances on the wire.

use super::error::FileError;
use crate::dataset::{Dataset, DatasetError};
use crate::description::Description;
use std::path::{Path, PathBuf};

/// Instances of `shape` as the bytes of an NPY file of version 1.0 (`<f4`, C order), the canonical form on the wire.
///
/// # Errors
/// Values that do not make whole instances, or that are not finite.
pub fn instances_to_npy_bytes(values: &[f32], shape: &[usize]) -> Result<Vec<u8>, DatasetError> {
    let instances = Dataset::new(values.to_vec(), shape.to_vec(), None, None)?;
    let payload = values.iter().flat_map(|v| v.to_le_bytes());
    Ok(array("<f4", &dimensions(instances.len(), shape), payload))
}

/// Reads instances that [`instances_to_npy_bytes`] wrote, exact to the bit. Any other NPY form is refused, so that
/// the same instances always have the same digest.
///
/// # Errors
/// Another dtype, order or shape, a wrong length, or a value that is not finite.
pub fn instances_from_npy_bytes(bytes: &[u8], shape: &[usize]) -> Result<Dataset, FileError> {
    let path = PathBuf::from("instances");
    let format = |problem: String| FileError::Format { path: PathBuf::from("instances"), problem };
    let payload_start =
        bytes.first_chunk::<10>().map(|&[.., low, high]| 10 + usize::from(u16::from_le_bytes([low, high])));
    let Some((header, payload)) = payload_start.and_then(|start| bytes.split_at_checked(start)) else {
        return Err(format("the bytes end inside the NPY header".into()));
    };
    let width = shape.iter().try_fold(4_usize, |product, &d| product.checked_mul(d)).filter(|&w| w > 0);
    let Some(width) = width else {
        return Err(FileError::Data { path, source: DatasetError::Shape { shape: shape.to_vec() } });
    };
    let expected = array("<f4", &dimensions(payload.len() / width, shape), std::iter::empty());
    if header != expected || !payload.len().is_multiple_of(width) {
        let said = String::from_utf8_lossy(header.get(10..).unwrap_or_default()).trim_end().to_owned();
        return Err(format(format!(
            "{} bytes of data under the header `{said}` are not whole instances of dtype <f4, C order and shape {shape:?}",
            payload.len()
        )));
    }
    let values = payload.as_chunks::<4>().0.iter().map(|&v| f32::from_le_bytes(v)).collect();
    Dataset::new(values, shape.to_vec(), None, None).map_err(|source| FileError::Data { path, source })
}

/// Writes the instances as `<f4`.
///
/// # Errors
/// A file that cannot be written.
pub fn write_instances(path: &Path, instances: &Dataset) -> Result<(), FileError> {
    let payload = instances.values().iter().flat_map(|v| v.to_le_bytes());
    write(path, &array("<f4", &dimensions(instances.len(), instances.shape()), payload))
}

/// Writes `<i8` values of one dimension, for example labels with −1 for abstentions.
///
/// # Errors
/// A file that cannot be written.
pub fn write_integers(path: &Path, values: &[i64]) -> Result<(), FileError> {
    write(path, &integers_to_npy_bytes(values))
}

/// Returns `<i8` values of one dimension as the bytes of an NPY file.
pub fn integers_to_npy_bytes(values: &[i64]) -> Vec<u8> {
    array("<i8", &[values.len()], values.iter().flat_map(|v| v.to_le_bytes()))
}

/// Writes labels as `<i8`.
///
/// # Errors
/// A file that cannot be written.
pub fn write_labels(path: &Path, labels: &[u16]) -> Result<(), FileError> {
    write_integers(path, &labels.iter().map(|&label| i64::from(label)).collect::<Vec<_>>())
}

/// Writes persons' keys as text (`<U…`), so that they come back as they are.
///
/// # Errors
/// A file that cannot be written.
pub fn write_persons(path: &Path, persons: &[String]) -> Result<(), FileError> {
    let longest = persons.iter().map(|p| p.chars().count()).max().unwrap_or(0).max(1);
    let payload = persons.iter().flat_map(|person| {
        let letters = person.chars().map(u32::from).chain(std::iter::repeat(0)).take(longest);
        letters.flat_map(u32::to_le_bytes)
    });
    write(path, &array(&format!("<U{longest}"), &[persons.len()], payload))
}

/// Writes `instances.npy`, where known `labels.npy` and `persons.npy`, and `description.json` into `folder`, with a
/// `README.txt` if the data is synthetic. Creates the folder.
///
/// # Errors
/// A file or folder that cannot be written.
pub fn write_folder(folder: &Path, data: &Dataset, description: &Description) -> Result<(), FileError> {
    create_folder(folder)?;
    write_instances(&folder.join("instances.npy"), data)?;
    if let Some(labels) = data.labels() {
        write_labels(&folder.join("labels.npy"), labels)?;
    }
    if let Some(persons) = data.persons() {
        write_persons(&folder.join("persons.npy"), persons)?;
    }
    describe_beside(folder, description)
}

/// Writes a CSV file as it is with its `description.json` into `folder`, with a `README.txt` if the data is synthetic.
/// Creates the folder.
///
/// # Errors
/// A file or folder that cannot be written.
pub fn write_table(folder: &Path, name: &str, csv: &str, description: &Description) -> Result<(), FileError> {
    create_folder(folder)?;
    write(&folder.join(name), csv.as_bytes())?;
    describe_beside(folder, description)
}

fn describe_beside(folder: &Path, description: &Description) -> Result<(), FileError> {
    description.write_into(folder)?;
    if description.synthetic {
        let text = format!(
            "SYNTHETIC DATA. {}\nGenerated by Psephos; it comes from no person.\n",
            description.title
        );
        write(&folder.join("README.txt"), text.as_bytes())?;
    }
    Ok(())
}

/// Creates a folder and those above it.
pub(crate) fn create_folder(folder: &Path) -> Result<(), FileError> {
    std::fs::create_dir_all(folder).map_err(|source| FileError::Write { path: folder.to_owned(), source })
}

fn dimensions(instances: usize, shape: &[usize]) -> Vec<usize> {
    std::iter::once(instances).chain(shape.iter().copied()).collect()
}

/// Header and payload. The header is spelled as numpy spells it, padded so that the payload starts at a multiple of
/// 64 bytes; it is far below the 65 535 bytes of version 1.0 because a shape here has at most four dimensions.
fn array(dtype: &str, dimensions: &[usize], payload: impl Iterator<Item = u8>) -> Vec<u8> {
    let dimensions: Vec<String> = dimensions.iter().map(ToString::to_string).collect();
    let tuple = match dimensions.as_slice() {
        [one] => format!("({one},)"),
        several => format!("({})", several.join(", ")),
    };
    let dict = format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': {tuple}, }}");
    let length = (10 + dict.len() + 1).next_multiple_of(64) - 10;
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes());
    bytes.extend(format!("{dict:<width$}\n", width = length - 1).into_bytes());
    bytes.extend(payload);
    bytes
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    std::fs::write(path, bytes).map_err(|source| FileError::Write { path: path.to_owned(), source })
}
