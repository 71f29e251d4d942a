//! The mark.

#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn the_mark_outlives_who_set_it() {
    let folder = tempfile::tempdir().unwrap();
    let mark = || FileMark::new(folder.path());
    assert!(!mark().is_set());
    mark().set(false).unwrap();
    mark().set(true).unwrap();
    mark().set(true).unwrap();
    assert!(mark().is_set());
    mark().set(false).unwrap();
    assert!(!mark().is_set());
    assert!(
        FileMark::new(&folder.path().join("nowhere"))
            .set(true)
            .is_err()
    );
}
