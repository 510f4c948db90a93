//! What the coordinator refuses, with which code, and that a refusal changes nothing.

mod blobs;
mod boards;
mod budget;
mod failures;
mod repeats;
mod service;
mod sums;
mod trustees;
mod watching;

use anyhow::Result;
use base::{identity::Identity, ids::Digest, problem::Code};
use learning::files::instances_to_npy_bytes;
use protocol::{
    ballot::HEADER_BYTES,
    round::{FailureReason, RoundState},
    wire::{Attendance, Beat, Labels, ReceiptView, TranscriptPage},
};
use reqwest::Method;
use service::{CONFIG, Keyed, Service, granted, instances, refused, round_id};

async fn events(service: &Service) -> Result<u64> {
    let page: TranscriptPage = granted(service.get("/transcript", &service.operator).await?)?;
    Ok(page.length)
}

#[tokio::test]
async fn nobody_enrols_without_a_fresh_invite_of_its_own() -> Result<()> {
    let service = Service::start().await?;
    let early = service.invite("hospital-1", false).await?;
    assert_eq!(refused(early)?, Code::NoFederation);
    granted(service.found().await?)?;
    granted(service.found().await?)?; // the same config again is the same answer
    assert_eq!(events(&service).await?, 1);

    let invite = granted(service.invite("hospital-1", true).await?)?.invite;
    assert_eq!(refused(service.invite("hospital-1", false).await?)?, Code::Conflict, "a name twice");
    assert_eq!(refused(service.invite("hospital-2", true).await?)?, Code::Conflict, "a second trustee");

    let (mine, other) = (Identity::generate()?, Identity::generate()?);
    assert_eq!(refused(service.enrol("not an invite", &mine).await?)?, Code::UnknownInvite);
    let first = granted(service.enrol(&invite, &mine).await?)?;
    assert_eq!(refused(service.enrol(&invite, &other).await?)?, Code::UsedInvite);

    // A lost answer can be asked for again with the same keys; the lost token then stops working.
    let again = granted(service.enrol(&invite, &mine).await?)?;
    assert_eq!(again.participant, first.participant);
    let heartbeat = |token: String| {
        let service = &service;
        async move { service.post::<serde_json::Value>("/heartbeat", &token, &Beat::default()).await }
    };
    assert_eq!(refused(heartbeat(first.token).await?)?, Code::Unauthorized);
    granted(heartbeat(again.token.clone()).await?)?;
    assert_eq!(events(&service).await?, 2, "founded and enrolled, nothing else");

    assert_eq!(refused(heartbeat("wrong".to_owned()).await?)?, Code::Unauthorized);
    assert_eq!(refused(heartbeat(service.operator.clone()).await?)?, Code::Forbidden);
    let invite = protocol::wire::NewInvite { name: "mine".to_owned(), trustee: false };
    assert_eq!(refused(service.post::<()>("/invites", &again.token, &invite).await?)?, Code::Forbidden);
    Ok(())
}

#[tokio::test]
async fn a_federation_that_cannot_work_is_never_founded() -> Result<()> {
    let service = Service::start().await?;
    let found = |config: serde_json::Value| {
        let service = &service;
        async move {
            let body = serde_json::json!({ "config": config });
            service.post::<serde_json::Value>("/federation", &service.operator, &body).await
        }
    };
    let good = serde_json::to_value(protocol::federation::FederationConfig::from_toml(CONFIG)?)?;
    let with = |key: &str, value: serde_json::Value| {
        let mut config = good.clone();
        config[key] = value;
        config
    };
    let one_class = with("classes", serde_json::json!(["a"]));
    assert_eq!(refused(found(one_class).await?)?, Code::InvalidConfig);
    let unknown = with("colour", serde_json::json!("red"));
    assert_eq!(refused(found(unknown).await?)?, Code::InvalidRequest);
    let shape = with("instances", serde_json::json!({ "kind": "table", "shape": [0] }));
    assert_eq!(refused(found(shape).await?)?, Code::InvalidRequest);
    let trustees = with("trustees", serde_json::json!({ "count": 3, "threshold": 2 }));
    assert_eq!(refused(found(trustees).await?)?, Code::InvalidConfig);
    let shown = service.get::<serde_json::Value>("/federation", &service.operator).await?;
    assert_eq!(refused(shown)?, Code::NoFederation);
    Ok(())
}

