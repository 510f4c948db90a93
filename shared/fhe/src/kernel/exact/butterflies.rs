//! Two or three layers of butterflies at a time, on four or eight numbers.
//!
//! Forward, a layer makes u + f·v and u − f·v of two numbers, with one factor for each block. Three layers on eight
//! numbers have seven factors: one for the first layer, two for the second, four for the third. The way back goes
//! through the layers the other way round, with the inverse factors.

use super::field::Field;

#[inline(always)]
fn forward(field: Field, u: f64, v: f64, factor: f64) -> (f64, f64) {
    let product = field.multiply(v, factor);
    (u + product, u - product)
}

#[inline(always)]
fn inverse(field: Field, u: f64, v: f64, factor: f64) -> (f64, f64) {
    (u + v, field.multiply(u - v, factor))
}

/// Two layers.
#[inline(always)]
pub(super) fn forward4(field: Field, [a, b, c, d]: [f64; 4], factors: [f64; 3]) -> [f64; 4] {
    let [f1, f2, f3] = factors;
    let ((a, c), (b, d)) = (forward(field, a, c, f1), forward(field, b, d, f1));
    let ((a, b), (c, d)) = (forward(field, a, b, f2), forward(field, c, d, f3));
    [a, b, c, d]
}

/// The first two layers for digits: the factor of the first is the imaginary unit, whose product with a digit is below
/// 2^47 and needs no reduction.
#[inline(always)]
pub(super) fn small4(field: Field, [a, b, c, d]: [f64; 4], factors: [f64; 3]) -> [f64; 4] {
    let [_, f2, f3] = factors;
    let unit = field.imaginary_unit;
    let ((a, c), (b, d)) =
        ((c.mul_add(unit, a), c.mul_add(-unit, a)), (d.mul_add(unit, b), d.mul_add(-unit, b)));
    let ((a, b), (c, d)) = (forward(field, a, b, f2), forward(field, c, d, f3));
    [a, b, c, d]
}

/// Three layers.
#[inline(always)]
pub(super) fn forward8(field: Field, x: [f64; 8], factors: [f64; 7]) -> [f64; 8] {
    let [a, b, c, d, e, f, g, h] = x;
    let [f1, f2, f3, f4, f5, f6, f7] = factors;
    let ((a, e), (b, f)) = (forward(field, a, e, f1), forward(field, b, f, f1));
    let ((c, g), (d, h)) = (forward(field, c, g, f1), forward(field, d, h, f1));
    let [a, b, c, d] = forward4(field, [a, b, c, d], [f2, f4, f5]);
    let [e, f, g, h] = forward4(field, [e, f, g, h], [f3, f6, f7]);
    [a, b, c, d, e, f, g, h]
}

/// Two layers back; the sum of all four is reduced, so that a bound B·p becomes (1 + B/8)·p.
#[inline(always)]
pub(super) fn inverse4(field: Field, x: [f64; 4], factors: [f64; 3]) -> [f64; 4] {
    let [a, b, c, d] = unreduced4(field, x, factors);
    [field.reduce(a), b, c, d]
}

#[inline(always)]
fn unreduced4(field: Field, [a, b, c, d]: [f64; 4], factors: [f64; 3]) -> [f64; 4] {
    let [f1, f2, f3] = factors;
    let ((a, b), (c, d)) = (inverse(field, a, b, f2), inverse(field, c, d, f3));
    let ((a, c), (b, d)) = (inverse(field, a, c, f1), inverse(field, b, d, f1));
    [a, b, c, d]
}

/// Three layers back; the sum of all eight is reduced, so that a bound B·p becomes (2 + B/4)·p.
#[inline(always)]
pub(super) fn inverse8(field: Field, x: [f64; 8], factors: [f64; 7]) -> [f64; 8] {
    let [a, b, c, d, e, f, g, h] = x;
    let [f1, f2, f3, f4, f5, f6, f7] = factors;
    let [a, b, c, d] = unreduced4(field, [a, b, c, d], [f2, f4, f5]);
    let [e, f, g, h] = unreduced4(field, [e, f, g, h], [f3, f6, f7]);
    let ((a, e), (b, f)) = (inverse(field, a, e, f1), inverse(field, b, f, f1));
    let ((c, g), (d, h)) = (inverse(field, c, g, f1), inverse(field, d, h, f1));
    [field.reduce(a), b, c, d, e, f, g, h]
}
