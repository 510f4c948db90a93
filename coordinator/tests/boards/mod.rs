//! The trustees' boards: their door, their waits, their attempts, and that a restart in between changes nothing.

use std::time::Duration;

use anyhow::{Context as _, Result};
use base::{
    Step,
    ids::{Digest, RoundId},
    problem::Code,
};
use coordinator::config::{FileSettings, TrusteesSettings};
use protocol::{
    round::{Corroboration, FailureReason, RoundState},
    transcript::{Access, SessionRecord, TallyOutcome},
    wire::{BoardId, FederationView, Labels, RoundView},
};
use reqwest::Method;
use tally::{plan::MAX_MESSAGE_BYTES, sharing::Group};

use crate::{
    service::{Service, granted, refused, round_id},
    trustees::{
        Shared,
        forged::{self, Body, Said},
        made,
    },
};

fn settings(patience: &str, turn: &str) -> FileSettings {
    let trustees = TrusteesSettings { patience: Some(patience.to_owned()), turn: Some(turn.to_owned()) };
    FileSettings { trustees, ..FileSettings::default() }
}

async fn view(service: &Service, id: RoundId) -> Result<RoundView> {
    granted(service.get(&format!("/rounds/{id}"), &service.operator).await?)
}

async fn federation(service: &Service) -> Result<FederationView> {
    granted(service.get("/federation", &service.operator).await?)
}

/// Says something in a session: by default the first correction of an attempt that is held.
async fn said(shared: &Shared, board: BoardId, trustee: u8) -> Result<Said> {
    let (task, _) = shared.task(board).await?;
    Ok(Said {
        session: task.facts(0).session(task.step),
        attempt: 0,
        batch: 0,
        exchange: 1,
        sender: shared.sharing.trustee(trustee).context("no such trustee")?,
        seen: Digest::of(b"seen"),
        body: Body::Correction { digest: Digest::of(b"sealed"), bytes: 6 },
    })
}

fn signed(shared: &Shared, member: usize, said: &Said) -> Vec<u8> {
    let sealed: &[u8] = if matches!(said.body, Body::Correction { .. }) { b"sealed" } else { b"" };
    forged::message(said, &shared.members[member].identity, sealed)
}

/// Lets a trustee end an attempt and name another one.
async fn stop(shared: &Shared, board: BoardId, attempt: u32, trustee: u8, names: u8) -> Result<()> {
    let named = Group::of(shared.sharing.trustee(names));
    let said = said(shared, board, trustee).await?;
    let said = Said { attempt, exchange: u32::MAX, body: Body::Stop(named), ..said };
    let member = usize::from(trustee) - 1;
    granted(shared.post(member, board, attempt, signed(shared, member, &said)).await?)
}

/// Fails a test that hangs, where a service that answers takes milliseconds.
async fn answered<T>(what: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(Duration::from_secs(20), what).await.context("nobody was woken")?
}

