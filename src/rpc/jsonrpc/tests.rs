#![allow(clippy::unwrap_used)]
use super::*;
use jsonrpsee::{ResponsePayload, types::Id};

fn success(json: Json) -> MethodResponse {
    MethodResponse::response(Id::Null, ResponsePayload::success(json), 100)
}

fn single(text: &str) -> Result<Request<'_>, Malformed<'_>> {
    match parse(text.as_bytes(), 10).unwrap() {
        Message::Single(request) => request,
        Message::Batch(_) => panic!("{text} is no batch"),
    }
}

#[test]
fn ids_keep_their_text() {
    for id in [
        "1",
        "-1",
        "1.5",
        "null",
        r#""a\u0062""#,
        "123456789012345678901234567890",
        "1e3",
    ] {
        let text = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"m","params":[]}}"#);
        assert_eq!(single(&text).unwrap().id, Some(id), "{text}");
    }
    assert_eq!(
        single(r#"{"jsonrpc":"2.0","method":"m"}"#).unwrap().id,
        None
    );
}

#[test]
fn tolerant_where_clients_are_sloppy() {
    let request = single(r#" {"id":1,"method":"m","x":[{}],"params":null} "#).unwrap();
    assert_eq!(
        (request.method.as_ref(), request.params),
        ("m", Some("null"))
    );
}

#[test]
fn malformed_calls_are_invalid_requests() {
    let cases = [
        (r#"{"jsonrpc":"2.0","id":3}"#, Some("3")),
        (r#"{"jsonrpc":"2.0","id":3,"method":7}"#, Some("3")),
        (r#"{"jsonrpc":"1.0","id":3,"method":"m"}"#, Some("3")),
        (r#"{"jsonrpc":"2.0","id":{},"method":"m"}"#, None),
        (r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"m"}"#, None),
        ("1", None),
        (r#""text""#, None),
    ];
    for (text, id) in cases {
        let malformed = single(text).unwrap_err();
        assert_eq!(
            (malformed.error.code(), malformed.id),
            (-32600, id),
            "{text}"
        );
    }
}

#[test]
fn broken_json_and_bad_batches() {
    for (text, code) in [
        (r#"{"jsonrpc":"2.0","id":1,"#, -32700),
        ("", -32700),
        ("   ", -32700),
        ("[1,", -32700),
        ("[]", -32600),
        (" [ ] ", -32600),
        ("[1,2,3,4,5,6,7,8,9,10,11]", -32600),
    ] {
        assert_eq!(
            parse(text.as_bytes(), 10).unwrap_err().code(),
            code,
            "{text}"
        );
    }
    assert_eq!(parse(&[0xff], 10).unwrap_err().code(), -32700);
}

#[test]
fn a_batch_keeps_good_and_bad_calls_in_order() {
    let Message::Batch(entries) =
        parse(br#"[{"id":1,"method":"a"},7,{"method":"b"}]"#, 10).unwrap()
    else {
        panic!("a batch");
    };
    assert_eq!(entries[0].as_ref().unwrap().method, "a");
    assert_eq!(entries[1].as_ref().unwrap_err().error.code(), -32600);
    assert_eq!(entries[2].as_ref().unwrap().id, None);
}

#[test]
fn answers_are_framed() {
    let mut out = Vec::new();
    write_answer(&mut out, "-7", &success(Json::null()));
    assert_eq!(out, br#"{"jsonrpc":"2.0","id":-7,"result":null}"#);
    out.clear();
    write_answer(
        &mut out,
        "null",
        &MethodResponse::error(Id::Null, RpcError::invalid_request("empty batch")),
    );
    assert_eq!(
        std::str::from_utf8(&out).unwrap(),
        r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"empty batch"}}"#
    );
    out.clear();
    write_notification(&mut out, "0x1", &Json::null());
    assert_eq!(
        std::str::from_utf8(&out).unwrap(),
        r#"{"jsonrpc":"2.0","method":"eth_subscription","params":{"subscription":"0x1","result":null}}"#
    );
}
