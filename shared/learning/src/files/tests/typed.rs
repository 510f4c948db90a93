//! Stories of tables whose columns the federation fixes.

use super::*;

/// Returns a federation's schema and classes for a shop's payments.
pub(super) fn shop() -> (InstanceSchema, Vec<String>) {
    let text = "kind = 'table'
        [[columns]]
        name = 'amount'
        scale = { offset = 50.0, factor = 0.01 }
        [[columns]]
        name = 'channel'
        categories = ['card', 'cash']
        [[columns]]
        name = 'age'
        missing = 40";
    (toml::from_str(text).unwrap(), ["food", "rent"].map(str::to_owned).to_vec())
}

#[test]
fn two_institutions_with_their_columns_in_other_orders_encode_alike() {
    let (schema, names) = shop();
    let folder = Folder::new();
    let load =
        |text: &str| load_labeled(&folder.put("shop.csv", text.as_bytes()), Expected::of(&schema, &names));
    let one = load("amount,channel,age,label,person\n150,cash,61,rent,a\n50,card,,0,b\n").unwrap();
    let other = load("person,label,age,channel,amount\na,1,61,cash,150\nb,food,,card,50\n").unwrap();
    assert_eq!(one, other);
    assert_eq!(one.values(), [1.0, 0.0, 1.0, 61.0, 0.0, 1.0, 0.0, 40.0]);
    assert_eq!(one.labels().unwrap(), [1, 0]);
    // A round's instances have no label, or one that nobody reads.
    let path = folder.put("round.csv", b"label,channel,amount,age\n?,cash,150,61\n");
    let round = load_instances(&path, Expected::instances(&schema)).unwrap();
    assert_eq!((round.values(), round.labels()), (&[1.0, 0.0, 1.0, 61.0][..], None));
    // Values that are encoded already stay as they are.
    let path = folder.put("round.npy", &npy("'<f4'", "False", "(1, 4)", &floats(&[1.0, 0.0, 1.0, 61.0])));
    assert_eq!(load_instances(&path, Expected::instances(&schema)).unwrap(), round);
}

#[test]
fn a_typed_table_names_the_line_the_column_and_the_remedy() {
    let (schema, names) = shop();
    let folder = Folder::new();
    let load =
        |text: &str| load_labeled(&folder.put("shop.csv", text.as_bytes()), Expected::of(&schema, &names));
    let head = "amount,channel,age,label\n1,card,2,food\n";
    let cases = [
        ("1,Card,2,food", "line 3, column `channel`: `Card` is not one of card, cash; correct or remove"),
        (
            ",card,2,food",
            "line 3, column `amount`: `` is not a number (the cell is empty, and the federation's",
        ),
        ("many,card,2,food", "line 3, column `amount`: `many` is not a finite number"),
        (
            "1,card,2,sport",
            "line 3, column `label`: `sport` is not one of the classes food, rent, or the index",
        ),
        ("1,card,2,2", "line 3, column `label`: `2` is not one of the classes"),
        ("1,card,2", "not a readable CSV file"),
    ];
    for (row, expected) in cases {
        let message = refusal(load(&format!("{head}{row}\n")));
        assert!(message.contains(expected), "{row}: {message}");
    }
    let message = refusal(load("amount,channel,label\n1,card,0\n"));
    assert!(message.contains("no column `age`; the columns are `amount`, `channel`"), "{message}");
    let message = refusal(load("amount,iban,channel,age,label,bic\n1,x,card,2,0,y\n"));
    assert!(message.contains("does not know: `iban`, `bic`; remove them (it knows `amount`"), "{message}");
    assert!(
        refusal(load("amount,amount,channel,age,label\n1,1,card,2,0\n")).contains("two columns `amount`")
    );
    assert!(refusal(load("amount,channel,age\n1,card,2\n")).contains("no column `label`"));
}

#[test]
fn a_label_that_is_one_classs_name_and_anothers_index_is_not_guessed() {
    let (schema, _) = shop();
    let names = ["1", "0"].map(str::to_owned);
    let folder = Folder::new();
    let path = folder.put("shop.csv", b"amount,channel,age,label\n1,card,2,1\n");
    let message = refusal(load_labeled(&path, Expected::of(&schema, &names)));
    assert!(
        message.contains("`1` is not clear, being the name of class 0 and the index of class 1"),
        "{message}"
    );
}
