//! A server in this process, and a client that can be as odd as it likes.

// Each test file uses its own part of this module.
#![allow(dead_code)]

use image::{ImageFormat, Rgb, RgbImage};
use kmax_server::{Limits, Server, Settings, Stopper};
use serde_json::Value;
use std::io::{Cursor, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Longer than anything takes.
pub const LONG: Duration = Duration::from_secs(60);

/// A server that runs until it is dropped.
pub struct Running {
    pub address: SocketAddr,
    pub stopper: Stopper,
    thread: Option<JoinHandle<kmax_server::Result<()>>>,
}

impl Running {
    /// With the built-in model.
    pub fn new(change: impl FnOnce(&mut Settings)) -> Self {
        let model = kmax_model::Segmenter::builder("kmax-people").threads(1).build().expect("a model");
        Self::of(model, change)
    }

    /// With another model.
    pub fn of(model: kmax_model::Segmenter, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::new(([127, 0, 0, 1], 0).into());
        change(&mut settings);
        let server = Server::bind(settings, vec![("people".into(), model)]).expect("bound");
        let (address, stopper) = (server.address(), server.stopper());
        Self { address, stopper, thread: Some(std::thread::spawn(move || server.run())) }
    }

    pub fn with_limits(change: impl FnOnce(&mut Limits)) -> Self {
        Self::new(|settings| change(&mut settings.limits))
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("connected");
        stream.set_read_timeout(Some(LONG)).expect("set");
        stream
    }

    /// One request on a connection of its own.
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut stream = self.connect();
        // It may be refused before it is read.
        let _ = stream.write_all(&request(method, path, headers, body));
        Answer::read(stream)
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], b"")
    }

    pub fn post(&self, path: &str, body: &[u8]) -> Answer {
        self.ask("POST", path, &[], body)
    }

    /// A number of `/metrics`.
    pub fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").text();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name}: {text}")).parse().expect("a number")
    }

    /// Waits until a number is what it should be.
    #[track_caller]
    pub fn wait_for(&self, name: &str, fits: impl Fn(f64) -> bool) {
        let begun = Instant::now();
        while !fits(self.metric(name)) {
            assert!(begun.elapsed() < LONG, "{name} is {}", self.metric(name));
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Stops it and waits for its end.
    pub fn stop(&mut self) {
        self.stopper.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().expect("no panic").expect("a clean end");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stopper.stop();
    }
}

/// The bytes of a request.
pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += &format!("Content-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// What a server said before it closed the connection.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn read(mut stream: TcpStream) -> Self {
        let mut bytes = Vec::new();
        let end = stream.read_to_end(&mut bytes);
        let split = memchr::memmem::find(&bytes, b"\r\n\r\n");
        let split =
            split.unwrap_or_else(|| panic!("no answer: {end:?} {:?}", String::from_utf8_lossy(&bytes)));
        let head = String::from_utf8_lossy(&bytes[..split]).to_ascii_lowercase();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Self { status, head, body: bytes[split + 4..].to_vec() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {} {}", self.head, self.text()))
    }

    /// Asserts that it is a problem of that status and kind whose detail holds `part`.
    #[track_caller]
    pub fn fails(&self, status: u16, kind: &str, part: &str) {
        let problem = self.json();
        assert_eq!((self.status, problem["status"].as_u64()), (status, Some(status.into())), "{problem}");
        assert_eq!(
            (problem["kind"].as_str(), &problem["type"]),
            (Some(kind), &"about:blank".into()),
            "{problem}"
        );
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(part)), "{part}: {problem}");
    }
}

/// The repository's photo of a person.
pub fn astronaut() -> Vec<u8> {
    std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/images/astronaut.png")).expect("read")
}

/// A PNG with something in it.
pub fn picture(width: u32, height: u32) -> Vec<u8> {
    let image = RgbImage::from_fn(width, height, |x, y| {
        Rgb([(x * 5 % 256) as u8, (x / 9 + y / 7) as u8, (y * 3 % 256) as u8])
    });
    let mut bytes = Vec::new();
    image.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png).expect("encoded");
    bytes
}

/// A form with files.
pub fn form(photos: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (file, photo) in photos {
        let head =
            format!("--xyz\r\nContent-Disposition: form-data; name=\"image\"; filename=\"{file}\"\r\n\r\n");
        body.extend([head.as_bytes(), photo, b"\r\n"].concat());
    }
    body.extend(b"--xyz--\r\n");
    body
}

/// Its media type.
pub const FORM: (&str, &str) = ("Content-Type", "multipart/form-data; boundary=xyz");
