//! The page names tests and bugs that exist.

use std::{fs, path::Path};

fn sources(folder: &Path, out: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let is_build = path.ends_with("target") || path.ends_with("node_modules");
        if path.is_dir() && !is_build {
            sources(&path, out);
        } else if path.extension().is_some_and(|it| it == "rs") {
            out.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn what_it_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = String::new();
    sources(&root.join("src"), &mut all);
    sources(&root.join("tests"), &mut all);
    let bugs = include_str!("../planted.rs");
    let page = include_str!("../guarantees.rs");
    let mut count = 0;
    for row in page.lines().filter(|line| line.starts_with("//! | **")) {
        for name in row.split('`').skip(1).step_by(2) {
            let exists = if name.contains('/') {
                root.join(name).exists()
            } else if let Some((_, test)) = name.rsplit_once("::") {
                ["fn", "mod"].iter().any(|kind| {
                    all.contains(&format!("{kind} {test}("))
                        || all.contains(&format!("{kind} {test};"))
                })
            } else if name.starts_with(char::is_uppercase) {
                bugs.contains(&format!("    {name},\n"))
            } else {
                name == "latest" || all.contains(&format!("\"{name}\""))
            };
            assert!(exists, "`{name}` is not there");
            count += 1;
        }
    }
    assert!(count > 30, "{count}");
}
