//! Challenges: what nobody could know before everything was said, drawn from the digest of all that was seen.

use base::ids::Digest;

use crate::draw::Stream;
use crate::field::Element;
use crate::field::points::points;

/// A stream of challenges.
pub(crate) struct Challenges {
    stream: Stream,
    #[cfg(test)]
    small: bool,
}

impl Challenges {
    /// Starts the stream of a purpose and a digest.
    pub(crate) fn new(purpose: &str, seen: &Digest) -> Self {
        Self {
            stream: Stream::public(&format!("tally challenge {purpose}"), seen),
            #[cfg(test)]
            small: tests::SMALL.get(),
        }
    }

    /// Returns the next element.
    pub(crate) fn element(&mut self) -> Element {
        let mut words = [0; 2];
        self.stream.add_to(&mut words);
        #[cfg(test)]
        if self.small {
            return points()[(words[0] & 255) as usize];
        }
        Element::from_words(words)
    }

    /// Returns the next element that is not zero.
    pub(crate) fn unit(&mut self) -> Element {
        loop {
            let element = self.element();
            if element != Element::ZERO {
                return element;
            }
        }
    }

    /// Returns the next element that is none of the first `count` points: there a value would be opened, not hidden.
    pub(crate) fn outside(&mut self, count: usize) -> Element {
        loop {
            let element = self.element();
            if !points()[..count].contains(&element) {
                return element;
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::cell::Cell;

    thread_local! {
        /// Whether the challenges of this thread come from the subfield of 256 elements.
        pub(crate) static SMALL: Cell<bool> = const { Cell::new(false) };
    }

    #[test]
    fn a_challenge_on_a_point_is_drawn_again() {
        SMALL.set(true);
        let mut challenges = Challenges::new("test", &Digest::of(b"seen"));
        let drawn: Vec<Element> = (0..2000).map(|_| challenges.outside(129)).collect();
        let units: Vec<Element> = (0..2000).map(|_| challenges.unit()).collect();
        SMALL.set(false);
        assert!(drawn.iter().all(|element| points()[129..].contains(element)));
        assert!(points()[129..].iter().all(|point| drawn.contains(point)));
        assert!(!units.contains(&Element::ZERO));
    }
}
