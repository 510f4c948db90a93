//! Values computed apart from this program (Python's hashlib and hmac), which pin the formats for good.

use zeroize::Zeroizing;

use super::{flood::flood, *};

/// The mask 0, 1, 2, ... with the body 4096.
fn counting() -> Squashed {
    Squashed::from_words((0..=SQUASHED_DIMENSION as u128).collect()).unwrap()
}

fn asked() -> Question {
    let digest = |byte| Digest::from_bytes([byte; 32]);
    let round = Some(RoundId::from_bytes([2; 16]));
    Question { federation: digest(1), round, step: Step::Label, tally: digest(3) }
}

/// The piece 1, 4, 7, ... with a flood key of sevens.
fn piece() -> Piece {
    let vector = (0..SQUASHED_DIMENSION as u128).map(|place| 3 * place + 1).collect();
    Piece { vector: Zeroizing::new(vector), flood_key: Zeroizing::new([7; 32]) }
}

#[test]
fn flooding_is_what_an_independent_program_derives() {
    let h = asked().h(5, 1, &counting());
    assert_eq!(h.to_string(), "29c69981c0179b47eef98f92ca7d683e6033ef24d3a8151f5dc185a0c0430083");
    assert_eq!(flood(&[7; 32], &h), 624857896147964723428202395655471);
}

#[test]
fn an_opening_is_what_an_independent_program_computes() {
    assert_eq!(piece().open(&asked(), 5, 1, &counting()), 624857896147964723428133692955951);
}

#[test]
fn a_commitment_is_what_an_independent_program_hashes() {
    let expected = "143755a550f10fa69f22d88c2f67fdaf1217281bd0eed05b376163b210a255b4";
    assert_eq!(piece().commitment(4).to_string(), expected);
}

#[test]
fn the_margins_are_those_of_the_protocol() {
    // C(n, t)·2·2^110 + 2^70 against 2^122
    let margins = Sharing::ALL.map(|sharing| format!("{:.2}", noise_margin(sharing)));
    assert_eq!(margins, ["11.00", "9.42", "9.00", "7.68"]);
}
