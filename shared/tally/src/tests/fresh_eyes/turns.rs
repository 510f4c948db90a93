//! Attempt after attempt in bad weather: messages are dropped, repeated and reordered, machines restart, a coalition lies. What
//! was signed stays signed, and the first clear attempt makes the labels.

use std::collections::BTreeMap;

use super::chaos::mutate;
use super::*;
use crate::session::Entry;
use crate::tests::attacks::coalitions;
use crate::tests::board::{Ran, Task};

/// How often things go wrong, once in so many messages; never if nothing is said.
#[derive(Clone, Copy, Default)]
struct Weather {
    drops: Option<usize>,
    lies: Option<usize>,
    restarts: Option<usize>,
    reorders: bool,
}

/// A federation over many attempts at one tally.
struct Turns {
    dice: Dice,
    world: World,
    coalition: Vec<Trustee>,
    task: Task,
    expected: Vec<(u32, Verdict)>,
    journals: BTreeMap<Trustee, Vec<Entry>>,
    /// What was said where, by attempt, batch and exchange.
    words: BTreeMap<(Trustee, u32, u32, u32), Vec<u8>>,
    counts: Counts,
}

/// What happened.
#[derive(Debug, Default)]
struct Counts {
    attempts: usize,
    labelled: usize,
    drops: usize,
    lies: usize,
    restarts: usize,
}

