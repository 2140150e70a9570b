//! Models by name, from a local server that behaves as those that publish them.

mod checkpoint;
#[path = "../../../kmax-hub/tests/hub/server.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod server;

use checkpoint::{VARIANT, checkpoint, port};
use kmax_convert::{Conversion, WeightSet};
use kmax_hub::Event as Download;
use kmax_model::{Cache, Model, Place, Preset};
use kmax_pull::{Error, Event, Options, Pulled, Puller, Result, Settings};
use server::{Fault, Server};
use std::path::Path;
use std::time::Duration;

struct Fixture {
    server: Server,
    folder: tempfile::TempDir,
}

/// What was said meanwhile, in words.
type Said = Vec<String>;

impl Fixture {
    fn new(files: &[(&str, &[u8])]) -> Self {
        let server = Server::start(files).expect("a local port");
        Self { server, folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// The checkpoint at the id that the variant's release has on Google Drive, and on the Hub.
    fn published() -> Self {
        let Place::Drive { id } = release(VARIANT) else { panic!("not on Google Drive") };
        let bytes = std::fs::read(checkpoint()).expect("a checkpoint");
        Self::new(&[(id, &bytes), ("runs/last.pth", &bytes), ("README.md", b"# A run")])
    }

    fn settings(&self) -> Settings {
        let pause = Duration::from_millis(1);
        Settings {
            cache: Cache::new(&self.folder.path().join("kmax")),
            hub: kmax_hub::Settings {
                endpoint: self.server.endpoint(),
                cache: self.folder.path().join("hub"),
                token: None,
                offline: false,
                pause,
            },
            mirror: Some(self.server.endpoint()),
            pause,
        }
    }

    fn pull_with(&self, settings: Settings, name: &str, variant: Option<&str>) -> (Result<Pulled>, Said) {
        let mut said = Vec::new();
        let options = Options { variant: variant.map(String::from), ..Options::default() };
        let outcome = Puller::new(settings).pull(name, &options, &mut |event| match event {
            Event::Fetching { name, from, bytes, license } => {
                said.push(format!("fetching {name} from {from}, {bytes:?}, {license}"));
            }
            Event::Download(Download::Started { from, .. }) => said.push(format!("from {from}")),
            Event::Converted(summary) => said.push(format!("{} tensors", summary.mapped)),
            _ => {}
        });
        (outcome, said)
    }

    fn pull(&self, name: &str) -> (Result<Pulled>, Said) {
        self.pull_with(self.settings(), name, None)
    }

    /// Everything in our cache, by path.
    fn files(&self) -> Vec<String> {
        fn walk(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.path().is_dir() { walk(&entry.path(), found) } else { found.push(entry.path()) }
            }
        }
        let (root, mut found) = (self.folder.path().join("kmax"), Vec::new());
        walk(&root, &mut found);
        let relative = |file: &std::path::PathBuf| file.strip_prefix(&root).ok()?.to_str().map(String::from);
        let mut names: Vec<_> = found.iter().filter_map(relative).collect();
        // Locks stay: a file that others may hold cannot be removed.
        names.retain(|name| !name.ends_with(".pull"));
        names.sort();
        names
    }
}

fn release(variant: &str) -> Place {
    match Preset::named(variant) {
        Some(Preset::Published(published)) => published.release().place(),
        _ => panic!("{variant} is not published"),
    }
}

/// The model that the checkpoint converts to by hand.
fn expected() -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let to = folder.path().join("model");
    Conversion {
        from: checkpoint(),
        to: &to,
        variant: Some(VARIANT),
        half: false,
        weights: &WeightSet::Model,
    }
    .run()
    .expect("converted");
    Model::open(&to).expect("a model").digest()
}

