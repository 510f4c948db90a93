//! IDX files, the format of MNIST: a header of dimensions (big-endian), then bytes.

use super::bytes;
use super::error::FileError;
use std::path::Path;

/// Unsigned bytes with their dimensions, the records first.
pub(super) struct IdxArray {
    /// Records, then the dimensions of one record.
    pub(super) dimensions: Vec<usize>,
    /// All bytes, record after record.
    pub(super) bytes: Vec<u8>,
}

const UNSIGNED_BYTES: u8 = 0x08;

/// Reads an IDX file of unsigned bytes with one to four dimensions.
pub(super) fn read(path: &Path) -> Result<IdxArray, FileError> {
    parse(path, &bytes::read(path)?)
}

fn parse(path: &Path, bytes: &[u8]) -> Result<IdxArray, FileError> {
    let format = |problem: String| FileError::Format { path: path.to_owned(), problem };
    let Some((&[0, 0, kind, count], rest)) = bytes.split_first_chunk() else {
        return Err(format("not an IDX file (it starts with two zero bytes)".into()));
    };
    if kind != UNSIGNED_BYTES {
        return Err(format(format!("IDX type {kind:#04x} is not supported; use unsigned bytes, 0x08")));
    }
    if !(1..=4).contains(&count) {
        return Err(format(format!("IDX header with {count} dimensions; one to four are supported")));
    }
    let header_length = 4 * usize::from(count);
    let Some((header, payload)) = rest.split_at_checked(header_length) else {
        return Err(format("ends inside its IDX header; the file is truncated, copy it again".into()));
    };
    let dimensions: Vec<u64> =
        header.as_chunks::<4>().0.iter().map(|&d| u64::from(u32::from_be_bytes(d))).collect();
    let expected = dimensions.iter().fold(1_u64, |product, &d| product.saturating_mul(d));
    let found = payload.len() as u64;
    if expected != found {
        return Err(FileError::Length { path: path.to_owned(), expected, found });
    }
    let dimensions = dimensions.iter().filter_map(|&d| usize::try_from(d).ok()).collect();
    Ok(IdxArray { dimensions, bytes: payload.to_vec() })
}
