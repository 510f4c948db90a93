//! How openings combine to labels, who is contradicted, and who is named.
//!
//! With m openings every piece has at least m − t reports. From m = 2t + 1 on at least one of them is honest, so
//! a lie is always seen; from m = 3t + 1 on the honest ones outnumber the lies, so its author is named. Below
//! 2t + 1 a lie about a piece that nobody else reported passes unseen, so the labels stand uncorroborated.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    flood::noise_bound,
    opening::{ShapeError, Shares},
    reports::Reports,
    sharing::{Sharing, TrusteeIndex},
};
use fhe::{SQUASHED_DIGIT_LOG, label_digits};

/// The largest digit of a label in base 16; a turn of the torus holds twice as many.
const LARGEST_DIGIT: u16 = 15;
const BASE_LOG: usize = 4;

/// Says why openings do not combine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CombineError {
    /// The bodies are not those of whole labels.
    #[error(
        "{got} squashed digits came, but every label has {per_label}; hand in the record of the whole round"
    )]
    Bodies {
        /// Bodies that came.
        got: usize,
        /// Digits per label.
        per_label: usize,
    },
    /// A trustee's shares have another shape.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// A trustee is in the list twice.
    #[error("trustee {trustee} opened twice; hand in one opening of each trustee")]
    Twice {
        /// The trustee.
        trustee: TrusteeIndex,
    },
    /// Too few trustees opened.
    #[error("{got} of the {needed} openings that are needed came; {} more must come", needed - got)]
    TooFew {
        /// Openings that came.
        got: usize,
        /// Openings needed, t + 1.
        needed: usize,
    },
    /// A digit that no tally puts out.
    #[error(
        "instance {instance}: digit {digit} opens to {value}, beyond 0 to 15; an opening nobody can contradict is \
         false, or the ciphertext was not made with this federation's keys: wait for more openings"
    )]
    Digit {
        /// The instance, from 0.
        instance: usize,
        /// The digit's place, 0 for the low one.
        digit: usize,
        /// What it opens to, 16 to 31.
        value: u16,
    },
    /// A label that no class has.
    #[error(
        "instance {instance}: the label opens to {label}, but there are {classes} classes; an opening nobody can \
         contradict is false, or the ciphertext was not made with this federation's keys: wait for more openings"
    )]
    Label {
        /// The instance, from 0.
        instance: usize,
        /// What it opens to.
        label: u16,
        /// Number of classes.
        classes: usize,
    },
    /// More noise than honest trustees can add.
    #[error(
        "instance {instance}: digit {digit} opens with noise 2^{:.1}, beyond the bound 2^{:.1}; an opening nobody \
         can contradict is false, or the ciphertext was not made with this federation's keys: wait for more \
         openings", (*noise as f64).log2(), (*bound as f64).log2()
    )]
    Noise {
        /// The instance, from 0.
        instance: usize,
        /// The digit's place, 0 for the low one.
        digit: usize,
        /// Absolute noise, at most 2^122.
        noise: u128,
        /// Its bound, [`noise_bound`].
        bound: u128,
    },
}

/// Is what openings say together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Combined {
    /// They give labels.
    Opened(Opened),
    /// They contradict each other, and nothing is released.
    Disputed {
        /// The openers that hold a piece about which reports differ, in ascending order.
        holders: Vec<TrusteeIndex>,
        /// The first instance, from 0, about which reports differ.
        instance: usize,
    },
}

/// Is the labels that openings give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// One label per instance: class + 1, or 0 for an abstention.
    pub labels: Vec<u16>,
    /// How far the labels can be relied on.
    pub standing: Standing,
    /// The largest |noise| of an opened digit, which stays below [`noise_bound`].
    pub largest_noise: u128,
}

/// Is how far opened labels can be relied on when at most t trustees are corrupt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// At least 2t + 1 trustees opened and agree: no lie is possible.
    Corroborated,
    /// Fewer opened, and they agree: a lie is possible, and later openings may still show it.
    Uncorroborated,
    /// At least 3t + 1 opened, these lied, and the others outvoted them.
    Named {
        /// The authors of the lies, in ascending order.
        liars: Vec<TrusteeIndex>,
    },
}

/// Combines the openings of one step of one round with the bodies of its squashed digits (instance-major, the low
/// digit first) into labels of `classes` classes.
///
/// # Errors
/// Refuses bodies of broken labels, shares of another shape, a trustee that comes twice, and fewer than t + 1
/// openings; names the first instance whose digits no tally and no honest trustees give.
pub fn combine(
    sharing: Sharing,
    classes: usize,
    bodies: &[u128],
    openings: &[(TrusteeIndex, &Shares)],
) -> Result<Combined, CombineError> {
    let per_label = label_digits(classes);
    if bodies.is_empty() || !bodies.len().is_multiple_of(per_label) {
        return Err(CombineError::Bodies { got: bodies.len(), per_label });
    }
    let openings = distinct(sharing, bodies.len(), openings)?;
    let pieces = Reports::of_all_pieces(sharing, &openings);
    let disagreements = disagreements(&pieces, bodies.len());
    let (Some(standing), Some(phases)) =
        (standing(sharing, openings.len(), &disagreements), phases(&pieces, bodies))
    else {
        return Ok(dispute(&disagreements, per_label));
    };
    let mut largest_noise = 0;
    let instances = phases.chunks_exact(per_label).enumerate();
    let labels = instances.map(|(instance, phases)| {
        let (label, noise) = label(sharing, classes, instance, phases)?;
        largest_noise = noise.max(largest_noise);
        Ok(label)
    });
    let labels = labels.collect::<Result<_, CombineError>>()?;
    Ok(Combined::Opened(Opened { labels, standing, largest_noise }))
}

