//! JSON-RPC over one kept-alive HTTP/1.1 connection, with as little of its own as can be: tests want to see what the
//! server sends, and benchmarks must not measure the client. Never sends a request twice.

use serde_json::{Value, json};
use std::{fmt, io, net::SocketAddr};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};

/// Why a call has no result.
#[derive(Debug)]
pub(crate) enum CallError {
    /// The node could not be reached, or went away before it answered.
    Connection(io::Error),
    /// It answered with another status of HTTP than 200.
    Status(u16),
    /// It answered with an error.
    Refused {
        code: i64,
        message: String,
        data: Value,
    },
}

impl CallError {
    /// The code of an answered error.
    pub(crate) fn code(&self) -> Option<i64> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            Self::Connection(_) | Self::Status(_) => None,
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection(error) => write!(f, "connection: {error}"),
            Self::Status(status) => write!(f, "HTTP status {status}"),
            Self::Refused {
                code,
                message,
                data,
            } => write!(f, "{code} {message} {data}"),
        }
    }
}

impl std::error::Error for CallError {}

impl From<io::Error> for CallError {
    fn from(error: io::Error) -> Self {
        Self::Connection(error)
    }
}

/// One connection to one node.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    host: SocketAddr,
    last_id: u64,
    /// Of the last response.
    status: u16,
    line: String,
}

impl Connection {
    /// Connects.
    pub(crate) async fn open(host: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(host).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufReader::with_capacity(64 * 1024, stream),
            host,
            last_id: 0,
            status: 0,
            line: String::new(),
        })
    }

    /// Calls a method.
    pub(crate) async fn call(&mut self, method: &str, params: Value) -> Result<Value, CallError> {
        self.last_id += 1;
        let body =
            json!({"jsonrpc": "2.0", "id": self.last_id, "method": method, "params": params})
                .to_string();
        let reply = self.post(&body).await?;
        if self.status != 200 {
            return Err(CallError::Status(self.status));
        }
        let mut reply: Value = serde_json::from_slice(&reply).map_err(io::Error::other)?;
        if let Some(error) = reply.get_mut("error").filter(|error| !error.is_null()) {
            return Err(CallError::Refused {
                code: error["code"].as_i64().unwrap_or_default(),
                message: error["message"].as_str().unwrap_or_default().to_owned(),
                data: error["data"].take(),
            });
        }
        Ok(reply["result"].take())
    }

    /// Posts a body as it is; answers the body of the response, whatever its status.
    pub(crate) async fn post(&mut self, body: &str) -> io::Result<Vec<u8>> {
        let request = format!(
            "POST / HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.host,
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes()).await?;
        self.read_line().await?;
        let status = self.line.split_ascii_whitespace().nth(1);
        self.status = status.and_then(|it| it.parse().ok()).unwrap_or_default();
        let (mut length, mut is_chunked) = (0, false);
        loop {
            self.read_line().await?;
            let Some((name, value)) = self.line.split_once(':') else {
                break;
            };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().map_err(io::Error::other)?;
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                is_chunked = value.trim().eq_ignore_ascii_case("chunked");
            }
        }
        if is_chunked {
            self.read_chunks().await
        } else {
            self.read_bytes(length).await
        }
    }

    async fn read_line(&mut self) -> io::Result<()> {
        self.line.clear();
        if self.stream.read_line(&mut self.line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    async fn read_bytes(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes).await?;
        Ok(bytes)
    }

    async fn read_chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            self.read_line().await?;
            let length = usize::from_str_radix(self.line.trim(), 16).map_err(io::Error::other)?;
            let chunk = self.read_bytes(length).await?;
            self.read_line().await?;
            if length == 0 {
                return Ok(body);
            }
            body.extend(chunk);
        }
    }
}
