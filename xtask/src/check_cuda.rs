//! Type-checks the program with the feature `cuda`, where there is no CUDA: neither its compiler nor its libraries.

use crate::cargo::cargo;
use std::fs;
use std::path::{Path, PathBuf};

/// What stands for CUDA's compiler. What it makes cannot run, so what is built with it goes to a folder of its own.
const NVCC: &str = include_str!("nvcc.sh");

/// Runs `cargo check`; the message says of what.
pub fn check(features: &str) -> Result<String, String> {
    let root = std::env::current_dir().map_err(|e| e.to_string())?.join("target/check-cuda");
    let nvcc = compiler(&root)?;
    let folder = nvcc.parent().unwrap_or(Path::new("/"));
    let others = std::env::var_os("PATH").unwrap_or_default();
    let paths = [folder.to_path_buf()].into_iter().chain(std::env::split_paths(&others));
    let path = std::env::join_paths(paths).map_err(|e| e.to_string())?;
    let mut check = cargo();
    check.args(["check", "--release", "--locked", "--package", "kmax-cli", "--features", features]);
    check.arg("--target-dir").arg(&root);
    check.env("NVCC", &nvcc).env("PATH", path).env("CUDA_HOME", &root).env("CUDA_COMPUTE_CAP", "90");
    let status = check.status().map_err(|e| format!("cargo check: {e}"))?;
    if !status.success() {
        return Err(format!("the program with the features `{features}` does not type-check"));
    }
    Ok(format!("the program with the features `{features}` type-checks; nothing of CUDA was compiled"))
}

/// Writes what stands for the compiler.
fn compiler(root: &Path) -> Result<PathBuf, String> {
    let file = root.join("bin/nvcc");
    let write = || {
        fs::create_dir_all(root.join("bin"))?;
        // What it made is made again if it has changed.
        if fs::read_to_string(&file).is_ok_and(|text| text == NVCC) {
            return Ok(());
        }
        fs::write(&file, NVCC)?;
        #[cfg(unix)]
        fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        Ok(())
    };
    write().map_err(|e: std::io::Error| format!("{}: {e}", file.display()))?;
    Ok(file)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn it_answers_as_the_compiler_does_and_makes_files() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let nvcc = compiler(folder.path()).expect("written");
        let run = |arguments: &[&str]| {
            let done = Command::new(&nvcc).args(arguments).current_dir(&folder).output().expect("it runs");
            assert!(done.status.success(), "{arguments:?}");
            String::from_utf8_lossy(&done.stdout).into_owned()
        };
        // cudarc looks for the version in the fourth line.
        let version = run(&["--version"]);
        assert!(version.lines().nth(3).is_some_and(|line| line.contains("release 13.0,")), "{version}");
        run(&["-gencode=arch=compute_90", "--ptx", "--output-directory", ".", "-O3", "src/unary.cu"]);
        run(&["-c", "-o", "one.o", "src/one.cu"]);
        run(&["--lib", "-o", "libone.a", "one.o"]);
        for name in ["unary.ptx", "one.o", "libone.a"] {
            assert!(folder.path().join(name).is_file(), "{name}");
        }
    }
}