#[tokio::test]
async fn trustees_make_a_key_and_tally_a_round_with_a_restart_in_between() -> Result<()> {
    let usual = FileSettings::default;
    let shared = Shared::agreed((3, 1), usual()).await?;
    let view_of = federation(&shared.service).await?;
    let ceremony = view_of.ceremony.context("no ceremony")?;
    let words = ceremony.waits_for.unwrap_or_default();
    assert_eq!(words, "box key of hospital-1, hospital-2, hospital-3");
    let mut ceremonies = shared.begin_ceremony().await?;
    shared.hear_ceremony(&mut ceremonies).await?;
    let mut shared = shared.restart(usual()).await?;
    while !shared.hear_ceremony(&mut ceremonies).await? {}
    let ceremony = federation(&shared.service).await?.ceremony.context("no ceremony")?;
    assert!(ceremony.steps.iter().all(|step| step.approved && step.said == 4), "{ceremony:?}");
    let board = ceremonies[0].board;
    shared.keyed = made(ceremonies)?;

    // Whoever was away finishes on the board of the ceremony; nobody adds to it any more.
    shared.wait_for_key().await?;
    let page = granted(shared.page(2, board, (0, 0, 0)).await?)?;
    assert_eq!(page.messages.len(), 12, "four of each");
    let again = shared.post(0, board, 0, page.messages[0].clone()).await?;
    assert_eq!(refused(again)?, Code::WrongRoundState);

    let mut sessions = shared.begin_all(BoardId::KnownAnswer, 0).await?;
    for _ in 0..2 {
        shared.hear(BoardId::KnownAnswer, 0, &mut sessions).await?;
    }
    let words = federation(&shared.service).await?.ceremony.and_then(|view| view.waits_for);
    assert!(words.as_ref().is_some_and(|words| words.starts_with("known answer, layer ")), "{words:?}");
    let shared = shared.restart(usual()).await?;
    while !shared.hear(BoardId::KnownAnswer, 0, &mut sessions).await? {}
    shared.wait_until_keyed().await?;

    let id = round_id(1);
    shared.vote(id, 2).await?;
    let board = shared.asked(id).await?;
    let mut sessions = shared.begin_all(board, 0).await?;
    for _ in 0..2 {
        shared.hear(board, 0, &mut sessions).await?;
    }
    let session = view(&shared.service, id).await?.session.context("no session")?;
    assert_eq!((session.step, session.attempt, session.present.len()), (Step::Label, 0, 3));
    assert!(session.words.starts_with("layer ") && session.words.contains(": waiting for hospital-"));
    let shared = shared.restart(usual()).await?;
    assert_eq!(view(&shared.service, id).await?.session, Some(session), "as before the restart");
    while !shared.hear(board, 0, &mut sessions).await? {}
    let released = shared.service.wait_for(id, "released").await?;
    assert_released(&shared, id, &released).await?;
    Ok(())
}

#[tokio::test]
async fn a_ceremony_takes_no_message_with_other_shares_than_it_states() -> Result<()> {
    let shared = Shared::agreed((3, 1), FileSettings::default()).await?;
    let replay = shared.service.replay().await?;
    let first = shared.first_message(&replay, 0)?;
    let board = BoardId::Ceremony(replay.current_ceremony().context("no ceremony")?);
    // A list of shares lies at the end: none here, and then one of a byte, which no signature covers.
    let (signed, none) = first.split_at(first.len() - 4);
    assert_eq!(none, [0; 4]);
    let laden = [signed, &[1, 0, 0, 0, 1, 0, 0, 0, 7]].concat();
    assert_eq!(refused(shared.post(0, board, 0, laden).await?)?, Code::InvalidRequest);
    granted(shared.post(0, board, 0, first).await?)?;
    // Its shares come with the messages; blobs that nobody names would stay for ever.
    let path = format!("/blobs/{}/upload/0", Digest::of(b"a part"));
    let part = shared.service.ask::<protocol::wire::UploadView>(
        Method::PUT,
        &path,
        &shared.members[0].token,
        b"a part".to_vec(),
    );
    assert_eq!(refused(part.await?)?, Code::WrongFederationState);
    Ok(())
}

#[tokio::test]
async fn a_dead_ceremony_is_recorded_and_the_next_one_makes_the_key() -> Result<()> {
    let mut shared = Shared::agreed((3, 1), FileSettings::default()).await?;
    let mut ceremonies = shared.begin_ceremony().await?;
    let (first, board) = (shared.service.replay().await?.current_ceremony(), ceremonies[0].board);
    shared.give_up(&mut ceremonies[0]).await?;
    let words = federation(&shared.service).await?.ceremony.and_then(|view| view.waits_for);
    let expected = "the ceremony is dead: waiting for hospital-2, hospital-3 to sign it too";
    assert_eq!(words.as_deref(), Some(expected));
    while !shared.hear_ceremony(&mut ceremonies).await? {}
    assert!(ceremonies.iter().all(|one| one.keyed.is_none()));
    let replay = shared.service.replay().await?;
    let [ended] = replay.ceremony().ended() else { anyhow::bail!("{:?}", replay.ceremony().ended()) };
    assert_eq!((Some(ended.ceremony), ended.named.is_empty()), (first, true), "giving up is no lie");
    let messages: Vec<Vec<u8>> = borsh::from_slice(&shared.blobs().get(ended.board).await?)?;
    assert_eq!(messages.len(), 11, "boxes of the two that had not heard, and three messages of each");
    assert_eq!(refused(shared.page(0, board, (0, 0, 0)).await?)?, Code::WrongRoundState);

    let mut ceremonies = shared.begin_ceremony().await?;
    assert_ne!(ceremonies[0].board, board, "no name is used twice");
    while !shared.hear_ceremony(&mut ceremonies).await? {}
    shared.keyed = made(ceremonies)?;
    shared.wait_for_key().await?;
    shared.tally(BoardId::KnownAnswer).await?;
    shared.wait_until_keyed().await?;
    let ended = federation(&shared.service).await?.ceremony.context("no ceremony")?.ended;
    assert_eq!(ended.len(), 1);
    Ok(())
}

