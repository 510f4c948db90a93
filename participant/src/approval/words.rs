//! Event 0 and roster in words, for the person who approves.

use privacy::{NoiseMode, Views};
use protocol::federation::{FederationConfig, Quorum};

use super::Review;

const RED: &str = "\x1b[1;31m";
const PLAIN: &str = "\x1b[0m";

/// Describes what is about to be approved, one fact per line; `color` marks insecure settings red.
pub fn in_words(review: &Review, color: bool) -> String {
    let red = |text: String| if color { format!("{RED}{text}{PLAIN}") } else { text };
    let config = &review.founding.config;
    let mut lines = vec![
        format!("federation   {} ({})", config.name, review.founding.digest()),
        format!("founded      {} by coordinator {}", review.founding.founded_at, review.founding.coordinator),
        format!("classes      {}: {}", config.classes.len(), config.classes.join(", ")),
        format!("instances    {} of shape {:?}", config.instances.kind(), config.instances.shape()),
        format!("winner       {}", winner(config)),
        format!("quorum       {}", quorum(review)),
        format!("noise        {}", noise(review)),
        format!("collusion    {}", collusion(review)),
        format!("roster       {} with {} participants", review.roster.digest(), review.roster.enrolled()),
    ];
    lines.splice(7..7, abstention(review));
    let columns = config.instances.columns();
    lines.splice(4..4, columns.iter().map(|column| format!("column       {}", column.in_words())));
    lines.extend(members(review));
    lines.push(trustees(review));
    lines.extend(epsilon(review));
    if let Err(reason) = &review.preview {
        lines.push(red(format!("no round is possible yet: {reason}")));
    }
    lines.extend(review.insecure.iter().map(|name| red(format!("INSECURE     {name}: {}", meaning(name)))));
    lines.join("\n")
}

fn winner(config: &FederationConfig) -> String {
    let share = config.circuit().error_share().filter(|_| config.trustees.is_sole());
    let Some(share) = share else {
        return "exactly the class with most noisy votes, ties to the first".to_owned();
    };
    let percent = (share * 100.0).round();
    format!(
        "the class with most noisy votes; gaps of a few votes, within {percent} % of the noise, may go either way"
    )
}

fn quorum(review: &Review) -> String {
    let enrolled = review.roster.enrolled();
    match review.founding.config.quorum {
        Quorum::All => {
            format!("the ballots of all {enrolled} participants; without one of them a round fails")
        }
        Quorum::AtLeast(ballots) => format!("{ballots} of {enrolled} ballots; with fewer a round fails"),
    }
}

fn noise(review: &Review) -> String {
    let policy = &review.founding.config.noise;
    let shares = match &review.preview {
        Ok(preview) => format!("this institution draws shares of {:.2} votes", preview.share_size.to_f64()),
        Err(_) => "the size of the shares is not known yet".to_owned(),
    };
    let (sigma, own) = (policy.sigma, policy.coordinator_sigma);
    match policy.mode {
        NoiseMode::Both => format!(
            "the honest participants together add noise of {sigma} votes (standard deviation), \
             the coordinator {own} more; {shares}"
        ),
        NoiseMode::Participants => format!(
            "the honest participants together add noise of {sigma} votes (standard deviation), \
             the coordinator none; {shares}"
        ),
        NoiseMode::InsecureCoordinatorNoiseOnly => {
            format!(
                "only the coordinator adds noise, of {own} votes (standard deviation), and it knows that noise"
            )
        }
        NoiseMode::InsecureNoNoise => "nobody adds noise; the keys serve one round only".to_owned(),
    }
}

/// Returns, in words, when an instance gets no label, and what is opened to find out.
fn abstention(review: &Review) -> Option<String> {
    let config = &review.founding.config;
    let votes = config.threshold?.votes;
    let Some(test) = config.test_noise() else {
        return Some(format!(
            "abstention   no label where the noisy maximum is below {votes} votes, at the same cost"
        ));
    };
    let shares = review.preview.as_ref().ok().and_then(|preview| preview.test);
    let shares = shares.map_or("of a size not known yet".to_owned(), |test| {
        format!("of {:.2} votes", test.share_size.to_f64())
    });
    Some(format!(
        "abstention   two steps: first one bit per instance is opened, whether its maximum reaches {votes} votes, with \
         noise of its own ({} votes by the participants, {} by the coordinator; shares {shares}); only such instances \
         are labelled",
        test.sigma, test.coordinator_sigma
    ))
}

fn collusion(review: &Review) -> String {
    let honest = review.founding.config.noise.honest_fraction;
    match &review.preview {
        Ok(preview) => format!(
            "up to {} of {} participants may pool what they know (honest fraction {honest})",
            preview.colluding,
            review.roster.enrolled()
        ),
        Err(_) => format!("honest fraction {honest}"),
    }
}

fn members(review: &Review) -> impl Iterator<Item = String> {
    review.roster.members.iter().map(|member| {
        let role = if member.trustee { ", trustee" } else { "" };
        let key: String = member.identity.to_string().chars().take(16).collect();
        format!("  {:>3}  {} with {} teachers{role} (key {key}...)", member.id, member.name, member.teachers)
    })
}

fn trustees(review: &Review) -> String {
    let policy = review.founding.config.trustees;
    let names: Vec<&str> = review.roster.trustees().map(|member| member.name.as_str()).collect();
    match names.as_slice() {
        [] => "trustee      nobody yet".to_owned(),
        [name] if policy.is_sole() => format!(
            "trustee      {name} alone holds the decryption key: votes stay secret only while it and the coordinator \
             follow the protocol and do not collude"
        ),
        names => format!(
            "trustees     {} of {} seats taken: {}; they make the key together, any {} of them together could decrypt \
             every ballot, any {} learn nothing",
            names.len(),
            policy.count,
            names.join(", "),
            policy.threshold + 1,
            policy.threshold
        ),
    }
}

fn epsilon(review: &Review) -> Vec<String> {
    let epsilon = match &review.epsilon {
        Ok(epsilon) => epsilon,
        Err(reason) => return vec![format!("cost         not known yet: {reason}")],
    };
    let views = |views: &Views<Option<f64>>| {
        let show = |value: Option<f64>| value.map_or("unbounded".to_owned(), |value| format!("{value:.3}"));
        format!(
            "public {}, coordinator {}, coalition {}, both {}",
            show(views.public),
            show(views.coordinator),
            show(views.coalition),
            show(views.both)
        )
    };
    let both = if review.founding.config.test_noise().is_some() { " and its test" } else { "" };
    vec![
        format!("cost         epsilon of one label{both} at delta {}:", epsilon.delta),
        format!("             about one person:       {}", views(&epsilon.person)),
        format!("             about one participant:  {}", views(&epsilon.participant)),
    ]
}

/// Returns what an insecure setting gives away.
fn meaning(name: &str) -> &'static str {
    match name {
        "insecure_toy_parameters" => "the encryption protects nothing; for tests only",
        "insecure_coordinator_noise_only" => "the coordinator's view has no privacy bound",
        "insecure_no_noise" => "no view has a privacy bound, and labels give hints about the key",
        _ => "weakens security",
    }
}
