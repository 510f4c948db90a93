//! Looking for secrets in the memory of a running process and in the files of a folder.
//!
//! Every readable private region is searched, heap, stacks and anonymous memory included, at every byte: for
//! each needle as it is, and for each key bit by bit, one bit per byte, 32-bit or 64-bit word.

mod bits;
mod windows;

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read as _},
    os::unix::fs::FileExt as _,
    path::Path,
};

use anyhow::Context as _;

pub use bits::BitKey;
use bits::Unpacked;
use windows::Windows;

/// What is looked for: byte strings and keys in every form they could have.
#[derive(Debug, Default)]
pub struct Search {
    windows: Windows,
    keys: Vec<BitKey>,
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// What it is.
    pub needle: String,
    /// Where it lies.
    pub place: String,
}

/// What a search looked through and found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Result {
    /// Bytes looked through.
    pub bytes: u64,
    /// The needles found, each with the first place; no needle twice.
    pub found: Vec<Found>,
}

/// Bytes that are looked through at once.
const PIECE: usize = 4 << 20;
/// Bytes that two pieces share, so that nothing is cut apart between them.
const OVERLAP: usize = 64 * 8;

impl Search {
    /// Looks for these bytes.
    pub fn bytes(&mut self, needle: &str, bytes: &[u8]) {
        self.windows.add(needle, bytes);
    }

    /// Looks for a key of `bits`: packed in either order of bits and bytes as 64-bit words and windows of 32
    /// bytes, and unpacked.
    pub fn key(&mut self, needle: &str, packed: &[u8]) {
        for (form, bytes) in bits::packed_forms(packed) {
            for word in bytes.chunks_exact(8) {
                self.windows.add(&format!("{needle}: a packed word, {form}"), word);
            }
            for window in bytes.windows(32) {
                self.windows.add(&format!("{needle}: a window of 32 bytes, {form}"), window);
            }
        }
        self.keys.push(BitKey::new(needle, packed));
    }

    /// Looks for every run of 16 counts, as 64-bit and 32-bit integers and as encoded at `scale` on the torus.
    pub fn counts(&mut self, needle: &str, counts: &[i64], scale: u64) {
        for run in counts.windows(16) {
            let forms: [(&str, Vec<u8>); 3] = [
                ("64-bit integers", run.iter().flat_map(|count| count.to_le_bytes()).collect()),
                // A count of votes is far below 2^31.
                ("32-bit integers", run.iter().flat_map(|count| (*count as i32).to_le_bytes()).collect()),
                (
                    "torus words",
                    run.iter().flat_map(|c| c.cast_unsigned().wrapping_mul(scale).to_le_bytes()).collect(),
                ),
            ];
            for (form, bytes) in forms {
                self.windows.add(&format!("{needle}: 16 counts as {form}"), &bytes);
            }
        }
    }

    /// Searches the memory of a process, which should stand still meanwhile.
    pub fn process(&self, pid: u32) -> anyhow::Result<Result> {
        let maps = BufReader::new(File::open(format!("/proc/{pid}/maps"))?);
        let memory = File::open(format!("/proc/{pid}/mem")).with_context(|| {
            format!("the memory of process {pid} cannot be read: run the tests as its owner, or as root")
        })?;
        let mut result = Result::default();
        for line in maps.lines() {
            let Some((start, end, name)) = region(&line?) else { continue };
            let mut reached = start;
            while reached < end {
                let mut piece = vec![0; PIECE.min((end - reached) as usize)];
                // A region that cannot be read (a guard page, or gone by now) holds nothing for us.
                let Ok(count @ 1..) = memory.read_at(&mut piece, reached) else { break };
                piece.truncate(count);
                self.look(&piece, &format!("{name} at {reached:#x}"), &mut result);
                if reached + count as u64 >= end {
                    break;
                }
                reached += (count.saturating_sub(OVERLAP)).max(1) as u64;
            }
            result.bytes += end - start;
        }
        Ok(result)
    }

