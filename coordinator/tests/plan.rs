//! `coordinator federation plan`: an operator weighs noise against labels, without server, home or network.

use std::{
    path::Path,
    process::{Command, Output},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// The federation of the published reference points: 250 participants with one teacher each.
const CROWD: &str =
    "--participants 250 --teachers 1 --classes 10 --coordinator-sigma 0 --delta 1e-5 --honest 0.7";
/// The demo's: five participants with twenty teachers each, and a coordinator who adds noise of its own.
const DEMO: &str =
    "--participants 5 --teachers 20 --classes 10 --sigma 16 --coordinator-sigma 8 --honest 0.7 --delta 1e-5";

fn plan(folder: &Path, flags: &str) -> Result<Output> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coordinator"));
    // Whatever the developer's own shell points to must not help.
    command.env_remove("PSEPHOS_TOKEN").env("PSEPHOS_COORDINATOR", "http://127.0.0.1:9").current_dir(folder);
    Ok(command.args(["federation", "plan"]).args(flags.split_whitespace()).output()?)
}

fn granted(flags: &str) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let output = plan(folder.path(), flags)?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{flags}: {said}");
    ensure!(std::fs::read_dir(folder.path())?.next().is_none(), "{flags}: something was left behind");
    Ok(String::from_utf8(output.stdout)?)
}

fn json(flags: &str) -> Result<Value> {
    Ok(serde_json::from_str(&granted(&format!("{flags} --format json"))?)?)
}

fn number(value: &Value, path: &str) -> Result<f64> {
    value.pointer(path).and_then(Value::as_f64).with_context(|| format!("{path} in {value}"))
}

fn refused(flags: &str) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let output = plan(folder.path(), flags)?;
    ensure!(!output.status.success(), "{flags} must be refused");
    ensure!(output.stdout.is_empty(), "{flags}: a refusal prints no fact");
    Ok(String::from_utf8(output.stderr)?)
}

#[test]
fn a_test_before_the_labels_adds_its_cost_and_only_answers_pay_for_labels() -> Result<()> {
    let cost = |more: &str| -> Result<f64> {
        let plan = json(&format!("{CROWD} --sigma 40 --labels 640 {more}"))?;
        number(&plan, "/person/public/epsilon")
    };
    // The published MNIST run: 2.87 where a test costs as much as its noise lets out.
    let published = cost("--test-sigma 150 --answered 286")?;
    assert!((2.865..2.875).contains(&published), "{published}");
    assert!(cost("--test-sigma 150")? > cost("")?, "where everything passes, the test comes on top");
    assert!(cost("--test-sigma 150 --answered 0")? < published);
    assert!(refused(&format!("{CROWD} --sigma 40 --labels 10 --answered 3"))?.contains("needs a test"));
    let more = refused(&format!("{CROWD} --sigma 40 --labels 10 --test-sigma 150 --answered 11"))?;
    assert!(more.contains("more than --labels 10"), "{more}");
    let small = refused(&format!("{CROWD} --sigma 40 --labels 10 --test-sigma 5"))?;
    assert!(small.contains("sigma"), "{small}");
    Ok(())
}

#[test]
fn the_published_points_are_met_in_every_view_and_unit() -> Result<()> {
    for (labels, expected) in [(100, 1.478), (286, 2.642), (500, 3.617), (1000, 5.378)] {
        let plan = json(&format!("{CROWD} --sigma 40 --labels {labels}"))?;
        for unit in ["person", "participant"] {
            for view in ["public", "coordinator", "coalition", "both"] {
                let epsilon = number(&plan, &format!("/{unit}/{view}/epsilon"))?;
                assert!(
                    (epsilon / expected - 1.0).abs() < 0.0005,
                    "{labels} labels, {unit}, {view}: {epsilon}"
                );
            }
        }
        // V = 1600 is claimed, although all 250 shares together are more.
        assert!((number(&plan, "/drawn_variance")? / (1600.0 * 250.0 / 175.0) - 1.0).abs() < 1e-4);
        assert_eq!(
            (&plan["sigma"], &plan["labels"], &plan["delta"]),
            (&40.into(), &labels.into(), &1e-5.into())
        );
    }
    Ok(())
}

