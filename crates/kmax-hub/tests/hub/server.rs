//! A Hub of the test's own, on a local port: it answers as the real one does, and fails as told.

use sha2::Digest;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
pub const NEXT_COMMIT: &str = "89abcdef0123456789abcdef0123456789abcdef";
pub const TOKEN: &str = "hf_right";

/// What goes wrong with one request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// This status, with these headers.
    Status(u16, &'static [&'static str]),
    /// The connection ends after so many bytes of the body.
    CutAfter(usize),
    /// The whole file, whatever range was asked for.
    IgnoreRange,
    /// One byte of the body differs.
    FlipByte,
    /// More bytes than announced, in chunks.
    TooLong,
    /// A redirect there.
    Redirect(&'static str),
    /// A page for people in place of the file.
    Page(&'static str),
    /// An endless body that announces no size.
    Endless,
}

#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub host: String,
    pub headers: BTreeMap<String, String>,
}

/// What the server holds and what it has been asked.
pub struct State {
    /// Commit of each branch.
    pub branches: BTreeMap<String, String>,
    /// Contents by name; those of `.safetensors`, `.pth` and `.bin` are large files, kept elsewhere.
    pub files: BTreeMap<String, Vec<u8>>,
    /// The repository that there is.
    pub repo: String,
    /// Whether a token is needed.
    pub private: bool,
    /// Sent instead of the checksum of large files.
    pub etag: Option<String>,
    /// For the next request whose `METHOD path` contains the text.
    pub faults: Vec<(&'static str, Fault)>,
    pub requests: Vec<Request>,
}

pub struct Server {
    pub port: u16,
    pub state: Arc<Mutex<State>>,
}

impl Server {
    pub fn start(files: &[(&str, &[u8])]) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let state = Arc::new(Mutex::new(State {
            branches: BTreeMap::from([("main".into(), COMMIT.into())]),
            files: files.iter().map(|(name, bytes)| (name.to_string(), bytes.to_vec())).collect(),
            repo: "owner/name".into(),
            private: false,
            etag: None,
            faults: Vec::new(),
            requests: Vec::new(),
        }));
        let shared = state.clone();
        // Ends with the process: connections are few.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = shared.clone();
                // A client that hangs up is its own affair.
                std::thread::spawn(move || answer(stream, port, &state).ok());
            }
        });
        Ok(Self { port, state })
    }

    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().expect("no test thread panicked"));
    }

    pub fn fault(&self, request: &'static str, fault: Fault) {
        self.set(|state| state.faults.push((request, fault)));
    }

    /// The requests so far, forgotten here.
    pub fn take_requests(&self) -> Vec<Request> {
        std::mem::take(&mut self.state.lock().expect("no test thread panicked").requests)
    }
}

struct Reply {
    status: u16,
    headers: Vec<String>,
    body: Vec<u8>,
}

fn reply(status: u16, headers: &[String], body: &[u8]) -> Reply {
    Reply { status, headers: headers.to_vec(), body: body.to_vec() }
}

fn answer(stream: TcpStream, port: u16, state: &Mutex<State>) -> Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace().map(str::to_string);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim().split_once(':') {
            Some((name, value)) => headers.insert(name.to_ascii_lowercase(), value.trim().to_string()),
            None => break,
        };
    }
    let host = headers.get("host").cloned().unwrap_or_default();
    let request = Request { method, path, host, headers };
    let (fault, mut reply) = {
        let mut state = state.lock().expect("no test thread panicked");
        state.requests.push(request.clone());
        let text = format!("{} {}", request.method, request.path);
        let place = state.faults.iter().position(|(part, _)| text.contains(part));
        let fault = place.map(|place| state.faults.remove(place).1);
        let reply = route(&state, port, &request, matches!(fault, Some(Fault::IgnoreRange)));
        (fault, reply)
    };
    let mut sent = None;
    match fault {
        Some(Fault::Status(status, headers)) => {
            let headers: Vec<_> = headers.iter().map(|h| h.to_string()).collect();
            reply = self::reply(status, &headers, b"<html>an error page, not the file</html>");
        }
        Some(Fault::Redirect(to)) => reply = self::reply(302, &[format!("Location: {to}")], b""),
        Some(Fault::FlipByte) => {
            if let Some(byte) = reply.body.last_mut() {
                *byte ^= 1;
            }
        }
        Some(Fault::CutAfter(bytes)) => sent = Some(bytes),
        Some(Fault::TooLong) => {
            reply.headers.push("Transfer-Encoding: chunked".into());
            let body = [&reply.body[..], b"more"].concat();
            reply.body = format!("{:x}\r\n", body.len()).into_bytes();
            reply.body.extend(body);
            reply.body.extend(b"\r\n0\r\n\r\n");
        }
        Some(Fault::Page(html)) => {
            reply = self::reply(200, &["Content-Type: text/html; charset=utf-8".into()], html.as_bytes());
        }
        Some(Fault::Endless) => return endless(stream, &reply),
        Some(Fault::IgnoreRange) | None => {}
    }
    let mut stream = stream;
    write!(stream, "HTTP/1.1 {} Whatever\r\nConnection: close\r\n", reply.status)?;
    for header in &reply.headers {
        write!(stream, "{header}\r\n")?;
    }
    if !reply.headers.iter().any(|header| header.starts_with("Transfer-Encoding")) {
        write!(stream, "Content-Length: {}\r\n", reply.body.len())?;
    }
    write!(stream, "\r\n")?;
    if request.method != "HEAD" {
        stream.write_all(&reply.body[..sent.unwrap_or(reply.body.len()).min(reply.body.len())])?;
    }
    stream.flush()
}

