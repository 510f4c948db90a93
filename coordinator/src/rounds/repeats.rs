//! Repeats: an instance that was released before, or stands twice in one request, is voted on once.
//!
//! Instances are the same if all their values are the same, bit for bit. Near-duplicates are the operator's business.

use std::collections::HashMap;

use base::{
    ids::{Digest, RoundId},
    schema::InstanceSchema,
};
use learning::{Dataset, DatasetError, files::instances_to_npy_bytes};

use protocol::transcript::UNDECIDED;

use super::RoundError;
use crate::storage::{Answer, ReadTx, StorageError};

/// What a request comes down to once its repeats are taken out.
#[derive(Debug)]
pub struct Fresh {
    /// Canonical bytes of the instances to be voted on.
    pub bytes: Vec<u8>,
    /// Their number.
    pub count: u32,
    /// Their digests, in order.
    pub digests: Vec<Digest>,
    /// Where each submitted instance is answered; `None` where all of them are new.
    pub sources: Option<Vec<Answer>>,
}

/// Takes out what was answered before and what stands twice; `None` if nothing is left to vote on.
pub fn take_out(
    round: RoundId,
    dataset: &Dataset,
    schema: &InstanceSchema,
    known: &HashMap<Digest, Answer>,
) -> Result<Option<Fresh>, DatasetError> {
    let submitted = dataset.digests();
    let (mut places, mut kept, mut digests, mut sources) =
        (known.clone(), Vec::new(), Vec::new(), Vec::new());
    for (index, digest) in submitted.iter().enumerate() {
        // Rounds hold at most 10^5 instances.
        let next = Answer { round, position: kept.len() as u32 };
        let answer = *places.entry(*digest).or_insert(next);
        if answer == next {
            kept.push(index);
            digests.push(*digest);
        }
        sources.push(answer);
    }
    if kept.is_empty() {
        return Ok(None);
    }
    let fresh = dataset.select(&kept);
    let is_all = kept.len() == submitted.len();
    Ok(Some(Fresh {
        bytes: instances_to_npy_bytes(fresh.values(), schema.shape())?,
        count: kept.len() as u32,
        digests,
        sources: (!is_all).then_some(sources),
    }))
}

/// Returns the class of a released label, from 0; nothing for an abstention, and where no class beat all others.
pub fn class_of(label: u16) -> Option<u16> {
    label.checked_sub(1).filter(|_| label != UNDECIDED)
}

/// Reads the label of an answer from the round that released it: `Some(None)` names no class.
pub async fn answered(tx: &mut ReadTx, answer: Answer) -> Result<Option<Option<u16>>, RoundError> {
    let Some(round) = tx.round(answer.round).await? else { return Ok(None) };
    let label = round.labels.as_ref().and_then(|labels| labels.get(answer.position as usize));
    Ok(label.map(|label| class_of(*label)))
}

/// Returns the labels of everything that was submitted with a round, repeats included; `None` where nothing repeats.
pub async fn submitted(tx: &mut ReadTx, id: RoundId) -> Result<Option<Vec<Option<u16>>>, RoundError> {
    let Some(sources) = tx.sources(id).await? else { return Ok(None) };
    let mut rounds: HashMap<RoundId, Option<Vec<u16>>> = HashMap::new();
    let mut labels = Vec::with_capacity(sources.len());
    for Answer { round, position } in sources {
        if let std::collections::hash_map::Entry::Vacant(entry) = rounds.entry(round) {
            entry.insert(tx.round(round).await?.and_then(|row| row.labels));
        }
        let released = rounds.get(&round).and_then(Option::as_ref);
        let label = released.and_then(|labels| labels.get(position as usize));
        labels.push(class_of(*label.ok_or(StorageError::missing("label"))?));
    }
    Ok(Some(labels))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_undecided_label_names_no_class() {
        assert_eq!([0, 1, 100, UNDECIDED].map(class_of), [None, Some(0), Some(99), None]);
    }

    #[test]
    fn what_was_answered_or_stands_twice_is_voted_on_once() -> anyhow::Result<()> {
        let schema: InstanceSchema = toml::from_str("kind = \"table\"\nshape = [2]")?;
        let values = vec![1.0, 2.0, 3.0, 4.0, 1.0, 2.0, 5.0, 6.0];
        let dataset = Dataset::new(values, vec![2], None, None)?;
        let digests = dataset.digests();
        let (this, before) = (RoundId::from_bytes([1; 16]), RoundId::from_bytes([2; 16]));
        let all = take_out(this, &dataset, &schema, &HashMap::new())?.unwrap();
        let place = |round, position| Answer { round, position };
        assert_eq!((all.count, all.digests.len()), (3, 3));
        let expected = [place(this, 0), place(this, 1), place(this, 0), place(this, 2)];
        assert_eq!(all.sources.as_deref(), Some(expected.as_slice()));

        let known = HashMap::from([(digests[1], place(before, 7)), (digests[3], place(before, 8))]);
        let fresh = take_out(this, &dataset, &schema, &known)?.unwrap();
        assert_eq!(fresh.digests, [digests[0]]);
        let expected = [place(this, 0), place(before, 7), place(this, 0), place(before, 8)];
        assert_eq!(fresh.sources.as_deref(), Some(expected.as_slice()));

        let known = digests.iter().map(|digest| (*digest, place(before, 0))).collect();
        assert!(take_out(this, &dataset, &schema, &known)?.is_none());
        let single = take_out(this, &dataset.select(&[3]), &schema, &HashMap::new())?.unwrap();
        assert_eq!(single.sources, None, "nothing repeats");
        Ok(())
    }
}