#[test]
fn sigma_is_solved_for_where_it_is_not_given() -> Result<()> {
    let plan = json(&format!("{CROWD} --epsilon 1 --labels 1000"))?;
    assert_eq!((&plan["sigma"], &plan["solved"]), (&180.904.into(), &true.into()));
    assert!(number(&plan, "/person/public/epsilon")? <= 1.0);
    let coordinator = json(
        "--participants 250 --classes 10 --epsilon 1 --labels 1000 --view coordinator --coordinator-sigma 100",
    )?;
    assert_eq!((&coordinator["sigma"], &coordinator["coordinator_sigma"]), (&180.904.into(), &100.into()));
    let participant =
        json("--participants 5 --teachers 20 --classes 10 --epsilon 1 --labels 10 --unit participant")?;
    assert!(number(&participant, "/participant/public/epsilon")? <= 1.0);
    assert!(number(&participant, "/participant/public/epsilon")? > 0.9999);
    Ok(())
}

#[test]
fn without_labels_the_answer_is_what_epsilon_buys() -> Result<()> {
    let plan = json(&format!("{CROWD} --sigma 40 --epsilon 2"))?;
    assert_eq!((&plan["labels"], &plan["solved"]), (&173.into(), &false.into()));
    assert_eq!(plan["person"]["both"]["labels_for_epsilon"], 173);
    let both = json(&format!("{DEMO} --labels 10 --epsilon 2"))?;
    assert_eq!(both["labels"], 10, "given labels are priced, and what epsilon buys stands beside them");
    assert!(
        number(&both, "/person/public/labels_for_epsilon")?
            > number(&both, "/person/coordinator/labels_for_epsilon")?
    );
    Ok(())
}

#[test]
fn a_config_gives_what_the_flags_leave_out() -> Result<()> {
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/../configs/federation-mnist.toml");
    let from_config = json(&format!("--participants 5 --teachers 20 --labels 200 --config {config}"))?;
    assert_eq!(from_config, json(&format!("{DEMO} --labels 200"))?);
    let louder = json(&format!("--participants 5 --teachers 20 --labels 200 --sigma 32 --config {config}"))?;
    assert_eq!((&louder["sigma"], &louder["coordinator_sigma"]), (&32.into(), &8.into()));
    let solved = json(&format!("--participants 5 --labels 200 --epsilon 1 --config {config}"))?;
    assert_eq!((&solved["solved"], &solved["coordinator_sigma"]), (&true.into(), &0.into()));
    Ok(())
}

#[test]
fn an_insecure_mode_has_no_epsilon_and_says_why() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let config = include_str!("../../configs/federation-mnist.toml")
        .replace("\nsigma = 16", "\nsigma = 0")
        .replace("\"both\"", "\"insecure_coordinator_noise_only\"");
    std::fs::write(folder.path().join("federation.toml"), config)?;
    let output = plan(folder.path(), "--participants 5 --labels 20 --format json --config federation.toml")?;
    let found: Value = serde_json::from_slice(&output.stdout)?;
    assert!(
        found["person"]["coordinator"]["epsilon"].is_null()
            && found["person"]["public"]["epsilon"].is_number()
    );
    let reason = found["person"]["coordinator"]["reason"].as_str().context("no reason")?;
    assert!(reason.contains("the coordinator knows all the noise"), "{reason}");
    let text = plan(folder.path(), "--participants 5 --labels 20 --config federation.toml")?;
    let text = String::from_utf8(text.stdout)?;
    assert!(text.contains("INSECURE: insecure_coordinator_noise_only") && text.contains(reason), "{text}");
    let output =
        plan(folder.path(), "--participants 5 --epsilon 1 --view coordinator --config federation.toml")?;
    let said = String::from_utf8(output.stderr)?;
    assert!(said.contains("no epsilon holds in the coordinator view"), "{said}");
    Ok(())
}

