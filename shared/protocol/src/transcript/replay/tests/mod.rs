//! A coordinator that cheats cannot make a chain that anybody follows: each rule, broken once.

mod steps;

use super::*;
use crate::{
    federation::{
        Acknowledgement, Approval, Complaint, Enrolment, FederationConfig, KeyCertificate, KeySharing,
        TrusteeApproval, known_answer_labels,
    },
    round::{Announcement, Corroboration, FailureReason, OpeningContent},
    testing::{CONFIG, participant, request},
    transcript::CountedBallot,
};
use base::{Step, identity::Identity};
use fhe::ParameterSet;
use threshold::Shares;

/// A chain under construction, with everybody's identities.
#[derive(Clone)]
struct Chain {
    coordinator: std::sync::Arc<Identity>,
    members: std::sync::Arc<Vec<Identity>>,
    replay: Replay,
    time: i64,
}

const INSTANCES: u32 = 4;

fn digest(name: &str) -> Digest {
    Digest::of(name.as_bytes())
}

impl Chain {
    /// Founds a federation of four members, the first of whom are the trustees.
    fn founded(trustees: (u8, u8)) -> Self {
        Self::founded_with(trustees, "")
    }

    fn founded_with((count, threshold): (u8, u8), more: &str) -> Self {
        let coordinator = Identity::generate().unwrap();
        let text = format!("{CONFIG}\n[trustees]\ncount = {count}\nthreshold = {threshold}\n{more}");
        let config = FederationConfig::from_toml(&text).unwrap();
        let founding = Founding { config, coordinator: coordinator.public(), founded_at: Millis(0) };
        let event = Head::EMPTY.next(Millis(0), EventBody::Founded(founding));
        let replay = Replay::begin(&coordinator.sign(&event)).unwrap();
        let members: Vec<_> = (0..4).map(|_| Identity::generate().unwrap()).collect();
        let mut chain = Self { coordinator: coordinator.into(), members: members.into(), replay, time: 0 };
        for number in 1..=4 {
            let member = chain.member(number, number <= u32::from(count));
            chain.push(EventBody::Enrolled(member)).unwrap();
        }
        chain
    }

    fn member(&self, number: u32, trustee: bool) -> Member {
        let identity = self.signer(number);
        let enrolment = Enrolment {
            invite: digest("invite"),
            identity: identity.public(),
            sealing: identity.sealing_key(),
            teachers: 2,
        };
        enrolment.into_member(participant(number), format!("hospital-{number}"), trustee).unwrap()
    }

    fn signer(&self, number: u32) -> &Identity {
        &self.members[number as usize - 1]
    }

    fn push(&mut self, body: EventBody) -> Result<(), Fault> {
        self.time += 1;
        let event = self.replay.head().next(Millis(self.time), body);
        self.replay.follow(&self.coordinator.sign(&event))
    }

    /// Tries an event that must break the check, and leaves the chain as it is.
    fn breaks(&self, check: Check, body: EventBody) -> String {
        let mut tried = self.clone();
        let fault = tried.push(body).expect_err("the event breaks a rule");
        assert_eq!(fault.check, check, "{fault}");
        assert_eq!(tried.replay.head(), self.replay.head(), "a refused event changes nothing");
        fault.what
    }

    fn policy_count(&self) -> u32 {
        u32::from(self.replay.founding().config.trustees.count)
    }

    fn approve_trustees(&mut self, by: u32) -> Result<(), Fault> {
        let trustees = self.replay.trustees();
        let approval = TrusteeApproval {
            federation: self.replay.federation(),
            trustees: trustees.digest(),
            dealer: trustees.dealer().unwrap(),
            participant: participant(by),
        };
        let signed = self.signer(by).sign(&approval);
        self.push(EventBody::TrusteeApproved(signed))
    }

    fn certificate(&self) -> KeyCertificate {
        let policy = self.replay.founding().config.trustees;
        let sharing = (!policy.is_sole()).then(|| KeySharing {
            squashing_key: digest("squashing key"),
            commitments: policy.sharing().unwrap().sets().iter().map(|_| digest("piece")).collect(),
            packages: (0..policy.count).map(|_| digest("package")).collect(),
        });
        KeyCertificate {
            federation: self.replay.federation(),
            parameters: ParameterSet::InsecureToy,
            public_key: digest("public key"),
            keyswitching_key: digest("keyswitching key"),
            bootstrapping_key: digest("bootstrapping key"),
            trustee: participant(1),
            sharing,
        }
    }

    fn acknowledgement(&self, by: u32) -> EventBody {
        let (federation, keys) = (self.replay.federation(), self.certificate().digest());
        EventBody::Acknowledged(self.signer(by).sign(&Acknowledgement {
            federation,
            keys,
            participant: participant(by),
        }))
    }

