//! Servers that answer as none should: whatever they say, `pull` ends, in a line, with code 4, and stores next to nothing.

use crate::program::{Done, command};
use crate::report::Report;
use std::io::{BufRead, BufReader, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// The most that may come to lie in the cache.
const STORED: u64 = 64 << 20;

/// What is sent for every request, once its head is read.
type Answer = fn(&mut TcpStream, &str) -> Result<()>;

/// Servers at which the client gives up at once.
const AT_ONCE: &[(&str, Answer)] = &[
    ("a status of its own", |out, _| out.write_all(b"HTTP/1.1 799 What\r\n\r\n")),
    ("redirects in a circle", |out, path| {
        write!(out, "HTTP/1.1 302 Found\r\nLocation: {path}\r\nContent-Length: 0\r\n\r\n")
    }),
    ("a redirect to a file", |out, _| {
        out.write_all(b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n")
    }),
    ("a configuration of three gigabytes", |out, _| {
        write!(out, "HTTP/1.1 200 OK\r\n{HEADERS}Content-Length: 3000000000\r\n\r\n")?;
        endless(out)
    }),
    ("a path for an ETag", |out, _| {
        write!(
            out,
            "HTTP/1.1 200 OK\r\nX-Repo-Commit: {COMMIT}\r\nETag: \"../../../x\"\r\nContent-Length: 2\r\n\r\n{{}}"
        )
    }),
    ("a path for a commit", |out, _| {
        out.write_all(
            b"HTTP/1.1 200 OK\r\nX-Repo-Commit: ../../x\r\nETag: \"a\"\r\nContent-Length: 2\r\n\r\n{}",
        )
    }),
    ("no head but a page", |out, _| {
        out.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\n<p>\r\n")
    }),
    ("a wait of a year", |out, _| {
        out.write_all(b"HTTP/1.1 429 Wait\r\nRetry-After: 31536000\r\nContent-Length: 0\r\n\r\n")
    }),
];

/// Servers at which it tries again, with pauses.
const IN_A_WHILE: &[(&str, Answer)] = &[
    ("an error with colours", |out, _| {
        let message = "\u{1b}[31m".repeat(1 << 18);
        write!(out, "HTTP/1.1 403 No\r\nX-Error-Message: {}\r\nContent-Length: 0\r\n\r\n", &message[..1000])
    }),
    ("no HTTP", |out, _| out.write_all(&[0xff; 4096])),
    ("nothing", |_, _| Ok(())),
    ("half of what it announces", |out, _| {
        write!(out, "HTTP/1.1 200 OK\r\n{HEADERS}Content-Length: 1000\r\n\r\n{{")
    }),
    ("heads without end", |out, _| {
        out.write_all(b"HTTP/1.1 200 OK\r\n")?;
        loop {
            out.write_all(&b"X-More: and more\r\n".repeat(100))?;
        }
    }),
    ("a body without size or end", |out, _| {
        write!(out, "HTTP/1.1 200 OK\r\n{HEADERS}\r\n")?;
        endless(out)
    }),
    ("a part of another file", |out, _| {
        write!(
            out,
            "HTTP/1.1 206 Part\r\n{HEADERS}Content-Range: bytes 7-8/9999999999999\r\nContent-Length: 2\r\n\r\n{{}}"
        )
    }),
];

/// Those that take minutes, by what the client grants.
const IN_MINUTES: &[(&str, Answer)] = &[("a byte a second", |out, _| {
    write!(out, "HTTP/1.1 200 OK\r\n{HEADERS}Content-Length: 9000\r\n\r\n")?;
    loop {
        out.write_all(b"{")?;
        std::thread::sleep(Duration::from_secs(1));
    }
})];

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const HEADERS: &str = "X-Repo-Commit: 0123456789abcdef0123456789abcdef01234567\r\nETag: \"a\"\r\n";

fn endless(out: &mut TcpStream) -> Result<()> {
    let block = vec![b' '; 1 << 16];
    loop {
        out.write_all(&block)?;
    }
}

/// How far a campaign goes.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
pub enum Patience {
    Seconds,
    HalfMinute,
    Minutes,
}

/// Pulls from each of them, all at a time: mostly they wait.
pub fn servers(patience: Patience, report: &Report) {
    let sets = [
        (Patience::Seconds, AT_ONCE, Duration::from_secs(10)),
        (Patience::HalfMinute, IN_A_WHILE, Duration::from_secs(60)),
        (Patience::Minutes, IN_MINUTES, Duration::from_secs(240)),
    ];
    std::thread::scope(|scope| {
        for (needed, servers, limit) in sets {
            for (name, answer) in servers.iter().filter(|_| patience >= needed) {
                scope.spawn(move || one(name, *answer, limit, report));
            }
        }
    });
}

fn one(name: &str, answer: Answer, limit: Duration, report: &Report) {
    let endpoint = start(answer).expect("a local port");
    let place = tempfile::tempdir().expect("a temporary folder");
    let mut command = command(place.path(), &["pull", "hf://owner/name"]);
    command.env("HF_ENDPOINT", endpoint).env("HF_HUB_OFFLINE", "0");
    let (done, stored) = waited(&mut command, place.path(), limit);
    let escaped = std::fs::read_dir(place.path()).into_iter().flatten().flatten();
    let escaped = escaped.filter(|entry| entry.file_name() != "cache").count();
    let fault = match done.code {
        None => Some(format!("had not ended after {} s", limit.as_secs())),
        Some(4) if stored > STORED => Some(format!("{} MB were stored", stored >> 20)),
        Some(4) if escaped > 0 => Some("something was written outside of the cache".into()),
        Some(4) if done.err.lines().filter(|line| line.starts_with("error: ")).count() != 1 => {
            Some("was not told in a line".into())
        }
        Some(4) if done.err.chars().any(|c| c.is_control() && c != '\n') => Some("moves the cursor".into()),
        Some(4) => None,
        Some(code) => Some(format!("ended with {code}")),
    };
    report.note("hostile servers", || format!("a server that sends {name}"), &done, fault);
}

/// Runs it with a time of its own; and the most that lay in the cache.
fn waited(command: &mut Command, place: &Path, limit: Duration) -> (Done, u64) {
    let begun = Instant::now();
    let mut child = command.spawn().expect("the program runs");
    let mut stored = 0;
    while begun.elapsed() < limit && child.try_wait().expect("a child").is_none() {
        stored = stored.max(bytes(place));
        std::thread::sleep(Duration::from_millis(50));
    }
    let ended = child.try_wait().expect("a child");
    let _ = child.kill();
    let output = child.wait_with_output().expect("a child");
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    let code = ended.and_then(|status| status.code());
    (Done { code, err, time: begun.elapsed(), memory: 0 }, stored)
}

fn bytes(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let size = |path: &Path| match path.symlink_metadata() {
        Ok(found) if found.is_dir() => bytes(path),
        Ok(found) => found.len(),
        Err(_) => 0,
    };
    entries.map(|entry| size(&entry.path())).sum()
}

fn start(answer: Answer) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || serve(stream, answer).ok());
        }
    });
    Ok(format!("http://{address}"))
}

fn serve(mut stream: TcpStream, answer: Answer) -> Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut path = String::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line == "\r\n" {
            break;
        }
        if path.is_empty() {
            path = line.split(' ').nth(1).unwrap_or("/").to_owned();
        }
    }
    answer(&mut stream, &path)
}
