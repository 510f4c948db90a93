//! The one place with `unsafe`: work is compiled for several kinds of processors, and the widest that is here runs it.

use super::complex::LANES;

/// A piece of work that is compiled anew for each kind of processor.
///
/// `run` must be `#[inline(always)]`, and so must all that it calls in its loops: only then are they compiled with the
/// instructions of the function they end up in.
pub(super) trait Work {
    /// What comes out.
    type Output;
    /// Runs the work with these registers.
    fn run<R: Registers>(self, registers: R) -> Self::Output;
}

/// The one thing that the compiler does not find by itself: numbers that change places within registers.
pub(super) trait Registers: Copy {
    /// Makes rows of columns.
    fn transpose(self, rows: [[f64; LANES]; LANES]) -> [[f64; LANES]; LANES];
}

/// Registers of any processor.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plain;

impl Registers for Plain {
    #[inline(always)]
    fn transpose(self, rows: [[f64; LANES]; LANES]) -> [[f64; LANES]; LANES] {
        std::array::from_fn(|column| std::array::from_fn(|row| rows[row][column]))
    }
}

/// Registers of 512 bits; a value of this type exists only inside [`avx512`].
#[cfg(target_arch = "x86_64")]
#[derive(Debug, Clone, Copy)]
struct Wide(());

#[cfg(target_arch = "x86_64")]
impl Registers for Wide {
    #[inline(always)]
    fn transpose(self, rows: [[f64; LANES]; LANES]) -> [[f64; LANES]; LANES] {
        #[expect(unsafe_code, reason = "the compiler cannot know that this processor has the instructions")]
        // SAFETY: `transpose` needs the feature avx512f and nothing else; `self` exists only where `avx512` runs, which has
        // it.
        unsafe {
            transpose(rows)
        }
    }
}

/// Proof that this processor has certain instructions: there is no other way to get one than to ask it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Instructions(Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Any,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Instructions {
    /// Those that every processor has.
    const ANY: Self = Self(Kind::Any);

    /// Returns all that are here, the widest last.
    pub(super) fn here() -> Vec<Self> {
        let mut here = vec![Self::ANY];
        #[cfg(target_arch = "x86_64")]
        {
            let has_avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            let has_avx512 = has_avx2
                && is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512bw");
            here.extend(has_avx2.then_some(Self(Kind::Avx2)));
            here.extend(has_avx512.then_some(Self(Kind::Avx512)));
        }
        here
    }

    /// Runs the work with these instructions.
    pub(super) fn run<W: Work>(self, work: W) -> W::Output {
        match self.0 {
            Kind::Any => work.run(Plain),
            #[cfg(target_arch = "x86_64")]
            #[expect(unsafe_code, reason = "the compiler cannot know which processor the program will meet")]
            // SAFETY: `avx2` needs the features avx2 and fma and nothing else; this value exists only where `here` found
            // both.
            Kind::Avx2 => unsafe { avx2(work) },
            #[cfg(target_arch = "x86_64")]
            #[expect(unsafe_code, reason = "the compiler cannot know which processor the program will meet")]
            // SAFETY: `avx512` needs the six features that `here` looks for and nothing else; this value exists only
            // where it found them all.
            Kind::Avx512 => unsafe { avx512(work) },
        }
    }
}

/// Runs the work with the widest instructions of this processor.
pub(super) fn dispatch<W: Work>(work: W) -> W::Output {
    Instructions::here().pop().unwrap_or(Instructions::ANY).run(work)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,avx2,fma")]
fn avx512<W: Work>(work: W) -> W::Output {
    work.run(Wide(()))
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2<W: Work>(work: W) -> W::Output {
    work.run(Plain)
}

/// Exchanges lanes in three rounds: single ones, then pairs, then fours.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx512f")]
fn transpose(rows: [[f64; LANES]; LANES]) -> [[f64; LANES]; LANES] {
    use std::arch::x86_64::{
        __m512d, _mm512_loadu_pd, _mm512_shuffle_f64x2, _mm512_storeu_pd, _mm512_unpackhi_pd,
        _mm512_unpacklo_pd,
    };
    let zip = |[a, b]: [__m512d; 2]| [_mm512_unpacklo_pd(a, b), _mm512_unpackhi_pd(a, b)];
    // a register is four pairs of lanes: of two registers, the lower and the upper pairs, the even and the odd ones
    let halves = |a, b| [_mm512_shuffle_f64x2::<0x44>(a, b), _mm512_shuffle_f64x2::<0xee>(a, b)];
    let alternate = |a, b| [_mm512_shuffle_f64x2::<0x88>(a, b), _mm512_shuffle_f64x2::<0xdd>(a, b)];
    let four = |[a, b, c, d]: [__m512d; 4]| {
        let ([a, b], [c, d]) = (halves(a, b), halves(c, d));
        [alternate(a, c), alternate(b, d)]
    };
    let mut columns = [[0.0; LANES]; LANES];
    #[expect(unsafe_code, reason = "registers are read and written by address")]
    // SAFETY: every address is that of eight numbers, and need not be aligned.
    unsafe {
        let [a, b, c, d, e, f, g, h] = rows.each_ref().map(|row| _mm512_loadu_pd(row.as_ptr()));
        let [[a, b], [c, d], [e, f], [g, h]] = [zip([a, b]), zip([c, d]), zip([e, f]), zip([g, h])];
        let (low, high) = (four([a, c, e, g]), four([b, d, f, h]));
        let columns = columns.as_chunks_mut::<2>().0.iter_mut();
        for ([even, odd], (low, high)) in columns.zip(low.as_flattened().iter().zip(high.as_flattened())) {
            _mm512_storeu_pd(even.as_mut_ptr(), *low);
            _mm512_storeu_pd(odd.as_mut_ptr(), *high);
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Transposed([[f64; LANES]; LANES]);

    impl Work for Transposed {
        type Output = [[f64; LANES]; LANES];

        #[inline(always)]
        fn run<R: Registers>(self, registers: R) -> Self::Output {
            registers.transpose(self.0)
        }
    }

    #[test]
    fn all_registers_make_rows_of_columns() {
        let rows = std::array::from_fn(|row| std::array::from_fn(|column| (10 * row + column) as f64));
        for instructions in Instructions::here() {
            let columns = instructions.run(Transposed(rows));
            for (place, number) in columns.as_flattened().iter().enumerate() {
                let (column, row) = (place / LANES, place % LANES);
                assert_eq!(*number, (10 * row + column) as f64, "{instructions:?}");
            }
        }
    }
}
