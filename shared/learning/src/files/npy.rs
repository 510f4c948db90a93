//! NPY files: numbers, integers and texts in C order.

use super::bytes;
use super::error::FileError;
use npyz::{DType, NpyFile, Order, TypeChar};
use std::path::Path;

/// No header that this program has a use for is longer; numpy pads to 128.
const MAX_HEADER: usize = 4096;

/// An array of `f32` and what it was before.
pub(super) struct Numbers {
    /// All dimensions.
    pub(super) shape: Vec<usize>,
    /// All values in C order.
    pub(super) values: Vec<f32>,
    /// Whether the file holds unsigned bytes, as pixels are often kept.
    pub(super) is_bytes: bool,
}

/// Reads an array of floats or integers; nothing is scaled. An `f8` value beyond the range of `f4` becomes infinite,
/// which the dataset then refuses.
pub(super) fn read_numbers(path: &Path) -> Result<Numbers, FileError> {
    let bytes = bytes::read(path)?;
    let (shape, file) = open(path, &bytes)?;
    let (kind, size) = plain(&file.dtype());
    let damaged = |source| FileError::Read { path: path.to_owned(), source };
    #[expect(clippy::cast_possible_truncation, reason = "networks compute in f32")]
    let values = match (kind, size) {
        (Some(TypeChar::Float), 4) => file.into_vec::<f32>().map_err(damaged)?,
        (Some(TypeChar::Float), 8) => {
            file.into_vec::<f64>().map_err(damaged)?.into_iter().map(|v| v as f32).collect()
        }
        (Some(TypeChar::Int | TypeChar::Uint), _) => {
            integers(path, file)?.into_iter().map(|v| v as f32).collect()
        }
        _ => return Err(dtype(path, &file.dtype(), "numbers", "float32")),
    };
    Ok(Numbers { shape, values, is_bytes: (kind, size) == (Some(TypeChar::Uint), 1) })
}

/// Reads an array of integers of one dimension.
pub(super) fn read_integers(path: &Path) -> Result<Vec<i128>, FileError> {
    let bytes = bytes::read(path)?;
    let (shape, file) = open(path, &bytes)?;
    one_dimension(path, shape)?;
    integers(path, file)
}

/// Reads an array of integers or texts of one dimension, as texts.
pub(super) fn read_texts(path: &Path) -> Result<Vec<String>, FileError> {
    let bytes = bytes::read(path)?;
    let (shape, file) = open(path, &bytes)?;
    one_dimension(path, shape)?;
    match plain(&file.dtype()).0 {
        Some(TypeChar::UnicodeStr | TypeChar::ByteStr) => {
            file.into_vec::<String>().map_err(|source| FileError::Read { path: path.to_owned(), source })
        }
        Some(TypeChar::Int | TypeChar::Uint) => {
            Ok(integers(path, file)?.iter().map(ToString::to_string).collect())
        }
        _ => Err(dtype(path, &file.dtype(), "persons' keys", "int64 or text")),
    }
}

fn integers(path: &Path, file: NpyFile<&[u8]>) -> Result<Vec<i128>, FileError> {
    macro_rules! read_as {
        ($t:ty) => {
            file.into_vec::<$t>()
                .map(|values| values.into_iter().map(i128::from).collect())
                .map_err(|source| FileError::Read { path: path.to_owned(), source })
        };
    }
    match plain(&file.dtype()) {
        (Some(TypeChar::Int), 1) => read_as!(i8),
        (Some(TypeChar::Int), 2) => read_as!(i16),
        (Some(TypeChar::Int), 4) => read_as!(i32),
        (Some(TypeChar::Int), 8) => read_as!(i64),
        (Some(TypeChar::Uint), 1) => read_as!(u8),
        (Some(TypeChar::Uint), 2) => read_as!(u16),
        (Some(TypeChar::Uint), 4) => read_as!(u32),
        (Some(TypeChar::Uint), 8) => read_as!(u64),
        _ => Err(dtype(path, &file.dtype(), "integers", "int64")),
    }
}