#[tokio::test]
async fn instances_that_do_not_fit_are_refused_and_the_same_request_is_the_same_round() -> Result<()> {
    let keyed = Keyed::new().await?;
    let service = &keyed.service;
    let before = events(service).await?;
    let id = round_id(1);
    let announce = |bytes: Vec<u8>| service.announce(id, 60, bytes);

    let mut nan = instances()?;
    let last = nan.len() - 4;
    nan[last..].copy_from_slice(&f32::NAN.to_le_bytes());
    assert_eq!(refused(announce(nan).await?)?, Code::InvalidInstances);
    let wide = instances_to_npy_bytes(&[0.5; 10], &[5])?;
    assert_eq!(refused(announce(wide).await?)?, Code::InvalidInstances);
    let truncated = instances()?[..last].to_vec();
    assert_eq!(refused(announce(truncated).await?)?, Code::InvalidInstances);
    assert_eq!(refused(announce(Vec::new()).await?)?, Code::InvalidInstances);
    assert_eq!(refused(service.announce(id, 0, instances()?).await?)?, Code::InvalidRequest);
    assert_eq!(events(service).await?, before, "no refusal leaves a trace");

    let first = granted(announce(instances()?).await?)?;
    let again = granted(announce(instances()?).await?)?;
    assert_eq!(first.announcement, again.announcement);
    let other = instances_to_npy_bytes(&[0.25; 20], &[4])?;
    assert_eq!(refused(announce(other).await?)?, Code::Conflict);
    Ok(())
}

#[tokio::test]
async fn every_wrong_ballot_is_refused_by_its_own_code_and_counts_for_nothing() -> Result<()> {
    let keyed = Keyed::new().await?;
    let (round, elsewhere) = (round_id(1), round_id(2));
    let view = keyed.vote_on(round, 60).await?;
    let other = keyed.vote_on(elsewhere, 60).await?;
    let good = keyed.ballot(1, &view, 0).await?;
    let code = |bytes: Vec<u8>| {
        let keyed = &keyed;
        async move { refused(keyed.cast(1, round, bytes).await?) }
    };
    let changed = |position: usize| {
        let mut bytes = good.clone();
        bytes[position] ^= 1;
        bytes
    };
    assert_eq!(code(good[..good.len() - 1].to_vec()).await?, Code::BallotLength);
    assert_eq!(code([good.as_slice(), &[0; 9]].concat()).await?, Code::BallotLength);
    assert_eq!(code(changed(0)).await?, Code::BallotFraming);
    assert_eq!(code(changed(6)).await?, Code::BallotParameters);
    assert_eq!(code(changed(HEADER_BYTES + 5)).await?, Code::BallotSignature, "one bit of a ciphertext");
    let mut unsigned = good.clone();
    let start = unsigned.len() - 64;
    unsigned[start..].fill(0);
    assert_eq!(code(unsigned).await?, Code::BallotSignature);
    assert_eq!(code(keyed.ballot(2, &view, 0).await?).await?, Code::BallotParticipant);
    assert_eq!(code(keyed.ballot(1, &other, 0).await?).await?, Code::BallotAnnouncement);

    let view = keyed.service.wait_for(round, "voting").await?;
    let voter = view.voters.iter().find(|voter| voter.participant.get() == 2).map(|voter| voter.attendance);
    assert_eq!(voter, Some(Attendance::Refused), "a refusal is named, not silent");

    let receipt = |answer: serde_json::Value| serde_json::from_value::<ReceiptView>(answer);
    let first = receipt(granted(keyed.cast(1, round, good.clone()).await?)?)?;
    assert_eq!(first.receipt.digest, Digest::of(&good));
    assert!(first.is_signed_by(&keyed.members[0].founding.coordinator));
    assert_eq!(
        receipt(granted(keyed.cast(1, round, good.clone()).await?)?)?,
        first,
        "the same receipt again"
    );
    assert_eq!(code(keyed.ballot(1, &view, 2).await?).await?, Code::BallotSecond);
    assert_eq!(receipt(granted(keyed.cast(1, round, good).await?)?)?, first, "and still the same");
    Ok(())
}

