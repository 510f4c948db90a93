//! Many byte strings looked for at once: one rolling hash per length (Karp and Rabin).

use std::collections::{BTreeMap, HashMap};

/// A set of byte strings, grouped by length.
#[derive(Debug, Default)]
pub(super) struct Windows {
    groups: BTreeMap<usize, Group>,
}

#[derive(Debug)]
struct Group {
    /// Which low sixteen bits occur among the hashes, so that most places are passed by one look.
    filter: Vec<bool>,
    needles: HashMap<u64, Vec<(Vec<u8>, String)>>,
}

const BASE: u64 = 0x0100_0000_01B3;

impl Windows {
    /// Adds one byte string; its name may be that of others too.
    pub(super) fn add(&mut self, name: &str, bytes: &[u8]) {
        let group = self
            .groups
            .entry(bytes.len())
            .or_insert_with(|| Group { filter: vec![false; 1 << 16], needles: HashMap::new() });
        let hash = bytes.iter().fold(0, |hash, byte| step(hash, *byte));
        if let Some(slot) = group.filter.get_mut(low(hash)) {
            *slot = true;
        }
        group.needles.entry(hash).or_default().push((bytes.to_vec(), name.to_owned()));
    }

    /// Calls `note` with the name of every needle in `piece`.
    pub(super) fn look(&self, piece: &[u8], note: &mut impl FnMut(&str)) {
        for (&length, group) in &self.groups {
            group.look(length, piece, note);
        }
    }
}

fn step(hash: u64, byte: u8) -> u64 {
    hash.wrapping_mul(BASE).wrapping_add(u64::from(byte) + 1)
}

/// Folds a hash to sixteen bits.
fn low(hash: u64) -> usize {
    ((hash.wrapping_mul(0x9E37_79B9_7F4A_7C15)) >> 48) as usize
}

impl Group {
    fn look(&self, length: usize, piece: &[u8], note: &mut impl FnMut(&str)) {
        let Some((first, _)) = piece.split_at_checked(length).filter(|_| length > 0) else { return };
        let top = (0..length).fold(1_u64, |power, _| power.wrapping_mul(BASE));
        let mut hash = first.iter().fold(0, |hash, byte| step(hash, *byte));
        self.compare(hash, first, note);
        for window in piece.windows(length + 1) {
            let (Some(gone), Some(come)) = (window.first(), window.last()) else { return };
            hash = step(hash, *come).wrapping_sub((u64::from(*gone) + 1).wrapping_mul(top));
            if self.filter.get(low(hash)).is_some_and(|is_set| *is_set) {
                self.compare(hash, window.get(1..).unwrap_or_default(), note);
            }
        }
    }

    fn compare(&self, hash: u64, window: &[u8], note: &mut impl FnMut(&str)) {
        for (bytes, name) in self.needles.get(&hash).into_iter().flatten() {
            if bytes == window {
                note(name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_counts_and_every_byte() {
        let mut windows = Windows::default();
        windows.add("start", b"abc");
        windows.add("end", b"xyz");
        windows.add("whole", b"abcdefxyz");
        windows.add("absent", b"abd");
        windows.add("too long", b"abcdefxyz!");
        let mut found = Vec::new();
        windows.look(b"abcdefxyz", &mut |name| found.push(name.to_owned()));
        assert_eq!(found, ["start", "end", "whole"]);
    }
}