#[tokio::test]
async fn five_trustees_tally_a_test_and_then_the_labels_of_what_passed() -> Result<()> {
    let threshold = "\n[threshold]\nvotes = 10\ntest = { sigma = 4, coordinator_sigma = 2 }\n";
    let shared = Shared::keyed_with((5, 2), FileSettings::default(), threshold).await?;
    let id = round_id(1);
    shared.vote(id, 1).await?;
    let board = shared.asked_for(id, Step::Test).await?;
    shared.tally(board).await?;
    // Twelve votes against a threshold of ten, with noise of about five: all but never nothing passes, and seldom all.
    let passed = loop {
        let view = view(&shared.service, id).await?;
        if let Some(passed) = view.passed {
            break passed;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    if passed > 0 {
        let board = shared.asked(id).await?;
        shared.tally(board).await?;
    }
    let released = shared.service.wait_for(id, "released").await?;
    assert_eq!(released.corroboration, Some(Corroboration::Agreed));
    let (labelled, abstained) = (released.labelled.unwrap_or(0), released.abstained.unwrap_or(0));
    assert_eq!((labelled, labelled + abstained), (passed, crate::service::INSTANCES as u32));
    let events = shared.service.events().await?;
    let report = protocol::transcript::verify(&events, &shared.blobs(), &mut |_, _, _| {});
    assert!(!report.has_failed(), "{:?}", report.lines);
    Ok(())
}

/// Checks that the record shows the labels that were released, and that nothing is left on the board.
async fn assert_released(shared: &Shared, id: RoundId, released: &RoundView) -> Result<()> {
    let kinds: Vec<&str> = released.timeline.iter().map(|line| line.kind.as_str()).collect();
    assert_eq!(kinds, ["announced", "window_closed", "noise_ballot", "summed", "tallied", "released"]);
    assert_eq!(released.corroboration, Some(Corroboration::Agreed));
    assert_eq!((released.resolution_votes, released.session.is_none()), (0, true));
    let replay = shared.service.replay().await?;
    let tally = replay.tally(Some(id), Step::Label).context("no tally")?.tally;
    let TallyOutcome::Session { attempt, record } = tally.outcome else { anyhow::bail!("{tally:?}") };
    let artefacts = replay.artefacts();
    let access = artefacts.iter().find(|artefact| artefact.digest == record).map(|found| found.access);
    assert_eq!(access, Some(Access::Public));
    let record = SessionRecord::from_bytes(&shared.blobs().get(record).await?).map_err(anyhow::Error::msg)?;
    let task = replay.task(id, Step::Label)?.context("no task")?;
    let shown = task.labels(attempt, &record).map_err(anyhow::Error::msg)?;
    let path = format!("/rounds/{id}/labels");
    let labels: Labels = granted(shared.service.get(&path, &shared.service.operator).await?)?;
    assert_eq!(labels.labels, shown.iter().map(|label| label.checked_sub(1)).collect::<Vec<_>>());
    let board = BoardId::Round(id, Step::Label);
    assert_eq!(refused(shared.page(0, board, (attempt, 0, 0)).await?)?, Code::WrongRoundState);
    assert!(shared.waited_for().await?.iter().all(Vec::is_empty));
    let events = shared.service.events().await?;
    let report = protocol::transcript::verify(&events, &shared.blobs(), &mut |_, _, _| {});
    assert!(!report.has_failed(), "{:?}", report.lines);
    Ok(())
}

#[tokio::test]
async fn the_door_refuses_whatever_does_not_belong_there() -> Result<()> {
    let shared = Shared::keyed((3, 1), FileSettings::default()).await?;
    let (id, none) = (round_id(1), round_id(9));
    let early = BoardId::Round(id, Step::Label);
    assert_eq!(refused(shared.page(0, early, (0, 0, 0)).await?)?, Code::NotFound, "no round");
    granted(shared.service.announce(id, 600, crate::service::instances()?).await?)?;
    assert_eq!(refused(shared.page(0, early, (0, 0, 0)).await?)?, Code::WrongRoundState, "not due");
    assert_eq!(refused(shared.post(0, early, 0, vec![1]).await?)?, Code::WrongRoundState, "not due");
    shared.vote(id, 1).await?;
    let board = shared.asked(id).await?;

    let good = said(&shared, board, 1).await?;
    let message = |said: &Said| signed(&shared, 0, said);
    let code = async |member: usize, attempt: u32, message: Vec<u8>| -> Result<Code> {
        refused(shared.post(member, board, attempt, message).await?)
    };
    assert_eq!(code(3, 0, message(&good)).await?, Code::Forbidden, "a participant that is no trustee");
    let stranger = base::identity::Identity::generate()?;
    let unsigned = forged::message(&good, &stranger, b"sealed");
    assert_eq!(code(0, 0, unsigned).await?, Code::InvalidRequest, "signed by a stranger");
    assert_eq!(code(0, 0, b"no message".to_vec()).await?, Code::InvalidRequest);
    assert_eq!(code(1, 0, message(&good)).await?, Code::Forbidden, "another trustee's message");
    let other = Said { attempt: 1, ..good.clone() };
    assert_eq!(code(0, 1, message(&other)).await?, Code::Conflict, "an attempt that is not held");
    assert_eq!(code(0, 0, message(&other)).await?, Code::InvalidRequest, "another attempt in the address");
    let elsewhere = Said { session: Digest::of(b"another session"), ..good.clone() };
    assert_eq!(code(0, 0, message(&elsewhere)).await?, Code::InvalidRequest);

    let (task, _) = shared.task(board).await?;
    let last = task.plan.exchanges(0);
    let stopped = Body::Stop(Group::of([]));
    for beyond in [
        Said { exchange: last + 1, ..good.clone() },
        Said { batch: 1, ..good.clone() },
        Said { batch: 1, exchange: 0, ..good.clone() },
        Said { exchange: u32::MAX, ..good.clone() },
        Said { exchange: 3, body: stopped.clone(), ..good.clone() },
        Said { batch: 7, exchange: u32::MAX, body: stopped, ..good.clone() },
    ] {
        assert_eq!(code(0, 0, message(&beyond)).await?, Code::InvalidRequest, "{beyond:?}");
    }
    // Nobody could read them, and the place would be taken.
    let speaker = &shared.members[0].identity;
    for sealed in [&b""[..], b"seale", b"sealer"] {
        let torn = forged::message(&good, speaker, sealed);
        assert_eq!(code(0, 0, torn).await?, Code::InvalidRequest, "another ciphertext than is stated");
    }
    let laden = Said { exchange: u32::MAX, body: Body::Stop(Group::of([])), ..good.clone() };
    assert_eq!(code(0, 0, forged::message(&laden, speaker, b"sealed")).await?, Code::InvalidRequest);
    let large = forged::message(&good, &shared.members[0].identity, &vec![0; MAX_MESSAGE_BYTES]);
    assert_eq!(code(0, 0, large).await?, Code::TooLarge);
    assert!(granted(shared.page(1, board, (0, 0, 0)).await?)?.messages.is_empty(), "nothing was taken");

    granted(shared.post(0, board, 0, message(&good)).await?)?;
    granted(shared.post(0, board, 0, message(&good)).await?)?;
    let second = Said { seen: Digest::of(b"another past"), ..good.clone() };
    assert_eq!(code(0, 0, message(&second)).await?, Code::Conflict, "a second message in one place");
    granted(shared.post(0, board, 0, message(&Said { exchange: last, ..good.clone() })).await?)?;
    for (reader, whole) in [(0, false), (1, true), (2, true)] {
        let page = granted(shared.page(reader, board, (0, 0, 0)).await?)?;
        let found = page.messages.iter().filter(|found| **found == message(&good)).count();
        let holds = tally::session::readers(shared.sharing, 0, good.sender);
        let reads = shared.sharing.trustee(reader as u8 + 1).is_some_and(|reader| holds.contains(reader));
        assert_eq!((page.messages.len(), found == 1), (2, reads), "only who can open it gets the ciphertext");
        assert!(whole || !reads);
    }
    let operator = &shared.service.operator;
    let path = format!("/boards/{board}");
    let answer = shared.service.ask::<()>(Method::GET, &path, operator, Vec::new()).await?;
    assert_eq!(refused(answer)?, Code::Forbidden, "the operator reads no board");
    assert_eq!(refused(shared.page(3, board, (0, 0, 0)).await?)?, Code::Forbidden);
    let unknown = BoardId::Round(none, Step::Test);
    assert_eq!(refused(shared.page(0, unknown, (0, 0, 0)).await?)?, Code::NotFound);
    let gone = BoardId::Ceremony(Digest::of(b"never held"));
    assert_eq!(refused(shared.page(0, gone, (0, 0, 0)).await?)?, Code::WrongRoundState);
    Ok(())
}

#[tokio::test]
async fn whoever_waits_is_woken_by_a_message_by_another_attempt_and_by_the_end() -> Result<()> {
    let shared = Shared::keyed((3, 1), FileSettings::default()).await?;
    let id = round_id(1);
    shared.vote(id, 1).await?;
    let board = shared.asked(id).await?;
    let wait = |attempt: u32, after: u64| shared.page(1, board, (attempt, after, 25));
    let message = signed(&shared, 0, &said(&shared, board, 1).await?);
    let post = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        granted(shared.post(0, board, 0, message.clone()).await?)
    };
    let (page, posted) = tokio::join!(answered(wait(0, 0)), post);
    posted?;
    let page = granted(page?)?;
    assert_eq!(page.messages.len(), 1);

    // A second wait of the same trustee ends the first, which has nothing to tell.
    let later = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let second = shared.page(1, board, (0, page.next, 25));
        let stop = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            stop(&shared, board, 0, 3, 1).await
        };
        let (second, stopped) = tokio::join!(answered(second), stop);
        stopped?;
        granted(second?)
    };
    let (first, second) = tokio::join!(answered(wait(0, page.next)), later);
    let (first, second) = (granted(first?)?, second?);
    assert_eq!((first.messages.len(), first.next, first.attempt), (0, page.next, 0));
    assert_eq!(second.messages.len(), 1, "the stop");

    let moved = granted(answered(wait(0, second.next)).await?)?;
    assert_eq!((moved.attempt, moved.messages.len()), (1, 0), "a stop ends an attempt");
    let cancel = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let path = format!("/rounds/{id}/cancel");
        granted(shared.service.post::<RoundView>(&path, &shared.service.operator, &()).await?)
    };
    let (over, cancelled) = tokio::join!(answered(wait(1, 0)), cancel);
    assert_eq!(refused(over?)?, Code::WrongRoundState);
    assert_eq!(cancelled?.state, RoundState::Cancelled { charged: true });
    Ok(())
}

