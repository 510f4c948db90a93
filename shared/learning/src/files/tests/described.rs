//! Stories of data that is described to its owner.

use super::typed::shop;
use super::*;

#[test]
fn a_description_counts_what_is_there_and_what_is_missing() {
    let (schema, names) = shop();
    let folder = Folder::new();
    let text = "amount,channel,age,label,person\n,cash,61,food,a\n50,card,,0,b\n-9,cash,,food,b\n";
    let path = folder.put("shop.csv", text.as_bytes());
    let summary = describe(&path, Expected::of(&schema, &names)).unwrap();
    assert_eq!((summary.shape.as_slice(), summary.records, summary.persons), (&[4][..], 3, Some(2)));
    let counts: Vec<_> = summary.classes.iter().map(|c| (c.name.as_deref().unwrap(), c.records)).collect();
    assert_eq!(counts, [("food", 3), ("rent", 0)]);
    let [amount, channel, age] = summary.columns.as_slice() else { panic!("{summary:?}") };
    assert_eq!(
        (amount.missing, amount.bears_missing, amount.smallest, amount.largest),
        (1, false, Some(-9.0), Some(50.0))
    );
    assert_eq!(
        channel.words.iter().map(|(w, n)| (w.as_str(), *n)).collect::<Vec<_>>(),
        [("card", 1), ("cash", 2)]
    );
    assert_eq!((age.missing, age.bears_missing, summary.missing()), (2, true, 3));
    let bad = folder.put("shop.csv", text.replace("card", "cheque").as_bytes());
    assert!(refusal(describe(&bad, Expected::of(&schema, &names))).contains("line 3, column `channel`"));
}

#[test]
fn arrays_are_described_value_by_value_or_where_large_as_a_whole() {
    let folder = Folder::new();
    let values = floats(&[1.0, f32::NAN, -2.0, 5.0]);
    folder.put("instances.npy", &npy("'<f4'", "False", "(2, 2)", &values));
    folder.put("labels.npy", &npy("'|u1'", "False", "(2,)", &[1, 1]));
    let summary = describe(folder.path(), ANY).unwrap();
    let of = |c: &ColumnSummary| (c.name.clone(), c.missing, c.smallest, c.largest);
    assert_eq!(of(&summary.columns[0]), ("value 0".into(), 0, Some(-2.0), Some(1.0)));
    assert_eq!(of(&summary.columns[1]), ("value 1".into(), 1, Some(5.0), Some(5.0)));
    assert_eq!((summary.persons, summary.classes.len(), summary.classes[0].class), (None, 1, 1));
    folder.put("instances.npy", &npy("'<f4'", "False", "(2, 40)", &floats(&[0.5; 80])));
    let summary = describe(folder.path(), ANY).unwrap();
    assert_eq!(of(&summary.columns[0]), ("all values".into(), 0, Some(0.5), Some(0.5)));
    assert_eq!(summary.columns.len(), 1);
}
