//! Who learns what, in words; `docs/THREAT-MODEL.md` says by which test each claim is shown.

use protocol::{transcript::Replay, wire::Observer};

fn observer(who: &str, sees: &str, not: &str, unless: &str) -> Observer {
    let own = str::to_owned;
    Observer { who: own(who), sees: own(sees), not: own(not), unless: own(unless) }
}

/// Returns who learns what in this federation.
pub(super) fn observers(replay: &Replay) -> Vec<Observer> {
    let config = &replay.founding().config;
    let noise = config.noise.mode;
    let public = match (noise.has_participant_noise(), noise.has_coordinator_noise()) {
        (false, false) => "no noise is drawn: labels may tell everything about a person (no bound)",
        _ => "the labels hide one person up to the public view's ε",
    };
    let coordinator = match noise.has_participant_noise() {
        true => "it knows its own noise: the coordinator view's ε holds for it",
        false => "it knows all the noise: no bound holds for it",
    };
    let mut lines = vec![
        observer(
            "Anyone who reads the labels",
            "released labels, abstentions, the transcript, who took part and when",
            "votes, counts, not even noisy counts",
            public,
        ),
        observer(
            "The coordinator",
            "the same, the instances, encrypted ballots, and its own noise",
            "votes and counts: it holds no piece of the decryption key",
            coordinator,
        ),
        observer(
            "A participant",
            "the same as anyone, the instances, and its own votes",
            "the votes of the others, and the ballots themselves",
            "participants who pool what they know remove their own noise; the coalition view's ε covers as many as the policy \
             assumes",
        ),
    ];
    lines.extend(trustees(config.trustees.count, config.trustees.threshold));
    lines.push(observer(
        "A viewer of this dashboard",
        "what anyone reads, and how each participant fared in each round",
        "instances, ballots and blobs: they are not served to viewers",
        "tokens are given by the operator, and end when they expire or are revoked",
    ));
    lines
}

fn trustees(count: u8, threshold: u8) -> Vec<Observer> {
    if count == 1 {
        return vec![
            observer(
                "The one trustee",
                "the label ciphertexts, which it opens",
                "ballots: they are never served to it",
                "it holds the whole key. Together with the coordinator it can read every ballot, and nobody can check what it \
                 opened",
            ),
            observer(
                "The coordinator and the trustee together",
                "everything: every ballot can be decrypted",
                "nothing is hidden from both of them",
                "with one trustee all claims rest on these two not colluding and not misbehaving",
            ),
        ];
    }
    vec![
        observer(
            &format!("Up to {threshold} of the {count} trustees, also with the coordinator"),
            "encrypted ballots after the window closed, their own pieces of the key, and the labels",
            "votes and counts, not even noisy counts: their pieces do not decrypt, and nobody ever had the whole key",
            "a place that was lost or whose backup is found counts among them for good",
        ),
        observer(
            &format!("More than {threshold} trustees together"),
            "everything: every ballot can be decrypted",
            "nothing is hidden from them",
            "the policy assumes that this does not happen",
        ),
    ]
}