impl Turns {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed ^ 0x0f0f_0000_0000_0000);
        let sharing = Sharing::ALL[dice.below(3)];
        let world = World::new(sharing, 3);
        let all = coalitions(sharing);
        let coalition = all[dice.below(all.len())].clone();
        let (task, expected) = if dice.one_in(2) {
            let task = small(&world);
            let expected = run(&world, &task, &[]).labels.into_values().next().unwrap();
            (task, expected)
        } else {
            batches(&world)
        };
        let (journals, words) = (BTreeMap::new(), BTreeMap::new());
        Self { dice, world, coalition, task, expected, journals, words, counts: Counts::default() }
    }

    fn happens(&mut self, once_in: Option<usize>) -> bool {
        once_in.is_some_and(|many| self.dice.one_in(many))
    }

    /// The record of a trustee: from its disk, with what this attempt has entered.
    fn record(&self, trustee: Trustee, board: &Board) -> Record {
        let before = self.journals.get(&trustee).into_iter().flatten();
        let now = board.ran.journals.get(&trustee).into_iter().flatten();
        Record::new(self.task.facts.round, Step::Label, before.chain(now))
    }

    /// Runs an attempt until nothing moves any more, and ends its turn.
    fn attempt(&mut self, number: u32, weather: Weather) -> Ran {
        self.task.facts.attempt = number;
        let members: Vec<Trustee> = self.world.sharing.group(number).members().collect();
        let mut board = Board::of(members.iter().copied());
        for trustee in &members {
            let record = self.record(*trustee, &board);
            board.join(&self.world, *trustee, &self.task, record, &[]);
        }
        let (mut held, mut past) = (Vec::new(), Vec::new());
        // each restart brings all messages back, so there is an end to them
        let mut restarts = self.dice.below(4);
        for _ in 0..40_000 {
            board.drain(&mut |from, to, bytes| {
                held.push((from, to, bytes.to_vec()));
                Vec::new()
            });
            if held.is_empty() {
                break;
            }
            let place = if weather.reorders && self.dice.one_in(3) { self.dice.below(held.len()) } else { 0 };
            let (from, to, bytes) = held.remove(place);
            if self.happens(weather.drops) {
                self.counts.drops += 1;
                continue;
            }
            if weather.reorders && self.dice.one_in(10) {
                held.push((from, to, bytes.clone()));
            }
            let arriving = self.arriving(from, bytes, weather, &mut past);
            board.deliver(to, arriving);
            if restarts > 0 && self.happens(weather.restarts) {
                restarts -= 1;
                let victim = members[self.dice.below(members.len())];
                held.extend(self.restart(victim, &mut board));
            }
        }
        board.end_turn();
        self.counts.attempts += 1;
        self.judge(number, board.ran)
    }

    /// A message, or what a liar makes of it for this receiver.
    fn arriving(&mut self, from: Trustee, bytes: Vec<u8>, weather: Weather, past: &mut Vec<Said>) -> Vec<u8> {
        if !self.coalition.contains(&from) {
            return bytes;
        }
        past.push(said(&bytes));
        if !self.happens(weather.lies) {
            return bytes;
        }
        let mut message = Message::from_bytes(&bytes).unwrap();
        let mut other = message.signed.unverified().unwrap();
        mutate(&mut self.dice, &mut other, past);
        other.sender = from;
        message.signed = self.world.identities[from.index()].sign(&other);
        self.counts.lies += 1;
        message.to_bytes()
    }

    /// A machine restarts and is sent all that is on the board; returns what is on its way to it.
    fn restart(&mut self, victim: Trustee, board: &mut Board) -> Vec<(Trustee, Trustee, Vec<u8>)> {
        if self.coalition.contains(&victim) || board.ran.ended.contains_key(&victim) {
            return Vec::new();
        }
        self.counts.restarts += 1;
        board.sessions.remove(&victim);
        board.ran.labels.remove(&victim);
        let record = self.record(victim, board);
        board.join(&self.world, victim, &self.task, record, &[]);
        let others = board.ran.sent.iter().filter(|(from, _)| *from != victim);
        others.map(|(from, bytes)| (*from, victim, bytes.clone())).collect()
    }

    /// Nothing that an honest trustee said, entered or released contradicts anything else.
    fn judge(&mut self, number: u32, ran: Ran) -> Ran {
        for (from, bytes) in ran.sent.iter().filter(|(from, _)| !self.coalition.contains(from)) {
            let said = said(bytes);
            let place = (*from, number, said.batch, said.exchange);
            let before = self.words.insert(place, bytes.clone());
            assert!(before.is_none_or(|before| before == *bytes), "{from} said two things in {place:?}");
        }
        for (trustee, labels) in ran.labels.iter().filter(|(trustee, _)| !self.coalition.contains(trustee)) {
            assert!(labels.iter().all(|label| self.expected.contains(label)), "{trustee}: wrong labels");
            let named = ran.liars.iter().filter(|(by, _)| by == trustee).map(|(_, liar)| *liar);
            assert!(
                named.into_iter().all(|named| self.coalition.contains(&named)),
                "{trustee} names a false liar"
            );
        }
        for (trustee, entries) in &ran.journals {
            self.journals.entry(*trustee).or_default().extend_from_slice(entries);
        }
        let sums = self.journals.values().flatten().filter_map(|entry| match entry {
            Entry::Began { sum, .. } => Some(*sum),
            _ => None,
        });
        assert!(sums.into_iter().all(|sum| sum == self.task.sum.digest()), "a second sum");
        self.counts.labelled += usize::from(self.has_labels(&ran));
        ran
    }

    /// Whether every honest trustee that was present has all labels.
    fn has_labels(&self, ran: &Ran) -> bool {
        let present = self.world.sharing.group(self.task.facts.attempt);
        let mut honest = present.members().filter(|trustee| !self.coalition.contains(trustee));
        honest.all(|trustee| {
            let mut labels = ran.labels.get(&trustee).cloned().unwrap_or_default();
            labels.sort_by_key(|(instance, _)| *instance);
            labels.dedup();
            labels == self.expected
        })
    }

    /// A few attempts in bad weather, and then a clear one; returns what happened.
    fn play(mut self, seed: u64) -> Counts {
        let mut next = 0;
        for _ in 0..=self.dice.below(4) {
            let weather = Weather {
                drops: [None, Some(300), Some(60)][self.dice.below(3)],
                lies: [None, Some(80), Some(8)][self.dice.below(3)],
                restarts: [None, Some(60), Some(20)][self.dice.below(3)],
                reorders: self.dice.one_in(2),
            };
            self.attempt(next, weather);
            next += 1 + self.dice.below(3) as u32;
        }
        if self.world.sharing == Sharing::FourOne {
            // one liar alone cannot stop all of a round of turns: in one it is away
            let liars = Weather { lies: Some(1), ..Weather::default() };
            let labelled = (0..4).any(|turn| {
                let ran = self.attempt(next + turn, liars);
                self.has_labels(&ran)
            });
            assert!(labelled, "seed {seed}: a liar stopped four attempts");
            next += 4;
        }
        let ran = self.attempt(next, Weather::default());
        assert!(self.has_labels(&ran), "seed {seed}: no labels in a clear attempt: {:?}", ran.ended);
        self.counts
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "the long form, scripts/tally-long.sh, says what happened")]
fn after_any_weather_a_clear_attempt_makes_the_labels() {
    let seeds = seeds(12);
    let mut all = Counts::default();
    for seed in 0..seeds {
        let counts = Turns::new(seed).play(seed);
        all.attempts += counts.attempts;
        all.labelled += counts.labelled;
        all.drops += counts.drops;
        all.lies += counts.lies;
        all.restarts += counts.restarts;
    }
    println!("{seeds} federations: {all:?}");
    let most = seeds as usize;
    assert!(all.labelled >= most && all.attempts > all.labelled, "{all:?}");
    assert!(2 * all.drops >= most && all.lies >= most && 2 * all.restarts >= most, "{all:?}");
}
