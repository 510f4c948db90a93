//! Keys without a dealer: a ceremony as a state machine over signed messages.
//!
//! Trustees publish box keys; each sends the others of its sets a contribution in a sealed box; all that was sent makes V₁,
//! and everything is derived from V₁ and from the roots that contributions make; every set states its piece by name and its
//! share of the public key by digest; all sign a certificate, or that the ceremony is dead. Never both.

mod blame;
mod certificate;
mod dying;
mod making;
pub(crate) mod message;
mod observed;
mod outcome;
pub(crate) mod public_key;
mod seal;

use std::collections::BTreeMap;
use std::sync::Arc;

use base::identity::{Identity, PublicIdentity, Signed};
use base::ids::Digest;

use crate::draw::Root;
use crate::hidden::Hidden;
use crate::roster;
use crate::session::message::seen_after;
use crate::sharing::{Group, Piece, Sharing, Trustee};
use blame::Said;
pub use certificate::{Certificate, CertificateError, SHARE_BYTES};
pub use message::Reason;
use message::{Letter, Named, Speech, Spoken};
pub use observed::{Certified, Observed, is_whole, observe, place_of};
pub(crate) use outcome::read_roots;
pub use outcome::{CeremonyError, CeremonyRefusal, Entry, Keyed, Output, SecretBytes, SecretName, Secrets};
pub use public_key::PublicKey;

/// What a ceremony is for.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The federation.
    pub federation: Digest,
    /// The name of this ceremony, never used before.
    pub ceremony: Digest,
    /// How the key is to be shared.
    pub sharing: Sharing,
    /// The public keys of all trustees, in their order.
    pub trustees: Vec<PublicIdentity>,
    /// Which of them this one is.
    pub trustee: Trustee,
}

/// One trustee in a ceremony.
pub struct Ceremony {
    setup: Setup,
    identity: Arc<Identity>,
    /// In a box as the next one: moving them must leave no copy behind.
    box_key: Option<Box<Hidden<[u8; 32]>>>,
    contributions: Option<Box<Root>>,
    roots: Option<Vec<(Piece, Root)>>,
    /// What was said before a restart, by place.
    journal: BTreeMap<u8, Digest>,
    stored_first: Option<Digest>,
    /// Why this trustee signs that the ceremony is dead.
    dead: Option<Reason>,
    /// What has been seen after the box keys.
    keys_seen: Option<Digest>,
    /// V₁.
    first: Option<Digest>,
    heard: BTreeMap<(u8, Trustee), Vec<u8>>,
    said: Said,
    shares: BTreeMap<Piece, Vec<u8>>,
    certificate: Option<Certificate>,
    signatures: BTreeMap<Trustee, Signed<Certificate>>,
    keyed: bool,
    named: bool,
}

