//! *Federation*: who is enrolled, online, trustee, last seen; keys and their ceremony; policy.

use askama::Template;
use axum::extract::State;
use base::ids::Digest;
use protocol::{
    federation::{FederationKeys, FederationState, Quorum},
    transcript::Replay,
    wire::{FederationView, RosterView},
};

use super::Unfounded;
use crate::{
    app::App,
    dashboard::{
        frame::{Frame, Page, Visitor, founded, show},
        words::{Moment, Short, things},
    },
    watch,
};

/// How often the page looks for who is online, in seconds.
const REFRESH: u32 = 10;

struct MemberLine {
    number: u32,
    name: String,
    role: &'static str,
    teachers: u32,
    approval: &'static str,
    online: bool,
    last_seen: Option<Moment>,
}

struct Fact {
    name: &'static str,
    value: String,
}

struct Key {
    name: String,
    digest: Digest,
}

#[derive(Template)]
#[template(path = "federation.html")]
struct FederationPage {
    frame: Frame,
    view: FederationView,
    founded_at: Moment,
    state: &'static str,
    next: Option<&'static str>,
    members: Vec<MemberLine>,
    online: usize,
    revoked: Vec<(u32, String, Moment)>,
    roster: Short,
    policy: Vec<Fact>,
    holders: Option<String>,
    waits_for: Option<String>,
    ended: Vec<String>,
    keys: Vec<Key>,
}

pub(in crate::dashboard) async fn federation(visitor: Visitor, State(app): State<App>) -> Page {
    let mut tx = app.storage.read().await?;
    let mut frame = Frame::new(&app, &mut tx, &visitor, ("/federation", "Federation".to_owned())).await?;
    frame.refresh = REFRESH;
    let Some(row) = founded(&mut tx).await? else { return show(&Unfounded { frame }) };
    let view = watch::federation(&app, &mut tx, row).await?;
    let published = tx.replay(|replay: &Replay| replay.ceremony().keys().cloned()).await?.flatten();
    let roster = watch::roster(&app, &mut tx, view.hash, None, usize::MAX).await?;
    let members: Vec<MemberLine> = members(&roster);
    let next = next(&view, members.len());
    show(&FederationPage {
        frame,
        founded_at: Moment(view.founding.founded_at),
        state: state(view.state),
        next,
        online: members.iter().filter(|member| member.online).count(),
        members,
        revoked: roster.revoked.iter().map(|r| (r.participant.get(), r.name.clone(), Moment(r.at))).collect(),
        roster: Short(roster.hash),
        policy: policy(&view),
        holders: published.as_ref().map(|keys| holders(keys, &roster)),
        waits_for: view.ceremony.as_ref().and_then(|ceremony| ceremony.waits_for.clone()),
        ended: ended(&view),
        keys: published.as_ref().map(keys).unwrap_or_default(),
        view,
    })
}

const fn state(state: FederationState) -> &'static str {
    match state {
        FederationState::Assembling => "assembling",
        FederationState::Keyed => "keyed",
        FederationState::Closed => "closed",
    }
}

/// Returns what is to be done next.
fn next(view: &FederationView, enrolled: usize) -> Option<&'static str> {
    match (view.state, enrolled) {
        (FederationState::Closed, _) => {
            Some("The federation is closed: nothing more is voted, the record stays.")
        }
        (FederationState::Assembling, 0) => Some(
            "Nobody is enrolled. Invite each institution: coordinator invite NAME, with --trustee for trustees.",
        ),
        (FederationState::Assembling, _) if view.keys.is_none() => Some(
            "There are no keys yet. They come when every trustee has enrolled, approved and runs its agent.",
        ),
        (FederationState::Assembling, _) => {
            Some("The keys are published and are proven by a known answer now.")
        }
        (FederationState::Keyed, _) => None,
    }
}

fn members(view: &RosterView) -> Vec<MemberLine> {
    let lines = view.roster.members.iter().zip(&view.standing).map(|(member, standing)| MemberLine {
        number: member.id.get(),
        name: member.name.clone(),
        role: if member.trustee { "trustee" } else { "participant" },
        teachers: member.teachers,
        approval: match standing.approved {
            Some(hash) if hash == view.hash => "this roster",
            Some(_) => "an earlier roster",
            None => "not yet",
        },
        online: standing.online,
        last_seen: standing.last_seen.map(Moment),
    });
    lines.collect()
}

