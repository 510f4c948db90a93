//! What anyone can check of a batch afterwards: that all present holders stated the same pieces, that these pass the check,
//! and that they are the labels. It does not show how the layers were computed.

use std::collections::BTreeMap;

use base::identity::PublicIdentity;
use base::ids::Digest;

use super::message::{Body, Message, Said, Stated};
use super::openings::{self, Openings};
use super::terms::{Facts, Terms};
use crate::assignment::Assignment;
use crate::plan::{Plan, Verdict};
use crate::roster;
use crate::sharing::{Group, Trustee};

/// Why messages do not show labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// Places of trustees without a party, or with one that stands in two.
    #[error("the list of trustees has not one party for each place of this sharing, each in one place")]
    Trustees,
    /// A first message on these terms is missing.
    #[error("trustee {0} signed no first message of this attempt on this sum, plan and chain")]
    NoTerms(Trustee),
    /// A statement is missing.
    #[error("trustee {0} signed no agreement of this batch")]
    NoAgreement(Trustee),
    /// Statements rest on different pasts, or differ.
    #[error("trustees {0} do not state the same pieces")]
    Dispute(Group),
    /// The opened elements are missing or no product.
    #[error("the check's elements are not all opened as they were stated, or do not pass")]
    Check,
    /// The labels are not all opened.
    #[error("the labels' pieces are not all opened as they were stated")]
    Labels,
}

/// Reads the labels of a batch of a sum from signed messages of one attempt. Messages of other sessions, attempts and batches,
/// what is not signed, and what a liar signed beside are passed over.
///
/// # Errors
/// Where the messages do not show what all present holders of every piece agreed on.
pub fn verify(
    plan: &Plan,
    (facts, sum, batch): (&Facts, Digest, u32),
    trustees: &[PublicIdentity],
    messages: &[Vec<u8>],
) -> Result<Vec<(u32, Verdict)>, VerifyError> {
    if !roster::fills(plan.sharing(), trustees) {
        return Err(VerifyError::Trustees);
    }
    let present = plan.sharing().group(facts.attempt);
    let terms = Terms::new(facts, plan, sum, &Assignment::new(plan.sharing(), present));
    let session = terms.session();
    let said: Vec<Said> = messages
        .iter()
        .filter_map(|bytes| {
            let message = Message::from_bytes(bytes)?;
            let claimed = message.signed.unverified().ok()?;
            let said = message.signed.verify(trustees.get(claimed.sender.index())?).ok()?;
            let here = (said.session, said.attempt) == (session, facts.attempt);
            (here && present.contains(said.sender)).then_some(said)
        })
        .collect();
    let began = |trustee: &Trustee| {
        let first = |said: &Said| matches!(&said.body, Body::First(theirs) if **theirs == terms);
        said.iter().any(|said| said.sender == *trustee && first(said))
    };
    if let Some(missing) = present.members().find(|trustee| !began(trustee)) {
        return Err(VerifyError::NoTerms(missing));
    }
    let said: Vec<Said> = said.into_iter().filter(|said| said.batch == batch).collect();
    // By what was seen; an honest trustee signs one agreement, so there is one past at most on which all agree.
    let mut pasts: BTreeMap<Digest, Vec<(Trustee, Vec<Stated>)>> = BTreeMap::new();
    for said in &said {
        if let Body::Agreement(stated) = &said.body {
            pasts.entry(said.seen).or_default().push((said.sender, stated.clone()));
        }
    }
    let signed =
        |stated: &[(Trustee, Vec<Stated>)], trustee: Trustee| stated.iter().any(|(by, _)| *by == trustee);
    if let Some(missing) =
        present.members().find(|trustee| !pasts.values().any(|stated| signed(stated, *trustee)))
    {
        return Err(VerifyError::NoAgreement(missing));
    }
    let stated = pasts
        .into_values()
        .find(|stated| present.members().all(|trustee| signed(stated, trustee)))
        .ok_or(VerifyError::Dispute(present))?;
    let words = openings::label_words(plan, batch);
    let mut openings = Openings::new((plan.sharing(), present), words, &stated)
        .map_err(|dispute| VerifyError::Dispute(dispute.0))?;
    for said in &said {
        match &said.body {
            Body::Check(opened) => openings.take_check(said.sender, opened),
            Body::Labels(opened) => openings.take_labels(said.sender, opened),
            _ => true,
        };
    }
    if openings.holds() != Some(true) {
        return Err(VerifyError::Check);
    }
    openings.verdicts(plan, batch).ok_or(VerifyError::Labels)
}
