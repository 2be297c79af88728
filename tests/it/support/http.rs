//! HTTP by hand, byte for byte: what a client library would hide is what these tests are about.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::settings::TOKEN;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// One connection, on which requests can follow each other.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

/// No answer of the gateway takes this long in any test.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).await.unwrap(), read: Vec::new() }
    }

    pub(crate) async fn try_open(address: SocketAddr) -> std::io::Result<Self> {
        Ok(Self { stream: TcpStream::connect(address).await?, read: Vec::new() })
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    pub(crate) async fn try_send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Says that nothing more will be sent.
    pub(crate) async fn close_half(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// The next whole response; `None` when the connection ends before one.
    pub(crate) async fn receive(&mut self) -> Option<Response> {
        timeout(ANSWER_WITHIN, self.read_response()).await.expect("no answer in time")
    }

    async fn read_response(&mut self) -> Option<Response> {
        let head = loop {
            if let Some(end) = self.read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end;
            }
            self.fill().await?;
        };
        let text = String::from_utf8(self.read[..head].to_vec()).unwrap();
        let mut lines = text.lines();
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
            .collect();
        let mut response = Response { status, headers, body: String::new() };
        let length = response.header("content-length").map_or(0, |length| length.parse().unwrap());
        while self.read.len() < head + 4 + length {
            self.fill().await?;
        }
        let rest = self.read.split_off(head + 4 + length);
        let whole = std::mem::replace(&mut self.read, rest);
        response.body = String::from_utf8(whole[head + 4..].to_vec()).unwrap();
        Some(response)
    }

    async fn fill(&mut self) -> Option<()> {
        match self.stream.read_buf(&mut self.read).await {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(()),
        }
    }
}

/// A request with these header lines.
pub(crate) fn request(method: &str, path: &str, headers: &[&str], body: &str) -> Vec<u8> {
    let headers: String = headers.iter().flat_map(|line| [*line, "\r\n"]).collect();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// The bytes of a good webhook request.
pub(crate) fn webhook(body: &str) -> Vec<u8> {
    request("POST", "/webhooks/auth0", &[&format!("Authorization: Bearer {TOKEN}")], body)
}

/// The same, as the last one of its connection.
pub(crate) fn webhook_and_close(body: &str) -> Vec<u8> {
    let bearer = format!("Authorization: Bearer {TOKEN}");
    request("POST", "/webhooks/auth0", &[&bearer, "Connection: close"], body)
}

/// Posts a webhook on a connection of its own.
pub(crate) async fn post(address: SocketAddr, body: &str) -> Response {
    send(address, &webhook(body)).await
}

pub(crate) async fn get(address: SocketAddr, path: &str) -> Response {
    send(address, &request("GET", path, &[], "")).await
}

/// Sends a request on a connection of its own.
pub(crate) async fn send(address: SocketAddr, request: &[u8]) -> Response {
    let mut connection = Connection::open(address).await;
    connection.send(request).await;
    connection.receive().await.expect("the connection ended without an answer")
}
