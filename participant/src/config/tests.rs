//! Configs that a person may write, and what they hear about them.

use super::*;

const PLAIN: &str = r#"
    name = "st-mary"
    coordinator = "http://127.0.0.1:7400"
    [data]
    path = "data"
    [teachers]
    count = 20
"#;

fn read(text: &str) -> Result<Config, String> {
    Config::from_toml(text, Path::new("home/participant.toml")).map_err(|e| e.to_string())
}

#[test]
fn the_shortest_config_has_safe_defaults_and_survives_its_own_text() {
    let config = read(PLAIN).unwrap();
    assert_eq!(config.limits.approve_rounds, ApproveRounds::All);
    assert!(!config.insecure_http && config.insecure_settings().is_empty());
    assert_eq!(read(&config.to_toml().unwrap()).unwrap(), config);
}

#[test]
fn a_command_has_limits_where_none_are_named_and_survives_its_own_text() {
    let text = format!("{PLAIN}\n[teacher]\nkind = \"command\"\ncommand = [\"python3\", \"teacher.py\"]\n");
    let config = read(&text).unwrap();
    let command = config.teacher.command().unwrap();
    assert_eq!((command.timeout_seconds, command.memory_mib, command.output_kib), (600, 4096, 1024));
    assert_eq!(read(&config.to_toml().unwrap()).unwrap(), config);
    assert_eq!(read(PLAIN).unwrap().teacher, TeacherConfig::Burn {});
}

#[test]
fn wrong_values_are_named_with_file_key_and_remedy() {
    let cases = [
        ("count = 20", "count = 0", "teachers.count = 0 must be from 1 to 10000"),
        ("count = 20", "count = 20\nnoise = 0", "unknown field `noise`"),
        ("\"st-mary\"", "\"\"", "name = \"\" must be 1 to 80"),
        ("127.0.0.1:7400", "127.0.0.1:7400/x", "coordinator = "),
        ("http://127.0.0.1:7400", "ftp://127.0.0.1", "coordinator = "),
        ("http://127.0.0.1:7400", "http://user:secret@127.0.0.1", "without path, query and password"),
        ("[data]", "poll_seconds = nan\n[data]", "poll_seconds = NaN must be from 0.1"),
        ("[data]", "[teacher]\nkind = \"command\"\ncommand = []\n[data]", "teacher.command = [] must be"),
        ("[data]", "[teacher]\nkind = \"command\"\n[data]", "missing field `command`"),
        ("[data]", "[teacher]\nkind = \"oracle\"\n[data]", "expected `burn` or `command`"),
        (
            "[data]",
            "[teacher]\nkind = \"command\"\ncommand = [\"x\"]\ntimeout_seconds = 0\n[data]",
            "teacher.timeout_seconds = 0 must be from 1",
        ),
        ("[data]", "[limits]\nrounds_per_day = 0\n[data]", "limits.rounds_per_day = 0"),
        ("[data]", "[limits]\napprove_rounds = \"some\"\n[data]", "expected `all` or `ask`"),
    ];
    for (from, to, expected) in cases {
        let refused = read(&PLAIN.replacen(from, to, 1)).unwrap_err();
        assert!(refused.contains(expected), "{refused}");
        assert!(refused.contains("home/participant.toml"), "{refused}");
    }
}

#[test]
fn a_setting_of_version_0_1_is_refused_by_its_name() {
    let refused = read(&format!("{PLAIN}\n[trustee]\ncheck = \"insecure_trust_tally\"")).unwrap_err();
    assert!(refused.contains("unknown field `trustee`"), "{refused}");
}

#[test]
fn plain_http_leaves_this_machine_only_by_name() {
    for host in ["localhost:7400", "127.8.8.8", "[::1]:7400"] {
        read(&PLAIN.replace("127.0.0.1:7400", host)).unwrap();
    }
    for host in ["10.0.0.7:7400", "localhost.example.org", "127.0.0.1.example.org", "0.0.0.0"] {
        let text = PLAIN.replace("127.0.0.1:7400", host);
        assert!(read(&text).unwrap_err().contains("uses plain http"), "{host}");
        read(&text.replace("http://", "https://")).unwrap();
        let insecure = read(&text.replace("[data]", "insecure_http = true\n[data]")).unwrap();
        assert_eq!(insecure.insecure_settings(), ["insecure_http"]);
    }
}

#[test]
fn every_example_config_is_accepted() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("participant") && name.ends_with(".toml") {
            Config::from_toml(&std::fs::read_to_string(&path).unwrap(), &path).unwrap();
            seen += 1;
        }
    }
    assert!(seen >= 1, "configs/ holds an example");
}