#[tokio::test]
async fn below_the_quorum_nothing_is_opened_and_late_ballots_are_named() -> Result<()> {
    let keyed = Keyed::new().await?;
    let round = round_id(1);
    let view = keyed.vote_on(round, 1).await?;
    granted(keyed.cast(1, round, keyed.ballot(1, &view, 0).await?).await?)?;
    let late = keyed.ballot(2, &view, 0).await?;
    let failed = keyed.service.wait_for(round, "failed").await?;
    let reason = FailureReason::QuorumNotMet { ballots: 1, quorum: 3 };
    assert_eq!(failed.state, RoundState::Failed { reason, charged: false });

    assert_eq!(refused(keyed.cast(2, round, late).await?)?, Code::BallotLate);
    let view: protocol::wire::RoundView =
        granted(keyed.service.get(&format!("/rounds/{round}"), &keyed.service.operator).await?)?;
    let attendance: Vec<_> = view.voters.iter().map(|voter| voter.attendance).collect();
    assert_eq!(attendance, [Attendance::Absent, Attendance::Cast, Attendance::Late]);
    Ok(())
}

#[tokio::test]
async fn only_the_right_opening_releases_and_only_once() -> Result<()> {
    let keyed = Keyed::new().await?;
    let round = round_id(1);
    let view = keyed.vote_on(round, 60).await?;
    let labels = format!("/rounds/{round}/labels");
    let early = keyed.service.get::<Labels>(&labels, &keyed.service.operator).await?;
    assert_eq!(refused(early)?, Code::WrongRoundState, "not yet is not invalid");
    let view = keyed.vote_all(&view, 2).await?;

    let opening = keyed.opening(&view).await?;
    let trustee = &keyed.members[0].identity;
    let mut wrong = Vec::new();
    for change in 0..4 {
        let mut changed = opening.clone();
        match change {
            0 => drop(changed.labels.pop()),
            1 => changed.labels[0] = 4,
            2 => changed.ciphertexts = Digest::of(b"other ciphertexts"),
            _ => changed.round = Some(round_id(9)),
        }
        wrong.push(changed);
    }
    for changed in wrong {
        let answer = keyed.post_opening(round, trustee.sign(&changed)).await?;
        assert_eq!(refused(answer)?, Code::InvalidOpening, "{changed:?}");
    }
    let foreign = keyed.post_opening(round, keyed.members[1].identity.sign(&opening)).await?;
    assert_eq!(refused(foreign)?, Code::InvalidRequest, "signed by another");
    assert!(matches!(keyed.state(round).await?, RoundState::Opening { .. }));

    let signed = trustee.sign(&opening);
    granted(keyed.post_opening(round, signed.clone()).await?)?;
    granted(keyed.post_opening(round, signed).await?)?;
    let mut second = opening.clone();
    second.labels[0] = second.labels[0] % 3 + 1;
    assert_eq!(refused(keyed.post_opening(round, trustee.sign(&second)).await?)?, Code::Conflict);
    keyed.service.wait_for(round, "released").await?;
    let released: Labels = granted(keyed.service.get(&labels, &keyed.service.operator).await?)?;
    let expected: Vec<_> = opening.labels.iter().map(|label| label.checked_sub(1)).collect();
    assert_eq!(released.labels, expected);
    Ok(())
}

#[tokio::test]
async fn ballots_are_served_to_nobody() -> Result<()> {
    let keyed = Keyed::new().await?;
    let round = round_id(1);
    let view = keyed.vote_on(round, 60).await?;
    let ballot = keyed.ballot(1, &view, 0).await?;
    let digest = Digest::of(&ballot);
    granted(keyed.cast(1, round, ballot.clone()).await?)?;
    let callers = [&keyed.service.operator, &keyed.members[0].token, &keyed.members[2].token];
    for path in [
        format!("/rounds/{round}/ballots"),
        format!("/rounds/{round}/ballots/{}", "02".repeat(16)),
        format!("/blobs/{digest}"),
        format!("/rounds/{round}/{digest}"),
    ] {
        for token in callers {
            let response = keyed.service.send(Method::GET, &path, token, Vec::new()).await?;
            assert!(!response.status().is_success(), "{path}");
            let body = response.bytes().await?;
            assert!(body.len() < 1000 && !ballot.starts_with(&body), "{path}");
        }
    }
    Ok(())
}
