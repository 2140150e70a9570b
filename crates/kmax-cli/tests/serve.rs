//! `kmax serve`, run as a program.
#![cfg(all(unix, feature = "serve"))]

mod small_model;
mod support;

use small_model::model_folder;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use support::{kmax, picture};

/// The program, with the address that it printed.
struct Serving {
    child: Child,
    address: String,
}

impl Serving {
    fn start(folder: &Path) -> Self {
        let mut program = Command::new(env!("CARGO_BIN_EXE_kmax"));
        program.current_dir(folder).args(["--quiet", "serve", "--port", "0", "--model"]).arg(model_folder());
        let mut child = program.stdout(Stdio::piped()).spawn().expect("the program runs");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
        let address =
            line.trim().strip_prefix("http://").unwrap_or_else(|| panic!("no address: {line}")).into();
        Self { child, address }
    }

    fn post(&self, path: &str, body: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(&self.address).expect("connected");
        let (address, length) = (&self.address, body.len());
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
        )
        .expect("sent");
        stream.write_all(body).expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        let head = answer.windows(4).position(|end| end == b"\r\n\r\n").expect("a head");
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer[..head]));
        answer.split_off(head + 4)
    }

    /// Asks it to end, and gives its exit code.
    fn end(mut self) -> Option<i32> {
        let killed = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(killed.expect("kill runs").success());
        self.child.wait().expect("it ends").code()
    }
}

#[test]
fn answers_are_the_files_of_segment_and_the_end_is_clean() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let photo = folder.path().join("photo.png");
    picture(50, 40).save(&photo).expect("saved");
    let model = model_folder();
    let model = model.to_str().expect("a plain name");
    for task in ["panoptic", "semantic"] {
        let run = kmax(folder.path(), "segment", &["photo.png", "--task", task, "--model", model]);
        assert_eq!(run.code, 0, "{run:?}");
    }
    let serving = Serving::start(folder.path());
    let bytes = std::fs::read(&photo).expect("read");
    let file = |ending: &str| std::fs::read(folder.path().join(format!("photo.{ending}"))).expect("read");
    assert!(serving.post("/v1/segment?format=map", &bytes) == file("panoptic.png"));
    assert!(serving.post("/v1/segment?format=map&task=semantic", &bytes) == file("semantic.png"));
    // The last that was written is the semantic one.
    assert!(serving.post("/v1/segment?format=overlay&task=semantic", &bytes) == file("overlay.png"));
    assert_eq!(serving.end(), Some(0));
}

#[test]
fn arguments_that_make_no_sense() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "short\n").expect("written");
    let serve = |arguments: &[&str]| kmax(folder.path(), "serve", arguments);
    serve(&["--host", "0.0.0.0", "--port", "0"]).fails(2, &["0.0.0.0:0", "token", "--insecure"]);
    serve(&["--token-file", "secret"]).fails(2, &["token", "16"]);
    serve(&["--token-file", "absent"]).fails(3, &["absent"]);
    serve(&["--token", "0123456789abcdef", "--insecure"]).fails(2, &["--insecure"]);
    serve(&["--cors", "*"]).fails(2, &["origin", "https://example.org"]);
    serve(&["--max-body", "1T"]).fails(2, &["1T", "64M"]);
    serve(&["--memory", "1K"]).fails(2, &["memory"]);
    serve(&["--workers", "0"]).fails(2, &["workers", "1 to 64"]);
    serve(&["--host", "no such host"]).fails(2, &["no such host"]);
    serve(&["--model", "absent-model"]).fails(4, &["absent-model"]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
    let port = taken.local_addr().expect("an address").port().to_string();
    let model = model_folder();
    let model = model.to_str().expect("a plain name");
    serve(&["--port", &port, "--model", model]).fails(6, &["127.0.0.1", &port]);
}
