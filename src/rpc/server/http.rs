//! HTTP as dev nodes speak it: `POST` on any path is JSON-RPC, whatever its `Content-Type`; each answer to a call is
//! status 200, errors included; pages of any origin may read it unless the config says otherwise.

use super::{
    super::{Allowed, jsonrpc, limits::Limits, metrics::Metrics},
    Shared,
    backup::{self, Answer},
    websocket,
};
use crate::{
    faults::{EdgeFault, Faults},
    seats::Seat,
};
use http_body_util::{BodyExt as _, Either, Full, LengthLimitError, Limited};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::{Body as _, Bytes, Incoming},
    header::{self, HeaderName, HeaderValue},
};
use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};
use tokio::sync::OwnedSemaphorePermit;

/// How long a browser may remember a preflight's answer, seconds.
const PREFLIGHT_SECONDS: HeaderValue = HeaderValue::from_static("600");
/// Where load balancers look.
const HEALTH: &str = "/healthz";
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const OPENMETRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
/// Entries that a node may be behind and still be called ready.
const READY_LAG_MAX: u64 = 100;
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// Answers one HTTP request.
pub(super) async fn respond(
    request: Request<Incoming>,
    caller: SocketAddr,
    shared: &Arc<Shared>,
    permit: Arc<OwnedSemaphorePermit>,
    seat: &Seat,
) -> Result<Response<Answer>, Infallible> {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let preflight = *request.method() == Method::OPTIONS;
    let wanted = request
        .headers()
        .get(header::ACCESS_CONTROL_REQUEST_HEADERS)
        .cloned();
    let is_backup = *request.method() == Method::GET
        && request.uri().path() == "/backup"
        && !websocket::is_upgrade(&request)
        && host_is_allowed(&request, &shared.hosts);
    let mut response = if is_backup {
        match backup::respond(request.headers(), caller, shared).await {
            Ok(response) => response,
            Err((status, sentence)) => {
                let line = Bytes::from(format!("{sentence}\n"));
                plain(status, line, Some(TEXT)).map(Either::Left)
            }
        }
    } else {
        route(request, shared, permit, seat).await.map(Either::Left)
    };
    let headers = response.headers_mut();
    if allow_origin(headers, origin, &shared.origins) && preflight {
        let methods = HeaderValue::from_static("POST, GET, OPTIONS");
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
        let wanted = wanted.unwrap_or(HeaderValue::from_static("content-type"));
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted);
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_SECONDS);
    }
    Ok(response)
}

/// Says which pages may read the answer; `false` if the asking one may not.
fn allow_origin(headers: &mut HeaderMap, origin: Option<HeaderValue>, allowed: &Allowed) -> bool {
    let name: HeaderName = header::ACCESS_CONTROL_ALLOW_ORIGIN;
    let Allowed::Only(list) = allowed else {
        headers.insert(name, HeaderValue::from_static("*"));
        return true;
    };
    headers.insert(header::VARY, HeaderValue::from_static("origin"));
    match origin {
        Some(origin) if list.iter().any(|one| one.as_bytes() == origin.as_bytes()) => {
            headers.insert(name, origin);
            true
        }
        _ => false,
    }
}

async fn route(
    request: Request<Incoming>,
    shared: &Arc<Shared>,
    permit: Arc<OwnedSemaphorePermit>,
    seat: &Seat,
) -> Response<Full<Bytes>> {
    if !host_is_allowed(&request, &shared.hosts) {
        return text(
            StatusCode::FORBIDDEN,
            "This Host is not allowed; add its name with `--allowed-hosts` or in the config.\n",
        );
    }
    let path = request.uri().path();
    if shared.endpoint.as_ref().is_some_and(|one| one != path) && path != HEALTH {
        return text(StatusCode::NOT_FOUND, "There is nothing at this path.\n");
    }
    match *request.method() {
        Method::POST => call(request, shared, seat).await,
        Method::OPTIONS => plain(StatusCode::OK, Bytes::new(), None),
        Method::GET if shared.websockets && websocket::is_upgrade(&request) => {
            if !page_is_allowed(&request, &shared.origins) {
                return text(StatusCode::FORBIDDEN, "This Origin is not allowed.\n");
            }
            let edge = shared.dispatcher.faults().and_then(Faults::edge);
            if edge == Some(EdgeFault::CloseWebSockets) {
                return text(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "This fault was asked for (cluster_rpcFault).\n",
                );
            }
            if !seat.rise() {
                return crowded();
            }
            websocket::upgrade(request, shared, permit)
        }
        Method::GET | Method::HEAD if request.uri().path() == HEALTH => {
            text(StatusCode::OK, "ok\n")
        }
        Method::GET | Method::HEAD if request.uri().path() == "/readyz" => ready(shared),
        Method::GET | Method::HEAD if request.uri().path() == "/metrics" => metrics(shared),
        Method::GET | Method::HEAD => text(
            StatusCode::BAD_REQUEST,
            "This is a JSON-RPC endpoint: POST a request, or open a WebSocket.\n",
        ),
        _ => {
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "Use POST.\n");
            let methods = HeaderValue::from_static("POST, GET, HEAD, OPTIONS");
            response.headers_mut().insert(header::ALLOW, methods);
            response
        }
    }
}