/// Returns the openings by trustee, once their shapes are right and there are enough of them.
fn distinct<'a>(
    sharing: Sharing,
    digits: usize,
    openings: &[(TrusteeIndex, &'a Shares)],
) -> Result<BTreeMap<TrusteeIndex, &'a Shares>, CombineError> {
    let mut distinct = BTreeMap::new();
    for (trustee, shares) in openings {
        shares.check(sharing, *trustee, digits)?;
        if distinct.insert(*trustee, *shares).is_some() {
            return Err(CombineError::Twice { trustee: *trustee });
        }
    }
    let (got, needed) = (distinct.len(), sharing.quorum());
    if got < needed { Err(CombineError::TooFew { got, needed }) } else { Ok(distinct) }
}

/// A digit of which the holders of a piece report different values.
struct Disagreement<'a> {
    digit: usize,
    reports: &'a Reports<'a>,
}

/// Returns all disagreements, those about the first digits first.
fn disagreements<'a>(pieces: &'a [Reports<'a>], digits: usize) -> Vec<Disagreement<'a>> {
    let places =
        (0..digits).flat_map(|digit| pieces.iter().map(move |reports| Disagreement { digit, reports }));
    places.filter(|place| !place.reports.unanimous(place.digit)).collect()
}

/// Returns how far the openings can be relied on; `None` if they contradict each other and nobody can be named.
///
/// A majority proves something only while at most t lie, so more than t outvoted openers are a dispute as well.
fn standing(sharing: Sharing, openers: usize, disagreements: &[Disagreement<'_>]) -> Option<Standing> {
    if disagreements.is_empty() {
        let corroborated = openers >= sharing.corroborated_from();
        return Some(if corroborated { Standing::Corroborated } else { Standing::Uncorroborated });
    }
    if openers < sharing.named_from() {
        return None;
    }
    let mut liars = BTreeSet::new();
    for Disagreement { digit, reports } in disagreements {
        let truth = reports.majority(*digit)?;
        liars.extend(reports.others(*digit, truth));
    }
    (liars.len() <= sharing.threshold()).then(|| Standing::Named { liars: liars.into_iter().collect() })
}

/// Returns b + Σ p_A of each digit; `None` if a piece has no value that most of its holders report.
fn phases(pieces: &[Reports<'_>], bodies: &[u128]) -> Option<Vec<u128>> {
    let phase = |(digit, body): (usize, &u128)| {
        pieces.iter().try_fold(*body, |sum, reports| Some(sum.wrapping_add(reports.majority(digit)?)))
    };
    bodies.iter().enumerate().map(phase).collect()
}

fn dispute(disagreements: &[Disagreement<'_>], per_label: usize) -> Combined {
    let holders: BTreeSet<TrusteeIndex> =
        disagreements.iter().flat_map(|place| place.reports.holders()).collect();
    let instance = disagreements.first().map_or(0, |place| place.digit / per_label);
    Combined::Disputed { holders: holders.into_iter().collect(), instance }
}

/// Rounds the digits of one instance to its label; returns it with its largest |noise|.
fn label(
    sharing: Sharing,
    classes: usize,
    instance: usize,
    phases: &[u128],
) -> Result<(u16, u128), CombineError> {
    let bound = noise_bound(sharing);
    let (mut label, mut largest_noise) = (0, 0);
    for (digit, phase) in phases.iter().enumerate() {
        let (value, noise) = round(*phase);
        if value > LARGEST_DIGIT {
            return Err(CombineError::Digit { instance, digit, value });
        }
        if noise >= bound {
            return Err(CombineError::Noise { instance, digit, noise, bound });
        }
        label |= value << (digit * BASE_LOG);
        largest_noise = noise.max(largest_noise);
    }
    if usize::from(label) > classes {
        return Err(CombineError::Label { instance, label, classes });
    }
    Ok((label, largest_noise))
}

/// Returns the nearest of the 32 digits that a turn of the torus holds, and the distance to it.
fn round(phase: u128) -> (u16, u128) {
    let half = 1 << (SQUASHED_DIGIT_LOG - 1);
    let value = phase.wrapping_add(half) >> SQUASHED_DIGIT_LOG;
    let noise = phase.wrapping_sub(value << SQUASHED_DIGIT_LOG).cast_signed().unsigned_abs();
    // five bits are left
    (value as u16, noise)
}
