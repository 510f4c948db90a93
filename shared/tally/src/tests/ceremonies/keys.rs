//! The key that a ceremony makes: the same for all, with a known answer, and with the noise that is stated.

use std::sync::Arc;

use base::Step;
use base::ids::Digest;

use super::stage::{setup, stage, world};
use crate::ceremony::{Entry, SecretBytes, SecretName};
use crate::draw::Stream;
use crate::grid::Grid;
use crate::keyring::Keyring;
use crate::known_answer::{self, KnownAnswer};
use crate::phase::product::Multiplier;
use crate::plan::{Plan, Question};
use crate::sharing::{Sharing, Trustee};
use crate::sum::DEGREE;
use crate::tests::board::{Task, facts, run};

#[test]
fn all_trustees_have_the_same_key_and_its_known_answer_comes_out() {
    for sharing in Sharing::ALL {
        let stage = stage(sharing);
        assert_eq!(stage.keyed.len(), usize::from(sharing.trustees()), "{sharing}: {:?}", stage.dead);
        let first = stage.keyed.values().next().unwrap();
        let setup = setup(sharing, sharing.trustee(1).unwrap());
        for keyed in stage.keyed.values() {
            assert_eq!(keyed.certificate, first.certificate);
            assert_eq!(
                keyed.certificate.public_key(
                    (&setup.federation, &setup.trustees),
                    &keyed.signatures,
                    &keyed.shares
                ),
                Ok(first.public_key.clone())
            );
        }
        for (trustee, disk) in &stage.disks {
            let Some(Entry::First(first)) =
                disk.journal.iter().find(|entry| matches!(entry, Entry::First(_)))
            else {
                panic!("no V1 in the journal")
            };
            let roots = SecretBytes::new(disk.secrets[&SecretName::Roots].clone());
            let certificate = &stage.keyed[trustee].certificate;
            let kept = |of: Trustee, first| {
                Keyring::from_kept((sharing, of), (Digest::of(b"ceremony"), first), &roots)
            };
            assert!(kept(*trustee, *first).unwrap().belongs_to(certificate));
            assert!(!kept(*trustee, Digest::of(b"another")).unwrap().belongs_to(certificate));
            let other = stage.disks.keys().find(|other| *other != trustee).unwrap();
            assert!(kept(*other, *first).is_none(), "these roots are of other pieces");
            assert_eq!(disk.secrets.keys().collect::<Vec<_>>(), [&SecretName::Roots], "only the roots stay");
        }
        let grid = Grid::whole(sharing, 1, |_| 7).unwrap();
        let known = KnownAnswer::new(&first.certificate.digest(), &first.public_key, 10, &grid).unwrap();
        let question = Question {
            step: Step::Label,
            layout: known.sum.layout(),
            instances: (0..known.sum.layout().instances()).collect(),
            grid,
            threshold: None,
        };
        let plan = Arc::new(Plan::new(sharing, question).unwrap());
        let task = Task { plan, sum: Arc::new(known.sum.clone()), facts: facts(0) };
        let ran = run(&world(&stage), &task, &[]);
        assert_eq!(ran.labels.len(), usize::from(sharing.quorum()));
        assert!(ran.labels.values().all(|labels| *labels == known.verdicts), "{sharing}");
    }
}

/// Ballots under a key that nobody dealt, rounded as they travel: how far phases are from counts.
#[test]
fn rounded_ballots_under_a_key_without_dealer_have_their_phases() {
    for sharing in Sharing::ALL {
        let stage = stage(sharing);
        let keyed = stage.keyed.values().next().unwrap();
        let mut random = Stream::new(&[6; 32]);
        let (mut words, mut counts) = (vec![0_u32; 2 * DEGREE], vec![0_i64; DEGREE]);
        let grid = Grid::whole(sharing, 250, |_| 8191).unwrap();
        let keys: Vec<_> = sharing
            .all_pieces()
            .into_iter()
            .map(|piece| stage.keyed.values().find_map(|keyed| keyed.keyring.key_piece(piece)).unwrap())
            .collect();
        let mut multiplier = Multiplier::default();
        for ballots in 1..=1000 {
            let votes: Vec<i64> = (0..DEGREE).map(|_| (random.next_word() % 3).cast_signed() - 1).collect();
            let ballot = known_answer::encrypt(&keyed.public_key, &grid, &votes, &mut random);
            words.iter_mut().zip(ballot).for_each(|(sum, word)| *sum = sum.wrapping_add(word));
            counts.iter_mut().zip(votes).for_each(|(sum, votes)| *sum += votes);
            if ballots != 250 && ballots != 1000 {
                continue;
            }
            let mut phases = words[DEGREE..].to_vec();
            for key in &keys {
                let product = multiplier.product(&words[..DEGREE], key);
                phases
                    .iter_mut()
                    .zip(product.iter().rev())
                    .for_each(|(phase, word)| *phase = phase.wrapping_sub(*word));
            }
            let unit = f64::from(1_u32 << (32 - grid.whole_bits()));
            let errors: Vec<f64> = phases
                .iter()
                .zip(&counts)
                .map(|(phase, count)| {
                    let wanted = (*count as u32).wrapping_shl(32 - grid.whole_bits());
                    f64::from(phase.wrapping_sub(wanted).cast_signed()) / unit
                })
                .collect();
            // E[S²], and half of what a difference may have in two: √(N(2048·E[S²]/12 + 2^16/12))
            let square = (sharing.pieces() as f64 + (sharing.pieces() as f64).powi(2)) / 4.0;
            let deviation = (f64::from(ballots) * (2048.0 * square + 65_536.0) / 12.0).sqrt() / unit;
            let found = (errors.iter().map(|error| error * error).sum::<f64>() / DEGREE as f64).sqrt();
            let worst = errors.iter().fold(0.0_f64, |worst, error| worst.max(error.abs()));
            // Errors of one list go together, since the key has a mean, so their own deviation is only of its size. A normal
            // error exceeds 6.4 deviations with a chance below 2·10^-10; all 12 288 of this test with one below 3·10^-6.
            assert!(found > deviation / 10.0, "{sharing}, {ballots}: nothing was rounded");
            assert!(worst < 6.4 * deviation, "{sharing}, {ballots} ballots: {worst} votes");
        }
    }
}
