#![allow(clippy::unwrap_used)]

use super::*;

fn cut(pieces: &[&str]) -> Vec<String> {
    let mut values = Values::new(1_000);
    let mut found = Vec::new();
    for piece in pieces {
        values.buffer.extend_from_slice(piece.as_bytes());
        while let Some(value) = values.next() {
            found.push(String::from_utf8(value).unwrap());
        }
    }
    found
}

#[test]
fn values_end_with_their_last_bracket_however_the_bytes_come() {
    assert_eq!(
        cut(&[r#"{"a":1}{"b":[2]}"#]),
        [r#"{"a":1}"#, r#"{"b":[2]}"#]
    );
    assert_eq!(
        cut(&[r#"{"a""#, ":", "1}", "\n  ", "[1,", "2]"]),
        [r#"{"a":1}"#, "[1,2]"]
    );
    let tricky = r#"{"a":"}\"]{","b":"\\"}"#;
    for split in 0..tricky.len() {
        assert_eq!(cut(&[&tricky[..split], &tricky[split..]]), [tricky]);
    }
    assert_eq!(
        cut(&["nonsense\n", r#"{"a":1}"#]),
        ["nonsense\n", r#"{"a":1}"#]
    );
    assert_eq!(cut(&["}", "{}"]), ["}", "{}"]);
    assert!(cut(&[r#"{"a": [1, 2"#]).is_empty());
}

#[tokio::test]
async fn a_file_left_by_a_crash_is_replaced_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("one.ipc");
    // As a crash does: the listener goes, the file stays.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let (listener, file) = bind(&path).unwrap();
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(bind(&path).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    drop((listener, file));
    assert!(!path.exists());
    fs::write(&path, "precious").unwrap();
    assert_eq!(
        bind(&path).unwrap_err().kind(),
        io::ErrorKind::AlreadyExists
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
}
