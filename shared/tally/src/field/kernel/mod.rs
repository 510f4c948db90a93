//! The inner loops of the check: on carry-less multiplication where the processor has it, and on whole numbers elsewhere.
//!
//! Both give the same results and take a time that does not depend on what they multiply. None of them looks anything up.

mod loops;

use std::sync::LazyLock;

use super::Element;

/// A sum of products of an element and words of 64 bits, not yet reduced: two products that lie 64 bits apart.
pub(crate) type Wide = [u128; 2];

/// The loops of one kernel.
#[derive(Clone, Copy)]
struct Kernel {
    dot: fn(&[Element], &[Element]) -> Element,
    combine: fn(&[Element], &[Element], &mut [Element]),
    scale: fn(&mut [Element], &[Element]),
    gather: fn(Element, &[u64], &mut [Wide]),
}

static KERNEL: LazyLock<Kernel> = LazyLock::new(|| carryless::kernel().unwrap_or(portable::KERNEL));

/// Returns the fastest kernel of this machine.
fn kernel() -> Kernel {
    #[cfg(test)]
    if let Some(kernel) = tests::chosen() {
        return kernel;
    }
    *KERNEL
}

/// Returns the sum of products.
pub(crate) fn dot(left: &[Element], right: &[Element]) -> Element {
    (kernel().dot)(left, right)
}

/// Writes Σ_j coefficient_j · row_j: the rows lie one after the other and are as long as `sum`; missing ends are zero.
pub(crate) fn combine(rows: &[Element], coefficients: &[Element], sum: &mut [Element]) {
    (kernel().combine)(rows, coefficients, sum);
}

/// Multiplies elements one by one.
pub(crate) fn scale(elements: &mut [Element], factors: &[Element]) {
    (kernel().scale)(elements, factors);
}

/// Adds `factor` times each word, read as a polynomial, to the sum in its place.
pub(crate) fn gather(factor: Element, words: &[u64], sums: &mut [Wide]) {
    (kernel().gather)(factor, words, sums);
}

/// Reduces what [`gather`] added up.
pub(crate) const fn settle(wide: Wide) -> Element {
    super::reduce(wide[0] ^ wide[1] << 64, wide[1] >> 64)
}

/// The kernel for every machine.
mod portable {
    use super::super::Element;
    use super::{Kernel, Wide, loops::loops};

    pub(super) const KERNEL: Kernel = Kernel { dot, combine, scale, gather };

    type Register = u128;

    const fn load(element: Element) -> Register {
        element.0
    }

    const fn store(register: Register) -> u128 {
        register
    }

    const fn word(word: u64) -> Register {
        word as u128
    }

    const fn low_low(left: Register, right: Register) -> Register {
        product(left as u64, right as u64)
    }

    const fn high_low(left: Register, right: Register) -> Register {
        product((left >> 64) as u64, right as u64)
    }

    const fn low_high(left: Register, right: Register) -> Register {
        product(left as u64, (right >> 64) as u64)
    }

    const fn high_high(left: Register, right: Register) -> Register {
        product((left >> 64) as u64, (right >> 64) as u64)
    }

    const fn add(left: Register, right: Register) -> Register {
        left ^ right
    }

    /// Multiplies without carries: every fifth bit at a time, so that the carries of at most 13 ones stay between bits.
    const fn product(left: u64, right: u64) -> u128 {
        const EVERY_FIFTH: u128 = 0x2108_4210_8421_0842_1084_2108_4210_8421;
        let mut sum = 0;
        let mut class = 0;
        while class < 5 {
            let mut part = 0_u128;
            let mut place = 0;
            while place < 5 {
                let other = (class + 5 - place) % 5;
                let (left, right) =
                    (left & (EVERY_FIFTH << place) as u64, right & (EVERY_FIFTH << other) as u64);
                part ^= left as u128 * right as u128;
                place += 1;
            }
            sum |= part & EVERY_FIFTH << class;
            class += 1;
        }
        sum
    }

    loops!();
}

/// The kernel for processors that multiply without carries.
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "calls of loops whose instructions were found to exist on this machine")]
mod carryless {
    use std::arch::x86_64::{
        __m128i, _mm_clmulepi64_si128, _mm_cvtsi128_si64, _mm_set_epi64x, _mm_unpackhi_epi64, _mm_xor_si128,
    };

    use super::super::Element;
    use super::{Kernel, Wide, loops::loops};

    /// Returns the kernel if this machine has the instructions.
    pub(super) fn kernel() -> Option<Kernel> {
        // SAFETY of the four calls: the kernel is handed out only where the instruction was detected.
        std::arch::is_x86_feature_detected!("pclmulqdq").then_some(Kernel {
            dot: |left, right| unsafe { dot(left, right) },
            combine: |rows, coefficients, sum| unsafe { combine(rows, coefficients, sum) },
            scale: |elements, factors| unsafe { scale(elements, factors) },
            gather: |factor, words, sums| unsafe { gather(factor, words, sums) },
        })
    }

    type Register = __m128i;

    #[inline]
    #[target_feature(enable = "pclmulqdq")]
    fn load(element: Element) -> Register {
        let [low, high] = element.to_words();
        _mm_set_epi64x(high.cast_signed(), low.cast_signed())
    }

