//! A round's memory: what comes out of a tally goes to the disk, so that it does not grow with the round.

use clap::Parser as _;
use tests::{
    Processes, Programs,
    demo::Steps,
    stage::Stage,
    throughput::{Arguments, tell},
};

/// Bytes of a label ciphertext of ten classes.
const LABEL_BYTES: u64 = 2049 * 8;

/// A tally that kept its labels would hold them twice, as words and as the bytes of a blob.
#[test]
fn a_tally_does_not_keep_the_labels_it_has_made() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let stage = Stage {
        folder: folder.path().to_owned(),
        programs: Programs::find()?,
        processes: Processes::default(),
        steps: Steps::default(),
    };
    let options = ["throughput", "--instances", "4000", "--participants", "3", "--insecure-toy-parameters"];
    let report = tell(&Arguments::try_parse_from(options)?, &stage)?;
    assert_eq!((report.released, report.ballots), (4000, 3));
    let all = (4000 * LABEL_BYTES) >> 20;
    let grown = report.peak_mib.saturating_sub(report.peak_mib_with_keys);
    assert!(grown < all, "{grown} MiB more than with the keys alone, where all labels have {all}");
    Ok(())
}
