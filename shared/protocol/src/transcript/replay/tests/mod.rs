//! A coordinator that cheats cannot make a chain that anybody follows: each rule, broken once.

mod steps;

use std::sync::Arc;

use super::*;
use crate::{
    federation::{
        Approval, Enrolment, FederationConfig, FederationKeys, KeyCertificate, TrusteeApproval,
        known_answer_labels, known_answer_round,
    },
    round::{Announcement, Corroboration, FailureReason},
    testing::{CONFIG, Made, participant, request, shared_config},
    transcript::CountedBallot,
};
use base::{Step, identity::Identity};
use fhe::ParameterSet;

/// A chain under construction, with everybody's identities.
#[derive(Clone)]
struct Chain {
    coordinator: Arc<Identity>,
    members: Arc<Vec<Arc<Identity>>>,
    /// The key of several trustees, once they made it.
    made: Option<Arc<Made>>,
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
        let text = match count {
            1 => format!("{CONFIG}\n{more}"),
            _ => shared_config((count, threshold), more),
        };
        let config = FederationConfig::from_toml(&text).unwrap();
        let founding = Founding { config, coordinator: coordinator.public(), founded_at: Millis(0) };
        let event = Head::EMPTY.next(Millis(0), EventBody::Founded(founding));
        let replay = Replay::begin(&coordinator.sign(&event)).unwrap();
        let members: Vec<_> = (0..4).map(|_| Arc::new(Identity::generate().unwrap())).collect();
        let (coordinator, members) = (coordinator.into(), members.into());
        let mut chain = Self { coordinator, members, made: None, replay, time: 0 };
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
            participant: participant(by),
        };
        let signed = self.signer(by).sign(&approval);
        self.push(EventBody::TrusteeApproved(signed))
    }

    /// Returns the certificate of a sole trustee.
    fn certificate(&self) -> KeyCertificate {
        KeyCertificate {
            federation: self.replay.federation(),
            parameters: ParameterSet::InsecureToy,
            public_key: digest("public key"),
            keyswitching_key: digest("keyswitching key"),
            bootstrapping_key: digest("bootstrapping key"),
            trustee: participant(1),
        }
    }

    /// Lets the trustees hold their ceremony, whatever the chain says.
    fn make_key(&mut self) -> EventBody {
        let sharing = self.replay.founding().config.trustees.sharing().unwrap().unwrap();
        let trustees = self.replay.trustees();
        let identities = self.members.iter().take(trustees.members.len()).cloned().collect();
        let made = Made::new(&trustees, sharing, identities);
        let keys = made.keys();
        self.made = Some(Arc::new(made));
        EventBody::KeysShared(Box::new(keys))
    }

    fn tally(&self, round: Option<RoundId>) -> TallyRecord {
        self.tally_of(round, Step::Label)
    }

    fn tally_of(&self, round: Option<RoundId>, step: Step) -> TallyRecord {
        let outcome = match self.policy_count() {
            1 => TallyOutcome::Ciphertexts(digest("ciphertexts")),
            _ => TallyOutcome::Session { attempt: 2, record: digest("record") },
        };
        TallyRecord { round, step, sum: digest("sum"), outcome }
    }

    /// Asks several trustees to tally a step; a sole trustee is not asked.
    fn ask(&mut self, round: RoundId, step: Step) -> Result<(), Fault> {
        match self.policy_count() {
            1 => Ok(()),
            _ => self.push(EventBody::Summed { round, step, sum: digest("sum") }),
        }
    }

    fn opening(&self, round: Option<RoundId>) -> Opening {
        self.opening_of(round, Step::Label)
    }

    fn opening_of(&self, round: Option<RoundId>, step: Step) -> Opening {
        let question = self.replay.question(round, step).unwrap();
        let labels = match round {
            None => known_answer_labels(3),
            Some(_) => vec![1; question.instances],
        };
        Opening {
            federation: question.federation,
            round,
            step: question.step,
            tally: question.tally,
            ciphertexts: question.ciphertexts,
            trustee: participant(1),
            labels,
        }
    }

    /// The sole trustee opens the labels.
    fn open(&mut self, round: Option<RoundId>) -> Result<(), Fault> {
        let signed = self.signer(1).sign(&self.opening(round));
        self.push(EventBody::Opened(signed))
    }

    /// Goes on until the federation is keyed.
    fn keyed(mut self) -> Self {
        let count = self.policy_count();
        if count > 1 {
            (1..=count).for_each(|by| self.approve_trustees(by).unwrap());
            let keys = self.make_key();
            self.push(keys).unwrap();
        } else {
            let signed = self.signer(1).sign(&self.certificate());
            self.push(EventBody::Keys(signed)).unwrap();
            self.push(EventBody::KnownAnswer { ballot: digest("known ballot") }).unwrap();
        }
        self.push(EventBody::Tallied(self.tally(None))).unwrap();
        if count == 1 {
            self.open(None).unwrap();
        }
        self.push(EventBody::Keyed).unwrap();
        self
    }

    fn announcement(&self, round: u8) -> Announcement {
        let request = crate::round::RoundRequest {
            keys: self.replay.ceremony().keys().map_or(digest("no keys"), FederationKeys::digest),
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
        chain.ask(round, Step::Label).unwrap();
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
fn a_transcript_of_version_0_1_is_refused_with_the_version_that_reads_it() {
    /// What 0.1 signed as an event, in a form that nobody reads any more.
    #[derive(borsh::BorshSerialize, borsh::BorshDeserialize)]
    struct Old(u8);
    impl base::identity::Statement for Old {
        const DOMAIN: &'static str = "event";
    }
    let coordinator = Identity::generate().unwrap();
    let old = base::ids::canonical(&coordinator.sign(&Old(200)));
    let refused = Replay::begin(&borsh::from_slice(&old).unwrap()).unwrap_err();
    assert!(format!("{refused:?}").contains("Psephos 0.1 reads what 0.1 wrote"), "{refused:?}");
}

#[test]
fn a_whole_life_is_followed_with_one_trustee_and_with_several() {
    let (mut sole, round) = Chain::founded((1, 0)).keyed().tallied(1);
    sole.open(Some(round)).unwrap();
    sole.push(sole.release(round, Corroboration::SoleTrustee)).unwrap();
    sole.push(EventBody::Closed).unwrap();
    assert_eq!(sole.replay.state(), FederationState::Closed);
    assert!(sole.breaks(Check::Chain, EventBody::Closed).contains("closed before"));

    let (mut three, round) = Chain::founded((3, 1)).keyed().tallied(1);
    three.breaks(Check::Openings, three.release(round, Corroboration::SoleTrustee));
    three.push(three.release(round, Corroboration::Agreed)).unwrap();
    let artefacts = three.replay.artefacts();
    for what in ["ballot", "share of the public key", "record of a session"] {
        assert!(artefacts.iter().any(|artefact| artefact.what == what), "{what}");
    }
}

#[test]
fn a_key_is_made_in_a_ceremony_on_which_every_trustee_agreed_and_signed_by_all_of_them() {
    let mut chain = Chain::founded((3, 1));
    assert_eq!(chain.replay.current_ceremony(), None);
    let keys = chain.make_key();
    chain.approve_trustees(1).unwrap();
    chain.approve_trustees(2).unwrap();
    assert!(chain.breaks(Check::Ceremony, keys.clone()).contains("not agreed on yet"));
    chain.approve_trustees(3).unwrap();
    let alone = EventBody::Keys(chain.signer(1).sign(&chain.certificate()));
    chain.breaks(Check::Keys, alone);
    let EventBody::KeysShared(mut unsigned) = keys.clone() else { unreachable!("shared keys") };
    unsigned.signatures.swap(0, 2);
    chain.breaks(Check::Keys, EventBody::KeysShared(unsigned));
    let EventBody::KeysShared(mut missing) = keys.clone() else { unreachable!("shared keys") };
    missing.signatures.pop();
    chain.breaks(Check::Keys, EventBody::KeysShared(missing));
    chain.push(keys.clone()).unwrap();
    chain.breaks(Check::Ceremony, keys);
}

#[test]
fn a_dead_ceremony_is_followed_by_another_one_and_its_key_is_never_taken() {
    let mut chain = Chain::founded((4, 1));
    (1..=4).for_each(|by| chain.approve_trustees(by).unwrap());
    let keys = chain.make_key();
    let ceremony = chain.replay.current_ceremony().unwrap();
    let ended = |ceremony, named: &[u32]| EventBody::CeremonyEnded {
        ceremony,
        board: digest("board"),
        named: named.iter().map(|number| participant(*number)).collect(),
    };
    chain.breaks(Check::Ceremony, ended(digest("another"), &[]));
    chain.breaks(Check::Ceremony, ended(ceremony, &[9]));
    chain.push(ended(ceremony, &[2])).unwrap();
    chain.breaks(Check::Ceremony, ended(ceremony, &[2]));
    chain.breaks(Check::Ceremony, keys);
    assert_ne!(chain.replay.current_ceremony(), Some(ceremony), "a name is used once");
    assert_eq!(chain.replay.ceremony().ended()[0].named, [participant(2)]);
}

#[test]
fn a_federation_is_not_keyed_before_its_known_answer_came_out() {
    let chain = Chain::founded((3, 1)).keyed();
    assert_eq!(chain.replay.state(), FederationState::Keyed);
    chain.breaks(Check::Ceremony, EventBody::Keyed);
    chain.breaks(Check::Ceremony, EventBody::Tallied(chain.tally(None)));
    let mut early = Chain::founded((3, 1));
    early.breaks(Check::Ceremony, EventBody::Keyed);
    early.breaks(Check::Ceremony, EventBody::KnownAnswer { ballot: digest("known ballot") });
    early.breaks(Check::Announcements, EventBody::Announced(early.announcement(1)));
    early.breaks(Check::Ceremony, EventBody::Tallied(early.tally(None)));
    (1..=3).for_each(|by| early.approve_trustees(by).unwrap());
    let keys = early.make_key();
    early.push(keys).unwrap();
    early.breaks(Check::Ceremony, EventBody::Keyed);
}

#[test]
fn no_round_has_the_id_of_the_known_answer() {
    let chain = Chain::founded((3, 1)).keyed();
    let keys = chain.replay.ceremony().keys().and_then(FederationKeys::shared).unwrap();
    let round = known_answer_round(keys.certificate.ceremony());
    let announcement = Announcement { round, ..chain.announcement(1) };
    let what = chain.breaks(Check::Announcements, EventBody::Announced(announcement));
    assert!(what.contains("the id of the known answer"), "{what}");
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
fn a_sole_trustee_opens_each_round_once_and_nobody_else_opens() {
    let (mut chain, round) = Chain::founded((1, 0)).keyed().tallied(1);
    let asked = EventBody::Summed { round, step: Step::Label, sum: digest("sum") };
    assert!(chain.breaks(Check::Tally, asked).contains("a sole trustee is not asked"));
    let outcome = TallyOutcome::Ciphertexts(digest("another tally"));
    let other = TallyRecord { outcome, ..chain.tally(Some(round)) };
    assert!(chain.breaks(Check::Tally, EventBody::Tallied(other)).contains("a second time"));
    let members = Arc::clone(&chain.members);
    let opened = |opening: &Opening, by: u32| EventBody::Opened(members[by as usize - 1].sign(opening));
    let honest = chain.opening(Some(round));
    let stale = Opening { tally: digest("another event"), ..honest.clone() };
    let short = Opening { labels: vec![1; 3], ..honest };
    let beyond = Opening { labels: vec![4; 4], ..honest };
    for wrong in [stale, short, beyond] {
        chain.breaks(Check::Openings, opened(&wrong, 1));
    }
    chain.breaks(Check::Openings, opened(&honest, 3));
    let stranger = Opening { trustee: participant(4), ..honest.clone() };
    assert!(chain.breaks(Check::Openings, opened(&stranger, 4)).contains("is not a trustee"));
    chain.push(opened(&honest, 1)).unwrap();
    assert!(chain.breaks(Check::Openings, opened(&honest, 1)).contains("a second time"));
}

#[test]
fn several_trustees_tally_the_sum_that_they_were_asked_for_and_open_nothing_else() {
    let (mut chain, round) = Chain::founded((3, 1)).keyed().counted(1);
    let tallied = |record: TallyRecord| EventBody::Tallied(record);
    chain.breaks(Check::Tally, tallied(chain.tally(Some(round))));
    chain.ask(round, Step::Label).unwrap();
    let again = EventBody::Summed { round, step: Step::Label, sum: digest("another sum") };
    assert!(chain.breaks(Check::Tally, again).contains("a second sum"));
    let other = TallyRecord { sum: digest("another sum"), ..chain.tally(Some(round)) };
    assert!(chain.breaks(Check::Tally, tallied(other)).contains("another sum"));
    let outcome = TallyOutcome::Ciphertexts(digest("ciphertexts"));
    chain.breaks(Check::Tally, tallied(TallyRecord { outcome, ..chain.tally(Some(round)) }));
    chain.breaks(Check::Openings, chain.release(round, Corroboration::Agreed));
    chain.push(tallied(chain.tally(Some(round)))).unwrap();
    assert!(chain.breaks(Check::Tally, tallied(chain.tally(Some(round)))).contains("a second time"));
    assert_eq!(chain.replay.question(Some(round), Step::Label), None, "there is nothing to be opened");
}

#[test]
fn what_was_begun_is_charged_and_what_was_not_is_not() {
    let (mut chain, round) = Chain::founded((3, 1)).keyed().counted(1);
    let reason = FailureReason::TallyTimedOut { waiting: Vec::new(), named: Vec::new() };
    let failed = |charged| EventBody::Failed { round, reason: reason.clone(), charged };
    chain.breaks(Check::Ledger, failed(true));
    let mut unasked = chain.clone();
    unasked.push(failed(false)).unwrap();
    chain.ask(round, Step::Label).unwrap();
    chain.breaks(Check::Ledger, failed(false));
    chain.breaks(Check::Ledger, EventBody::Cancelled { round, charged: false });
    chain.push(failed(true)).unwrap();
    chain.breaks(Check::Tally, EventBody::Tallied(chain.tally(Some(round))));

    let (mut sole, round) = Chain::founded((1, 0)).keyed().tallied(1);
    let reason = FailureReason::OpeningTimedOut;
    sole.breaks(Check::Ledger, EventBody::Failed { round, reason: reason.clone(), charged: true });
    sole.open(Some(round)).unwrap();
    sole.breaks(Check::Ledger, EventBody::Failed { round, reason: reason.clone(), charged: false });
    sole.push(EventBody::Failed { round, reason, charged: true }).unwrap();

    let (mut cheap, round) = Chain::founded((1, 0)).keyed().tallied(1);
    cheap.open(Some(round)).unwrap();
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
