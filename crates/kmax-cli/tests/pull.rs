//! Published models by name, as a user meets them: `kmax pull`, `--model NAME`, `--offline`, `kmax models`.

#[path = "../../kmax-pull/tests/pull/checkpoint.rs"]
mod checkpoint;
#[path = "../../kmax-hub/tests/hub/server.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod server;
mod support;

use checkpoint::{VARIANT, checkpoint};
use kmax::{Place, Preset};
use server::{Fault, Server};
use std::path::Path;
use support::{Run, kmax_with, picture};

struct Fixture {
    server: Server,
    folder: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let Some(Preset::Published(published)) = Preset::named(VARIANT) else { panic!("not published") };
        let Place::Drive { id } = published.release().place() else { panic!("not on Google Drive") };
        let bytes = std::fs::read(checkpoint()).expect("a checkpoint");
        let server = Server::start(&[(id, &bytes), ("runs/last.pth", &bytes)]).expect("a local port");
        let folder = tempfile::tempdir().expect("a temporary folder");
        picture(60, 40).save(folder.path().join("photo.png")).expect("saved");
        Self { server, folder }
    }

    fn run(&self, command: &str, arguments: &[&str]) -> Run {
        let cache = self.folder.path().join("cache");
        let variables = [
            ("KMAX_ENDPOINT", self.server.endpoint()),
            ("KMAX_CACHE", cache.display().to_string()),
            ("HF_HOME", cache.join("hf").display().to_string()),
        ];
        kmax_with(self.folder.path(), command, arguments, &variables)
    }
}

#[test]
fn a_model_runs_by_its_name() {
    let fixture = Fixture::new();
    let segment = ["photo.png", "--model", VARIANT, "--json", "-o", "out"];
    let refused = fixture.run("segment", &[&["--offline"][..], &segment].concat());
    assert_eq!(refused.code, 4, "{refused:?}");
    assert!(refused.err.contains("offline") && refused.err.lines().count() == 1, "{refused:?}");
    assert!(fixture.server.take_requests().is_empty());

    fixture.server.fault("GET /download", Fault::CutAfter(1_000_000));
    let run = fixture.run("segment", &segment);
    assert_eq!(run.code, 0, "{run:?}");
    let line = run.err.lines().next().unwrap_or_default();
    for part in [VARIANT, "https://drive.google.com/file/d/", " MB, ", "apache-2.0"] {
        assert!(line.contains(part), "{part}: {}", run.err);
    }
    assert!(fixture.folder.path().join("out/photo.json").is_file(), "{run:?}");

    // Then it is there: without a word and without a request.
    fixture.server.take_requests();
    let again = fixture.run("segment", &["--offline", "photo.png", "--model", VARIANT, "-o", "again"]);
    assert_eq!((again.code, again.err.contains("fetching")), (0, false), "{again:?}");
    assert!(fixture.server.take_requests().is_empty());

    let list = fixture.run("models", &[]);
    let cached = list.out.lines().find(|line| line.contains(VARIANT) && line.ends_with(" MB"));
    assert!(cached.is_some(), "{list:?}");
    let info = fixture.run("models", &["info", VARIANT]);
    assert!(info.out.contains("apache-2.0") && info.out.contains(" MB"), "{info:?}");
    let removed = fixture.run("models", &["remove", "kmax-resnet50-coco-port"]);
    assert_eq!(removed.code, 0, "{removed:?}");
    let models = fixture.folder.path().join("cache/models");
    assert_eq!(std::fs::read_dir(&models).expect("a folder").count(), 0);
    assert_eq!(fixture.run("models", &["remove", VARIANT]).code, 3);
}

#[test]
fn pull_prints_where_each_is() {
    let fixture = Fixture::new();
    let file = "hf://owner/name/runs/last.pth";
    let ambiguous = fixture.run("segment", &["photo.png", "--model", file]);
    assert!(ambiguous.code == 4 && ambiguous.err.contains("--variant"), "{ambiguous:?}");
    for arguments in [&[VARIANT][..], &[file, "--variant", VARIANT]] {
        let run = fixture.run("pull", arguments);
        assert_eq!(run.code, 0, "{run:?}");
        let folders: Vec<_> = run.out.lines().map(Path::new).collect();
        assert!(folders.len() == 1 && folders[0].join("config.json").is_file(), "{run:?}");
    }
    // With what was chosen before, and by the name in the list.
    let named = fixture.run("models", &["info", file]);
    assert!(named.code == 0 && named.err.contains("as it was converted before"), "{named:?}");
    let list = fixture.run("models", &[]);
    let entry = list.out.split_whitespace().find(|word| word.starts_with("hf--")).unwrap_or_default();
    assert_eq!(fixture.run("models", &["info", entry]).code, 0, "{list:?}");
    let some = fixture.run("pull", &["nothing", VARIANT]);
    assert!(
        some.code == 1 && some.out.lines().count() == 1 && some.err.contains("1 of 2 failed"),
        "{some:?}"
    );
    let unknown = fixture.run("pull", &["kmax-resnet50-coca"]);
    assert_eq!(unknown.code, 4, "{unknown:?}");
    assert!(unknown.err.contains("did you mean"), "{unknown:?}");
    let repo = fixture.run("pull", &["hf://owner/name"]);
    assert!(repo.code == 4 && repo.err.contains("hf://owner/name/runs/last.pth"), "{repo:?}");
}