/// A whole body, or what is wrong with it.
async fn read_body(body: Incoming, limits: &Limits) -> Result<Bytes, Response<Full<Bytes>>> {
    let limit = limits.request_bytes;
    let too_large = || {
        plain(
            StatusCode::PAYLOAD_TOO_LARGE,
            Bytes::from(format!("The request is larger than {limit} bytes.\n")),
            Some(TEXT),
        )
    };
    // What its head says is enough.
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large());
    }
    let reading = Limited::new(body, limit).collect();
    match tokio::time::timeout(limits.idle, reading).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(text(
            StatusCode::BAD_REQUEST,
            "The body could not be read.\n",
        )),
        Err(_) => Err(text(
            StatusCode::REQUEST_TIMEOUT,
            "The body did not come in time.\n",
        )),
    }
}

/// To who was sent away in the moment in which it spoke.
fn crowded() -> Response<Full<Bytes>> {
    text(
        StatusCode::SERVICE_UNAVAILABLE,
        "There are too many connections.\n",
    )
}

async fn call(
    request: Request<Incoming>,
    shared: &Arc<Shared>,
    seat: &Seat,
) -> Response<Full<Bytes>> {
    let limits = &shared.dispatcher.context().limits;
    let body = match read_body(request.into_body(), limits).await {
        Ok(body) => body,
        Err(response) => return response,
    };
    if !seat.rise() {
        return crowded();
    }
    let response = answer(&body, shared).await;
    seat.wait();
    response
}

async fn answer(body: &Bytes, shared: &Arc<Shared>) -> Response<Full<Bytes>> {
    if let Some(faults) = shared.dispatcher.faults()
        && faults.hold_clients()
        && !jsonrpc::is_call_of(body, "cluster_")
    {
        faults.answering().await;
        if let Some(EdgeFault::Status(status)) = faults.edge() {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
            return text(status, "This fault was asked for (cluster_rpcFault).\n");
        }
    }
    let answer = shared.dispatcher.answer(body, None).await;
    plain(
        StatusCode::OK,
        answer.unwrap_or_default().into(),
        Some(JSON),
    )
}

/// Whether the node can answer reads and take writes: it knows a leader and is not far behind it.
fn ready(shared: &Shared) -> Response<Full<Bytes>> {
    let status = shared.dispatcher.context().backend.status();
    let lag = status.commit_index.saturating_sub(status.applied_index);
    if status.leader.is_none() {
        text(StatusCode::SERVICE_UNAVAILABLE, "no leader is known\n")
    } else if lag > READY_LAG_MAX {
        text(StatusCode::SERVICE_UNAVAILABLE, "catching up\n")
    } else {
        text(StatusCode::OK, "ready\n")
    }
}

fn metrics(shared: &Shared) -> Response<Full<Bytes>> {
    let metrics = shared.dispatcher.context().metrics.as_ref();
    match metrics.map(Metrics::page) {
        Some(Ok(page)) => plain(StatusCode::OK, page.into(), Some(OPENMETRICS)),
        _ => text(StatusCode::NOT_FOUND, "This server keeps no metrics.\n"),
    }
}

fn text(status: StatusCode, sentence: &'static str) -> Response<Full<Bytes>> {
    plain(status, Bytes::from_static(sentence.as_bytes()), Some(TEXT))
}

fn plain(status: StatusCode, body: Bytes, kind: Option<HeaderValue>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    if let Some(kind) = kind {
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    response
}

fn host_is_allowed(request: &Request<Incoming>, allowed: &Allowed) -> bool {
    let Allowed::Only(list) = allowed else {
        return true;
    };
    let host = request.headers().get(header::HOST);
    let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host_name(host);
    // A rebound name is a name: whoever gives an address, or nothing as plain scripts do, is no page of another origin.
    name.is_empty()
        || name.parse::<IpAddr>().is_ok()
        || list.iter().any(|one| one.eq_ignore_ascii_case(name))
}

/// The name in `name:port` or `[address]:port`.
pub(super) fn host_name(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next().unwrap_or(rest);
    }
    host.split(':').next().unwrap_or(host)
}

/// CORS does not guard a WebSocket: the server itself must look at the page.
fn page_is_allowed(request: &Request<Incoming>, allowed: &Allowed) -> bool {
    let Allowed::Only(list) = allowed else {
        return true;
    };
    request
        .headers()
        .get(header::ORIGIN)
        .is_none_or(|origin| list.iter().any(|one| one.as_bytes() == origin.as_bytes()))
}

#[cfg(test)]
mod tests;