#[tokio::test]
async fn among_four_the_turn_goes_round_on_silence_and_the_labels_come_in_a_later_attempt() -> Result<()> {
    let shared = Shared::keyed((4, 1), FileSettings::default()).await?;
    let id = round_id(1);
    shared.vote(id, 0).await?;
    let board = shared.asked(id).await?;
    let waited = |all: Vec<Vec<_>>| all.iter().map(|boards| boards.len()).collect::<Vec<_>>();
    assert_eq!(waited(shared.waited_for().await?), [1, 1, 1, 0], "trustee 4 is not in the first group");
    let absent = said(&shared, board, 4).await?;
    assert_eq!(refused(shared.post(3, board, 0, signed(&shared, 3, &absent)).await?)?, Code::Forbidden);

    // Trustee 3 says nothing; then the turn is that of 1, 2 and 4.
    let shared = shared.restart(settings("1h", "1s")).await?;
    shared.wait_for_attempt(board, 1).await?;
    let shared = shared.restart(FileSettings::default()).await?;
    let held = granted(shared.page(0, board, (0, 0, 0)).await?)?.attempt;
    assert!(held >= 1, "attempts only grow");
    let mut sessions = shared.begin_all(board, held).await?;
    while !shared.hear(board, held, &mut sessions).await? {}
    let released = shared.service.wait_for(id, "released").await?;
    assert_released(&shared, id, &released).await?;
    let attempt = released.state.last_tally().and_then(|tally| tally.attempt);
    assert_eq!(attempt, Some(held));
    Ok(())
}

