//! The loops themselves, written once; each kernel compiles them for its own instructions.

/// Defines the loops over the register type and the products of the module that it stands in.
macro_rules! loops {
    ($(#[$feature:meta])?) => {
        /// The parts of a product of 256 bits: the lowest, that at 64 bits, that at 128 bits.
        type Parts = [Register; 3];

        #[inline]
        $(#[$feature])?
        fn none() -> Parts {
            let zero = load(Element::ZERO);
            [zero, zero, zero]
        }

        #[inline]
        $(#[$feature])?
        fn add_product(parts: &mut Parts, left: Register, right: Register) {
            parts[0] = add(parts[0], low_low(left, right));
            parts[1] = add(parts[1], add(high_low(left, right), low_high(left, right)));
            parts[2] = add(parts[2], high_high(left, right));
        }

        #[inline]
        $(#[$feature])?
        fn settled(parts: Parts) -> Element {
            let [low, middle, high] = [store(parts[0]), store(parts[1]), store(parts[2])];
            super::super::reduce(low ^ middle << 64, high ^ middle >> 64)
        }

        $(#[$feature])?
        fn dot(left: &[Element], right: &[Element]) -> Element {
            let mut parts = none();
            for (left, right) in left.iter().zip(right) {
                add_product(&mut parts, load(*left), load(*right));
            }
            settled(parts)
        }

        $(#[$feature])?
        fn combine(rows: &[Element], coefficients: &[Element], sum: &mut [Element]) {
            let width = sum.len();
            for (column, sum) in sum.iter_mut().enumerate() {
                let mut parts = none();
                let column = rows.iter().skip(column).step_by(width.max(1));
                for (element, coefficient) in column.zip(coefficients) {
                    add_product(&mut parts, load(*element), load(*coefficient));
                }
                *sum = settled(parts);
            }
        }

        $(#[$feature])?
        fn scale(elements: &mut [Element], factors: &[Element]) {
            for (element, factor) in elements.iter_mut().zip(factors) {
                let mut parts = none();
                add_product(&mut parts, load(*element), load(*factor));
                *element = settled(parts);
            }
        }

        $(#[$feature])?
        fn gather(factor: Element, words: &[u64], sums: &mut [Wide]) {
            let factor = load(factor);
            for (sum, bits) in sums.iter_mut().zip(words) {
                let bits = word(*bits);
                sum[0] = store(add(load(Element(sum[0])), low_low(factor, bits)));
                sum[1] = store(add(load(Element(sum[1])), high_low(factor, bits)));
            }
        }
    };
}
pub(super) use loops;