    fn tally(&self, round: Option<RoundId>) -> TallyRecord {
        self.tally_of(round, Step::Label)
    }

    fn tally_of(&self, round: Option<RoundId>, step: Step) -> TallyRecord {
        let is_sole = self.policy_count() == 1;
        TallyRecord {
            round,
            step,
            sum: digest("sum"),
            ciphertexts: digest("ciphertexts"),
            squashed: (!is_sole).then(|| digest("record")),
        }
    }

    fn opening(&self, round: Option<RoundId>, by: u32) -> Opening {
        self.opening_of(round, Step::Label, by)
    }

    fn opening_of(&self, round: Option<RoundId>, step: Step, by: u32) -> Opening {
        let question = self.replay.question(round, step).unwrap();
        let content = match self.replay.rows_of(participant(by)) {
            None if round.is_none() => OpeningContent::Labels(known_answer_labels(3)),
            None => OpeningContent::Labels(vec![1; question.instances]),
            Some(rows) => OpeningContent::Shares(Shares { values: vec![vec![7; question.instances]; rows] }),
        };
        Opening {
            federation: question.federation,
            round,
            step: question.step,
            tally: question.tally,
            ciphertexts: question.ciphertexts,
            trustee: participant(by),
            content,
        }
    }

    fn open(&mut self, round: Option<RoundId>, by: u32) -> Result<(), Fault> {
        self.open_step(round, Step::Label, by)
    }

    fn open_step(&mut self, round: Option<RoundId>, step: Step, by: u32) -> Result<(), Fault> {
        let signed = self.signer(by).sign(&self.opening_of(round, step, by));
        self.push(EventBody::Opened(signed))
    }

    /// Goes on until the federation is keyed.
    fn keyed(mut self) -> Self {
        let count = self.policy_count();
        if count > 1 {
            (1..=count).for_each(|by| self.approve_trustees(by).unwrap());
        }
        let signed = self.signer(1).sign(&self.certificate());
        self.push(EventBody::Keys(signed)).unwrap();
        if count > 1 {
            for by in 1..=count {
                self.push(self.acknowledgement(by)).unwrap();
            }
        }
        self.push(EventBody::KnownAnswer { ballot: digest("known ballot") }).unwrap();
        self.push(EventBody::Tallied(self.tally(None))).unwrap();
        (1..=count).for_each(|by| self.open(None, by).unwrap());
        self.push(EventBody::Keyed).unwrap();
        self
    }

    fn announcement(&self, round: u8) -> Announcement {
        let request = crate::round::RoundRequest {
            keys: self.certificate().digest(),
            opens_at: Millis(1),
            closes_at: Millis(1_000_000),
            ..request(round, INSTANCES)
        };
        Announcement::derive(self.replay.founding(), &self.replay.roster(), &request).unwrap()
    }

    fn ballots(&self) -> Vec<CountedBallot> {
        let ballot = |number: u32| CountedBallot {
            participant: participant(number),
            digest: digest(&format!("ballot {number}")),
            received_at: Millis(50),
        };
        (1..=4).map(ballot).collect()
    }

    /// Goes on to a round of which everybody's ballot is counted and tallied.
    fn tallied(self, number: u8) -> (Self, RoundId) {
        let (mut chain, round) = self.counted(number);
        chain.push(EventBody::Tallied(chain.tally(Some(round)))).unwrap();
        (chain, round)
    }

    /// Goes on to a round of which everybody's ballot is counted, and the noise fixed.
    fn counted(mut self, number: u8) -> (Self, RoundId) {
        let announcement = self.announcement(number);
        let round = announcement.round;
        self.push(EventBody::Announced(announcement)).unwrap();
        self.push(EventBody::WindowClosed { round, ballots: self.ballots() }).unwrap();
        self.push(EventBody::NoiseBallot { round, digest: digest("noise") }).unwrap();
        (self, round)
    }

    fn release(&self, round: RoundId, corroboration: Corroboration) -> EventBody {
        let record = self.replay.round(round).unwrap();
        let cost = record.announcement.cost(self.replay.founding(), &record.roster).unwrap();
        let cost = Digest::of(&serde_json::to_vec(&cost).unwrap());
        EventBody::Released { round, labels: vec![1; INSTANCES as usize], cost, corroboration }
    }
}