#[tokio::test]
async fn among_four_nobody_keeps_a_turn_by_saying_something_now_and_then() -> Result<()> {
    // A turn ends with forty seconds of silence, and with five in all.
    let shared = Shared::keyed((4, 1), settings("40s", "40s")).await?;
    let id = round_id(1);
    shared.vote(id, 0).await?;
    let board = shared.asked(id).await?;
    let good = said(&shared, board, 2).await?;
    let (task, _) = shared.task(board).await?;
    for exchange in 1..=task.plan.exchanges(0) {
        let next = Said { exchange, ..good.clone() };
        let posted = shared.post(1, board, 0, signed(&shared, 1, &next)).await?;
        if posted.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(600)).await;
    }
    shared.wait_for_attempt(board, 1).await?;
    Ok(())
}

#[tokio::test]
async fn among_three_silence_changes_nothing_a_stop_does_and_patience_ends() -> Result<()> {
    let shared = Shared::keyed((3, 1), settings("1h", "1s")).await?;
    let id = round_id(1);
    shared.vote(id, 0).await?;
    let board = shared.asked(id).await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let session = view(&shared.service, id).await?.session.context("no session")?;
    assert_eq!(session.attempt, 0);
    assert_eq!(session.words, "first messages: waiting for hospital-1, hospital-2, hospital-3");
    stop(&shared, board, 0, 2, 3).await?;
    let words = view(&shared.service, id).await?.session.context("no session")?.words;
    assert_eq!(words, "first messages: a trustee ended this attempt; another one begins in a moment");
    shared.wait_for_attempt(board, 1).await?;
    let words = view(&shared.service, id).await?.session.context("no session")?.words;
    assert_eq!(words, "attempt 2, first messages: waiting for hospital-1, hospital-2, hospital-3");

    let (task, sum) = shared.task(board).await?;
    let trustee = shared.sharing.trustee(1).context("no trustee")?;
    let (_, messages) = shared.begin(trustee, (&task, &sum), 1)?;
    for message in messages {
        granted(shared.post(0, board, 1, message).await?)?;
    }
    let shared = shared.restart(settings("1s", "1s")).await?;
    let failed = shared.service.wait_for(id, "failed").await?;
    let RoundState::Failed { reason: FailureReason::TallyTimedOut { waiting, named }, charged } =
        &failed.state
    else {
        anyhow::bail!("{:?}", failed.state)
    };
    let numbers = |ids: &[base::ids::ParticipantId]| ids.iter().map(|id| id.get()).collect::<Vec<_>>();
    assert_eq!((numbers(waiting), numbers(named), *charged), (vec![2, 3], vec![3], true));
    assert_eq!(refused(shared.page(0, board, (1, 0, 0)).await?)?, Code::WrongRoundState);
    assert!(shared.waited_for().await?.iter().all(Vec::is_empty));
    Ok(())
}
