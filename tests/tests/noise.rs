//! Noise is what it says: decrypted sums of real rounds follow the analysed law, and nobody can seed them.

use anyhow::Context as _;
use base::{decimal::Decimal, ids::RoundId};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;
use tests::{
    Federation, Plan, Processes, Programs, data,
    federation::Candidate,
    law::{GoodnessOfFit, Law, truncated_before_scaling, truncated_to_votes, variance_power},
    oracle::{ClearTally, decrypt_ballot, noise_of, plain_votes, stored_ballot, trustee_key},
};

const PARTICIPANTS: usize = 5;
const CLASSES: usize = 5;
const INSTANCES: usize = 400;
/// Three rounds of 400 instances and 5 classes: 6 000 slots. One share of six that is missing then shows with a power
/// above 1 − 1e-6 (the test computes it), so that the red cases below are red in every run.
const ROUNDS: u64 = 3;
/// False-alarm rate of each of the tests of a verdict. A run makes four of them where nothing is broken (variance and
/// fit, over all slots and over those without a vote), so it is red by chance once in 250 000 runs.
const FALSE_ALARM: f64 = 1e-6;
const CELLS: usize = 15;

/// Everything in the clear about the slots of all rounds.
#[derive(Default)]
struct Slots {
    /// Votes of all teachers.
    votes: Vec<i64>,
    /// The decrypted homomorphic sum less the votes: the noise as it was executed.
    noise: Vec<i64>,
    /// Each participant's share.
    shares: [Vec<i64>; PARTICIPANTS],
    /// The coordinator's noise.
    coordinator: Vec<i64>,
}

impl Slots {
    /// Decrypts one more released round.
    fn add(&mut self, federation: &Federation, round: RoundId) -> anyhow::Result<()> {
        let (clear, sums) = (ClearTally::of(federation, round)?, ClearTally::sum_of(federation, round)?);
        assert_eq!(sums, clear.totals, "the encrypted sum is the sum of the ballots");
        let (votes, view) = (plain_votes(federation, round)?, federation.round(round)?);
        self.noise.extend(sums.iter().zip(&votes).map(|(sum, votes)| sum - votes));
        self.votes.extend(votes);
        assert_eq!(clear.ballots.len(), PARTICIPANTS);
        for (((_, counts), member), shares) in
            clear.ballots.iter().zip(&federation.members).zip(&mut self.shares)
        {
            shares.extend(noise_of(federation, member, &view, counts)?);
        }
        self.coordinator.extend(clear.noise);
        Ok(())
    }

    /// Returns the noise with every participant's share changed.
    fn with_shares(&self, mut change: impl FnMut(i64) -> i64) -> Vec<i64> {
        let mut noise = self.noise.clone();
        for shares in &self.shares {
            noise.iter_mut().zip(shares).for_each(|(noise, share)| *noise += change(*share) - share);
        }
        noise
    }

    /// Returns the noise without one part of it.
    fn without(&self, part: &[i64]) -> Vec<i64> {
        self.noise.iter().zip(part).map(|(noise, part)| noise - part).collect()
    }

    /// Returns the noise of the slots that got no vote.
    fn of_zero_votes(&self, noise: &[i64]) -> Vec<i64> {
        let empty = self.votes.iter().zip(noise).filter(|(votes, _)| **votes == 0).map(|(_, noise)| *noise);
        let mut noise: Vec<i64> = empty.collect();
        noise.truncate(noise.len() / 2 * 2);
        noise
    }
}

#[expect(
    clippy::print_stdout,
    reason = "what was measured is worth reading, and nextest hides it where all is well"
)]
fn judge(name: &str, law: &Law, noise: &[i64]) -> anyhow::Result<GoodnessOfFit> {
    let verdict = GoodnessOfFit::of(law, noise, CELLS, FALSE_ALARM)?;
    println!("{name}: {verdict}");
    Ok(verdict)
}

#[test]
fn decrypted_sums_follow_the_analysed_law_and_every_missing_part_is_seen() -> anyhow::Result<()> {
    let mut plan = Plan::toy()?.with_classes(CLASSES)?;
    plan.participants = PARTICIPANTS;
    // Nobody is taken to collude, so what is claimed is what is drawn; the coordinator's noise is as large as a share.
    plan.config.noise.honest_fraction = "1".parse()?;
    plan.config.noise.sigma = Decimal::from_whole(7)?;
    plan.config.noise.coordinator_sigma = "3.13".parse()?;
    let federation = Federation::found(&plan)?;
    let (mut slots, mut law) = (Slots::default(), None);
    for seed in 0..ROUNDS {
        let round = federation.announce(&Candidate::over(data::instances(CLASSES, INSTANCES, 40 + seed)?))?;
        federation.wait_for_labels(round)?;
        slots.add(&federation, round)?;
        let announcement = federation.round(round)?.announcement;
        let share = Law::discrete_gaussian(announcement.share_size.to_f64());
        let coordinator = Law::discrete_gaussian(announcement.coordinator_share_size.to_f64());
        law = Some((share.times(PARTICIPANTS).plus(&coordinator), share, coordinator));
    }
    let (law, share, coordinator) = law.context("no round was held")?;
    assert_eq!(slots.noise.len(), ROUNDS as usize * INSTANCES * CLASSES);
    // What the ledger charges for: σ² + σ_c² of the config, which rounding up may exceed by a hair.
    let claimed = 7.0_f64.powi(2) + 3.13_f64.powi(2);
    assert!((claimed..claimed * 1.001).contains(&law.variance()), "{} and {claimed}", law.variance());

    let executed = judge("executed", &law, &slots.noise)?;
    assert!(!executed.is_red(), "{executed}");
    let (low, high) = executed.interval;
    assert!(low < claimed && claimed < high, "{claimed} in {executed}");
    let empty = slots.of_zero_votes(&slots.noise);
    assert!(empty.len() > slots.noise.len() / 2, "most classes of an instance get no vote: {}", empty.len());
    let on_empty = judge("executed, slots without a vote", &law, &empty)?;
    assert!(!on_empty.is_red(), "{on_empty}");

    for part in [&share, &coordinator] {
        let ratio = 1.0 - part.variance() / law.variance();
        let power = variance_power(slots.noise.len(), ratio, FALSE_ALARM);
        assert!(
            power > 1.0 - 1e-6,
            "a missing part that leaves {ratio} of the variance shows with {power} only"
        );
    }
    for (number, shares) in slots.shares.iter().enumerate() {
        let red = judge(&format!("without share {number}"), &law, &slots.without(shares))?;
        assert!(red.is_red(), "{red}");
    }
    let red = judge("without the coordinator's noise", &law, &slots.without(&slots.coordinator))?;
    assert!(red.is_red(), "{red}");
    truncations_are_red(&slots, &law)?;
    federation.finish()
}