#[test]
fn a_whole_life_is_followed_with_one_trustee_and_with_several() {
    let (mut sole, round) = Chain::founded((1, 0)).keyed().tallied(1);
    sole.open(Some(round), 1).unwrap();
    sole.push(sole.release(round, Corroboration::SoleTrustee)).unwrap();
    sole.push(EventBody::Closed).unwrap();
    assert_eq!(sole.replay.state(), FederationState::Closed);
    assert!(sole.breaks(Check::Chain, EventBody::Closed).contains("closed before"));

    let (mut three, round) = Chain::founded((3, 1)).keyed().tallied(1);
    three.open(Some(round), 1).unwrap();
    three.breaks(Check::Openings, three.release(round, Corroboration::Uncorroborated));
    three.open(Some(round), 3).unwrap();
    three.breaks(Check::Openings, three.release(round, Corroboration::Corroborated));
    three.push(three.release(round, Corroboration::Uncorroborated)).unwrap();
    three.open(Some(round), 2).unwrap();
    three.push(EventBody::Compared { round, corroboration: Corroboration::Corroborated }).unwrap();
    let artefacts = three.replay.artefacts();
    assert!(artefacts.iter().any(|artefact| artefact.what == "ballot"));
}

#[test]
fn a_ceremony_takes_every_trustee_and_ends_with_a_complaint() {
    let mut chain = Chain::founded((3, 1));
    let keys = |chain: &Chain| EventBody::Keys(chain.signer(1).sign(&chain.certificate()));
    chain.approve_trustees(1).unwrap();
    chain.approve_trustees(2).unwrap();
    assert!(chain.breaks(Check::Ceremony, keys(&chain)).contains("before every trustee agreed"));
    chain.approve_trustees(3).unwrap();
    let by_another = KeyCertificate { trustee: participant(2), ..chain.certificate() };
    chain.breaks(Check::Keys, EventBody::Keys(chain.signer(2).sign(&by_another)));
    let alone = KeyCertificate { sharing: None, ..chain.certificate() };
    chain.breaks(Check::Keys, EventBody::Keys(chain.signer(1).sign(&alone)));
    chain.push(keys(&chain)).unwrap();
    chain.breaks(Check::Keys, keys(&chain));
    chain.push(chain.acknowledgement(1)).unwrap();
    chain.push(chain.acknowledgement(2)).unwrap();
    chain.breaks(Check::Ceremony, EventBody::KnownAnswer { ballot: digest("known ballot") });
    let complaint = Complaint {
        federation: chain.replay.federation(),
        keys: chain.certificate().digest(),
        participant: participant(3),
        about: participant(1),
        reason: "piece 2 does not match its commitment".to_owned(),
    };
    let forged = EventBody::Complained(chain.signer(2).sign(&complaint));
    chain.breaks(Check::Ceremony, forged);
    chain.push(EventBody::Complained(chain.signer(3).sign(&complaint))).unwrap();
    let after = chain.breaks(Check::Ceremony, chain.acknowledgement(3));
    assert!(after.contains("trustee 3 complained"), "{after}");
}

#[test]
fn a_federation_is_not_keyed_before_every_trustee_opened_the_known_answer() {
    let chain = Chain::founded((3, 1)).keyed();
    assert_eq!(chain.replay.state(), FederationState::Keyed);
    chain.breaks(Check::Ceremony, EventBody::Keyed);
    let early = Chain::founded((3, 1));
    early.breaks(Check::Ceremony, EventBody::Keyed);
    early.breaks(Check::Ceremony, EventBody::KnownAnswer { ballot: digest("known ballot") });
    early.breaks(Check::Announcements, EventBody::Announced(early.announcement(1)));
}

#[test]
fn an_announcement_follows_from_the_policy_and_is_made_once() {
    let mut chain = Chain::founded((3, 1)).keyed();
    let honest = chain.announcement(1);
    let smaller = Announcement { bound: honest.bound - 1, ..chain.announcement(1) };
    assert!(chain.breaks(Check::Announcements, EventBody::Announced(smaller)).contains("bound"));
    chain.push(EventBody::Announced(honest.clone())).unwrap();
    let again = Announcement { instances: digest("others"), ..honest };
    assert!(chain.breaks(Check::Announcements, EventBody::Announced(again)).contains("second time"));
}

#[test]
fn ballots_are_counted_once_each_in_time_and_not_below_the_quorum() {
    let mut chain = Chain::founded((3, 1)).keyed();
    let announcement = chain.announcement(1);
    let round = announcement.round;
    chain.push(EventBody::Announced(announcement)).unwrap();
    type Change = fn(&mut Vec<CountedBallot>);
    let changes: [(&str, Change); 5] = [
        ("is counted twice", |ballots| ballots[1].participant = ballots[0].participant),
        ("under two names", |ballots| ballots[1].digest = ballots[0].digest),
        ("is not on the round's roster", |ballots| ballots[2].participant = participant(9)),
        ("came after the window", |ballots| ballots[3].received_at = Millis(2_000_000)),
        ("below the quorum of 4", |ballots| ballots.truncate(3)),
    ];
    for (expected, change) in changes {
        let mut ballots = chain.ballots();
        change(&mut ballots);
        let what = chain.breaks(Check::Ballots, EventBody::WindowClosed { round, ballots });
        assert!(what.contains(expected), "{what}");
    }
    let noise = EventBody::NoiseBallot { round, digest: digest("noise") };
    chain.breaks(Check::Ballots, noise.clone());
    chain.push(EventBody::WindowClosed { round, ballots: chain.ballots() }).unwrap();
    chain.breaks(Check::Ballots, EventBody::WindowClosed { round, ballots: chain.ballots() });
    chain.breaks(Check::Tally, EventBody::Tallied(chain.tally(Some(round))));
    chain.push(noise.clone()).unwrap();
    assert!(chain.breaks(Check::Ballots, noise).contains("noise"), "noise is never drawn again");
}

