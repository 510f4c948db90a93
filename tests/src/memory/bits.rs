//! A binary key, packed in every order, and unpacked to one bit per byte or word.

use std::collections::HashSet;

/// A binary key as the runs of 64 bits in it.
#[derive(Debug, Clone)]
pub struct BitKey {
    name: String,
    runs: HashSet<u64>,
}

/// How a bit is kept when it has a byte or word of its own.
#[derive(Debug, Clone, Copy)]
pub(super) enum Unpacked {
    Byte,
    Word32,
    Word64,
}

impl Unpacked {
    pub(super) const ALL: [Self; 3] = [Self::Byte, Self::Word32, Self::Word64];

    const fn width(self) -> usize {
        match self {
            Self::Byte => 1,
            Self::Word32 => 4,
            Self::Word64 => 8,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Byte => "one bit per byte",
            Self::Word32 => "one bit per 32-bit word",
            Self::Word64 => "one bit per 64-bit word",
        }
    }
}

/// Returns a packed key with its bits and its bytes in either order.
pub(super) fn packed_forms(packed: &[u8]) -> [(&'static str, Vec<u8>); 4] {
    let turned: Vec<u8> = packed.iter().map(|byte| byte.reverse_bits()).collect();
    let swapped = |bytes: &[u8]| bytes.chunks(8).flat_map(|word| word.iter().rev().copied()).collect();
    [
        ("bits from the lowest", packed.to_vec()),
        ("words from the highest byte", swapped(packed)),
        ("bits from the highest", turned.clone()),
        ("words and bits from the highest", swapped(&turned)),
    ]
}

impl BitKey {
    /// Takes a key packed from the lowest bit of its first byte.
    pub(super) fn new(name: &str, packed: &[u8]) -> Self {
        let bits = packed.iter().flat_map(|byte| (0..8).map(move |bit| u64::from(byte >> bit & 1)));
        let (mut runs, mut register) = (HashSet::new(), 0);
        for (count, bit) in (1..).zip(bits) {
            register = register << 1 | bit;
            if count >= 64 {
                runs.insert(register);
            }
        }
        Self { name: name.to_owned(), runs }
    }

    /// Calls `note` if 64 successive bits of the key lie in `piece`, a byte or word for each.
    ///
    /// Words are looked for at every alignment, so that a piece may begin anywhere.
    pub(super) fn look(&self, piece: &[u8], form: Unpacked, note: &mut impl FnMut(&str)) {
        let width = form.width();
        for shift in 0..width {
            let (mut register, mut count) = (0_u64, 0_u32);
            for word in piece.get(shift..).unwrap_or_default().chunks_exact(width) {
                let (Some((low, rest)), true) = (word.split_first(), word.len() == width) else { continue };
                if *low > 1 || rest.iter().any(|byte| *byte != 0) {
                    count = 0;
                    continue;
                }
                register = register << 1 | u64::from(*low);
                count += 1;
                if count >= 64 && self.runs.contains(&register) {
                    note(&format!("{}: {}", self.name, form.name()));
                    return;
                }
            }
        }
    }
}
