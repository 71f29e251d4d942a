#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn what_nobody_locks_is_left_over_and_goes() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let held = Instance::hold(&path("alive.json"), vec!["http://127.0.0.1:1".to_owned()]).unwrap();
    let crashed = Instance::hold(&path("crashed.json"), Vec::new()).unwrap();
    // As a crash does: the lock goes, the file stays.
    crashed.forget_file();
    fs::write(path("crashed.log"), "said").unwrap();
    fs::write(path("broken.json"), "{").unwrap();
    fs::write(path("other.txt"), "").unwrap();
    let found = running(folder.path()).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].0, "alive");
    assert_eq!(found[0].1.pid, std::process::id());
    assert_eq!(found[0].1.rpc, ["http://127.0.0.1:1"]);
    assert!(!path("crashed.json").exists() && !path("crashed.log").exists());
    assert!(!path("broken.json").exists() && path("other.txt").exists());
    drop(held);
    assert!(!path("alive.json").exists());
    assert!(running(folder.path()).unwrap().is_empty());
}

#[test]
fn an_unknown_name_is_refused_and_names_are_free() {
    let folder = tempfile::tempdir().unwrap();
    let printer = Printer::with_outputs(
        Format::Quiet,
        crate::telemetry::Style::default(),
        io::sink(),
        io::sink(),
    );
    let error = stop(folder.path(), "no_such", &printer).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no instance named `no_such` is running; `praline instances list` shows those that are"
    );
    let name = free_name(folder.path()).unwrap();
    assert_eq!(name.split('_').count(), 2, "{name}");
}

#[test]
fn uptimes_and_last_lines() {
    for (seconds, text) in [
        (5, "5s"),
        (65, "1m 5s"),
        (7300, "2h 1m"),
        (180_000, "2d 2h"),
    ] {
        assert_eq!(uptime(seconds), text);
    }
    let text: Vec<String> = (0..30).map(|line| line.to_string()).collect();
    let text = text.join("\n");
    assert!(last_lines(&text).starts_with("10\n") && last_lines(&text).ends_with("29"));
}