#[test]
fn a_round_is_tallied_once_and_opened_once_by_each_trustee() {
    let (mut chain, round) = Chain::founded((3, 1)).keyed().tallied(1);
    let other = TallyRecord { ciphertexts: digest("another tally"), ..chain.tally(Some(round)) };
    assert!(chain.breaks(Check::Tally, EventBody::Tallied(other)).contains("a second time"));
    let members = std::sync::Arc::clone(&chain.members);
    let opened = |opening: &Opening, by: u32| EventBody::Opened(members[by as usize - 1].sign(opening));
    let honest = chain.opening(Some(round), 2);
    let stale = Opening { tally: digest("another event"), ..honest.clone() };
    let short = Opening {
        content: OpeningContent::Shares(Shares { values: Vec::new() }),
        ..chain.opening(Some(round), 2)
    };
    let plain = Opening { content: OpeningContent::Labels(vec![1; 4]), ..chain.opening(Some(round), 2) };
    for wrong in [stale, short, plain] {
        chain.breaks(Check::Openings, opened(&wrong, 2));
    }
    chain.breaks(Check::Openings, opened(&honest, 3));
    let stranger = Opening { trustee: participant(4), ..honest.clone() };
    assert!(chain.breaks(Check::Openings, opened(&stranger, 4)).contains("is not a trustee"));
    chain.push(opened(&honest, 2)).unwrap();
    assert!(chain.breaks(Check::Openings, opened(&honest, 2)).contains("a second time"));
}

#[test]
fn what_was_opened_is_charged_and_what_was_not_is_not() {
    let (mut chain, round) = Chain::founded((3, 1)).keyed().tallied(1);
    let reason = FailureReason::OpeningTimedOut;
    let failed = |charged| EventBody::Failed { round, reason: reason.clone(), charged };
    chain.breaks(Check::Ledger, failed(true));
    let mut unopened = chain.clone();
    unopened.push(failed(false)).unwrap();
    chain.open(Some(round), 1).unwrap();
    chain.breaks(Check::Ledger, failed(false));
    chain.breaks(Check::Ledger, EventBody::Cancelled { round, charged: false });
    chain.push(failed(true)).unwrap();
    let signed = chain.signer(2).sign(&chain.opening(Some(round), 2));
    chain.breaks(Check::Openings, EventBody::Opened(signed));

    let (mut cheap, round) = Chain::founded((1, 0)).keyed().tallied(1);
    cheap.open(Some(round), 1).unwrap();
    let EventBody::Released { labels, corroboration, .. } = cheap.release(round, Corroboration::SoleTrustee)
    else {
        unreachable!("a release")
    };
    let free = EventBody::Released { round, labels, cost: digest("nothing"), corroboration };
    assert!(cheap.breaks(Check::Ledger, free).contains("another cost"));
    let EventBody::Released { cost, .. } = cheap.release(round, Corroboration::SoleTrustee) else {
        unreachable!("a release")
    };
    let corroboration = Corroboration::SoleTrustee;
    let invented = EventBody::Released { round, labels: vec![2; 4], cost, corroboration };
    cheap.breaks(Check::Openings, invented);
}

#[test]
fn a_roster_changes_only_as_its_members_did() {
    let mut chain = Chain::founded((3, 1));
    let latecomer = chain.member(4, false);
    chain.breaks(Check::Roster, EventBody::Enrolled(latecomer));
    let reason = "left".to_owned();
    chain.breaks(Check::Roster, EventBody::Revoked { participant: participant(2), reason: reason.clone() });
    let stale = Approval {
        federation: chain.replay.federation(),
        roster: chain.replay.roster().digest(),
        participant: participant(1),
    };
    let signed = chain.signer(1).sign(&stale);
    chain.push(EventBody::Approved(signed.clone())).unwrap();
    chain.push(EventBody::Revoked { participant: participant(4), reason }).unwrap();
    assert!(chain.breaks(Check::Roster, EventBody::Approved(signed)).contains("another roster"));
    let by_another = chain.signer(2).sign(&Approval { roster: chain.replay.roster().digest(), ..stale });
    chain.breaks(Check::Roster, EventBody::Approved(by_another));
}
