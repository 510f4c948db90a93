//! What a promised budget buys: never more, whoever asks at once, and again what came back.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use base::{
    ids::RoundId,
    problem::{Code, Problem},
};
use learning::files::instances_to_npy_bytes;
use privacy::{Losses, NoisePlan, Rho, RoundCost, Sensitivity, Units, Views, loss_epsilon};
use protocol::{
    federation::{FederationConfig, Roster},
    round::RoundState,
    wire::{EntryState, LedgerView, RoundView, RoundsPage},
};
use tokio::task::JoinSet;

use crate::service::{CONFIG, INSTANCES, Keyed, Service, granted, refused, round_id};

/// Rounds that the budget pays.
const PAID: u32 = 10;
/// Labels that are left then: less than a round has.
const REST: u32 = 3;

/// Prices labels under the tests' config by the accountant alone: three participants with two teachers each, all of whom vote.
fn price(labels: u32) -> Result<RoundCost> {
    let config = FederationConfig::from_toml(CONFIG)?;
    let plan = NoisePlan::new(config.noise, 3, 3)?;
    Ok(RoundCost::new(&plan, Sensitivity { participants_per_person: 1, teachers: 2 }, labels)?)
}

/// Returns ε about one person, for everybody.
fn epsilon(labels: u32) -> Result<f64> {
    let config = FederationConfig::from_toml(CONFIG)?;
    price(labels)?.epsilon(config.privacy.delta)?.person.public.context("noise bounds it")
}

/// Promises exactly what `PAID` rounds and `REST` more labels cost.
fn config() -> Result<String> {
    let labels = PAID * INSTANCES as u32 + REST;
    let (promised, beyond) = (epsilon(labels)?, epsilon(labels + 1)?);
    assert!(promised < beyond);
    Ok(format!("{CONFIG}[privacy.targets.public]\nepsilon = {promised}\ndelta = 1e-5\nlabels = {labels}\n"))
}

/// Returns instances that no other round has.
fn instances(id: u8) -> Result<Vec<u8>> {
    let values: Vec<f32> = (0..INSTANCES * 4).map(|value| f32::from(id) + value as f32 / 64.0).collect();
    Ok(instances_to_npy_bytes(&values, &[4])?)
}

/// Lets announcements race, all at once; returns the rounds that exist now and the refusals of the others.
async fn race(keyed: &Arc<Keyed>, ids: &[u8]) -> Result<(Vec<u8>, Vec<(u8, Problem)>)> {
    let mut announcements = JoinSet::new();
    for id in ids.iter().copied() {
        let keyed = Arc::clone(keyed);
        announcements
            .spawn(async move { Ok((id, keyed.service.announce(round_id(id), 600, instances(id)?).await?)) });
    }
    let (mut paid, mut unpaid) = (Vec::new(), Vec::new());
    while let Some(announced) = announcements.join_next().await {
        let answered: Result<_> = announced?;
        match answered? {
            (id, Ok(_)) => paid.push(id),
            (id, Err(problem)) => unpaid.push((id, problem)),
        }
    }
    Ok((paid, unpaid))
}

/// Checks that every refusal says which promise stands against it and how many labels are left.
fn all_over_budget(unpaid: &[(u8, Problem)], left: u32) {
    for (id, problem) in unpaid {
        assert_eq!(problem.code, Code::OverBudget, "round {id}: {problem}");
        let detail = problem.detail.clone();
        assert!(detail.contains("one person in the public view"), "{detail}");
        assert!(detail.contains(&format!("room for {left} labels at this price")), "{detail}");
    }
}

async fn cancel(keyed: &Keyed, id: RoundId) -> Result<()> {
    let path = format!("/rounds/{id}/cancel");
    granted(keyed.service.post::<RoundView>(&path, &keyed.service.operator, &()).await?)?;
    Ok(())
}

/// Adds up losses in units of 2^-50, by hand.
fn sum(costs: &[RoundCost]) -> Losses {
    let add = |of: &dyn Fn(&Losses) -> Option<Rho>| {
        let units = costs.iter().map(|cost| of(&cost.rho).map(Rho::units));
        units.sum::<Option<u128>>().map(Rho::from_units)
    };
    let views = |of: &dyn Fn(&Losses) -> Views<Option<Rho>>| Views {
        public: add(&|losses| of(losses).public),
        coordinator: add(&|losses| of(losses).coordinator),
        coalition: add(&|losses| of(losses).coalition),
        both: add(&|losses| of(losses).both),
    };
    Units { person: views(&|losses| losses.person), participant: views(&|losses| losses.participant) }
}

/// Returns the ledger and its rounds at one moment: asked again, the ledger is the same, so that no round ended meanwhile.
async fn at_one_moment(service: &Service) -> Result<(LedgerView, Vec<RoundView>)> {
    loop {
        let ledger: LedgerView = granted(service.get("/ledger", &service.operator).await?)?;
        let mut views = Vec::new();
        for entry in &ledger.entries {
            let path = format!("/rounds/{}", entry.round);
            views.push(granted(service.get(&path, &service.operator).await?)?);
        }
        let again: LedgerView = granted(service.get("/ledger", &service.operator).await?)?;
        if serde_json::to_value(&again)? == serde_json::to_value(&ledger)? {
            return Ok((ledger, views));
        }
    }
}