/// Opens an NPY file and checks order and length, so that decoding allocates no more than the file holds.
fn open<'a>(path: &Path, bytes: &'a [u8]) -> Result<(Vec<usize>, NpyFile<&'a [u8]>), FileError> {
    let format = |problem: String| FileError::Format { path: path.to_owned(), problem };
    check_header(bytes).map_err(|problem| format(problem.into()))?;
    let file = NpyFile::new(bytes).map_err(|error| format(format!("not a readable NPY file: {error}")))?;
    if file.order() != Order::C {
        return Err(format("is in Fortran order; save numpy.ascontiguousarray(array)".into()));
    }
    let Some(size) = file.dtype().num_bytes().filter(|_| !file.uses_pickled_array()) else {
        return Err(dtype(path, &file.dtype(), "numbers or texts", "float32 or int64"));
    };
    let expected = file.shape().iter().fold(size as u64, |product, &d| product.saturating_mul(d));
    let header = file.header().clone();
    let payload = file.into_inner();
    let found = payload.len() as u64;
    if expected != found {
        return Err(FileError::Length { path: path.to_owned(), expected, found });
    }
    let shape = header.shape().iter().filter_map(|&d| usize::try_from(d).ok()).collect();
    Ok((shape, NpyFile::with_header(header, payload)))
}

/// Refuses headers on which npyz 0.9 would allocate without bound, recurse without bound, or overflow.
fn check_header(bytes: &[u8]) -> Result<(), &'static str> {
    const NOT_NPY: &str = "not an NPY file; write it with numpy.save";
    const CUT: &str = "ends inside its NPY header; the file is truncated, copy it again";
    let rest = bytes.strip_prefix(b"\x93NUMPY").ok_or(NOT_NPY)?;
    let (&[major, _minor], rest) = rest.split_first_chunk().ok_or(CUT)?;
    let (length, rest) = if major == 1 {
        let (&length, rest) = rest.split_first_chunk().ok_or(CUT)?;
        (u32::from(u16::from_le_bytes(length)), rest)
    } else {
        let (&length, rest) = rest.split_first_chunk().ok_or(CUT)?;
        (u32::from_le_bytes(length), rest)
    };
    let length = usize::try_from(length)
        .ok()
        .filter(|&l| l <= MAX_HEADER)
        .ok_or("has an unusually long NPY header; save a plain array of numbers (no fields, no objects)")?;
    let header = rest.get(..length).ok_or(CUT)?;
    // A plain array's header holds one dict and one tuple.
    if header.iter().filter(|b| matches!(b, b'(' | b'[' | b'{')).count() > 2 {
        return Err("has a structured dtype; save a plain array of numbers");
    }
    let sizes = header.split(|b| !b.is_ascii_digit()).filter(|digits| !digits.is_empty());
    let mut product = 1_u64;
    for digits in sizes {
        let size = std::str::from_utf8(digits).ok().and_then(|d| d.parse::<u64>().ok());
        let next = size.and_then(|size| product.checked_mul(size.max(1)));
        product = next.ok_or("has an NPY header with impossible dimensions")?;
    }
    Ok(())
}

fn plain(dtype: &DType) -> (Option<TypeChar>, u64) {
    match dtype {
        DType::Plain(kind) => (Some(kind.type_char()), kind.size_field()),
        DType::Array(..) | DType::Record(_) => (None, 0),
    }
}

fn dtype(path: &Path, found: &DType, what: &'static str, remedy: &'static str) -> FileError {
    FileError::Dtype { path: path.to_owned(), found: found.descr(), what, remedy }
}

fn one_dimension(path: &Path, found: Vec<usize>) -> Result<(), FileError> {
    if found.len() == 1 {
        return Ok(());
    }
    Err(FileError::Shape { path: path.to_owned(), found, expected: "one dimension, [records]".into() })
}