fn endless(mut stream: TcpStream, reply: &Reply) -> Result<()> {
    write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n")?;
    for header in reply.headers.iter().filter(|header| !header.starts_with("Content-Range")) {
        write!(stream, "{header}\r\n")?;
    }
    write!(stream, "Transfer-Encoding: chunked\r\n\r\n")?;
    let zeros = vec![0; 1 << 16];
    loop {
        write!(stream, "{:x}\r\n", zeros.len())?;
        stream.write_all(&zeros)?;
        stream.write_all(b"\r\n")?;
    }
}

/// A bucket of Google Cloud Storage at `/bucket/FILE`, Google Drive at `/uc` and `/download` with a file's name for its id, and a
/// Hub everywhere else.
fn route(state: &State, port: u16, request: &Request, whole: bool) -> Reply {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let given = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map_or("", |(_, value)| value)
    };
    let stored = |name: &str| state.files.get(name);
    let crc = |bytes: &[u8]| base64(&crc32c::crc32c(bytes).to_be_bytes());
    let from_drive = |bytes: &[u8]| {
        let headers = vec![
            "Content-Type: application/octet-stream".to_string(),
            "Content-Disposition: attachment; filename=\"model.pth\"".into(),
            format!("X-Goog-Hash: crc32c={}", crc(bytes)),
        ];
        ranged(request, bytes, headers, whole)
    };
    // Buckets, by the paths that published checkpoints have there.
    let buckets = ["/bucket/", "/gresearch/tf-deeplab/checkpoint/", "/convnext/"];
    let in_bucket = buckets.iter().find_map(|bucket| path.strip_prefix(bucket));
    match (path, in_bucket) {
        (_, Some(name)) => match stored(name) {
            Some(bytes) => {
                let md5 = md5::Md5::digest(bytes);
                let headers = vec![
                    "Content-Type: application/x-tar".to_string(),
                    format!("ETag: \"{}\"", hex(&md5)),
                    format!("X-Goog-Hash: crc32c={}", crc(bytes)),
                    format!("X-Goog-Hash: md5={}", base64(&md5)),
                ];
                ranged(request, bytes, headers, whole)
            }
            None => reply(404, &["Content-Type: application/xml".into()], b"<Error>NoSuchKey</Error>"),
        },
        ("/uc", _) => match stored(given("id")) {
            Some(bytes) if bytes.len() < 1000 => from_drive(bytes),
            Some(_) => {
                // At the service's own address, wherever the page was asked for.
                let html = format!(
                    r#"<html><head><title>Google Drive - Virus scan warning</title></head><body><form id="download-form"
                    action="https://drive.usercontent.google.com/download" method="get"><input type="submit" value="Download
                    anyway"/><input type="hidden" name="id" value="{}"><input type="hidden" name="confirm" value="t"><input
                    type="hidden" name="uuid" value="0-1"></form></body></html>"#,
                    given("id")
                );
                reply(200, &["Content-Type: text/html; charset=utf-8".into()], html.as_bytes())
            }
            None => reply(404, &["Content-Type: text/html".into()], b"<title>Not Found</title>"),
        },
        ("/download", _) => match stored(given("id")) {
            Some(bytes) if given("confirm") == "t" && given("uuid") == "0-1" => from_drive(bytes),
            _ => reply(400, &["Content-Type: text/html".into()], b"<title>Bad Request</title>"),
        },
        _ => hub(state, port, request, whole),
    }
}