#[test]
fn refusals_name_the_value_and_the_nearest_choice() -> Result<()> {
    let crowd = |more: &str| refused(&format!("{CROWD} {more}"));
    let small = |more: &str| refused(&format!("--participants 10 --classes 10 --labels 100 {more}"));
    let cases = [
        (crowd("--sigma 19.8 --labels 100")?, "the smallest sigma is 19.843135"),
        (
            small("--sigma 40 --quorum 3")?,
            "the quorum must be at least 4 or the honest fraction at least 0.700001",
        ),
        (small("--sigma 40 --quorum 11")?, "quorum 11 exceeds the 10 enrolled participants"),
        (small("--sigma 40 --quorum most")?, "`most` is neither a number nor `all`"),
        (small("--sigma 40 --honest 0")?, "honest fraction 0 is outside (0, 1]"),
        (small("--sigma 40 --honest 1.1")?, "honest fraction 1.1 is outside (0, 1]"),
        (
            small("--sigma 40 --delta 0.1")?,
            "delta 1e-1 is not below 1/10, one over the number of participants",
        ),
        (small("--sigma 40 --persons 2000000")?, "such as 1e-7"),
        (small("--sigma 40 --delta 0")?, "delta 0 is not above 0 and below 1"),
        (small("--sigma 40 --delta NaN")?, "delta NaN is not above 0 and below 1"),
        (small("--sigma NaN")?, "`NaN` is not a plain decimal"),
        (small("--sigma inf")?, "`inf` is not a plain decimal"),
        (small("--sigma=-1")?, "`-1` is negative"),
        (small("--sigma 40 --coordinator-sigma 1")?, "coordinator_sigma 1 is below 1.5"),
        (small("--sigma 0")?, "needs sigma above 0"),
        (small("--epsilon 0")?, "give an epsilon above 0, such as 1"),
        (small("--epsilon=-1")?, "`-1` is negative"),
        (small("--epsilon inf")?, "`inf` is not a plain decimal"),
        (small("--epsilon 1 --view both")?, "`both` is not a view with a target"),
        (small("--epsilon 1 --unit record")?, "`record` is not a unit of privacy"),
        (
            small("--epsilon 0.000001 --teachers 1000 --unit participant")?,
            "is out of reach in the public view",
        ),
        (small("")?, "sigma is missing: give --sigma, or --epsilon and --labels"),
        (crowd("--sigma 40")?, "the number of labels is missing: give --labels, or --epsilon"),
        (crowd("--sigma 40 --labels 0")?, "a round of 0 instances has no cost"),
        (crowd("--epsilon 1 --labels 0")?, "0 labels for the public view"),
        (crowd("--sigma 40 --epsilon 0.01")?, "epsilon 0.01 does not buy one label"),
        (small("--sigma 40 --teachers 0")?, "the number of teachers is 0"),
        (small("--sigma 40 --teachers 4000000000")?, "are more than can be counted"),
        (small("--sigma 40 --participants-per-person 11")?, "must be between 1 and 10"),
        (small("--sigma 900000")?, "use less noise"),
        (refused("--participants 10 --sigma 40 --labels 10")?, "give --classes or --config"),
        (refused("--participants 10 --sigma 40 --labels 10 --classes 1")?, "2 to 100 classes"),
        (refused("--participants 0 --sigma 40 --labels 10 --classes 3")?, "the quorum must be at least 1"),
        (small("--sigma 40 --config missing.toml")?, "missing.toml"),
        (small("--sigma 40 --svg missing/plan.svg")?, "missing/plan.svg: the chart cannot be written"),
    ];
    for (said, expected) in cases {
        assert!(said.contains(expected), "`{said}` does not contain `{expected}`");
    }
    Ok(())
}

#[test]
fn the_text_is_for_people() -> Result<()> {
    insta::assert_snapshot!("text", granted(&format!("{DEMO} --labels 200 --epsilon 2"))?);
    Ok(())
}

