//! The archive itself: a small tar.gz of known names, read in memory alone.

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use tar::{Archive, Builder, EntryType, Header};

use super::{KitError, NAMES};

/// Most bytes of one file.
const LARGEST_FILE: u64 = 64 << 10;
/// Most bytes of everything, unpacked.
const LARGEST_KIT: u64 = 512 << 10;

/// Packs files; times and owners are left out.
pub(super) fn pack(files: &[(&str, &str)]) -> Result<Vec<u8>, KitError> {
    let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for (name, text) in files {
        let mut header = Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(0);
        header.set_entry_type(EntryType::Regular);
        builder.append_data(&mut header, name, text.as_bytes())?;
    }
    let mut gzip = builder.into_inner()?;
    gzip.flush()?;
    Ok(gzip.finish()?)
}

/// Reads the files of an archive; links, paths, unknown names and anything large are refused.
pub(super) fn unpack(bytes: &[u8]) -> Result<BTreeMap<&'static str, String>, KitError> {
    let refuse = |what: String| Err(KitError::Refused(what));
    let mut unpacked = Vec::new();
    GzDecoder::new(bytes).take(LARGEST_KIT + 1).read_to_end(&mut unpacked)?;
    if unpacked.len() as u64 > LARGEST_KIT {
        return refuse(format!("it unpacks to more than {LARGEST_KIT} bytes"));
    }
    let mut files = BTreeMap::new();
    // Raw entries: no header may rename what follows it.
    for entry in Archive::new(unpacked.as_slice()).entries()?.raw(true) {
        let entry = entry?;
        let path = entry.path_bytes().into_owned();
        let shown = String::from_utf8_lossy(&path).chars().take(60).collect::<String>();
        let Some(name) = NAMES.into_iter().find(|name| name.as_bytes() == path) else {
            return refuse(format!("it holds {shown:?}, which no kit holds"));
        };
        if entry.header().entry_type() != EntryType::Regular {
            return refuse(format!("{shown:?} in it is not an ordinary file"));
        }
        if entry.size() > LARGEST_FILE {
            return refuse(format!("{shown:?} in it has more than {LARGEST_FILE} bytes"));
        }
        let mut text = String::new();
        entry.take(LARGEST_FILE).read_to_string(&mut text)?;
        if files.insert(name, text).is_some() {
            return refuse(format!("it holds {shown:?} twice"));
        }
    }
    Ok(files)
}
