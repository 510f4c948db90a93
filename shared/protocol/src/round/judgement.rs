//! The judgement over a round's openings: labels and how far to trust them, or who contradicts whom.

use super::{Corroboration, Opening, OpeningContent};
use crate::federation::{TrusteePolicy, Trustees};
use base::ids::ParticipantId;
use fhe::SquashedRecord;
use threshold::{CombineError, Combined, Opened, Shares, SharingError, Standing, TrusteeIndex, combine};

/// What the openings of one step say together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// They give labels.
    Labels {
        /// One label per instance: class + 1, or 0 for an abstention.
        labels: Vec<u16>,
        /// How far the openings agree.
        corroboration: Corroboration,
        /// The largest opened noise, in units of 2^-128.
        largest_noise: u128,
    },
    /// They contradict each other, and too few came to tell who lies.
    Disputed {
        /// The trustees that hold the pieces on which openings differ.
        holders: Vec<ParticipantId>,
    },
}

/// Why openings cannot be judged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JudgementError {
    /// The trustee policy is not supported.
    #[error(transparent)]
    Sharing(#[from] SharingError),
    /// They do not combine.
    #[error(transparent)]
    Combine(#[from] CombineError),
    /// Somebody who is not a trustee opened, or a trustee answered with labels.
    #[error("the opening of participant {0} is not one of a trustee with shares")]
    NotAShare(ParticipantId),
}

/// Judges the openings of a round of `classes` classes, each checked against its question before, by the record of
/// its squashed digits.
pub fn judge(
    policy: TrusteePolicy,
    trustees: &Trustees,
    classes: usize,
    record: &SquashedRecord,
    openings: &[Opening],
) -> Result<Judgement, JudgementError> {
    let sharing = policy.sharing()?;
    let bodies: Vec<u128> = record.digits().iter().map(|digit| digit.body).collect();
    let shares: Vec<(TrusteeIndex, &Shares)> =
        openings.iter().map(|opening| share(trustees, opening)).collect::<Result<_, _>>()?;
    let named = |indices: Vec<TrusteeIndex>| -> Vec<ParticipantId> {
        indices.into_iter().filter_map(|index| trustees.participant(index)).collect()
    };
    Ok(match combine(sharing, classes, &bodies, &shares)? {
        Combined::Disputed { holders, .. } => Judgement::Disputed { holders: named(holders) },
        Combined::Opened(Opened { labels, standing, largest_noise }) => {
            let corroboration = match standing {
                Standing::Corroborated => Corroboration::Corroborated,
                Standing::Uncorroborated => Corroboration::Uncorroborated,
                Standing::Named { liars } => Corroboration::Named { liars: named(liars) },
            };
            Judgement::Labels { labels, corroboration, largest_noise }
        }
    })
}

/// Returns how far all openings of a round agree with the labels that were released on some of them.
///
/// Where they judge otherwise, the release is disputed: among the liars if they are known, else among all who opened.
pub fn compare(
    judged: Result<Judgement, JudgementError>,
    released: &[u16],
    openings: &[Opening],
) -> Corroboration {
    match judged {
        Ok(Judgement::Labels { labels, corroboration, .. }) if labels == released => corroboration,
        Ok(Judgement::Labels { corroboration: Corroboration::Named { liars }, .. }) => {
            Corroboration::Disputed { holders: liars }
        }
        Ok(Judgement::Disputed { holders }) => Corroboration::Disputed { holders },
        Ok(Judgement::Labels { .. }) | Err(_) => {
            Corroboration::Disputed { holders: openings.iter().map(|opening| opening.trustee).collect() }
        }
    }
}

/// Judges the openings of a known answer: every t + 1 of the trustees must open exactly `expected`.
pub fn every_subset_opens(
    policy: TrusteePolicy,
    trustees: &Trustees,
    classes: usize,
    record: &SquashedRecord,
    openings: &[Opening],
    expected: &[u16],
) -> Result<bool, JudgementError> {
    for subset in policy.sharing()?.subsets(policy.sharing()?.quorum()) {
        let is_in =
            |opening: &&Opening| trustees.index(opening.trustee).is_some_and(|index| subset.contains(index));
        let chosen: Vec<Opening> = openings.iter().filter(is_in).cloned().collect();
        match judge(policy, trustees, classes, record, &chosen)? {
            Judgement::Labels { labels, .. } if labels == expected => {}
            _ => return Ok(false),
        }
    }
    Ok(true)
}

fn share<'a>(
    trustees: &Trustees,
    opening: &'a Opening,
) -> Result<(TrusteeIndex, &'a Shares), JudgementError> {
    let refused = || JudgementError::NotAShare(opening.trustee);
    let index = trustees.index(opening.trustee).ok_or_else(refused)?;
    match &opening.content {
        OpeningContent::Shares(shares) => Ok((index, shares)),
        OpeningContent::Labels(_) => Err(refused()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::{Step, ids::Digest};

    fn opening(trustee: u32) -> Opening {
        Opening {
            federation: Digest::of(b"federation"),
            round: None,
            step: Step::Label,
            tally: Digest::of(b"tally"),
            ciphertexts: Digest::of(b"ciphertexts"),
            trustee: ParticipantId::new(trustee).unwrap(),
            content: OpeningContent::Labels(Vec::new()),
        }
    }

    #[test]
    fn openings_that_judge_otherwise_dispute_a_release_among_the_liars_or_else_among_all() {
        let ids = |numbers: &[u32]| -> Vec<ParticipantId> {
            numbers.iter().map(|number| ParticipantId::new(*number).unwrap()).collect()
        };
        let openings = [opening(1), opening(2), opening(4)];
        let judged = |labels: &[u16], corroboration| {
            Ok(Judgement::Labels { labels: labels.to_vec(), corroboration, largest_noise: 0 })
        };
        let named = || Corroboration::Named { liars: ids(&[2]) };
        let disputed = |numbers| Corroboration::Disputed { holders: ids(numbers) };
        let now = |judged| compare(judged, &[3, 1], &openings);
        assert_eq!(now(judged(&[3, 1], Corroboration::Corroborated)), Corroboration::Corroborated);
        assert_eq!(now(judged(&[3, 1], named())), named());
        assert_eq!(now(judged(&[3, 2], named())), disputed(&[2]));
        assert_eq!(now(judged(&[3, 2], Corroboration::Corroborated)), disputed(&[1, 2, 4]));
        assert_eq!(now(Ok(Judgement::Disputed { holders: ids(&[1, 2]) })), disputed(&[1, 2]));
        assert_eq!(now(Err(JudgementError::NotAShare(ids(&[1])[0]))), disputed(&[1, 2, 4]));
    }
}
