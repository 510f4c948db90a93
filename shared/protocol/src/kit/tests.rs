//! Kits that say what they should, and archives that no operator of ours made.

use flate2::{Compression, write::GzEncoder};
use tar::{Builder, EntryType, Header};

use super::*;

fn kit() -> Kit {
    Kit {
        settings: KitSettings {
            name: "st-mary".to_owned(),
            coordinator: "https://labels.example.org:7400".to_owned(),
            coordinator_fingerprint: Some(Fingerprint::of(b"authority")),
            insecure_http: false,
            teachers: KitTeachers { count: 20 },
        },
        invite: "secret".to_owned(),
        authority: Some("-----BEGIN CERTIFICATE-----".to_owned()),
        readme: "read me".to_owned(),
        unit: "[Unit]".to_owned(),
    }
}

/// Packs entries as somebody hostile would.
fn hostile(entries: &[(EntryType, &[u8], &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for (kind, name, content) in entries {
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        if *kind == EntryType::Symlink {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

fn refusal(bytes: &[u8]) -> String {
    Kit::from_bytes(bytes).unwrap_err().to_string()
}

#[test]
fn a_kit_survives_its_archive_and_never_prints_its_invite() {
    let kit = kit();
    let bytes = kit.to_bytes().unwrap();
    assert_eq!(bytes, kit.to_bytes().unwrap(), "the same kit gives the same bytes");
    assert_eq!(Kit::from_bytes(&bytes).unwrap(), kit);
    assert!(!format!("{kit:?}").contains("secret"));
}

#[test]
fn paths_links_unknown_names_and_doubles_are_refused() {
    use EntryType::{Directory, Link, Regular, Symlink};
    for name in [&b"../invite"[..], b"/etc/cron.d/invite", b"./invite", b"a/invite", b"run.sh"] {
        assert!(refusal(&hostile(&[(Regular, name, b"x")])).contains("which no kit holds"), "{name:?}");
    }
    for kind in [Symlink, Link, Directory, EntryType::Fifo, EntryType::Char] {
        assert!(refusal(&hostile(&[(kind, b"invite", b"")])).contains("not an ordinary file"), "{kind:?}");
    }
    // A long-name header could rename the file that follows.
    let renamed =
        hostile(&[(EntryType::GNULongName, b"././@LongLink", b"../x\0"), (Regular, b"invite", b"x")]);
    assert!(refusal(&renamed).contains("which no kit holds"));
    let twice = hostile(&[(Regular, b"invite", b"a"), (Regular, b"invite", b"b")]);
    assert!(refusal(&twice).contains("twice"));
}

#[test]
fn bombs_and_garbage_are_refused() {
    let large = vec![b'a'; 70 << 10];
    assert!(refusal(&hostile(&[(EntryType::Regular, b"invite", &large)])).contains("more than 65536"));
    let bomb = vec![0; 64 << 20];
    let bytes = hostile(&[(EntryType::Regular, b"invite", &bomb)]);
    assert!(bytes.len() < 1 << 20, "a bomb is small");
    assert!(refusal(&bytes).contains("unpacks to more than"));
    assert!(refusal(b"no archive").contains("cannot be unpacked"));
    assert!(refusal(&hostile(&[])).contains("holds no participant.toml"));
}

#[test]
fn a_kit_that_brings_a_command_or_other_settings_is_refused() {
    let settings =
        b"name = \"x\"\ncoordinator = \"https://x\"\n[teachers]\ncount = 1\n[teacher]\nkind = \"command\"\n\
        command = [\"sh\"]\n";
    let bytes = hostile(&[(EntryType::Regular, b"participant.toml", settings)]);
    assert!(refusal(&bytes).contains("unknown field `teacher`"), "{}", refusal(&bytes));
}