impl Ceremony {
    /// Begins a ceremony, or begins it again after a restart; the messages are the same.
    ///
    /// # Errors
    /// Refuses a list in which a trustee is missing or stands twice, an identity of another federation, and to begin without
    /// the secrets it needs.
    pub fn begin<'a>(
        setup: Setup,
        identity: Arc<Identity>,
        secrets: Secrets,
        journal: impl IntoIterator<Item = &'a Entry>,
    ) -> Result<(Self, Vec<Output>), CeremonyError> {
        if !roster::fills(setup.sharing, &setup.trustees) {
            return Err(CeremonyError::Mismatch("list of trustees"));
        }
        if setup.trustees.get(setup.trustee.index()) != Some(&identity.public()) {
            return Err(CeremonyError::Mismatch("identity"));
        }
        let held = setup.sharing.held(setup.trustee);
        let fixed = |bytes: Option<SecretBytes>| {
            bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes.bytes()).ok().map(Hidden::new))
        };
        let roots = secrets.roots.and_then(|bytes| read_roots(&bytes, &held));
        let mut ceremony = Self {
            setup,
            identity,
            box_key: fixed(secrets.box_key).map(Box::new),
            contributions: fixed(secrets.contributions).map(|bytes| Box::new(Root::new(*bytes))),
            roots,
            journal: BTreeMap::new(),
            stored_first: None,
            dead: None,
            keys_seen: None,
            first: None,
            heard: BTreeMap::new(),
            said: Said::default(),
            shares: BTreeMap::new(),
            certificate: None,
            signatures: BTreeMap::new(),
            keyed: false,
            named: false,
        };
        for entry in journal {
            match entry {
                Entry::Said { place, message } => {
                    ceremony.journal.insert(*place, *message);
                }
                Entry::First(first) => ceremony.stored_first = Some(*first),
                Entry::Dead(reason) => ceremony.dead = Some(*reason),
            }
        }
        let outputs = ceremony.start()?;
        Ok((ceremony, outputs))
    }

    /// Keeps fresh secrets and publishes the box key. After the roots are kept there is no box key to publish any more: the
    /// board has the message.
    fn start(&mut self) -> Result<Vec<Output>, CeremonyError> {
        let mut outputs = Vec::new();
        if let Some(reason) = self.dead {
            self.say(Speech::Dead(reason), Vec::new(), &mut outputs);
        }
        if self.has_roots() {
            return Ok(outputs);
        }
        let box_key = self.box_key.as_ref().ok_or(CeremonyError::Secret(SecretName::BoxKey))?;
        let contributions =
            self.contributions.as_ref().ok_or(CeremonyError::Secret(SecretName::Contributions))?;
        if self.journal.is_empty() {
            outputs.push(Output::Keep(SecretName::BoxKey, SecretBytes::new(box_key.to_vec())));
            outputs.push(Output::Keep(
                SecretName::Contributions,
                SecretBytes::new(contributions.bytes().to_vec()),
            ));
        }
        let key = seal::public_key(box_key);
        self.say(Speech::Key(key), Vec::new(), &mut outputs);
        Ok(outputs)
    }

    /// Whether the roots are kept, and with them V₁: then the messages that led there are on the board.
    const fn has_roots(&self) -> bool {
        self.roots.is_some() && self.stored_first.is_some()
    }

    fn ids(&self) -> (&Digest, &Digest) {
        (&self.setup.federation, &self.setup.ceremony)
    }

    /// Returns what a message of a place signs as seen.
    fn seen(&self, place: u8) -> Digest {
        let nothing = self.setup.ceremony;
        match place {
            0 => nothing,
            1 => self.keys_seen.unwrap_or(nothing),
            _ => self.first.or(self.stored_first).unwrap_or(nothing),
        }
    }

    /// Signs a message, stores that, sends it, and hears it. Where something else was said before a restart the ceremony is
    /// dead instead.
    fn say(&mut self, body: Speech, shares: Vec<Vec<u8>>, outputs: &mut Vec<Output>) {
        let place = body.place();
        let (federation, ceremony) = (self.setup.federation, self.setup.ceremony);
        let sender = self.setup.trustee;
        let spoken = Spoken { federation, ceremony, sender, seen: self.seen(place), body };
        #[cfg(test)]
        let spoken = crate::tests::ceremony_lies::change(sender, spoken);
        let letter = Letter { signed: self.identity.sign(&spoken), shares };
        let message = Digest::of(&base::ids::canonical(&letter.signed));
        match self.journal.insert(place, message) {
            Some(before) if before != message => {
                self.journal.insert(place, before);
                if place < 4 {
                    self.die(Reason::Fork(sender), outputs);
                }
                return;
            }
            Some(_) => {}
            None => outputs.push(Output::Store(Entry::Said { place, message })),
        }
        outputs.push(Output::Send(letter.to_bytes()));
        // Its own words are refused by nobody.
        let _ = self.hear(letter, outputs);
    }

    /// Takes a message from the board, this trustee's own included.
    ///
    /// # Errors
    /// Refuses what is not a message of this ceremony, not signed, or not yet due; nothing has changed then.
    pub fn handle(&mut self, bytes: &[u8]) -> Result<Vec<Output>, CeremonyRefusal> {
        let letter = Letter::from_bytes(bytes).ok_or(CeremonyRefusal::Malformed(bytes.len()))?;
        let mut outputs = Vec::new();
        self.hear(letter, &mut outputs)?;
        Ok(outputs)
    }

    fn hear(&mut self, letter: Letter, outputs: &mut Vec<Output>) -> Result<(), CeremonyRefusal> {
        let claimed =
            letter.signed.unverified().map_err(|_| CeremonyRefusal::Malformed(letter.shares.len()))?;
        if (&claimed.federation, &claimed.ceremony) != self.ids() {
            return Err(CeremonyRefusal::Foreign(claimed.ceremony));
        }
        let identity = self.setup.trustees.get(claimed.sender.index()).ok_or(CeremonyRefusal::Unsigned)?;
        let spoken = letter.signed.verify(identity).map_err(|_| CeremonyRefusal::Unsigned)?;
        let (sender, place) = (spoken.sender, spoken.body.place());
        let signed = base::ids::canonical(&letter.signed);
        if let Some(before) = self.heard.get(&(place, sender)) {
            if *before != signed {
                self.die(Reason::Form(sender), outputs);
            }
            return Ok(());
        }
        self.due(&spoken, &letter.shares)?;
        self.heard.insert((place, sender), signed);
        if place <= 3 && spoken.seen != self.seen(place) {
            self.die(Reason::Fork(sender), outputs);
            return Ok(());
        }
        self.take(spoken, letter.shares, outputs);
        Ok(())
    }

    /// Whether a message can be judged now, and its shares are those it names.
    fn due(&self, spoken: &Spoken, shares: &[Vec<u8>]) -> Result<(), CeremonyRefusal> {
        let early = match spoken.body.place() {
            1 => self.keys_seen.is_none(),
            2 => self.first.is_none(),
            3 => self.certificate.is_none() && !self.is_dead(),
            _ => false,
        };
        if early {
            return Err(CeremonyRefusal::Early);
        }
        match &spoken.body {
            Speech::Pieces(named) => {
                let is_whole = carries_its_shares(self.setup.sharing, spoken.sender, named, shares);
                if is_whole { Ok(()) } else { Err(CeremonyRefusal::Share(spoken.sender)) }
            }
            Speech::Shown(_) if !self.all_dead() => Err(CeremonyRefusal::TooSoon(spoken.sender)),
            _ => Ok(()),
        }
    }

    /// Whether a trustee is the first member of a set, which states its share in bytes.
    fn speaks_for(&self, trustee: Trustee, piece: Piece) -> bool {
        self.setup.sharing.set(piece).members().next() == Some(trustee)
    }

    fn take(&mut self, spoken: Spoken, shares: Vec<Vec<u8>>, outputs: &mut Vec<Output>) {
        let sender = spoken.sender;
        match spoken.body {
            Speech::Key(key) => {
                self.said.keys.insert(sender, key);
                if self.all_said(0) {
                    self.keys_seen = Some(self.seen_through(0, &self.setup.ceremony));
                    self.send_boxes(outputs);
                }
            }
            Speech::Boxes(boxes) => {
                let addressed = blame::addressed(self.setup.sharing, sender, &boxes);
                self.said.boxes.insert(sender, boxes);
                if !addressed {
                    return self.die(Reason::Form(sender), outputs);
                }
                if self.all_said(1) {
                    self.found(outputs);
                }
            }
            Speech::Pieces(named) => {
                let held = self.setup.sharing.held(sender);
                if !named.iter().map(|named| named.piece).eq(held) {
                    return self.die(Reason::Form(sender), outputs);
                }
                let published: Vec<Piece> = named
                    .iter()
                    .map(|named| named.piece)
                    .filter(|piece| self.speaks_for(sender, *piece))
                    .collect();
                self.shares.extend(published.into_iter().zip(shares));
                self.said.pieces.insert(sender, named);
                if self.all_said(2) {
                    self.certify(outputs);
                }
            }
            Speech::Certified(signed) => self.take_certificate(sender, *signed, outputs),
            Speech::Dead(reason) => {
                self.said.dead.insert(sender, (spoken.seen, reason));
                self.die(Reason::Followed(sender), outputs);
                self.show(outputs);
            }
            Speech::Shown(contributions) => {
                self.said.shown.insert(sender, contributions);
                if self.all_said(5) && !self.named {
                    self.named = true;
                    let first = self.first_heard();
                    let liars = blame::liars(self.ids(), self.setup.sharing, first.as_ref(), &self.said);
                    outputs.push(Output::Named(Group::of(liars)));
                }
            }
        }
    }

    fn all_said(&self, place: u8) -> bool {
        self.setup.sharing.everyone().members().all(|trustee| self.heard.contains_key(&(place, trustee)))
    }

    fn seen_through(&self, place: u8, before: &Digest) -> Digest {
        let of_place = self.heard.iter().filter(|((other, _), _)| *other == place);
        seen_after(before, of_place.map(|(_, signed)| signed.as_slice()))
    }

    /// Returns V₁ as the board showed it, also where the ceremony was dead before.
    fn first_heard(&self) -> Option<Digest> {
        let all = self.said.boxes.len() == usize::from(self.setup.sharing.trustees());
        self.first.or_else(|| all.then(|| self.seen_through(1, &self.seen(1))))
    }

    /// Returns the trustees whose message is waited for: who is silent, or refuses to sign that the ceremony is dead.
    #[must_use]
    pub fn waits_for(&self) -> Group {
        let place = match (self.is_dead(), self.first, self.keys_seen) {
            (true, ..) if self.all_dead() => 5,
            (true, ..) => 4,
            (_, Some(_), _) if self.certificate.is_some() => 3,
            (_, Some(_), _) => 2,
            (_, None, Some(_)) => 1,
            _ => 0,
        };
        // Who signed the one of certificate and "dead" owes nobody the other.
        let owes = |trustee: &Trustee| match place {
            3 => !self.heard.contains_key(&(4, *trustee)),
            4 => !self.heard.contains_key(&(3, *trustee)),
            _ => true,
        };
        let silent = |trustee: &Trustee| !self.heard.contains_key(&(place, *trustee)) && owes(trustee);
        Group::of(self.setup.sharing.everyone().members().filter(silent))
    }
}

/// Returns whether the shares beside a message are those of the pieces in whose sets its sender comes first.
fn carries_its_shares(sharing: Sharing, sender: Trustee, named: &[Named], shares: &[Vec<u8>]) -> bool {
    let is_first = |named: &&Named| sharing.set(named.piece).members().next() == Some(sender);
    let published = named.iter().filter(is_first).map(|named| named.share);
    shares.iter().map(|share| Digest::of(share)).eq(published)
}
