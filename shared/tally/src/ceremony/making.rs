//! How the key is made: contributions, V₁, pieces, certificate.

use std::sync::Arc;

use base::identity::Signed;
use base::ids::Digest;

use super::message::{Boxed, Named, Reason, Speech};
use super::outcome::{self, Entry, Keyed, Output, SecretName};
use super::seal::{self, Address};
use super::{Ceremony, Certificate, blame, public_key};
use crate::draw::{Label, Purpose, Root};
use crate::hidden::Hidden;
use crate::keyring::Keyring;
use crate::session::ENGINE_VERSION;
use crate::sharing::{Piece, Trustee};

impl Ceremony {
    pub(super) fn contribution(&self, piece: Piece) -> Option<Root> {
        let (federation, ceremony) = self.ids();
        let parties = (Some(self.setup.trustee), None);
        let label = Label::ceremony(ceremony, Purpose::Contribution, federation, parties, piece);
        self.contributions.as_ref().map(|root| Root::new(*root.draw(&label)))
    }

    fn address(&self, sender: Trustee, receiver: Trustee, piece: Piece) -> Address {
        let (federation, ceremony) = (self.setup.federation, self.setup.ceremony);
        Address { federation, ceremony, sender, receiver, piece }
    }

    /// Seals this trustee's contributions to the others of its sets.
    pub(super) fn send_boxes(&mut self, outputs: &mut Vec<Output>) {
        if self.has_roots() || self.is_dead() {
            return;
        }
        let me = self.setup.trustee;
        let mut boxes = Vec::new();
        for piece in self.setup.sharing.held(me) {
            let Some(contribution) = self.contribution(piece) else { return };
            for receiver in self.setup.sharing.set(piece).members().filter(|other| *other != me) {
                let Some(key) = self.said.keys.get(&receiver) else { return };
                let Some(sealed) = seal::seal(&self.address(me, receiver, piece), key, &contribution) else {
                    return self.die(Reason::WeakKey(receiver), outputs);
                };
                boxes.push(Boxed { piece, receiver, sealed });
            }
        }
        self.say(Speech::Boxes(boxes), Vec::new(), outputs);
    }

    /// All contributions are in: fixes V₁, keeps the roots, and states the pieces.
    pub(super) fn found(&mut self, outputs: &mut Vec<Output>) {
        if self.is_dead() {
            return;
        }
        let first = self.seen_through(1, &self.seen(1));
        if self.stored_first.is_some_and(|stored| stored != first) {
            return self.die(Reason::Fork(self.setup.trustee), outputs);
        }
        self.first = Some(first);
        if self.stored_first.is_none() {
            // V₁ is stored before anything is derived from it.
            outputs.push(Output::Store(Entry::First(first)));
            self.stored_first = Some(first);
        }
        if self.roots.is_none() {
            let roots = match self.open_boxes() {
                Ok(roots) => roots,
                Err(reason) => return self.die(reason, outputs),
            };
            outputs.push(Output::Keep(SecretName::Roots, outcome::write_roots(&roots)));
            self.roots = Some(roots);
        }
        if self.box_key.take().is_some() {
            // Also where a crash came between: with this key the board would give the roots back.
            outputs.push(Output::Destroy(SecretName::BoxKey));
        }
        let (named, shares) = self.pieces(&first);
        self.say(Speech::Pieces(named), shares, outputs);
    }

    fn open_boxes(&self) -> Result<Vec<(Piece, Root)>, Reason> {
        let me = self.setup.trustee;
        let held = self.setup.sharing.held(me);
        // Of their final size: vectors that grow leave what they held behind.
        let mut roots = Vec::with_capacity(held.len());
        for piece in held {
            let mut contributions = Hidden::new(Vec::with_capacity(self.setup.sharing.set(piece).size()));
            for sender in self.setup.sharing.set(piece).members() {
                let contribution =
                    if sender == me { self.contribution(piece) } else { self.opened(sender, piece) };
                contributions.push(*contribution.ok_or(Reason::Box { sender, piece })?.bytes());
            }
            roots.push((piece, blame::root(self.ids(), self.setup.sharing, piece, &contributions)));
        }
        Ok(roots)
    }

    fn opened(&self, sender: Trustee, piece: Piece) -> Option<Root> {
        let me = self.setup.trustee;
        let boxes = self.said.boxes.get(&sender)?;
        let mut mine = boxes.iter().filter(|boxed| (boxed.piece, boxed.receiver) == (piece, me));
        let boxed = mine.next().filter(|_| mine.next().is_none())?;
        let opened = seal::open(&self.address(sender, me, piece), self.box_key.as_ref()?, &boxed.sealed)?;
        // A box that could not be judged from its contribution is as bad as one that does not open.
        let made = seal::seal(&self.address(sender, me, piece), self.said.keys.get(&me)?, &opened)?;
        (made == boxed.sealed).then_some(opened)
    }