/// Two implementations that truncate toward zero, and one that lets no count fall below zero.
fn truncations_are_red(slots: &Slots, law: &Law) -> anyhow::Result<()> {
    // Shares of size 3.13 in units of 10 votes have the size 0.31: nearly all of them become zero.
    let scaled = slots.with_shares(|share| truncated_before_scaling(share, 10));
    let red = judge("shares truncated before they are scaled up", law, &scaled)?;
    assert!(red.is_red(), "{red}");
    // The model of truncation to whole votes needs coins; their seed is fixed, the shares under it are not.
    let mut coins = ChaCha20Rng::seed_from_u64(7);
    let whole = slots.with_shares(|share| truncated_to_votes(share, coins.random()));
    let red = judge("shares truncated to whole votes", law, &whole)?;
    assert!(red.is_red(), "{red}");
    let clipped: Vec<i64> = slots.of_zero_votes(&slots.noise).iter().map(|noise| *noise.max(&0)).collect();
    let red = judge("counts clipped at zero, slots without a vote", law, &clipped)?;
    assert!(red.is_red(), "{red}");
    Ok(())
}

/// Founds three homes over the same data with the same shard key: the first two with one seed, the third with another.
fn twins() -> anyhow::Result<(tempfile::TempDir, Federation)> {
    let folder = tempfile::Builder::new().prefix("psephos-story-").tempdir()?;
    let mut federation = Federation::open(folder.path(), &Programs::find()?, &Processes::default())?;
    let plan = Plan::toy()?;
    federation.serve()?;
    federation.create(&plan.config)?;
    let data = folder.path().join("data");
    data::write(&data, &data::rows(plan.classes(), plan.persons, 4, 1)?, plan.classes())?;
    for (name, seed) in [("hospital-1", "7"), ("hospital-2", "7"), ("hospital-3", "8")] {
        let options = ["--seed", seed, "--poll-seconds", "0.1"].map(str::to_owned);
        federation.enrol(name, &data, plan.teachers, name == "hospital-1", &options)?;
    }
    let (first, others) = federation.members.split_first().context("three are enrolled")?;
    for other in others {
        std::fs::copy(first.home.secret().join("shard.key"), other.home.secret().join("shard.key"))?;
    }
    federation.approve_all()?;
    federation.members.iter().try_for_each(|member| federation.train(member))?;
    federation.start_agents()?;
    federation.wait_until_keyed()?;
    Ok((folder, federation))
}

/// Returns how many standard errors the mean product of two noises lies from zero, where it lies if they are independent.
fn correlation_z(left: &[i64], right: &[i64]) -> f64 {
    let sum = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
        left.iter().zip(right).map(|(left, right)| f(*left as f64, *right as f64)).sum()
    };
    sum(&|a, b| a * b) / (sum(&|a, _| a * a) * sum(&|_, b| b * b)).sqrt() * (left.len() as f64).sqrt()
}

#[test]
fn two_homes_with_the_same_seed_and_data_draw_different_noise() -> anyhow::Result<()> {
    let (_folder, federation) = twins()?;
    let teachers = |index: usize| -> anyhow::Result<Vec<Vec<u8>>> {
        let member = federation.members.get(index).context("three are enrolled")?;
        member.teachers()?.iter().map(|path| Ok(std::fs::read(path)?)).collect()
    };
    let same = teachers(0)?;
    assert_eq!(teachers(1)?, same, "the same seed, data and shards: the same teachers, bit for bit");
    assert_ne!(teachers(2)?, same, "another seed: other teachers");

    let key = trustee_key(&federation)?;
    let mut noises = Vec::new();
    for seed in [9, 10] {
        let round = federation.announce(&Candidate::over(data::instances(5, 100, seed)?))?;
        federation.wait_for_labels(round)?;
        let view = federation.round(round)?;
        for member in &federation.members {
            let counts = decrypt_ballot(&key, &view, &stored_ballot(member, round)?)?;
            noises.push(noise_of(&federation, member, &view, &counts)?);
        }
    }
    // Six noises of 500 slots: each of the 15 pairs is uncorrelated. The mean product of independent noises is normal
    // to within a hundredth at 5.5 standard errors, which 4e-8 exceed: a false alarm once in about 1.5 million runs.
    // Equal noises would lie at √500 = 22 standard errors.
    for (index, left) in noises.iter().enumerate() {
        assert!(left.iter().any(|noise| *noise != 0));
        for right in noises.iter().skip(index + 1) {
            let z = correlation_z(left, right);
            assert!(z.abs() < 5.5, "noises are {z:.1} standard errors from independence");
        }
    }
    federation.finish()
}
