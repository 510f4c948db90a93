//! What was released before is answered from the release: it is not voted on again and costs nothing.

use anyhow::Result;
use base::problem::Code;
use learning::files::instances_to_npy_bytes;
use protocol::wire::{Answers, Labels, LedgerView, RoundView};
use reqwest::Method;

use crate::service::{Keyed, granted, refused, round_id};

/// Instances of the service's schema, each known by one number.
fn instances(numbers: &[f32]) -> Result<Vec<u8>> {
    let values: Vec<f32> = numbers.iter().flat_map(|number| [*number, 0.5, 0.25, -1.0]).collect();
    Ok(instances_to_npy_bytes(&values, &[4])?)
}

async fn announce(keyed: &Keyed, id: u8, numbers: &[f32]) -> Result<crate::service::Answer<RoundView>> {
    let path = format!("/rounds/{}?window_seconds=60", round_id(id));
    keyed.service.ask(Method::PUT, &path, &keyed.service.operator, instances(numbers)?).await
}

/// Lets everybody vote for one class and the trustee open the labels.
async fn release(keyed: &Keyed, view: &RoundView, class: usize) -> Result<Labels> {
    keyed.service.wait_for(view.round, "voting").await?;
    let view = keyed.vote_all(view, class).await?;
    let opening = keyed.opening(&view).await?;
    let signed = keyed.members[0].identity.sign(&opening);
    granted(keyed.post_opening(view.round, signed).await?)?;
    keyed.service.wait_for(view.round, "released").await?;
    granted(keyed.service.get(&format!("/rounds/{}/labels", view.round), &keyed.service.operator).await?)
}

#[tokio::test]
async fn repeats_are_answered_from_the_release_and_voted_on_once() -> Result<()> {
    let keyed = Keyed::new().await?;
    let ledger = async || -> Result<LedgerView> {
        granted(keyed.service.get("/ledger", &keyed.service.operator).await?)
    };
    let first = granted(announce(&keyed, 1, &[1.0, 2.0, 1.0, 3.0]).await?)?;
    assert_eq!(first.announcement.instance_count, 3, "what stands twice is voted on once");
    let released = release(&keyed, &first, 1).await?;
    assert_eq!(released.labels.len(), 3);
    let [a, b, c] = [released.labels[0], released.labels[1], released.labels[2]];
    assert_eq!(released.submitted, Some(vec![a, b, a, c]), "people get what they submitted, in its order");

    let before = ledger().await?;
    let nothing = announce(&keyed, 2, &[3.0, 1.0]).await?;
    assert_eq!(refused(nothing)?, Code::AllAnswered);
    let path = "/answers";
    let answers: Answers = granted(
        keyed.service.ask(Method::POST, path, &keyed.service.operator, instances(&[3.0, 9.0, 1.0])?).await?,
    )?;
    let label = |index: usize| answers.answers[index].map(|answered| (answered.round, answered.label));
    assert_eq!((label(0), label(1), label(2)), (Some((first.round, c)), None, Some((first.round, a))));
    let after = ledger().await?;
    assert_eq!(before.committed, after.committed, "an answer from a release is free");

    let second = granted(announce(&keyed, 3, &[4.0, 2.0]).await?)?;
    assert_eq!(second.announcement.instance_count, 1);
    let labels = release(&keyed, &second, 2).await?;
    assert_eq!(labels.submitted, Some(vec![labels.labels[0], b]));
    let spent = ledger().await?.entries.iter().map(|entry| entry.labels).sum::<u32>();
    assert_eq!(spent, 4, "four different instances were voted on, and paid, once each");
    Ok(())
}
