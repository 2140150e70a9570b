//! Plain files and files of Google Drive, from a server that behaves as both, and misbehaves.

use crate::server::{Fault, Server};
use kmax_hub::{Address, Downloaded, Downloads, Error, Event, Result};
use std::path::PathBuf;
use std::time::Duration;

const LIMIT: u64 = 1 << 30;

fn content() -> Vec<u8> {
    (0..2_000_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

struct Fixture {
    server: Server,
    folder: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let files: [(&str, &[u8]); 2] = [("kmax_a.tar.gz", &content()), ("small", b"small")];
        let server = Server::start(&files).expect("a local port");
        Self { server, folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// Both kinds of address of the large file, each with the request that brings its content.
    fn addresses() -> [(Address, &'static str); 2] {
        [
            (Address::Url("https://storage.example/bucket/kmax_a.tar.gz".into()), "GET /bucket/"),
            (Address::GoogleDrive("kmax_a.tar.gz".into()), "GET /download"),
        ]
    }

    fn downloads(&self) -> Downloads {
        let endpoint = self.server.endpoint();
        Downloads::new(self.folder.path(), Some(&endpoint), false).pausing(Duration::from_millis(1))
    }

    /// Fetches; where each request for the file began.
    fn fetch(&self, address: &Address, limit: u64) -> (Result<Downloaded>, Vec<u64>) {
        let mut starts = Vec::new();
        let outcome = self.downloads().fetch(address, limit, &mut |event| {
            if let Event::Started { from, .. } = event {
                starts.push(from);
            }
        });
        (outcome, starts)
    }

    fn files(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.folder.path()).expect("read").flatten();
        entries.map(|entry| entry.path()).collect()
    }
}

fn message(outcome: Result<Downloaded>) -> String {
    outcome.expect_err("an error").to_string()
}

#[test]
fn a_file_that_is_cut_off_twice_is_whole_in_the_end() -> Result<()> {
    for (address, request) in Fixture::addresses() {
        let fixture = Fixture::new();
        fixture.server.fault(request, Fault::CutAfter(700_000));
        fixture.server.fault(request, Fault::CutAfter(600_000));
        let (outcome, starts) = fixture.fetch(&address, LIMIT);
        let got = outcome?;
        assert!(std::fs::read(&got.file).expect("a file") == content(), "{address}");
        assert_eq!((got.size, starts), (2_000_000, vec![0, 700_000, 1_300_000]), "{address}");
        assert!(got.checksum.is_some(), "{address}");
        // It is there now: nothing is asked.
        fixture.server.take_requests();
        assert_eq!(fixture.fetch(&address, LIMIT).0?, got);
        assert!(fixture.server.take_requests().is_empty());
        fixture.downloads().remove(&address)?;
        assert_eq!(fixture.files(), Vec::<PathBuf>::new());
    }
    Ok(())
}

#[test]
fn a_later_run_goes_on_unless_the_file_has_changed() -> Result<()> {
    for (address, request) in Fixture::addresses() {
        for changed in [false, true] {
            let fixture = Fixture::new();
            fixture.server.fault(request, Fault::CutAfter(500_000));
            (0..4).for_each(|_| fixture.server.fault(request, Fault::CutAfter(0)));
            let error = fixture.fetch(&address, LIMIT).0.expect_err("cut off");
            assert!(error.is_temporary(), "{error}");
            let mut expected = content();
            if changed {
                expected[10] ^= 1;
                fixture.server.set(|state| {
                    state.files.insert("kmax_a.tar.gz".into(), expected.clone());
                });
            }
            let (outcome, starts) = fixture.fetch(&address, LIMIT);
            assert!(
                std::fs::read(outcome?.file).expect("a file") == expected,
                "{address}, changed: {changed}"
            );
            assert_eq!(starts, [if changed { 0 } else { 500_000 }], "{address}");
        }
    }
    Ok(())
}

#[test]
fn wrong_content_is_removed() -> Result<()> {
    for (address, request) in Fixture::addresses() {
        let fixture = Fixture::new();
        fixture.server.fault(request, Fault::FlipByte);
        let error = fixture.fetch(&address, LIMIT).0.expect_err("another content");
        assert!(matches!(error, Error::Corrupt { .. }), "{error}");
        fixture.fetch(&address, LIMIT).0?;
    }
    Ok(())
}

#[test]
fn pages_are_no_files() -> Result<()> {
    let fixture = Fixture::new();
    let [(plain, _), (drive, _)] = Fixture::addresses();
    fixture.server.fault("GET /bucket/", Fault::Page("<title>Log in to this network</title>"));
    assert!(message(fixture.fetch(&plain, LIMIT).0).contains("a page"));
    for (page, part) in [
        ("<title>Google Drive - Quota exceeded</title>", "try again tomorrow"),
        ("<title>Sign in - Google Accounts</title>", "Sign in - Google Accounts"),
    ] {
        fixture.server.fault("GET /uc", Fault::Page(page));
        let message = message(fixture.fetch(&drive, LIMIT).0);
        assert!(message.contains(part) && message.contains("kmax convert"), "{message}");
    }
    fixture.server.fault("GET /download", Fault::Page("<title>Sorry</title>"));
    assert!(message(fixture.fetch(&drive, LIMIT).0).contains("follows the confirmation"));
    // A small file comes without a page.
    let small = fixture.fetch(&Address::GoogleDrive("small".into()), LIMIT).0?;
    assert_eq!(std::fs::read(small.file).expect("a file"), b"small");
    Ok(())
}

#[test]
fn requests_are_repeated_only_where_that_may_help() {
    let fixture = Fixture::new();
    for (address, request) in Fixture::addresses() {
        for (status, attempts) in [(404, 1), (403, 1), (400, 1), (503, 5), (429, 5)] {
            fixture.server.take_requests();
            (0..5).for_each(|_| fixture.server.fault(request, Fault::Status(status, &[])));
            assert!(fixture.fetch(&address, LIMIT).0.is_err());
            let text = |r: &crate::server::Request| format!("{} {}", r.method, r.path);
            let asked = fixture.server.take_requests().iter().filter(|r| text(r).contains(request)).count();
            assert_eq!(asked, attempts, "{address} {status}");
            assert_eq!(fixture.files(), Vec::<PathBuf>::new(), "nothing came, nothing stays");
            fixture.server.set(|state| state.faults.clear());
        }
    }
}

#[test]
fn what_has_no_end_has_a_limit() {
    let fixture = Fixture::new();
    for (address, request) in Fixture::addresses() {
        // More than the limit: announced, and not announced.
        assert!(message(fixture.fetch(&address, 1_000_000).0).contains("1000000"));
        fixture.server.take_requests();
        fixture.server.fault(request, Fault::Endless);
        let error = fixture.fetch(&address, 1_000_000).0.expect_err("endless");
        assert!(matches!(error, Error::TooLarge { size: None, .. }), "{error}");
        // A server that never sends a hundredth at a time is given up.
        (0..50).for_each(|_| fixture.server.fault(request, Fault::CutAfter(1000)));
        fixture.server.take_requests();
        assert!(fixture.fetch(&address, LIMIT).0.is_err());
        let asked = fixture.server.take_requests().into_iter();
        assert_eq!(asked.filter(|r| format!("GET {}", r.path).contains(request)).count(), 5);
        fixture.server.set(|state| state.faults.clear());
    }
}

#[test]
fn offline_only_what_is_there() -> Result<()> {
    let fixture = Fixture::new();
    let [(address, _), _] = Fixture::addresses();
    let endpoint = fixture.server.endpoint();
    let offline = Downloads::new(fixture.folder.path(), Some(&endpoint), true);
    assert!(message(offline.fetch(&address, LIMIT, &mut |_| ())).contains("offline"));
    fixture.fetch(&address, LIMIT).0?;
    fixture.server.take_requests();
    offline.fetch(&address, LIMIT, &mut |_| ())?;
    assert!(fixture.server.take_requests().is_empty());
    Ok(())
}