#[test]
fn the_json_is_for_programs() -> Result<()> {
    insta::assert_json_snapshot!("json", json(&format!("{DEMO} --labels 200 --epsilon 2"))?);
    Ok(())
}

#[test]
fn the_picture_is_the_same_every_time() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let draw = || -> Result<String> {
        let output = plan(folder.path(), &format!("{DEMO} --labels 200 --svg plan.svg"))?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(std::fs::read_to_string(folder.path().join("plan.svg"))?)
    };
    let svg = draw()?;
    assert_eq!(svg, draw()?);
    assert_eq!(svg.matches("<polyline").count(), 4, "one curve per view and unit");
    insta::assert_snapshot!("svg", svg);
    Ok(())
}

#[test]
fn the_noise_of_a_configs_targets_keeps_every_one_of_them_and_hardly_more() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("federation.toml");
    let text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../configs/federation-ecg.toml"))?;
    let none = format!("--participants 5 --teachers 20 --solve --config {}", path.display());
    std::fs::write(&path, &text)?;
    assert!(refused(&none)?.contains("--solve needs [privacy.targets.public]"));
    let target = |view: &str, epsilon: &str| {
        format!("\n[privacy.targets.{view}]\nepsilon = \"{epsilon}\"\ndelta = 1e-5\nlabels = 300\n")
    };
    std::fs::write(&path, text + &target("public", "4") + &target("coordinator", "6"))?;
    let plan = json(&none)?;
    let (public, coordinator) =
        (number(&plan, "/person/public/epsilon")?, number(&plan, "/person/coordinator/epsilon")?);
    assert!(public <= 4.0 && coordinator <= 6.0, "{public}, {coordinator}");
    assert!(public > 3.99 && coordinator > 5.99, "solved for, not drowned: {public}, {coordinator}");
    assert!((number(&plan, "/labels")? - 300.0).abs() < f64::EPSILON);
    Ok(())
}

#[test]
fn several_trustees_tally_exactly_and_the_plan_says_what_they_send() -> Result<()> {
    // The published figures of the engine: ten classes at D = 947 take 2 060 products in 9 layers at (3, 1).
    let plan = |trustees: &str| json(&format!("{CROWD} --sigma 40 --labels 100 --trustees {trustees}"));
    let sole = plan("1,0")?;
    assert!(sole["shared"].is_null() && sole["circuit"]["bootstraps"].is_number());
    let three = plan("3,1")?;
    // Nothing of D is left for the errors of a circuit.
    assert!(number(&three, "/bound")? <= number(&sole, "/bound")? && three["resolution_votes"] == 0);
    assert!(three["circuit"].is_null() && three["argmax"].is_null());
    let shared = |plan: &Value, what: &str| number(plan, &format!("/shared/{what}"));
    for (plan, present) in [(three, 3.0), (plan("4,1")?, 3.0), (plan("5,2")?, 5.0)] {
        assert!((shared(&plan, "present")? - present).abs() < f64::EPSILON);
        let (products, bytes) = (shared(&plan, "products")?, shared(&plan, "bytes_per_label")?);
        assert!((products / 8.0 - bytes).abs() < f64::EPSILON && products > 2000.0, "{products}, {bytes}");
        let (layers, exchanges) = (shared(&plan, "layers")?, shared(&plan, "exchanges")?);
        assert!((9.0..=14.0).contains(&layers) && (layers + 6.0..=layers + 9.0).contains(&exchanges));
    }
    let text = granted(&format!("{CROWD} --sigma 40 --labels 100 --trustees 4,1"))?;
    assert!(text.contains("3 of 4 tally together, any 1 may be corrupt; labels are exact"), "{text}");
    let wrong = refused(&format!("{CROWD} --sigma 40 --labels 100 --trustees 3,2"))?;
    assert!(wrong.contains("choose (3, 1), (4, 1) or (5, 2)"), "{wrong}");
    assert!(refused(&format!("{CROWD} --sigma 40 --labels 9 --trustees many"))?.contains("is not N,T"));
    Ok(())
}
