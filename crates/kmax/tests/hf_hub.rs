//! Models from the crate `hf-hub`'s own clients, against a local Hub.

#[path = "../examples/hf_hub.rs"]
#[expect(dead_code, reason = "its `main` is for people")]
mod example;
#[path = "../../kmax-hub/tests/hub/server.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod server;

use hf_hub::api::sync::ApiBuilder;
use hf_hub::{Cache, Repo};
use kmax::hub::{Hub, Settings};
use kmax::{HubModel, Model, ModelRepo};
use server::Server;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A Hub with the built-in model in a repository.
fn hub() -> Result<Server, Box<dyn Error>> {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../kmax-builtin/models/kmax-people");
    let read = |name: &str| std::fs::read(models.join(name));
    let files = [
        ("config.json", read("config.json")?),
        ("preprocessor_config.json", read("preprocessor_config.json")?),
        ("model.safetensors", read("model.safetensors")?),
    ];
    let files = files.each_ref().map(|(name, bytes)| (*name, bytes.as_slice()));
    Ok(Server::start(&files)?)
}

fn astronaut() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/images/astronaut.png")
}

struct BuiltIn;

impl ModelRepo for BuiltIn {
    fn file(&self, name: &str) -> Result<PathBuf, Box<dyn Error + Send + Sync>> {
        Ok(Path::new(env!("CARGO_MANIFEST_DIR")).join("../kmax-builtin/models/kmax-people").join(name))
    }
}

#[test]
fn its_client_and_its_cache_give_the_model() -> Result<(), Box<dyn Error>> {
    let (server, folder) = (hub()?, tempfile::tempdir()?);
    let expected = example::names(&BuiltIn, &astronaut())?;
    assert!(!expected.is_empty());
    let api = ApiBuilder::new().with_endpoint(server.endpoint()).with_cache_dir(folder.path().into());
    let repo = api.with_progress(false).build()?.model("owner/name".into());
    assert_eq!(example::names(&repo, &astronaut())?, expected);
    // What it has fetched, its cache gives without a server.
    let cached = Cache::new(folder.path().into()).repo(Repo::model("owner/name".into()));
    drop(server);
    assert_eq!(example::names(&cached, &astronaut())?, expected);
    let absent = Cache::new(folder.path().into()).repo(Repo::model("owner/other".into()));
    assert!(Model::from_repo(&absent).is_err_and(|error| error.to_string().contains("not in the cache")));
    Ok(())
}

/// With `KMAX_HUB_PYTHON` the cache is laid out by Python's `huggingface_hub`, else as it does it by our own client.
#[test]
fn a_cache_that_python_laid_out_gives_the_model() -> Result<(), Box<dyn Error>> {
    let (server, folder) = (hub()?, tempfile::tempdir()?);
    match std::env::var_os("KMAX_HUB_PYTHON") {
        Some(python) => {
            let files = "from huggingface_hub import hf_hub_download as get\n\
                         for name in ['config.json', 'preprocessor_config.json', 'model.safetensors']: get('owner/name', name)";
            let mut run = std::process::Command::new(python);
            run.args(["-c", files]).env("HF_ENDPOINT", server.endpoint()).env("HF_HUB_CACHE", folder.path());
            assert!(run.status()?.success());
        }
        None => {
            let hub = Hub::new(Settings {
                endpoint: server.endpoint(),
                cache: folder.path().into(),
                token: None,
                offline: false,
                pause: Duration::from_millis(1),
            });
            let repo = "hf://owner/name".parse()?;
            Model::from_repo(&HubModel { hub: &hub, repo: &repo })?;
        }
    }
    let cached = Cache::new(folder.path().into()).repo(Repo::model("owner/name".into()));
    assert_eq!(example::names(&cached, &astronaut())?, example::names(&BuiltIn, &astronaut())?);
    Ok(())
}

#[test]
#[cfg(unix)]
fn content_that_a_client_did_not_verify_is_refused() -> Result<(), Box<dyn Error>> {
    let (server, folder) = (hub()?, tempfile::tempdir()?);
    server.fault("GET /cdn/", server::Fault::FlipByte);
    let api = ApiBuilder::new().with_endpoint(server.endpoint()).with_cache_dir(folder.path().into());
    let repo = api.with_progress(false).build()?.model("owner/name".into());
    // It asks for the first byte before it asks for the file.
    server.fault("GET /cdn/", server::Fault::FlipByte);
    let message = Model::from_repo(&repo).expect_err("another content").to_string();
    assert!(message.contains("SHA-256"), "{message}");
    Ok(())
}
