//! Published models fetched by name from servers that break off, and what they compute.
//!
//! A local server stands for Google Cloud Storage, Google Drive and the Hub. The checkpoints are whole ones with the values of the
//! manifests, so that the models meet the forward goldens.

mod bundle;
mod coconut_values;
mod common;
mod forward;
#[path = "../../kmax-hub/tests/hub/server.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod server;

use candle_core::{DType, Device, Tensor};
use forward::{Result, check_tf, check_torch};
use kmax_goldens::{Manifest, golden};
use kmax_model::{Cache, KMaxDeepLab, Model, Place, Preset};
use kmax_nn::Params;
use kmax_pull::{Options, Puller, Settings};
use server::{Fault, Server};
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

/// The tensors of a manifest, by their own names.
fn tensors(goldens: &Path, manifest: &str) -> Result<HashMap<String, Tensor>> {
    Ok(Manifest::read(&goldens.join(format!("manifests/{manifest}.json"))).tensors()?)
}

/// A checkpoint of TensorFlow in an archive, as deeplab2 publishes them.
fn archive(tensors: &HashMap<String, Tensor>, work: &Path) -> Result<Vec<u8>> {
    let folder = work.join("checkpoint");
    std::fs::create_dir(&folder)?;
    bundle::write(&folder, tensors)?;
    let packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut archive = tar::Builder::new(packed);
    archive.append_dir_all("kmax_resnet50_coco_train", &folder)?;
    std::fs::remove_dir_all(&folder)?;
    Ok(archive.into_inner()?.finish()?)
}

/// A file of one set of tensors.
fn file(tensors: &HashMap<String, Tensor>, work: &Path) -> Result<Vec<u8>> {
    let file = work.join("checkpoint.safetensors");
    candle_core::safetensors::save(tensors, &file)?;
    let bytes = std::fs::read(&file)?;
    std::fs::remove_file(&file)?;
    Ok(bytes)
}

/// Serves the checkpoint under `file`, breaks off twice, and gives the folder of the model.
fn pull(
    name: &str,
    file: &str,
    repo: &str,
    bytes: &[u8],
    request: &'static str,
    work: &Path,
) -> Result<std::path::PathBuf> {
    let server = Server::start(&[(file, bytes)])?;
    server.set(|state| state.repo = repo.into());
    server.fault(request, Fault::CutAfter(bytes.len() / 3));
    server.fault(request, Fault::CutAfter(bytes.len() / 3));
    let pause = Duration::from_millis(1);
    let hub = kmax_hub::Settings {
        endpoint: server.endpoint(),
        cache: work.join("hub"),
        token: None,
        offline: false,
        pause,
    };
    let mirror = Some(server.endpoint());
    let settings = Settings { cache: Cache::new(&work.join("kmax")), hub, mirror, pause };
    let mut starts = 0;
    let pulled = Puller::new(settings).pull(name, &Options::default(), &mut |event| {
        starts += usize::from(matches!(event, kmax_pull::Event::Download(kmax_hub::Event::Started { .. })));
    })?;
    assert_eq!(starts, 3, "{name}: broken off twice");
    Ok(pulled.path)
}

fn place(name: &str) -> Result<Place> {
    match Preset::named(name) {
        Some(Preset::Published(published)) => Ok(published.release().place()),
        _ => Err(format!("{name} is not published").into()),
    }
}

fn an_archive_of_deeplab2() -> Result<()> {
    let Some(goldens) = golden("tf") else { return Ok(()) };
    let work = tempfile::tempdir()?;
    let name = "kmax-resnet50-coco.deeplab2";
    let Place::Direct(url) = place(name)? else { return Err("no address".into()) };
    let bytes = archive(&tensors(&goldens, "coco_resnet50")?, work.path())?;
    let served = url.rsplit('/').next().unwrap_or_default();
    let folder = pull(name, served, "owner/name", &bytes, "GET /gresearch/", work.path())?;
    assert!(check_tf("coco_resnet50", &folder)?, "no golden");
    Ok(())
}

fn a_file_of_google_drive() -> Result<()> {
    let Some(goldens) = golden("torch") else { return Ok(()) };
    let work = tempfile::tempdir()?;
    let name = "kmax-resnet50-cityscapes.pytorch";
    let Place::Drive { id } = place(name)? else { return Err("not on Google Drive".into()) };
    let bytes = file(&tensors(&goldens, "cityscapes_r50")?, work.path())?;
    let folder = pull(name, id, "owner/name", &bytes, "GET /download", work.path())?;
    assert!(check_torch("cityscapes_r50", &folder)?, "no golden");
    Ok(())
}

fn a_file_on_the_hub() -> Result<()> {
    let work = tempfile::tempdir()?;
    let name = "kmax-resnet50-coco.coconut-s-tf";
    let Place::Hub { repo, file: served } = place(name)? else { return Err("not on the Hub".into()) };
    let config = Preset::named(name).ok_or("no preset")?.config();
    let weights = coconut_values::weights(&config)?.into_iter().map(|(_, theirs, tensor)| (theirs, tensor));
    let weights = weights.map(|(theirs, tensor)| Ok((theirs, tensor.to_dtype(DType::F32)?)));
    let bytes = file(&weights.collect::<Result<_>>()?, work.path())?;
    let folder = pull(name, served, repo, &bytes, "GET /cdn/", work.path())?;
    let params = Params::frozen(Model::open(&folder)?.weights().clone(), DType::F64, &Device::Cpu);
    coconut_values::check("r50_tf", &KMaxDeepLab::with_semantic_head(&config.network, &params)?)
}

kmax_goldens::tests!(an_archive_of_deeplab2, a_file_of_google_drive, a_file_on_the_hub);
