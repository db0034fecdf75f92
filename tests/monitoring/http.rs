//! HTTP on loopback, as little as the tests need: a request that waits for its answer, a server of one text, and a port that is free.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

/// A port that nothing listens on. Another process may take it, which no test has seen.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The body of the answer; none where nothing answers, or not with 200.
pub fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    // 1.0 has no chunks.
    write!(stream, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.lines().next()?.contains(" 200 ").then(|| body.to_owned())
}

/// The result of a query, at one moment or over a time.
pub fn query(port: u16, query: &str, range: Option<(f64, f64)>) -> Vec<Value> {
    let encoded: String = query.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let path = match range {
        None => format!("/api/v1/query?query={encoded}"),
        Some((start, end)) => {
            format!("/api/v1/query_range?query={encoded}&start={start}&end={end}&step=1")
        }
    };
    let body = get(port, &path).unwrap_or_else(|| panic!("no answer to {query}"));
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(answer["status"], "success", "{query}: {body}");
    answer["data"]["result"].as_array().unwrap().clone()
}

/// Serves one text with this type until the tests end; returns the port.
pub fn serve(text: String, kind: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let head = BufReader::new(stream.try_clone().unwrap()).lines();
            head.map_while(Result::ok).take_while(|line| !line.is_empty()).for_each(drop);
            let length = text.len();
            let _ = write!(
                stream,
                "HTTP/1.0 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{text}"
            );
        }
    });
    port
}