    #[inline]
    #[target_feature(enable = "pclmulqdq")]
    fn store(register: Register) -> u128 {
        let low = _mm_cvtsi128_si64(register).cast_unsigned();
        let high = _mm_cvtsi128_si64(_mm_unpackhi_epi64(register, register)).cast_unsigned();
        Element::from_words([low, high]).0
    }

    #[inline]
    #[target_feature(enable = "pclmulqdq")]
    fn word(word: u64) -> Register {
        _mm_set_epi64x(0, word.cast_signed())
    }

    #[inline]
    #[target_feature(enable = "pclmulqdq")]
    fn low_low(left: Register, right: Register) -> Register {
        _mm_clmulepi64_si128(left, right, 0x00)
    }

    #[inline]
    #[target_feature(enable = "pclmulqdq")]
    fn high_low(left: Register, right: Register) -> Register {
        _mm_clmulepi64_si128(left, right, 0x01)
    }

    #[inline]
    #[target_feature(enable = "pclmulqdq")]
    fn low_high(left: Register, right: Register) -> Register {
        _mm_clmulepi64_si128(left, right, 0x10)
    }

    #[inline]
    #[target_feature(enable = "pclmulqdq")]
    fn high_high(left: Register, right: Register) -> Register {
        _mm_clmulepi64_si128(left, right, 0x11)
    }

    #[inline]
    #[target_feature(enable = "pclmulqdq")]
    fn add(left: Register, right: Register) -> Register {
        _mm_xor_si128(left, right)
    }

    loops!(#[target_feature(enable = "pclmulqdq")]);
}

#[cfg(not(target_arch = "x86_64"))]
mod carryless {
    pub(super) const fn kernel() -> Option<super::Kernel> {
        None
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::Cell;

    use super::super::tests::{by_hand, elements};
    use super::*;

    /// A kernel on which everything of a thread is to run.
    #[derive(Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Choice {
        /// The kernel for every machine.
        Portable,
        /// The kernel for processors that multiply without carries, where there is one.
        Carryless,
        /// One that gets sums of products wrong.
        Wrong,
    }

    thread_local! {
        static CHOICE: Cell<Option<Choice>> = const { Cell::new(None) };
        static CALLS: Cell<u64> = const { Cell::new(0) };
    }

    /// Runs on a kernel, and returns how often it was called.
    pub(crate) fn on<T>(choice: Choice, run: impl FnOnce() -> T) -> (T, u64) {
        CHOICE.set(Some(choice));
        CALLS.set(0);
        let result = run();
        CHOICE.set(None);
        (result, CALLS.get())
    }

    pub(super) fn chosen() -> Option<Kernel> {
        let choice = CHOICE.get()?;
        CALLS.set(CALLS.get() + 1);
        match choice {
            Choice::Portable => Some(portable::KERNEL),
            Choice::Carryless => carryless::kernel(),
            Choice::Wrong => {
                let dot =
                    |left: &[Element], right: &[Element]| (portable::KERNEL.dot)(left, right) + Element::ONE;
                Some(Kernel { dot, ..portable::KERNEL })
            }
        }
    }

    /// Whether this machine multiplies without carries.
    pub(crate) fn is_carryless() -> bool {
        carryless::kernel().is_some()
    }

    /// All loops of a kernel on the same numbers.
    fn results(kernel: Kernel) -> Vec<Element> {
        let (left, right) = (elements(3, 70), elements(4, 70));
        let words: Vec<u64> = right.iter().map(|element| element.0 as u64).collect();
        let mut sums = vec![[0; 2]; 70];
        (kernel.gather)(left[0], &words, &mut sums);
        (kernel.gather)(left[1], &words, &mut sums);
        let mut scaled = left.clone();
        (kernel.scale)(&mut scaled, &right);
        let mut combined = vec![Element::ZERO; 20];
        (kernel.combine)(&left, &right[..4], &mut combined);
        let mut all = vec![(kernel.dot)(&left, &right), (kernel.dot)(&[], &[])];
        all.extend(sums.into_iter().map(settle).chain(scaled).chain(combined));
        all
    }

    /// The same by the definition.
    fn by_definition() -> Vec<Element> {
        let (left, right) = (elements(3, 70), elements(4, 70));
        let sum = |pairs: &mut dyn Iterator<Item = (Element, Element)>| {
            pairs.fold(Element::ZERO, |sum, (left, right)| sum + by_hand(left, right))
        };
        let mut all = vec![sum(&mut left.iter().copied().zip(right.iter().copied())), Element::ZERO];
        let word = |element: &Element| Element(element.0 & u128::from(u64::MAX));
        all.extend(right.iter().map(|right| by_hand(left[0] + left[1], word(right))));
        all.extend(left.iter().zip(&right).map(|(left, right)| by_hand(*left, *right)));
        all.extend((0..20).map(|column| {
            let rows = (0..4).filter_map(|row| Some((*left.get(20 * row + column)?, right[row])));
            sum(&mut rows.into_iter())
        }));
        all
    }

    #[test]
    fn both_kernels_give_what_the_definition_gives() {
        assert_eq!(results(portable::KERNEL), by_definition());
        if let Some(kernel) = carryless::kernel() {
            assert_eq!(results(kernel), by_definition());
        }
    }
}
