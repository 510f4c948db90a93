//! Sums of numbers, of which only the sign is wanted.

use super::builder::{Bit, Builder};

/// A number modulo 2^width, lowest bit first.
pub(crate) type Number = Vec<Bit>;

/// Reduces summands to two by carry-save adders: three become two in one layer, at one product per bit.
pub(crate) fn two_summands(builder: &mut Builder, mut summands: Vec<Number>) -> [Number; 2] {
    let width = builder.width();
    while summands.len() > 2 {
        let mut next = Vec::with_capacity(summands.len());
        for three in summands.chunks(3) {
            match three {
                [x, y, z] => next.extend(carry_save(builder, [x, y, z])),
                rest => next.extend_from_slice(rest),
            }
        }
        summands = next;
    }
    let mut summands = summands.into_iter();
    [(); 2].map(|()| summands.next().unwrap_or_else(|| vec![Bit::Zero; width]))
}

/// The sum and the carries of three numbers. The carry of x, y, z is (x + z)(y + z) + z.
fn carry_save(builder: &mut Builder, [x, y, z]: [&Number; 3]) -> [Number; 2] {
    let width = builder.width();
    let (mut sums, mut carries) = (Vec::with_capacity(width), vec![Bit::Zero]);
    for place in 0..width {
        // Three bits of which one is zero add up without it: x·y is the carry.
        let mut bits = [x[place], y[place], z[place]];
        bits.sort_by_key(|bit| *bit != Bit::Zero);
        let [z, x, y] = bits;
        let (left, right) = (builder.xor(x, z), builder.xor(y, z));
        sums.push(builder.xor(left, y));
        if place + 1 < width {
            let product = builder.and(left, right);
            carries.push(builder.xor(product, z));
        }
    }
    [sums, carries]
}

/// Returns the highest bit of the sum of the summands: one for a negative number.
pub(crate) fn sign(builder: &mut Builder, summands: Vec<Number>) -> Bit {
    let [x, y] = two_summands(builder, summands);
    let top = builder.width() - 1;
    // What a run of places does to a carry: it makes one, or it passes one on.
    let mut runs: Vec<(Bit, Bit)> =
        x[..top].iter().zip(&y[..top]).map(|(x, y)| (builder.and(*x, *y), builder.xor(*x, *y))).collect();
    while runs.len() > 1 {
        let joined = |pair: &[(Bit, Bit)], lowest: bool, builder: &mut Builder| match *pair {
            [(low_makes, low_passes), (makes, passes)] => {
                let carried = builder.and(passes, low_makes);
                // Nothing is carried into the lowest run.
                let through = if lowest { Bit::Zero } else { builder.and(passes, low_passes) };
                (builder.xor(makes, carried), through)
            }
            _ => pair.first().copied().unwrap_or((Bit::Zero, Bit::Zero)),
        };
        runs = runs.chunks(2).enumerate().map(|(place, pair)| joined(pair, place == 0, builder)).collect();
    }
    let carry = runs.first().map_or(Bit::Zero, |(makes, _)| *makes);
    builder.sum([x[top], y[top], carry])
}

/// Returns the bits of a constant.
pub(crate) fn constant(value: u32, width: usize) -> Number {
    (0..width).map(|place| if place < 32 && value >> place & 1 == 1 { Bit::One } else { Bit::Zero }).collect()
}

/// Returns the complement of a number, −x − 1.
pub(crate) fn complement(builder: &mut Builder, number: &Number) -> Number {
    number.iter().map(|bit| builder.not(*bit)).collect()
}