    /// Searches every file of a folder and of those below it.
    pub fn folder(&self, folder: &Path) -> anyhow::Result<Result> {
        let mut result = Result::default();
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder)? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let mut bytes = Vec::new();
                File::open(&path)?.read_to_end(&mut bytes)?;
                result.bytes += bytes.len() as u64;
                self.look(&bytes, &path.display().to_string(), &mut result);
            }
        }
        Ok(result)
    }

    fn look(&self, piece: &[u8], place: &str, result: &mut Result) {
        let mut note = |needle: &str| {
            if !result.found.iter().any(|found| found.needle == needle) {
                result.found.push(Found { needle: needle.to_owned(), place: place.to_owned() });
            }
        };
        self.windows.look(piece, &mut note);
        for key in &self.keys {
            for form in Unpacked::ALL {
                key.look(piece, form, &mut note);
            }
        }
    }
}

/// Reads a line of `/proc/PID/maps`: start, end and name of a readable private region that is memory.
fn region(line: &str) -> Option<(u64, u64, String)> {
    let mut words = line.split_whitespace();
    let (range, permissions) = (words.next()?, words.next()?);
    let name = words.nth(3).unwrap_or("anonymous memory");
    let is_wanted = permissions.starts_with('r') && permissions.ends_with('p') && !name.starts_with("[v");
    let (start, end) = range.split_once('-')?;
    let (start, end) = (u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?);
    is_wanted.then(|| (start, end, name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_map_are_read() {
        let heap = "5581c0a2b000-5581c0a4c000 rw-p 00000000 00:00 0                          [heap]";
        assert_eq!(region(heap), Some((0x5581_c0a2_b000, 0x5581_c0a4_c000, "[heap]".to_owned())));
        let anonymous = "7f0000000000-7f0000001000 rw-p 00000000 00:00 0 ";
        assert_eq!(region(anonymous).unwrap().2, "anonymous memory");
        assert_eq!(region("7ffd0000-7ffd1000 r-xp 00000000 00:00 0  [vdso]"), None);
        assert_eq!(region("7f00-7f01 ---p 00000000 00:00 0"), None);
    }

    #[test]
    fn secrets_of_this_very_process_are_found_in_every_form() {
        let mut random = vec![0_u8; 64];
        getrandom::fill(&mut random).unwrap();
        let counts: Vec<i64> = random.iter().map(|byte| i64::from(*byte) - 128).collect();
        let mut search = Search::default();
        search.key("key", &random);
        search.counts("counts", &counts, 1 << 40);
        let bits: Vec<bool> =
            random.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1)).collect();
        let kept = (
            bits.iter().map(|bit| u8::from(*bit)).collect::<Vec<_>>(),
            bits.iter().map(|bit| u32::from(*bit)).collect::<Vec<_>>(),
            bits.iter().map(|bit| u64::from(*bit)).collect::<Vec<_>>(),
            counts.iter().map(|count| *count as i32).collect::<Vec<_>>(),
            counts.iter().map(|count| count.cast_unsigned() << 40).collect::<Vec<_>>(),
        );
        let result = search.process(std::process::id()).unwrap();
        let found: Vec<&str> = result.found.iter().map(|found| found.needle.as_str()).collect();
        for form in [
            "key: a packed word, bits from the lowest",
            "key: a window of 32 bytes, bits from the lowest",
            "key: one bit per byte",
            "key: one bit per 32-bit word",
            "key: one bit per 64-bit word",
            "counts: 16 counts as 64-bit integers",
            "counts: 16 counts as 32-bit integers",
            "counts: 16 counts as torus words",
        ] {
            assert!(found.contains(&form), "{form} is missing in {found:?}");
        }
        drop((kept, random));
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        // Never in memory as such: each half is made only where it is compared.
        let mut search = Search::default();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), vec![7; 3 * PIECE]).unwrap();
        search.key("key", &std::array::from_fn::<u8, 256, _>(|i| (i * i % 251) as u8));
        search.bytes("other", b"another needle of many bytes");
        assert_eq!(search.folder(folder.path()).unwrap().found, []);
        search.bytes("sevens", &[7; 20]);
        let found = search.folder(folder.path()).unwrap();
        assert_eq!((found.bytes, found.found.len()), (3 * PIECE as u64, 1));
        assert_eq!(found.found[0].needle, "sevens");
    }
}
