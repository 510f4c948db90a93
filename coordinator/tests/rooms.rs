//! The rooms of this crate, its top-level modules, import each other in one direction only.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::Result;

/// Which room imports which, and in which file that is seen.
type Arrows = BTreeMap<String, BTreeMap<String, PathBuf>>;

/// Returns the rooms that a source text names by paths that begin with `root`, such as `crate::`.
fn named<'a>(text: &'a str, root: &str) -> BTreeSet<&'a str> {
    let word = |text: &'a str| {
        let text = text.trim_start();
        let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
        &text[..end]
    };
    let mut rooms = BTreeSet::new();
    for (at, _) in text.match_indices(root) {
        let is_whole = !text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
        let rest = &text[at + root.len()..];
        match rest.strip_prefix('{') {
            _ if !is_whole => {}
            None => drop(rooms.insert(word(rest))),
            Some(group) => {
                let mut depth = 1_u32;
                rooms.insert(word(group));
                for (place, c) in group.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' => depth -= 1,
                        ',' if depth == 1 => drop(rooms.insert(word(&group[place + 1..]))),
                        _ => {}
                    }
                    if depth == 0 {
                        break;
                    }
                }
            }
        }
    }
    rooms.remove("");
    rooms
}

/// Adds the imports of every source file below a folder; tests may import what they like.
fn read(folder: &Path, room: Option<&str>, arrows: &mut Arrows) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let of = room.unwrap_or(stem);
        if path.is_dir() {
            read(&path, Some(of), arrows)?;
        } else if stem != "tests" && path.extension().is_some_and(|ending| ending == "rs") {
            let is_root = room.is_none() && ["lib", "main"].contains(&stem);
            if is_root {
                continue;
            }
            let text = fs::read_to_string(&path)?;
            let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
            let mut rooms = named(&code, "crate::");
            // Above the module of a room lies the crate.
            if room.is_none()
                || (stem == "mod" && path.parent().and_then(Path::file_name) == Some(of.as_ref()))
            {
                rooms.extend(named(&code, "super::"));
            }
            let others = rooms.into_iter().filter(|other| *other != of);
            arrows.entry(of.to_owned()).or_default().extend(others.map(|o| (o.to_owned(), path.clone())));
        }
    }
    Ok(())
}

/// Returns a circle, if there is one: rooms of which each imports the next, and the last the first.
fn circle(arrows: &Arrows) -> Option<Vec<String>> {
    fn walk(arrows: &Arrows, room: &str, way: &mut Vec<String>, done: &mut BTreeSet<String>) -> bool {
        if let Some(place) = way.iter().position(|passed| passed == room) {
            way.drain(..place);
            return true;
        }
        if done.contains(room) {
            return false;
        }
        way.push(room.to_owned());
        let is_circle = arrows.get(room).into_iter().flatten().any(|(next, _)| walk(arrows, next, way, done));
        if !is_circle {
            way.pop();
            done.insert(room.to_owned());
        }
        is_circle
    }
    let mut done = BTreeSet::new();
    arrows.keys().find_map(|room| {
        let mut way = Vec::new();
        walk(arrows, room, &mut way, &mut done).then_some(way)
    })
}

fn sources() -> Result<Arrows> {
    let mut arrows = Arrows::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), None, &mut arrows)?;
    Ok(arrows)
}

#[test]
fn no_circle_of_imports_crosses_a_room() -> Result<()> {
    let arrows = sources()?;
    if let Some(way) = circle(&arrows) {
        let next = way.iter().cycle().skip(1);
        let seen: Vec<String> = way
            .iter()
            .zip(next)
            .map(|(room, next)| format!("{room} → {next} ({})", arrows[room][next].display()))
            .collect();
        panic!("rooms that import each other:\n{}", seen.join("\n"));
    }
    // What was read is the crate, and not an empty folder.
    for (room, lower) in [("api", "http"), ("watch", "rounds"), ("rounds", "app"), ("app", "storage")] {
        assert!(arrows[room].contains_key(lower), "{room} no longer imports {lower}");
    }
    Ok(())
}

#[test]
fn rules_lie_below_transport() -> Result<()> {
    let arrows = sources()?;
    let transport = ["api", "dashboard", "http", "serve", "cli"];
    for room in ["app", "metrics", "rounds", "storage", "tally", "watch"] {
        for above in transport {
            assert!(!arrows[room].contains_key(above), "{room} imports {above}");
        }
    }
    for (room, other) in [("api", "dashboard"), ("dashboard", "api"), ("http", "api"), ("http", "dashboard")]
    {
        assert!(!arrows[room].contains_key(other), "{room} imports {other}");
    }
    Ok(())
}

#[test]
fn imports_are_found_in_every_form_and_circles_too() {
    let text = "use crate::app::App;\nuse crate::{config::{Settings, tls}, rounds, watch::{self}};\n\
                fn f() -> crate::storage::Row {} pub(in crate::dashboard) use other_crate::cli; macrate::x";
    let expected = ["app", "config", "dashboard", "rounds", "storage", "watch"];
    assert_eq!(named(text, "crate::").into_iter().collect::<Vec<_>>(), expected);

    let arrows = |pairs: &[(&str, &str)]| {
        let mut arrows = Arrows::new();
        for (room, other) in pairs {
            arrows.entry((*room).to_owned()).or_default().insert((*other).to_owned(), PathBuf::new());
        }
        arrows
    };
    assert_eq!(circle(&arrows(&[("a", "b"), ("b", "c"), ("a", "c")])), None);
    let round = circle(&arrows(&[("a", "b"), ("b", "c"), ("c", "d"), ("d", "b")]));
    assert_eq!(round, Some(["b", "c", "d"].map(str::to_owned).to_vec()));
}
