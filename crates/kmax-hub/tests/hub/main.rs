//! The Hub against a local server that answers as the real one, and against caches shared with Python.

mod downloads;
mod python;
mod server;

use kmax_hub::{Error, Event, File, Hub, Result, Settings};
use kmax_hub::{HubFile, HubRepo};
use server::{COMMIT, Fault, NEXT_COMMIT, Server, TOKEN};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a model folder is made of.
const FILES: [File<'static>; 4] = [
    File { name: "config.json", required: true, limit: 1 << 30 },
    File { name: "preprocessor_config.json", required: false, limit: 1 << 30 },
    File { name: "README.md", required: false, limit: 1 << 30 },
    File { name: "model.safetensors", required: true, limit: 1 << 30 },
];

/// Larger than any buffer on the way.
fn weights() -> Vec<u8> {
    (0..3_000_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

struct Fixture {
    server: Server,
    cache: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let weights = weights();
        let files: [(&str, &[u8]); 4] = [
            ("config.json", br#"{"model_type": "kmax-deeplab"}"#),
            ("preprocessor_config.json", b"{}"),
            ("model.safetensors", &weights),
            ("secret.bin", b"not part of a model folder"),
        ];
        let server = Server::start(&files).expect("a local port");
        Self { server, cache: tempfile::tempdir().expect("a temporary folder") }
    }

    fn settings(&self) -> Settings {
        Settings {
            endpoint: self.server.endpoint(),
            cache: self.cache.path().into(),
            token: None,
            offline: false,
            pause: Duration::from_millis(1),
        }
    }

    /// Fetches; what happened meanwhile, in words.
    fn fetch_with(&self, settings: Settings, repo: &str) -> (Result<PathBuf>, Vec<String>) {
        let mut events = Vec::new();
        let mut received = 0;
        let repo: HubRepo = repo.parse().expect("a name");
        let outcome = Hub::new(settings).folder(&repo, &FILES, &mut |event| match event {
            Event::Started { file, from, .. } => events.push(format!("start {file} at {from}")),
            Event::Received(bytes) => received += bytes,
            Event::Finished => events.push(format!("received {}", std::mem::take(&mut received))),
            Event::Retrying { error, .. } => events.push(format!("retry: {error}")),
            Event::Stale { error } => events.push(format!("stale: {error}")),
            _ => {}
        });
        (outcome, events)
    }

    fn fetch(&self) -> (Result<PathBuf>, Vec<String>) {
        self.fetch_with(self.settings(), "hf://owner/name")
    }

    fn folder(&self) -> PathBuf {
        self.cache.path().join("models--owner--name")
    }

    fn check(&self, folder: &Path, commit: &str) {
        assert_eq!(folder, self.folder().join("snapshots").join(commit));
        let read = |file: &str| std::fs::read(folder.join(file)).expect("a file");
        assert_eq!(read("config.json"), br#"{"model_type": "kmax-deeplab"}"#);
        assert_eq!(read("preprocessor_config.json"), b"{}");
        assert!(read("model.safetensors") == weights(), "weights differ");
        assert!(!folder.join("README.md").exists() && !folder.join("secret.bin").exists());
    }

    fn partial_files(&self) -> usize {
        let partial = |entry: &std::fs::DirEntry| entry.path().extension().is_some_and(|e| e == "incomplete");
        std::fs::read_dir(self.folder().join("blobs")).expect("blobs").flatten().filter(partial).count()
    }
}

fn message(outcome: Result<PathBuf>) -> String {
    outcome.expect_err("an error").to_string()
}

#[test]
fn a_model_is_fetched_once_and_then_found() -> Result<()> {
    let fixture = Fixture::new();
    let (folder, events) = fixture.fetch();
    fixture.check(&folder?, COMMIT);
    let last = ["start model.safetensors at 0", "received 3000000"];
    assert_eq!(events[events.len() - 2..], last, "{events:?}");
    assert_eq!(std::fs::read_to_string(fixture.folder().join("refs/main")).ok().as_deref(), Some(COMMIT));
    assert_eq!(fixture.partial_files(), 0);
    assert!(fixture.folder().join(".no_exist").join(COMMIT).join("README.md").is_file());

    // One request to see that the branch has not moved; none for a commit, and none offline.
    fixture.server.take_requests();
    fixture.check(&fixture.fetch().0?, COMMIT);
    let asked: Vec<_> = fixture.server.take_requests().into_iter().map(|r| (r.method, r.path)).collect();
    assert_eq!(asked, [("HEAD".to_string(), "/owner/name/resolve/main/config.json".to_string())]);
    let commit = format!("hf://owner/name@{COMMIT}");
    fixture.check(&fixture.fetch_with(fixture.settings(), &commit).0?, COMMIT);
    let offline = Settings { offline: true, ..fixture.settings() };
    fixture.check(&fixture.fetch_with(offline, "hf://owner/name").0?, COMMIT);
    assert!(fixture.server.take_requests().is_empty());
    Ok(())
}

#[test]
fn branches_move_and_share_what_did_not_change() -> Result<()> {
    let fixture = Fixture::new();
    fixture.fetch().0?;
    fixture.server.set(|state| {
        state.branches.insert("main".into(), NEXT_COMMIT.into());
        state.branches.insert("refs/pr/1".into(), COMMIT.into());
    });
    let (folder, events) = fixture.fetch();
    fixture.check(&folder?, NEXT_COMMIT);
    assert!(events.is_empty(), "blobs of the first snapshot do: {events:?}");
    fixture.check(&fixture.fetch_with(fixture.settings(), "hf://owner/name@refs/pr/1").0?, COMMIT);
    let known = Hub::new(fixture.settings()).cached();
    let known: Vec<_> = known.iter().map(ToString::to_string).collect();
    assert_eq!(known, ["hf://owner/name", "hf://owner/name@refs/pr/1"]);
    Ok(())
}

#[test]
fn a_cut_connection_goes_on_where_it_broke() -> Result<()> {
    let fixture = Fixture::new();
    for bytes in [1_000_000, 0, 7] {
        fixture.server.fault("GET /cdn/", Fault::CutAfter(bytes));
    }
    let (folder, events) = fixture.fetch();
    fixture.check(&folder?, COMMIT);
    let ranges: Vec<_> =
        fixture.server.take_requests().into_iter().filter(|r| r.path.starts_with("/cdn/")).collect();
    let ranges: Vec<_> = ranges.iter().map(|r| r.headers.get("range").map(String::as_str)).collect();
    assert_eq!(ranges, [None, Some("bytes=1000000-"), Some("bytes=1000000-"), Some("bytes=1000007-")]);
    assert_eq!(events.last().map(String::as_str), Some("received 3000000"));
    Ok(())
}

#[test]
fn a_later_run_resumes_an_earlier_one() -> Result<()> {
    let fixture = Fixture::new();
    // Progress renews the patience, so it takes several cuts without any to give up.
    fixture.server.fault("GET /cdn/", Fault::CutAfter(2_000_000));
    (0..4).for_each(|_| fixture.server.fault("GET /cdn/", Fault::CutAfter(0)));
    let text = message(fixture.fetch().0);
    assert!(
        text.contains("not in the cache") && text.contains("2000000 bytes of model.safetensors"),
        "{text}"
    );
    assert_eq!((fixture.folder().join("refs/main").exists(), fixture.partial_files()), (false, 1));
    let (folder, events) = fixture.fetch();
    fixture.check(&folder?, COMMIT);
    assert_eq!(fixture.partial_files(), 0);
    assert_eq!(events, ["start model.safetensors at 2000000", "received 1000000"]);
    Ok(())
}

#[test]
fn a_server_without_ranges_begins_anew() -> Result<()> {
    let fixture = Fixture::new();
    fixture.server.fault("GET /cdn/", Fault::CutAfter(1_000_000));
    fixture.server.fault("GET /cdn/", Fault::IgnoreRange);
    let (folder, events) = fixture.fetch();
    fixture.check(&folder?, COMMIT);
    assert_eq!(events.iter().filter(|e| *e == "start model.safetensors at 0").count(), 2, "{events:?}");
    Ok(())
}

#[test]
fn wrong_content_is_removed() -> Result<()> {
    let fixture = Fixture::new();
    fixture.server.fault("GET /cdn/", Fault::FlipByte);
    let text = message(fixture.fetch().0);
    assert!(text.contains("wrong checksum: SHA-256") && text.contains("removed"), "{text}");
    assert_eq!(fixture.partial_files(), 0);
    fixture.server.fault("GET /api/resolve-cache/", Fault::FlipByte);
    let other = tempfile::tempdir().expect("a temporary folder");
    let settings = Settings { cache: other.path().into(), ..fixture.settings() };
    let text = message(fixture.fetch_with(settings, "hf://owner/name").0);
    assert!(text.contains("Git SHA-1") && text.contains("preprocessor_config.json"), "{text}");
    // The error page of a failing server never becomes the file.
    fixture.server.fault("GET /cdn/", Fault::Status(500, &[]));
    fixture.check(&fixture.fetch().0?, COMMIT);
    Ok(())
}

#[test]
fn more_bytes_than_announced_are_an_error() {
    let fixture = Fixture::new();
    fixture.server.fault("GET /cdn/", Fault::TooLong);
    let text = message(fixture.fetch().0);
    assert!(text.contains("more than the 3000000 bytes announced"), "{text}");
}

#[test]
fn permission() -> Result<()> {
    let fixture = Fixture::new();
    fixture.server.set(|state| state.private = true);
    let with = |token: Option<&str>| Settings { token: token.map(str::to_string), ..fixture.settings() };
    for (token, expected) in [
        (None, "401): set HF_TOKEN"),
        (Some("hf_wrong"), "HF_TOKEN is wrong or may not read it (401)"),
        (Some("hf_stranger"), "denied (403): accept the conditions at http"),
    ] {
        let (outcome, events) = fixture.fetch_with(with(token), "hf://owner/name");
        assert!(matches!(outcome, Err(Error::Denied { .. })) && events.is_empty(), "{events:?}");
        let text = message(outcome);
        assert!(text.starts_with("hf://owner/name: ") && text.contains(expected), "{text}");
    }
    fixture.server.take_requests();
    fixture.check(&fixture.fetch_with(with(Some(TOKEN)), "hf://owner/name").0?, COMMIT);
    let requests = fixture.server.take_requests();
    assert!(requests.iter().any(|r| r.host.starts_with("localhost")), "the large file is elsewhere");
    for request in requests {
        let sent = request.headers.get("authorization").map(String::as_str);
        let expected = request.host.starts_with("127.").then(|| format!("Bearer {TOKEN}"));
        assert_eq!(sent, expected.as_deref(), "{} {}", request.host, request.path);
    }
    Ok(())
}

#[test]
fn what_does_not_exist_is_named() {
    let fixture = Fixture::new();
    let text = |repo| message(fixture.fetch_with(fixture.settings(), repo).0);
    assert!(text("hf://owner/other").contains("hf://owner/other: there is no such repository"));
    assert!(text("hf://owner/name@v9").contains("hf://owner/name: has no revision `v9`"));
    fixture.server.set(|state| drop(state.files.remove("model.safetensors")));
    assert!(text("hf://owner/name").contains("has no model.safetensors"));
    assert!(fixture.fetch().1.is_empty(), "nothing of this is worth a repetition");
}

#[test]
fn busy_and_failing_servers_are_asked_again() -> Result<()> {
    let fixture = Fixture::new();
    fixture.server.fault("HEAD", Fault::Status(429, &["Retry-After: 0"]));
    fixture.server.fault("HEAD", Fault::Status(503, &[]));
    fixture.server.fault("GET /cdn/", Fault::Status(500, &[]));
    fixture.server.fault("GET /cdn/", Fault::Status(429, &[]));
    let (folder, events) = fixture.fetch();
    fixture.check(&folder?, COMMIT);
    assert_eq!(events.iter().filter(|event| event.starts_with("retry")).count(), 4, "{events:?}");

    // Not for ever, and not for longer than anybody waits.
    let settings = || Settings { cache: fixture.cache.path().join("other"), ..fixture.settings() };
    (0..9).for_each(|_| fixture.server.fault("HEAD", Fault::Status(502, &[])));
    let (outcome, events) = fixture.fetch_with(settings(), "hf://owner/name");
    assert_eq!(events.len(), 4, "{events:?}");
    assert!(message(outcome).contains("the server failed (502)"));
    fixture.server.set(|state| state.faults.clear());
    fixture.server.fault("HEAD", Fault::Status(429, &["Retry-After: 3600"]));
    let (outcome, events) = fixture.fetch_with(settings(), "hf://owner/name");
    assert!(events.is_empty() && message(outcome).contains("try again in 3600 s"));
    Ok(())
}

#[test]
fn the_cache_does_where_the_hub_fails() -> Result<()> {
    let fixture = Fixture::new();
    fixture.fetch().0?;
    fixture.server.fault("HEAD", Fault::Status(503, &[]));
    let (folder, events) = fixture.fetch();
    fixture.check(&folder?, COMMIT);
    assert!(events.len() == 1 && events[0].starts_with("stale: "), "{events:?}");
    // A new state that cannot be fetched in full does not replace the old.
    fixture.server.set(|state| {
        state.branches.insert("main".into(), NEXT_COMMIT.into());
        state.files.insert("model.safetensors".into(), vec![1; 1000]);
    });
    (0..9).for_each(|_| fixture.server.fault("GET /cdn/", Fault::CutAfter(0)));
    let (folder, events) = fixture.fetch();
    fixture.check(&folder?, COMMIT);
    assert!(events.last().is_some_and(|event| event.starts_with("stale: ")), "{events:?}");
    // No server at all.
    let nowhere = Settings { endpoint: "http://127.0.0.1:9".into(), ..fixture.settings() };
    let (folder, events) = fixture.fetch_with(nowhere, "hf://owner/name");
    fixture.check(&folder?, COMMIT);
    assert_eq!(events.len(), 1, "{events:?}");
    Ok(())
}

#[test]
fn without_cache_and_network_the_error_says_what_to_do() {
    let fixture = Fixture::new();
    let offline = Settings { offline: true, ..fixture.settings() };
    let nowhere = Settings { endpoint: "http://127.0.0.1:9".into(), ..fixture.settings() };
    for (settings, reason) in [(offline, "HF_HUB_OFFLINE is set"), (nowhere, "http://127.0.0.1:9/owner")] {
        let text = message(fixture.fetch_with(settings, "hf://owner/name").0);
        for part in [
            "hf://owner/name",
            reason,
            "HF_HOME",
            "model folder",
            &fixture.cache.path().display().to_string(),
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
    assert!(fixture.server.take_requests().is_empty());
}

#[test]
fn answers_cannot_lead_out_of_the_cache() {
    let fixture = Fixture::new();
    let text = || message(fixture.fetch().0);
    for etag in ["../../../evil", "a/b", "..", ""] {
        fixture.server.set(|state| state.etag = Some(etag.into()));
        assert!(text().contains("ETag"), "{etag}");
    }
    fixture.server.set(|state| {
        state.etag = None;
        state.branches.insert("main".into(), "../../evil".into());
    });
    assert!(text().contains("X-Repo-Commit"));
    fixture.server.set(|state| drop(state.branches.insert("main".into(), COMMIT.into())));
    for to in ["file:///etc/passwd", "gopher://x/", "relative"] {
        fixture.server.fault("HEAD", Fault::Redirect(to));
        assert!(text().contains("no address to follow"), "{to}");
    }
    (0..20).for_each(|_| {
        fixture.server.fault("GET /owner/name/resolve", Fault::Redirect("/owner/name/resolve/x/y"))
    });
    assert!(text().contains("redirects"));
}

#[test]
fn two_at_once_fetch_each_file_once() -> Result<()> {
    let fixture = Fixture::new();
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..3).map(|_| scope.spawn(|| fixture.fetch().0)).collect();
        runs.into_iter().try_for_each(|run| {
            fixture.check(&run.join().expect("no panic")?, COMMIT);
            Ok(())
        })
    })?;
    let fetched = fixture.server.take_requests().into_iter().filter(|r| r.path.starts_with("/cdn/")).count();
    assert_eq!(fetched, 1);
    Ok(())
}

#[test]
fn one_file_of_a_repository() -> Result<()> {
    let fixture = Fixture::new();
    fixture.server.set(|state| {
        state.files.insert("models/large one.pth".into(), weights());
    });
    let hub = Hub::new(fixture.settings());
    let file: HubFile = "hf://owner/name/models/large one.pth".parse()?;
    fixture.server.fault("GET /cdn/", Fault::CutAfter(1_000_000));
    let cached = hub.file(&file, 1 << 30, &mut |_| ())?;
    assert!(std::fs::read(&cached.path).expect("a file") == weights());
    assert!(cached.path.ends_with("models/large one.pth") && cached.digest.len() == 64);
    assert_eq!(hub.cached_file(&file), Some(cached));
    let names = hub.files(file.repo(), &mut |_| ())?.into_iter().map(|file| file.name);
    assert!(names.collect::<Vec<_>>().contains(&"models/large one.pth".to_string()));
    let absent: HubFile = "hf://owner/name/other.pth".parse()?;
    assert!(matches!(hub.file(&absent, 1, &mut |_| ()), Err(Error::NoFile { .. })));
    Ok(())
}

#[test]
fn files_have_limits() {
    let fixture = Fixture::new();
    let file: HubFile = "hf://owner/name/model.safetensors".parse().expect("a name");
    let hub = Hub::new(fixture.settings());
    let error = hub.file(&file, 2_999_999, &mut |_| ()).expect_err("too large");
    assert!(matches!(error, Error::TooLarge { size: Some(3_000_000), .. }), "{error}");
    let asked = fixture.server.take_requests();
    assert!(asked.iter().all(|request| request.method == "HEAD"), "nothing is fetched");
}
