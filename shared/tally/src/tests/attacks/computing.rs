//! Wrong products: what the check is for, and how often a lie escapes it.

use base::Step;

use super::{coalitions, lied, refused, right, sharing_exchanges, small};
use crate::check::challenge::{Challenges, tests::SMALL};
use crate::field::{Element, points::points};
use crate::session::End;
use crate::sharing::Sharing;
use crate::tests::board::{Task, World, run, task};
use crate::tests::controls::{Controls, without};
use crate::tests::lies::{Moment, Tamper};

fn flip_in(exchange: u32, word: usize, bit: u32) -> Tamper {
    Tamper::new(move |moment| match moment {
        Moment::Summand(place, words) if place.exchange == exchange => {
            let word = word % words.len();
            words[word] ^= 1 << bit;
            true
        }
        _ => false,
    })
}

#[test]
fn a_wrong_bit_in_any_layer_or_fold_opens_nothing() {
    for sharing in Sharing::ALL {
        let world = World::new(sharing, 3);
        let task = small(&world);
        let depth = task.plan.depth() as u32;
        let last = sharing_exchanges(&world, &task);
        assert!(last > depth);
        for coalition in coalitions(sharing) {
            for exchange in 1..=last {
                let (ran, told) = lied(&world, &task, &coalition, |place| {
                    flip_in(exchange, 7 * exchange as usize + place, (exchange * 5 + place as u32) % 64)
                });
                assert_eq!(told, coalition.len(), "exchange {exchange}");
                refused(sharing, &coalition, &ran, |end| *end == End::Check(0));
            }
        }
    }
}

#[test]
fn without_the_check_a_wrong_bit_makes_another_label() {
    for sharing in Sharing::ALL {
        let world = World::new(sharing, 3);
        let task = small(&world);
        let depth = task.plan.depth() as u32;
        // the last layer decides who has won: the labels' own bits
        let (ran, told) = without(Controls { no_check: true, ..Controls::default() }, || {
            lied(&world, &task, &coalitions(sharing)[0], |place| {
                if place == 0 { flip_in(depth, 0, 0) } else { Tamper::new(|_| false) }
            })
        });
        assert_eq!(told, 1);
        assert_eq!(ran.labels.len(), usize::from(sharing.quorum()));
        assert!(ran.labels.values().all(|labels| *labels != right()), "{sharing}: the lie changed nothing");
    }
}

/// With challenges from 256 elements a lie escapes as often as its polynomial has roots among them.
///
/// A wrong bit makes the combined claim wrong by δ = ρ_q·x^j·v_i. In the first fold its author may add the values of any
/// polynomial E of degree 126 with Σ v_i·E(i) = δ, and escapes where E is zero at the challenge: one of the 129 elements that
/// are no points. Later folds do not save it: an error at the one value that is not shared is zero at all other points only.
/// Before all this ρ_q is zero once in 256.
#[test]
fn lies_escape_a_small_field_as_often_as_computed() {
    let sharing = Sharing::ThreeOne;
    let world = World::new(sharing, 3);
    let mut task = task(&world, 2, &[3, 5], None, Step::Label);
    const TRIES: u32 = 250;
    for roots in [0, 64, 126] {
        let mut escaped = 0_u32;
        SMALL.set(true);
        for attempt in 0..TRIES {
            task.facts.attempt = attempt;
            let tamper = escape(&task, roots);
            let ran = run(&world, &task, &[(sharing.trustee(1).unwrap(), tamper.clone())]);
            assert_eq!(tamper.told(), 2);
            escaped += u32::from(!ran.labels.is_empty());
        }
        SMALL.set(false);
        let rate = 1.0 / 256.0 + 255.0 / 256.0 * roots as f64 / 129.0;
        // 5.2 deviations and four lies more: of other seeds one choice in a million would fail; a rate that is off by 0.3
        // would be missed by one in 10^5
        let slack = 5.2 * (rate * (1.0 - rate) / f64::from(TRIES)).sqrt() + 4.0 / f64::from(TRIES);
        let found = f64::from(escaped) / f64::from(TRIES);
        assert!((found - rate).abs() <= slack, "{roots} roots: {found} escaped, {rate} computed");
    }
}

/// A wrong bit in the second layer, and in the first fold the polynomial that hides it from the most challenges.
fn escape(task: &Task, roots: usize) -> Tamper {
    let layers = task.plan.circuit().layers();
    let (before, depth) = (layers[0].products.len(), task.plan.depth() as u32);
    Tamper::new(move |moment| match moment {
        Moment::Summand(place, words) if place.exchange == 2 => {
            words[0] ^= 1 << 9;
            true
        }
        Moment::Summand(place, words) if place.exchange == depth + 1 => {
            let mut challenges = Challenges::new("bits", &place.seen);
            let within: Vec<Element> = (0..64).map(|_| challenges.unit()).collect();
            let groups: Vec<Element> = (0..=before / 64).map(|_| challenges.element()).collect();
            let error = groups[before / 64].times(Element(1 << 9)).times(within[before % 64]);
            let chosen = &points()[127..127 + roots];
            let shape =
                |at: usize| chosen.iter().fold(Element::ONE, |sum, root| sum.times(points()[at] + *root));
            let weighted = (0..64).fold(Element::ZERO, |sum, at| sum + within[at].times(shape(at)));
            let factor = error.times(weighted.inverse());
            for (at, words) in (0..127).filter(|at| *at != 63).zip(words.as_chunks_mut::<2>().0) {
                let [low, high] = factor.times(shape(at)).to_words();
                words[0] ^= low;
                words[1] ^= high;
            }
            true
        }
        _ => false,
    })
}