/// Says who can decrypt.
fn holders(keys: &FederationKeys, roster: &RosterView) -> String {
    match keys {
        FederationKeys::Sole(certificate) => {
            let id = certificate.trustee;
            let member = roster.roster.member(id);
            let name = member.map_or_else(|| format!("participant {id}"), |member| member.name.clone());
            format!("{name} holds the whole key")
        }
        FederationKeys::Shared(_) => {
            "The trustees made the key together, each holding pieces of it; nobody ever had the whole"
                .to_owned()
        }
    }
}

/// Tells of the ceremonies that ended without a key.
fn ended(view: &FederationView) -> Vec<String> {
    let ended = view.ceremony.iter().flat_map(|ceremony| &ceremony.ended);
    ended
        .map(|dead| {
            let named: Vec<String> = dead.named.iter().map(ToString::to_string).collect();
            let why = match named.as_slice() {
                [] => "nobody is named".to_owned(),
                named => format!("participants who lied: {}", named.join(", ")),
            };
            format!("Ceremony {}… ended without a key; {why}", dead.ceremony.short())
        })
        .collect()
}

fn keys(keys: &FederationKeys) -> Vec<Key> {
    let key = |name: &str, digest| Key { name: name.to_owned(), digest };
    match keys {
        FederationKeys::Sole(keys) => vec![
            key("public key", keys.public_key),
            key("keyswitching key", keys.keyswitching_key),
            key("bootstrapping key", keys.bootstrapping_key),
        ],
        FederationKeys::Shared(shared) => {
            let certificate = &shared.certificate;
            let shares = (1..).zip(certificate.shares());
            let shares =
                shares.map(|(number, share)| key(&format!("share {number} of the public key"), *share));
            std::iter::once(key("certificate", certificate.digest())).chain(shares).collect()
        }
    }
}

fn policy(view: &FederationView) -> Vec<Fact> {
    let config = &view.founding.config;
    let (noise, trustees) = (&config.noise, config.trustees);
    let fact = |name, value| Fact { name, value };
    let mut facts = vec![
        fact("Classes", config.classes.join(", ")),
        fact(
            "Instances",
            format!("{}, shape {:?}", word(&config.instances.kind()), config.instances.shape()),
        ),
        fact(
            "Trustees",
            match trustees.is_sole() {
                true => "1, which holds the whole key".to_owned(),
                false => format!("{}, of which any {} may be corrupt", trustees.count, trustees.threshold),
            },
        ),
        fact(
            "Quorum",
            match config.quorum {
                Quorum::All => "every enrolled participant's ballot".to_owned(),
                Quorum::AtLeast(ballots) => things(u64::from(ballots), "ballot", "ballots"),
            },
        ),
        fact("Noise of the participants", format!("σ = {} votes, all honest shares together", noise.sigma)),
        fact("Noise of the coordinator", format!("σ = {} votes", noise.coordinator_sigma)),
        fact("Assumed honest", format!("{} of the participants", noise.honest_fraction)),
        fact("ε is stated at", format!("δ = {}", config.privacy.delta)),
        fact("One person appears at", {
            let most = config.privacy.participants_per_person;
            format!("{} at most", things(u64::from(most), "participant", "participants"))
        }),
        fact(
            "Argmax",
            match config.trustees.is_sole() {
                true => config.circuit().to_string(),
                false => "computed by the trustees together, exactly".to_owned(),
            },
        ),
        fact("Parameters", word(&config.parameter_set())),
    ];
    if let Some(threshold) = config.threshold {
        let steps = if threshold.test.is_some() { ", tested in a step of its own" } else { "" };
        facts.push(fact("No label below", format!("{} votes{steps}", threshold.votes)));
    }
    for (view, target) in config.privacy.targets.iter() {
        let value = format!(
            "ε ≤ {} at δ = {} for one {} over {} labels",
            target.epsilon, target.delta, target.unit, target.labels
        );
        facts.push(fact(
            if view == privacy::View::Public {
                "Promise to the public"
            } else {
                "Promise against the coordinator"
            },
            value,
        ));
    }
    facts
}

/// Spells a setting as the config does.
fn word<T: serde::Serialize>(value: &T) -> String {
    let value = serde_json::to_value(value).ok();
    value.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
