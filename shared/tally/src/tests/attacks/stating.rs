//! Other pieces than a trustee holds: at the inputs, in what it states, seals and opens.

use super::{coalitions, honest, lied, refused, right, small};
use crate::session::End;
use crate::session::message::Body;
use crate::sharing::{Group, Sharing};
use crate::tests::board::World;
use crate::tests::lies::{Moment, Tamper};

#[test]
fn other_inputs_are_a_dispute_of_their_holders() {
    for sharing in Sharing::ALL {
        let world = World::new(sharing, 3);
        let task = small(&world);
        for coalition in coalitions(sharing) {
            // all liars change the same piece, if they share it
            let (ran, told) = lied(&world, &task, &coalition, |_| {
                Tamper::new(|moment| match moment {
                    Moment::Counts(counts) => {
                        counts.last_mut().unwrap().1[1] ^= 1 << 4;
                        true
                    }
                    _ => false,
                })
            });
            assert_eq!(told, coalition.len());
            refused(sharing, &coalition, &ran, |end| matches!(end, End::Dispute { .. }));
        }
    }
}

#[test]
fn other_pieces_of_the_check_or_of_the_labels_are_a_dispute() {
    for sharing in Sharing::ALL {
        let world = World::new(sharing, 3);
        let task = small(&world);
        for coalition in coalitions(sharing) {
            for of_check in [true, false] {
                let (ran, told) = lied(&world, &task, &coalition, |_| {
                    Tamper::new(move |moment| match moment {
                        Moment::Ends(ends) if of_check => {
                            ends[0][2].0 ^= 1;
                            true
                        }
                        Moment::Outputs(words) if !of_check => {
                            words[1][0] ^= 1;
                            true
                        }
                        _ => false,
                    })
                });
                assert_eq!(told, coalition.len());
                refused(sharing, &coalition, &ran, |end| matches!(end, End::Dispute { batch: 0, .. }));
                let ends = ran.ended.values();
                let named = ends.into_iter().find_map(|end| match end {
                    End::Dispute { holders, .. } => Some(*holders),
                    _ => None,
                });
                let holders = named.unwrap();
                assert!(coalition.iter().any(|liar| holders.contains(*liar)), "{sharing}: {holders}");
            }
        }
    }
}

/// After the agreement a liar is seen and stops nothing.
#[test]
fn a_contradiction_at_the_opening_is_seen_and_the_labels_come() {
    for sharing in Sharing::ALL {
        let world = World::new(sharing, 3);
        let task = small(&world);
        for coalition in coalitions(sharing) {
            for of_check in [true, false] {
                let (ran, told) = lied(&world, &task, &coalition, |_| {
                    Tamper::new(move |moment| {
                        let Moment::Said(said) = moment else { return false };
                        match &mut said.body {
                            Body::Check(opened) if of_check => opened[0].bytes[5] ^= 1,
                            Body::Labels(opened) if !of_check => opened[0].bytes[0] ^= 1,
                            _ => return false,
                        }
                        true
                    })
                });
                assert!(told >= 1, "{sharing}, {coalition:?}");
                for trustee in honest(sharing, &coalition) {
                    assert_eq!(ran.labels.get(&trustee), Some(&right()), "{sharing}: {:?}", ran.ended);
                    let seen = ran.liars.iter().filter(|(by, _)| *by == trustee).map(|(_, liar)| *liar);
                    assert_eq!(Group::of(seen), Group::of(coalition.iter().copied()), "{sharing}");
                }
            }
        }
    }
}

#[test]
fn a_sealed_correction_that_does_not_open_names_its_sender() {
    for sharing in Sharing::ALL {
        let world = World::new(sharing, 3);
        let task = small(&world);
        for liar in sharing.group(0).members() {
            for cut in [false, true] {
                let (ran, told) = lied(&world, &task, &[liar], |_| {
                    Tamper::new(move |moment| match moment {
                        Moment::Sealed(2, sealed) => {
                            if cut {
                                sealed.pop();
                            } else {
                                sealed[3] ^= 1;
                            }
                            true
                        }
                        _ => false,
                    })
                });
                assert_eq!(told, 1);
                refused(sharing, &[liar], &ran, |end| match end {
                    End::Form { trustee, .. } => cut && *trustee == liar,
                    End::Unopened { trustee, holders, .. } => {
                        !cut && *trustee == liar && holders.contains(liar)
                    }
                    _ => false,
                });
            }
        }
    }
}