/// Asks for the ledger and compares it with the announcements of the rounds, added up by hand.
async fn adds_up(keyed: &Keyed) -> Result<LedgerView> {
    let (service, founding) = (&keyed.service, &keyed.members[0].founding);
    let (ledger, views) = at_one_moment(service).await?;
    let RoundsPage { rounds, .. } = granted(service.get("/rounds", &service.operator).await?)?;
    assert_eq!(ledger.entries.len(), rounds.len());
    let (mut spent, mut reserved) = (Vec::new(), Vec::new());
    for (entry, view) in ledger.entries.iter().zip(&views) {
        let path = format!("/rounds/{}", entry.round);
        let roster: Roster = granted(service.get(&format!("{path}/roster"), &service.operator).await?)?;
        let cost = view.announcement.cost(founding, &roster)?;
        assert_eq!((cost, entry.labels), (price(INSTANCES as u32)?, INSTANCES as u32));
        match (&view.state, entry.state) {
            (RoundState::Released { .. }, EntryState::Committed) => spent.push(cost),
            (RoundState::Failed { charged: false, .. }, EntryState::Returned)
            | (RoundState::Cancelled { charged: false }, EntryState::Returned) => {}
            (state, EntryState::Reserved) if !state.is_final() => reserved.push(cost),
            (state, entry) => anyhow::bail!("a round is {state:?} and {entry:?} in the ledger"),
        }
    }
    let (mode, delta) = (founding.config.noise.mode, founding.config.privacy.delta);
    let committed = [spent.clone(), reserved].concat();
    let shown = |costs: &[RoundCost]| loss_epsilon(&sum(costs), mode, delta);
    assert_eq!((&ledger.spent, &ledger.committed), (&shown(&spent)?, &shown(&committed)?));
    let [promise] = ledger.promises.as_slice() else { anyhow::bail!("{:?}", ledger.promises) };
    let used = (promise.spent, promise.committed);
    assert_eq!(used, (ledger.spent.person.public, ledger.committed.person.public));
    let labels = committed.len() as u32 * INSTANCES as u32;
    assert_eq!(promise.labels_left, Some(u64::from(PAID * INSTANCES as u32 + REST - labels)));
    Ok(ledger)
}

/// Lets everybody vote in a round and the trustee open it.
async fn release(keyed: &Keyed, id: RoundId) -> Result<()> {
    let view = keyed.service.wait_for(id, "voting").await?;
    let view = keyed.vote_all(&view, 1).await?;
    let opening = keyed.opening(&view).await?;
    granted(keyed.post_opening(id, keyed.members[0].identity.sign(&opening)).await?)?;
    keyed.service.wait_for(id, "released").await?;
    Ok(())
}

#[tokio::test]
async fn fifty_announcements_race_for_a_budget_of_ten() -> Result<()> {
    let keyed = Arc::new(Keyed::with(&config()?).await?);
    let all: Vec<u8> = (1..=50).collect();
    let (paid, unpaid) = race(&keyed, &all).await?;
    assert_eq!((paid.len(), unpaid.len()), (PAID as usize, 40));
    all_over_budget(&unpaid, REST);
    assert_eq!(adds_up(&keyed).await?.entries.len(), PAID as usize);

    // What was never opened comes back: exactly one of those that were refused fits now.
    cancel(&keyed, round_id(paid[0])).await?;
    let again: Vec<u8> = unpaid.iter().map(|(id, _)| *id).collect();
    let (one, unpaid) = race(&keyed, &again).await?;
    assert_eq!((one.len(), unpaid.len()), (1, 39));
    all_over_budget(&unpaid, REST);
    let before = serde_json::to_value(adds_up(&keyed).await?)?;

    // Another process on the same folder knows all of it.
    let keyed = Arc::into_inner(keyed).context("no announcement runs any more")?.restart().await?;
    assert_eq!(serde_json::to_value(adds_up(&keyed).await?)?, before);

    // A release turns what was reserved into a loss, and gives no room.
    release(&keyed, round_id(paid[1])).await?;
    let ledger = adds_up(&keyed).await?;
    assert_eq!(ledger.spent.person.public, Some(epsilon(INSTANCES as u32)?));
    let keyed = Arc::new(keyed);
    let again: Vec<u8> = unpaid.iter().map(|(id, _)| *id).collect();
    let (none, unpaid) = race(&keyed, &again).await?;
    assert_eq!(none, [] as [u8; 0]);
    all_over_budget(&unpaid, REST);
    Ok(())
}

#[tokio::test]
async fn a_round_below_its_quorum_gives_back_what_it_reserved() -> Result<()> {
    let keyed = Keyed::with(&config()?).await?;
    for id in 1..PAID as u8 {
        granted(keyed.service.announce(round_id(id), 600, instances(id)?).await?)?;
    }
    let (short, next) = (round_id(90), round_id(91));
    granted(keyed.service.announce(short, 1, instances(90)?).await?)?;
    // Its window may be over by now; whether it is or not, a round that runs is paid and one more is not.
    let running = adds_up(&keyed).await?;
    assert!(running.entries.iter().any(|entry| entry.round == short));
    keyed.service.wait_for(short, "failed").await?;
    let ledger = adds_up(&keyed).await?;
    let state = ledger.entries.iter().find(|entry| entry.round == short).map(|entry| entry.state);
    assert_eq!(state, Some(EntryState::Returned));
    granted(keyed.service.announce(next, 600, instances(91)?).await?)?;
    let beyond = keyed.service.announce(round_id(92), 600, instances(92)?).await?;
    assert_eq!(refused(beyond)?, Code::OverBudget);
    adds_up(&keyed).await?;
    Ok(())
}
