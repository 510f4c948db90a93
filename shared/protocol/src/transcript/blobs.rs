//! The artefacts of a transcript by their digests, wherever they are stored.

use std::io;

use super::{Check, Fault, Place, RecomputeError};
use base::ids::Digest;

/// Why an artefact is not at hand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// This copy of the transcript, or this reader, does not have it.
    #[error("it is not in this copy of the transcript, or not served to this reader")]
    Withheld,
    /// It cannot be read, or was changed.
    #[error("{0}")]
    Damaged(String),
}

impl From<io::Error> for BlobError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Withheld,
            _ => Self::Damaged(error.to_string()),
        }
    }
}

/// A source of a transcript's artefacts by their digests.
pub trait Blobs {
    /// Returns the bytes stored under a digest; the caller checks the digest.
    fn blob(&self, digest: Digest) -> Result<Vec<u8>, BlobError>;

    /// Returns the digest of the bytes stored under a digest; files are read piece by piece for it ([`Digest::of_file`]).
    fn digest_of(&self, digest: Digest) -> Result<Digest, BlobError> {
        self.blob(digest).map(|bytes| Digest::of(&bytes))
    }
}

/// Fetches an artefact and checks its digest; a wrong one is a fault of `check`.
pub fn fetch(blobs: &dyn Blobs, check: Check, what: &str, digest: Digest) -> Result<Vec<u8>, RecomputeError> {
    let artefact = Named { check, what, digest };
    let bytes = blobs.blob(digest).map_err(|error| artefact.missing(error))?;
    artefact.compare(Digest::of(&bytes))?;
    Ok(bytes)
}

/// Checks the digest of an artefact without holding its bytes; a wrong one is a fault of `check`.
pub fn check_digest(
    blobs: &dyn Blobs,
    check: Check,
    what: &str,
    digest: Digest,
) -> Result<(), RecomputeError> {
    let artefact = Named { check, what, digest };
    artefact.compare(blobs.digest_of(digest).map_err(|error| artefact.missing(error))?)
}

/// What is looked for, and which check it belongs to.
#[derive(Clone, Copy)]
struct Named<'a> {
    check: Check,
    what: &'a str,
    digest: Digest,
}

impl Named<'_> {
    fn missing(self, error: BlobError) -> RecomputeError {
        match error {
            BlobError::Withheld => {
                RecomputeError::Withheld { what: self.what.to_owned(), digest: self.digest }
            }
            BlobError::Damaged(what) => self.fault(what),
        }
    }

    fn compare(self, found: Digest) -> Result<(), RecomputeError> {
        if found == self.digest {
            return Ok(());
        }
        Err(self.fault(format!("its bytes have digest {found}: they were changed")))
    }

    fn fault(self, what: String) -> RecomputeError {
        let place = Place::Blob(format!("{} {}", self.what, self.digest));
        Fault { check: self.check, place, what }.into()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// One file under every digest.
    struct Same<'a>(&'a Path);

    impl Blobs for Same<'_> {
        fn blob(&self, _: Digest) -> Result<Vec<u8>, BlobError> {
            Ok(std::fs::read(self.0)?)
        }

        fn digest_of(&self, _: Digest) -> Result<Digest, BlobError> {
            Ok(Digest::of_file(self.0)?)
        }
    }

    #[test]
    fn an_artefact_is_checked_alike_whether_its_bytes_are_wanted_or_not() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let (stored, missing) = (folder.path().join("stored"), folder.path().join("missing"));
        // longer than what is read at once
        let bytes = vec![7; 600_000];
        std::fs::write(&stored, &bytes)?;
        for (path, digest) in
            [(&stored, Digest::of(&bytes)), (&stored, Digest::of(b"other")), (&missing, Digest::of(&bytes))]
        {
            let fetched = fetch(&Same(path), Check::Tally, "label ciphertexts", digest);
            let checked = check_digest(&Same(path), Check::Tally, "label ciphertexts", digest);
            assert_eq!(fetched.map(|_| ()), checked, "{path:?} {digest}");
            assert_eq!(checked.is_ok(), path == &stored && digest == Digest::of(&bytes));
        }
        Ok(())
    }
}