    /// Returns what this trustee states of its pieces, and the shares that it states in bytes.
    fn pieces(&self, first: &Digest) -> (Vec<Named>, Vec<Vec<u8>>) {
        let (ceremony, mask) = (&self.setup.ceremony, public_key::mask(first));
        let (mut named, mut shares) = (Vec::new(), Vec::new());
        for (piece, root) in self.roots.iter().flatten() {
            let share = public_key::to_bytes(&public_key::share(root, ceremony, first, *piece, &mask));
            let name = public_key::name(root, ceremony, first, *piece);
            named.push(Named { piece: *piece, name, share: Digest::of(&share) });
            if self.speaks_for(self.setup.trustee, *piece) {
                shares.push(share);
            }
        }
        (named, shares)
    }

    /// All pieces are stated: signs the certificate if every set agrees with itself.
    pub(super) fn certify(&mut self, outputs: &mut Vec<Output>) {
        if self.is_dead() {
            return;
        }
        match self.drawn_up() {
            Err(reason) => self.die(reason, outputs),
            Ok(certificate) => {
                let signed = self.identity.sign(&certificate);
                self.certificate = Some(certificate);
                self.say(Speech::Certified(Box::new(signed)), Vec::new(), outputs);
                // After this nothing is ever shown.
                self.contributions = None;
                outputs.push(Output::Destroy(SecretName::Contributions));
            }
        }
    }

    /// Draws the certificate up from what all have stated.
    fn drawn_up(&self) -> Result<Certificate, Reason> {
        let sharing = self.setup.sharing;
        let first = self.seen(2);
        let (mut names, mut digests, mut words) = (Vec::new(), Vec::new(), Vec::new());
        for piece in sharing.all_pieces() {
            let disagree = Reason::Piece(piece);
            let mut stated = sharing.set(piece).members().map(|member| {
                self.said.pieces.get(&member)?.iter().find(|named| named.piece == piece).copied()
            });
            let one = stated.next().flatten().ok_or(disagree)?;
            if stated.any(|other| other != Some(one)) {
                return Err(disagree);
            }
            let share = self.shares.get(&piece).and_then(|bytes| public_key::from_bytes(bytes));
            words.push(share.ok_or(disagree)?);
            names.push(one.name);
            digests.push(one.share);
        }
        Ok(Certificate {
            version: ENGINE_VERSION,
            federation: self.setup.federation,
            ceremony: self.setup.ceremony,
            first,
            sharing,
            trustees: self.setup.trustees.clone(),
            names,
            shares: digests,
            mask: public_key::digest(&public_key::mask(&first)),
            body: public_key::digest(&public_key::sum(words.iter().map(Vec::as_slice))),
        })
    }

    pub(super) fn take_certificate(
        &mut self,
        sender: Trustee,
        signed: Signed<Certificate>,
        outputs: &mut Vec<Output>,
    ) {
        let identity = self.setup.trustees.get(sender.index());
        let theirs = identity.and_then(|identity| signed.verify(identity).ok());
        let (Some(theirs), Some(mine)) = (theirs, self.certificate.as_ref()) else {
            return self.die(Reason::Form(sender), outputs);
        };
        if theirs != *mine {
            return self.die(Reason::Certificate(sender), outputs);
        }
        self.signatures.insert(sender, signed);
        if self.signatures.len() < usize::from(self.setup.sharing.trustees()) || self.keyed {
            return;
        }
        let shares: Vec<Vec<u8>> = self.shares.values().cloned().collect();
        let signatures: Vec<Signed<Certificate>> = self.signatures.values().cloned().collect();
        let roster = (&self.setup.federation, self.setup.trustees.as_slice());
        let (Ok(public_key), Some(first)) = (mine.public_key(roster, &signatures, &shares), self.first)
        else {
            return;
        };
        let roots = self.roots.clone().unwrap_or_default();
        let of = (self.setup.sharing, self.setup.trustee);
        let keyring = Arc::new(Keyring::new(of, (self.setup.ceremony, first), roots));
        self.keyed = true;
        let certificate = mine.clone();
        outputs.push(Output::Keyed(Box::new(Keyed { keyring, certificate, signatures, shares, public_key })));
    }
}
