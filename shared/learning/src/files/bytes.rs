//! Reading a whole file, unpacked if it is gzip, within a bound.

use super::error::FileError;
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The largest file this program reads, in bytes after unpacking (MNIST as `f32` takes 0.2 · 10⁹).
pub(super) const MAX_BYTES: u64 = 4 << 30;

/// Reads `path`, unpacking it if it starts like gzip.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    read_within(path, MAX_BYTES)
}

fn read_within(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    let failed = |source| FileError::Read { path: path.to_owned(), source };
    let too_large = || FileError::TooLarge { path: path.to_owned(), limit };
    let mut packed = Vec::new();
    let file = File::open(path).map_err(failed)?;
    // One byte more than allowed tells "exactly the bound" from "above it".
    file.take(limit.saturating_add(1)).read_to_end(&mut packed).map_err(failed)?;
    if exceeds(&packed, limit) {
        return Err(too_large());
    }
    if !packed.starts_with(&[0x1f, 0x8b]) {
        return Ok(packed);
    }
    let mut unpacked = Vec::new();
    MultiGzDecoder::new(packed.as_slice())
        .take(limit.saturating_add(1))
        .read_to_end(&mut unpacked)
        .map_err(|source| FileError::Unpack { path: path.to_owned(), source })?;
    if exceeds(&unpacked, limit) { Err(too_large()) } else { Ok(unpacked) }
}

fn exceeds(bytes: &[u8], limit: u64) -> bool {
    u64::try_from(bytes.len()).is_ok_and(|length| length > limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_small_archive_that_unpacks_to_too_much_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("instances.npy.gz");
        let packed = gzip(&vec![0_u8; 100_001]);
        assert!(packed.len() < 1_000);
        std::fs::write(&path, packed).unwrap();
        let error = read_within(&path, 100_000).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("holds more than 100000 bytes once unpacked; split it into smaller files")
        );
        assert_eq!(read_within(&path, 100_001).unwrap().len(), 100_001);
    }

    #[test]
    fn a_cut_archive_is_refused_and_not_read_in_part() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels.npy.gz");
        let packed = gzip(b"all of it or nothing");
        std::fs::write(&path, &packed[..packed.len() - 5]).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("truncated or damaged"));
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = read(Path::new("/nowhere/instances.npy")).unwrap_err().to_string();
        assert!(error.starts_with("/nowhere/instances.npy: cannot be read"), "{error}");
    }
}
