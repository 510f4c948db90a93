//! Pieces of phases: what each holder of a piece of the key computes alone, and how it rounds it.

pub(crate) mod product;

use crate::grid::Grid;
use crate::hidden::Hidden;
use crate::sharing::Piece;
use crate::sum::{DEGREE, Sum};
use product::{KeyPiece, Multiplier};

/// Rounded pieces of counts: instance-major, one number of k + g bits per class.
pub(crate) type Pieces = Hidden<Vec<u32>>;

/// Computes a piece of the phase of every slot of the given instances, rounded to the grid.
///
/// The instances ascend. Slot j of a list has the phase body_j − (mask·S)_{2047−j}: the public key is that of a compact list,
/// whose slots turn the mask, and S is the key in reverse order. The piece that bears constants takes the body.
pub(crate) fn rounded(sum: &Sum, instances: &[u32], grid: &Grid, piece: Piece, key: &KeyPiece) -> Pieces {
    let layout = sum.layout();
    let (classes, per_list) = (layout.classes(), layout.instances_per_list());
    let mut counts: Pieces = Hidden::new(Vec::with_capacity(instances.len() * classes));
    let mut multiplier = Multiplier::default();
    for of_list in instances.chunk_by(|one, other| *one as usize / per_list == *other as usize / per_list) {
        let Some(first) = of_list.first() else { continue };
        let (mask, bodies) = sum.list(*first as usize / per_list);
        let product = multiplier.product(mask, key);
        for instance in of_list {
            let first = *instance as usize % per_list * classes;
            counts.extend((first..first + classes).map(|slot| {
                let body = if piece.bears_constants() { bodies.get(slot).copied().unwrap_or(0) } else { 0 };
                grid.round(body.wrapping_sub(product[DEGREE - 1 - slot]))
            }));
        }
    }
    counts
}
