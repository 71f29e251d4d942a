#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn durations_are_gos() {
    let milliseconds = |text| parse_go_duration(text).map(|duration| duration.as_millis());
    for (text, wanted) in [
        ("5s", 5_000),
        ("1m30s", 90_000),
        ("300ms", 300),
        ("1.5h", 5_400_000),
        ("1h2m3.5s", 3_723_500),
        ("+2s", 2_000),
        ("0", 0),
        ("1500us", 1),
    ] {
        assert_eq!(milliseconds(text), Some(wanted), "{text}");
    }
    for text in ["", "5", "s", "-1s", "5 s", "1d", "1..5s", "1e400h"] {
        assert_eq!(milliseconds(text), None, "{text}");
    }
}

#[test]
fn null_options_are_no_options() {
    let config = TraceConfig::read(
        r#"{"tracer": null, "timeout": null, "tracerConfig": null, "enableMemory": null, "limit": null}"#,
    );
    let config = config.unwrap();
    assert_eq!(config.tracer, TraceConfig::default().tracer);
    assert_eq!(config.timeout, None);
    let named = TraceConfig::read(r#"{"tracer": "callTracer", "tracerConfig": null}"#).unwrap();
    assert_eq!(
        named.tracer,
        TracerOptions::Call(CallTracerOptions::default())
    );
}

#[test]
fn what_is_no_name_of_a_tracer_is_a_script() {
    let script = TraceConfig::read(r#"{"tracer": "{result: 1}", "tracerConfig": {"a": 1}}"#);
    assert_eq!(
        script.unwrap().tracer,
        TracerOptions::JavaScript {
            code: "{result: 1}".to_owned(),
            config: serde_json::json!({"a": 1}),
        }
    );
}

#[test]
fn bad_options_are_named() {
    for (json, problem) in [
        ("5", "a number where an object is expected"),
        (
            r#"{"enableMemory": 1}"#,
            "enableMemory: a number where true or false is expected",
        ),
        (
            r#"{"tracer": "callTracer", "tracerConfig": 5}"#,
            "tracerConfig: a number where an object is expected",
        ),
        (
            r#"{"tracer": "callTracer", "tracerConfig": {"withLog": "yes"}}"#,
            "withLog: a string where true or false is expected",
        ),
    ] {
        assert_eq!(TraceConfig::read(json).unwrap_err(), problem, "{json}");
    }
    let nested = r#"{"muxTracer": "#.repeat(6);
    let deep = format!(
        r#"{{"tracer": "muxTracer", "tracerConfig": {nested}{{}}{}}}"#,
        "}".repeat(6)
    );
    assert_eq!(
        TraceConfig::read(&deep).unwrap_err(),
        "tracerConfig: more than 4 muxTracers in one another"
    );
    assert_eq!(
        Types::read(r#"["all"]"#).unwrap_err(),
        r#""all" is no kind of trace; choose of "trace", "vmTrace", "stateDiff""#
    );
}