/// `/owner/name/resolve/REVISION/FILE` as the Hub, `/api/resolve-cache/…` as where it keeps small files, `/cdn/FILE` as
/// the other host that keeps large ones.
fn hub(state: &State, port: u16, request: &Request, whole: bool) -> Reply {
    let error = |status, code: &str| reply(status, &[format!("X-Error-Code: {code}")], b"{\"error\":\"no\"}");
    let path = request.path.split('?').next().unwrap_or_default().replace("%20", " ");
    let parts: Vec<&str> = path.splitn(6, '/').skip(1).collect();
    match parts.as_slice() {
        ["api", "models", owner, name, _] if state.repo == format!("{owner}/{name}") => {
            let names: Vec<_> = state.files.iter().collect();
            let files = names
                .iter()
                .map(|(name, bytes)| format!(r#"{{"rfilename": "{name}", "size": {}}}"#, bytes.len()));
            let list = files.collect::<Vec<_>>().join(", ");
            reply(
                200,
                &["Content-Type: application/json".into()],
                format!(r#"{{"siblings": [{list}]}}"#).as_bytes(),
            )
        }
        ["cdn", ..] => match state.files.get(path.trim_start_matches("/cdn/")) {
            // What signed addresses do when they get a second kind of permission.
            Some(_) if request.headers.contains_key("authorization") => {
                reply(400, &[], b"two authorisations")
            }
            Some(bytes) => ranged(request, bytes, vec!["ETag: \"cdn-own\"".into()], whole),
            None => reply(404, &[], b""),
        },
        ["api", "resolve-cache", commit, file] => match state.files.get(*file) {
            Some(bytes) => ranged(request, bytes, small(commit, bytes), whole),
            None => error(404, "EntryNotFound"),
        },
        [owner, name, "resolve", revision, file] if state.repo == format!("{owner}/{name}") => {
            match request.headers.get("authorization").map(String::as_str) {
                _ if !state.private => {}
                None => return error(401, "GatedRepo"),
                Some(given) if given == format!("Bearer {TOKEN}") => {}
                Some("Bearer hf_stranger") => return error(403, "GatedRepo"),
                Some(_) => return error(401, "RepoNotFound"),
            }
            let revision = revision.replace("%2F", "/");
            let known = state.branches.values().find(|commit| **commit == revision);
            let Some(commit) = state.branches.get(&revision).or(known) else {
                return error(404, "RevisionNotFound");
            };
            let Some(bytes) = state.files.get(*file) else {
                let mut reply = error(404, "EntryNotFound");
                reply.headers.push(format!("X-Repo-Commit: {commit}"));
                return reply;
            };
            if ![".safetensors", ".pth", ".bin"].iter().any(|ending| file.ends_with(ending)) {
                // Half of the files the old way, half the new.
                return match *file {
                    "config.json" => ranged(request, bytes, small(commit, bytes), whole),
                    _ => reply(307, &[format!("Location: /api/resolve-cache/{commit}/{file}")], b"Temporary"),
                };
            }
            let etag = state.etag.clone().unwrap_or_else(|| hex(&sha2::Sha256::digest(bytes)));
            let headers = [
                format!("Location: http://localhost:{port}/cdn/{}", file.replace(' ', "%20")),
                format!("X-Repo-Commit: {commit}"),
                format!("X-Linked-Etag: \"{etag}\""),
                format!("X-Linked-Size: {}", bytes.len()),
                "ETag: \"of-the-pointer\"".into(),
            ];
            reply(302, &headers, b"Found. Redirecting")
        }
        _ => error(404, "RepoNotFound"),
    }
}

fn small(commit: &str, bytes: &[u8]) -> Vec<String> {
    let git = sha1::Sha1::new().chain_update(format!("blob {}\0", bytes.len())).chain_update(bytes);
    vec![format!("X-Repo-Commit: {commit}"), format!("ETag: \"{}\"", hex(&git.finalize()))]
}

/// All of it, or what `Range: bytes=FROM-` or `bytes=FROM-TO` asks for.
fn ranged(request: &Request, bytes: &[u8], mut headers: Vec<String>, whole: bool) -> Reply {
    let range = request.headers.get("range").and_then(|range| range.strip_prefix("bytes=")?.split_once('-'));
    let range = range.filter(|_| !whole).and_then(|(from, to)| Some((from.parse::<usize>().ok()?, to)));
    let Some((from, to)) = range else { return reply(200, &headers, bytes) };
    let to = to.parse().unwrap_or(usize::MAX).min(bytes.len().saturating_sub(1));
    if from > to || bytes.is_empty() {
        return reply(416, &headers, b"");
    }
    headers.push(format!("Content-Range: bytes {from}-{to}/{}", bytes.len()));
    reply(206, &headers, &bytes[from..=to])
}

fn base64(bytes: &[u8]) -> String {
    base64::Engine::encode(&base64::prelude::BASE64_STANDARD, bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
