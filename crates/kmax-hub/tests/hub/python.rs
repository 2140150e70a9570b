//! Caches shared with Python's `huggingface_hub`.
//!
//! One test lays out a cache as `huggingface_hub` 2.4.0 does (compared with one that it made). The others run the package
//! itself where `KMAX_HUB_PYTHON` names an interpreter that has it; `docs/HUB.md` gives the command.

use super::{COMMIT, Fixture};
use kmax_hub::{Result, Settings};
use std::path::Path;
use std::process::Command;

#[cfg(unix)]
#[test]
fn a_cache_of_python_is_read() -> Result<()> {
    use std::os::unix::fs::symlink;
    let fixture = Fixture::new();
    let write = |name: &str, content: &[u8]| {
        let file = fixture.folder().join(name);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("created");
        std::fs::write(file, content).expect("written");
    };
    write("refs/main", COMMIT.as_bytes());
    let snapshot = fixture.folder().join("snapshots").join(COMMIT);
    std::fs::create_dir_all(&snapshot).expect("created");
    for (file, etag, content) in [
        (
            "config.json",
            "e5b1d32ac6bf8bc9ddaf1ac5f5f4dd28bcd1a9b6",
            &br#"{"model_type": "kmax-deeplab"}"#[..],
        ),
        ("preprocessor_config.json", "9e26dfeeb6e641a33dae4961196235bdb965b21b", b"{}"),
        ("model.safetensors", "5f3f0f5ec9a6d9f1c2cb8e3a4d24a6c2b3b4a7e1", &super::weights()),
    ] {
        write(&format!("blobs/{etag}"), content);
        symlink(format!("../../blobs/{etag}"), snapshot.join(file)).expect("linked");
    }
    let offline = Settings { offline: true, ..fixture.settings() };
    fixture.check(&fixture.fetch_with(offline, "hf://owner/name").0?, COMMIT);
    assert!(fixture.server.take_requests().is_empty());
    Ok(())
}

/// Runs a script with `FILES` defined; what it prints.
fn python(fixture: &Fixture, offline: bool, script: &str) -> String {
    let interpreter = std::env::var_os("KMAX_HUB_PYTHON").expect("KMAX_HUB_PYTHON names an interpreter");
    let files = "FILES = ['config.json', 'preprocessor_config.json', 'model.safetensors']\n";
    let output = Command::new(interpreter)
        .args(["-c", &format!("from huggingface_hub import *\n{files}{script}")])
        .env("HF_ENDPOINT", fixture.server.endpoint())
        .env("HF_HUB_CACHE", fixture.cache.path())
        .env("HF_HUB_OFFLINE", if offline { "1" } else { "0" })
        .env_remove("HF_TOKEN")
        .output()
        .expect("the interpreter runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_string()
}

#[test]
#[ignore = "needs huggingface_hub: KMAX_HUB_PYTHON names an interpreter that has it"]
fn python_fills_and_we_read() -> Result<()> {
    let fixture = Fixture::new();
    let script = "for file in FILES: path = hf_hub_download('owner/name', file)\nprint(path)";
    let path = python(&fixture, false, script);
    let offline = Settings { offline: true, ..fixture.settings() };
    let (folder, _) = fixture.fetch_with(offline, "hf://owner/name");
    let folder = folder?;
    assert_eq!(Path::new(&path), folder.join("model.safetensors"));
    fixture.check(&folder, COMMIT);
    fixture.server.take_requests();
    let (again, events) = fixture.fetch();
    assert_eq!((again?, events), (folder, Vec::new()), "online, nothing is fetched again");
    Ok(())
}

#[test]
#[ignore = "needs huggingface_hub: KMAX_HUB_PYTHON names an interpreter that has it"]
fn we_fill_and_python_reads() -> Result<()> {
    let fixture = Fixture::new();
    let folder = fixture.fetch().0?;
    let script = "for file in FILES: path = hf_hub_download('owner/name', file)\n\
                  info = scan_cache_dir()\n\
                  repo, = info.repos\n\
                  assert not info.warnings, info.warnings\n\
                  assert repo.repo_id == 'owner/name' and repo.nb_files == 3, repo\n\
                  assert try_to_load_from_cache('owner/name', 'README.md') is _CACHED_NO_EXIST\n\
                  assert snapshot_download('owner/name') + '/model.safetensors' == path\n\
                  print(path)";
    let script = format!("from huggingface_hub.file_download import _CACHED_NO_EXIST\n{script}");
    let path = python(&fixture, true, &script);
    assert_eq!(Path::new(&path), folder.join("model.safetensors"));
    // Online, Python finds everything there.
    let online = "for file in FILES: path = hf_hub_download('owner/name', file)\nprint(path)";
    fixture.server.take_requests();
    assert_eq!(python(&fixture, false, online), path);
    let requests = fixture.server.take_requests();
    let fetched: Vec<_> = requests.iter().filter(|r| r.method == "GET" && r.path.contains(".json")).collect();
    assert!(fetched.is_empty() && !requests.iter().any(|r| r.path.starts_with("/cdn/")), "{requests:?}");
    Ok(())
}