#[test]
fn a_published_model_is_fetched_converted_and_kept() -> Result<()> {
    let fixture = Fixture::published();
    let size = std::fs::metadata(checkpoint()).expect("a checkpoint").len();
    let half = usize::try_from(size / 2).expect("small");
    fixture.server.fault("GET /download", Fault::CutAfter(half));
    fixture.server.fault("GET /download", Fault::CutAfter(half / 2));
    let (outcome, said) = fixture.pull(VARIANT);
    let pulled = outcome?;
    assert_eq!((pulled.name.as_str(), pulled.was_cached), (VARIANT, false));
    assert_eq!(Model::open(&pulled.path)?.digest(), expected());
    let from = "https://drive.google.com/file/d/";
    assert!(said[0].starts_with(&format!("fetching {VARIANT} from {from}")), "{said:?}");
    assert!(said[0].ends_with(&format!("Some({size}), apache-2.0")), "{said:?}");
    let (second, third) = (half, half + half / 2);
    let rest = [format!("from {second}"), format!("from {third}"), format!("{} tensors", port().len() - 1)];
    assert_eq!(said[2..], rest, "{said:?}");
    // Of the download nothing stays.
    let of_model = ["README.md", "config.json", "model.safetensors", "preprocessor_config.json"];
    assert_eq!(fixture.files(), of_model.map(|file| format!("models/{VARIANT}/{file}")));

    // It is there now, under every spelling of its name, and nobody is asked.
    fixture.server.take_requests();
    for name in [VARIANT, "kmax-resnet50-coco-port"] {
        let (again, said) = fixture.pull_with(fixture.settings().offline(), name, None);
        assert!(again?.was_cached && said.is_empty(), "{said:?}");
    }
    assert!(fixture.server.take_requests().is_empty());
    Ok(())
}

#[test]
fn a_later_run_goes_on() -> Result<()> {
    let fixture = Fixture::published();
    fixture.server.fault("GET /download", Fault::CutAfter(40_000_000));
    fixture.server.fault("GET /download", Fault::Status(404, &[]));
    let (outcome, _) = fixture.pull(VARIANT);
    assert!(matches!(outcome, Err(Error::Fetch(_))), "{outcome:?}");
    let (outcome, said) = fixture.pull(VARIANT);
    outcome?;
    assert_eq!(said[1], "from 40000000", "{said:?}");
    Ok(())
}

#[test]
fn what_is_no_checkpoint_does_not_stay() -> Result<()> {
    let fixture = Fixture::published();
    let good = fixture.server.state.lock().expect("no test thread panicked").files.clone();
    // Right by its checksum, and no checkpoint.
    fixture.server.set(|state| state.files.values_mut().for_each(|bytes| *bytes = b"rubbish".to_vec()));
    let error = fixture.pull(VARIANT).0.expect_err("rubbish");
    assert!(matches!(error, Error::Unusable { .. }), "{error}");
    assert_eq!(fixture.files(), Vec::<String>::new());
    fixture.server.set(|state| state.files = good);
    fixture.pull(VARIANT).0?;

    // A model of the cache that somebody cut off is made again.
    let weights = fixture.folder.path().join("kmax/models").join(VARIANT).join("model.safetensors");
    std::fs::File::options()
        .write(true)
        .open(&weights)
        .and_then(|file| file.set_len(1_000_000))
        .expect("cut");
    let pulled = fixture.pull(VARIANT).0?;
    assert!(!pulled.was_cached);
    assert_eq!(Model::open(&pulled.path)?.digest(), expected());
    Ok(())
}

#[test]
fn a_download_can_be_forgotten() -> Result<()> {
    let fixture = Fixture::published();
    fixture.server.fault("GET /download", Fault::CutAfter(40_000_000));
    fixture.server.fault("GET /download", Fault::Status(404, &[]));
    assert!(fixture.pull(VARIANT).0.is_err() && !fixture.files().is_empty());
    let puller = Puller::new(fixture.settings());
    assert!(puller.forget_download(VARIANT)?);
    assert_eq!(fixture.files(), Vec::<String>::new());
    assert!(!puller.forget_download(VARIANT)?);
    Ok(())
}

#[test]
fn another_network_at_the_address_is_refused() {
    // The checkpoint of COCO where that of Cityscapes should be.
    let Place::Drive { id } = release("kmax-resnet50-cityscapes.pytorch") else {
        panic!("not on Google Drive")
    };
    let bytes = std::fs::read(checkpoint()).expect("a checkpoint");
    let fixture = Fixture::new(&[(id, &bytes)]);
    let message = fixture.pull("kmax-resnet50-cityscapes.pytorch").0.expect_err("another").to_string();
    assert!(
        message.contains("kmax-resnet50-cityscapes.pytorch") && message.contains("misshapen"),
        "{message}"
    );
    assert!(fixture.files().iter().all(|name| name.starts_with("downloads/")), "{:?}", fixture.files());
}

