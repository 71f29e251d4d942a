use super::*;

#[test]
fn the_name_of_a_host() {
    for (host, name) in [
        ("localhost:8545", "localhost"),
        ("localhost", "localhost"),
        ("127.0.0.1:1", "127.0.0.1"),
        ("[::1]:8545", "::1"),
        ("", ""),
    ] {
        assert_eq!(host_name(host), name);
    }
}

#[test]
fn pages_are_told_what_they_may_read() {
    let origin = |name: &'static str| Some(HeaderValue::from_static(name));
    let only = Allowed::Only(vec!["http://good.example".to_owned()]);
    for (allowed, asking, expected) in [
        (&Allowed::Any, origin("http://any.example"), Some("*")),
        (&Allowed::Any, None, Some("*")),
        (
            &only,
            origin("http://good.example"),
            Some("http://good.example"),
        ),
        (&only, origin("http://bad.example"), None),
        (&only, None, None),
    ] {
        let mut headers = HeaderMap::new();
        assert_eq!(
            allow_origin(&mut headers, asking, allowed),
            expected.is_some()
        );
        let value = headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN);
        assert_eq!(value.and_then(|v| v.to_str().ok()), expected);
    }
}
