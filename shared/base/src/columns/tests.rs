//! Stories of cells that become values, and of columns that no federation can have.

use super::*;

fn column(text: &str) -> Result<Column, String> {
    toml::from_str(text).map_err(|e| e.to_string())
}

fn encode(column: &Column, cell: &str) -> Result<Vec<f32>, String> {
    let mut values = Vec::new();
    column.encode(cell, &mut values).map(|()| values)
}

#[test]
fn a_number_is_scaled_by_the_federations_constants_and_never_by_data() {
    let amount = column("name = 'amount'\nscale = { offset = 50.0, factor = 0.01 }").unwrap();
    assert_eq!(encode(&amount, "150"), Ok(vec![1.0]));
    assert_eq!(encode(&amount, "-50").unwrap(), [-1.0]);
    assert_eq!(encode(&column("name = 'age'").unwrap(), "61").unwrap(), [61.0], "without scale as it is");
    let paid = column("name = 'paid'\nscale = { log10 = true, offset = 1.0, factor = 2 }").unwrap();
    assert_eq!(encode(&paid, "1000").unwrap(), [4.0]);
    assert!(encode(&paid, "0").unwrap_err().contains("above 0"));
    for cell in ["NaN", "inf", "1,5", "many"] {
        assert_eq!(encode(&amount, cell), Err("a finite number".into()), "{cell}");
    }
    let huge = column("name = 'x'\nscale = { factor = 999999999 }").unwrap();
    assert!(encode(&huge, "1e300").unwrap_err().contains("usable size"));
}

#[test]
fn a_word_becomes_one_value_per_category_and_an_unknown_one_is_refused_unless_others_count() {
    let text = "name = 'channel'\ncategories = ['card', 'cash', 'transfer']";
    let channel = column(text).unwrap();
    assert_eq!(encode(&channel, "cash").unwrap(), [0.0, 1.0, 0.0]);
    assert_eq!(encode(&channel, "Cash"), Err("one of card, cash, transfer".into()));
    let open = column(&format!("{text}\nother = true")).unwrap();
    assert_eq!((open.values(), encode(&open, "cheque").unwrap()), (4, vec![0.0, 0.0, 0.0, 1.0]));
}

#[test]
fn an_empty_cell_is_refused_until_the_federation_names_a_stand_in() {
    for text in ["name = 'x'", "name = 'x'\nmissing = 'error'", "name = 'x'\ncategories = ['a']"] {
        let column = column(text).unwrap();
        assert!(!column.bears_missing());
        assert!(encode(&column, "").unwrap_err().contains("the cell is empty"), "{text}");
    }
    let number = column("name = 'x'\nscale = { offset = 1 }\nmissing = -3.5").unwrap();
    assert_eq!(encode(&number, "").unwrap(), [-4.5], "the stand-in is scaled like a cell");
    let word = column("name = 'x'\ncategories = ['a', 'b']\nother = true\nmissing = 'other'").unwrap();
    assert_eq!(encode(&word, "").unwrap(), [0.0, 0.0, 1.0]);
    assert_eq!(word.in_words(), "x: a, b, or any other word; an empty cell counts as other");
}

#[test]
fn columns_that_cannot_be_meant_are_refused_with_the_remedy() {
    let cases = [
        ("name = 'label'", "column `label`: the name is that of a column with another meaning"),
        ("name = ' x'", "no space around them"),
        ("name = 'x'\nscale = { factor = 0 }", "scale.factor = 0 would make every cell 0"),
        ("name = 'x'\nscale = { factor = 0.0000001 }", "more than six digits"),
        ("name = 'x'\nscale = { offset = nan }", "NaN"),
        ("name = 'x'\nscale = { mean = 3 }", "unknown field `mean`"),
        ("name = 'x'\nscale = { log10 = true }\nmissing = 0", "missing is not a number above 0"),
        ("name = 'x'\nmissing = 'mean'", "missing = \"mean\" is not a number"),
        ("name = 'x'\nother = true", "other = true belongs to categories"),
        ("name = 'x'\ncategories = []", "categories is empty"),
        ("name = 'x'\ncategories = ['a', 'a']", "category `a` appears twice"),
        ("name = 'x'\ncategories = ['other']\nother = true", "keep one of them"),
        ("name = 'x'\ncategories = ['a']\nmissing = 'b'", "missing = \"b\" is not a category; use one of a"),
        ("name = 'x'\ncategories = ['a']\nmissing = 0", "missing = 0 is a number"),
        ("name = 'x'\ncategories = ['a']\nscale = {}", "both scale and categories"),
    ];
    for (text, expected) in cases {
        let message = column(text).unwrap_err();
        assert!(message.contains(expected), "{text}: {message}");
    }
}

#[test]
fn bytes_cannot_smuggle_in_a_column_that_no_config_can_name() {
    let forged = Column { name: "label".into(), content: column("name = 'x'").unwrap().content };
    assert!(check_all(&[forged]).is_err());
    let endless = Constant::try_from_slice(&i64::MIN.to_le_bytes()).unwrap();
    let content = Content::Number { log10: false, offset: endless, factor: Constant::ONE, missing: None };
    assert!(Column::new("x", content).unwrap_err().contains("1000000000"));
}