#[test]
fn a_killed_conversion_leaves_nothing_for_ever() -> Result<()> {
    let fixture = Fixture::published();
    let models = fixture.folder.path().join("kmax/models");
    let left = models.join(format!(".kmax-{VARIANT}-abc"));
    std::fs::create_dir_all(&left).expect("created");
    std::fs::write(left.join("weights"), "half").expect("written");
    // A folder without weights is no model.
    std::fs::create_dir_all(models.join(VARIANT)).expect("created");
    fixture.pull(VARIANT).0?;
    assert_eq!(fixture.files().len(), 4, "{:?}", fixture.files());
    Ok(())
}

#[test]
fn checkpoints_on_the_hub_are_converted_once() -> Result<()> {
    let fixture = Fixture::published();
    let name = "hf://owner/name/runs/last.pth";
    let pull = |variant| fixture.pull_with(fixture.settings(), name, variant);
    // Of which of several networks it is nothing tells.
    let (outcome, said) = pull(None);
    let message = outcome.expect_err("ambiguous").to_string();
    assert!(message.contains(VARIANT) && message.contains("--variant"), "{message}");
    assert!(said[0].contains("owner/name") && said[0].ends_with("see its card"), "{said:?}");
    let pulled = pull(Some(VARIANT)).0?;
    assert_eq!(Model::open(&pulled.path)?.digest(), expected());
    let again = pull(Some("kmax-resnet50-coco-port")).0?;
    assert!(again.was_cached && again.path == pulled.path);
    let offline = fixture.pull_with(fixture.settings().offline(), name, Some(VARIANT)).0?;
    assert_eq!(offline.path, pulled.path);
    // What was said once need not be said again.
    assert_eq!(pull(None).0?.path, pulled.path);
    let wrong = pull(Some("kmax-convnext-tiny-coco.pytorch")).0;
    assert!(matches!(wrong, Err(Error::Convert(_))), "{wrong:?}");
    // A repository that is no model folder says what it holds.
    let message = fixture.pull("hf://owner/name").0.expect_err("no model").to_string();
    assert!(message.contains("hf://owner/name/runs/last.pth"), "{message}");
    Ok(())
}

#[test]
fn encoders_become_files() -> Result<()> {
    let encoder: checkpoint::Shapes = {
        let params = kmax_model::Params::probe();
        let config = Preset::named("kmax-convnext-tiny-coco").expect("a preset").config();
        kmax_backbones::build(&config.network.backbone, &params.pp("backbone")).expect("a backbone");
        let named = |(ours, shape): (String, Vec<usize>)| {
            (kmax_convert::names::pytorch::to_pytorch(&ours, false), shape)
        };
        params.shapes().into_iter().map(named).filter_map(|(name, shape)| Some((name?, shape))).collect()
    };
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    checkpoint::write(file.path(), &encoder, true);
    let bytes = std::fs::read(file.path()).expect("a checkpoint");
    let fixture = Fixture::new(&[("convnext_tiny_22k_1k_384.pth", &bytes)]);
    let pulled = fixture.pull("imagenet-convnext-tiny.pytorch").0?;
    assert!(pulled.path.ends_with("encoders/imagenet-convnext-tiny.pytorch.safetensors"));
    assert_eq!(fixture.files(), ["encoders/imagenet-convnext-tiny.pytorch.safetensors"]);
    assert!(fixture.pull("imagenet-convnext-tiny.pytorch").0?.was_cached);
    Ok(())
}

#[test]
fn two_at_once_fetch_once() {
    let fixture = Fixture::published();
    let paths: Vec<_> = std::thread::scope(|scope| {
        let pulls: Vec<_> = (0..2).map(|_| scope.spawn(|| fixture.pull(VARIANT).0)).collect();
        pulls.into_iter().map(|pull| pull.join().expect("no panic").expect("pulled").path).collect()
    });
    assert_eq!(paths[0], paths[1]);
    let fetched = fixture.server.take_requests().into_iter().filter(|r| r.path.starts_with("/download"));
    assert_eq!(fetched.count(), 1);
}

#[test]
fn what_cannot_be_pulled_says_why() {
    let fixture = Fixture::published();
    let message = |outcome: Result<Pulled>| outcome.expect_err("an error").to_string();
    let offline = fixture.pull_with(fixture.settings().offline(), VARIANT, None).0;
    assert!(message(offline).contains("offline"));
    assert!(message(fixture.pull("kmax-people").0).contains("built in"));
    assert!(message(fixture.pull("kmax-resnet50-coca").0).contains("did you mean"));
    let variant = fixture.pull_with(fixture.settings(), VARIANT, Some(VARIANT)).0;
    assert!(message(variant).contains("variant"));
    assert!(fixture.server.take_requests().is_empty());
}
