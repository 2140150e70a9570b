//! `cargo xtask convert-weights` is the program's `convert`: its words and its exit codes.

use std::process::{Command, Output};

fn convert_weights(arguments: &[&str]) -> std::io::Result<Output> {
    Command::new(env!("CARGO_BIN_EXE_xtask")).arg("convert-weights").args(arguments).output()
}

#[test]
fn it_speaks_and_ends_as_the_program_does() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    let (from, to) = (folder.path().join("nowhere.pth"), folder.path().join("model"));
    let [from, to] = [&from, &to].map(|path| path.display().to_string());
    for (arguments, code, words) in [
        (&["--help"][..], 0, "Usage: kmax convert"),
        (&["--from", &from], 2, "--to <FOLDER>"),
        (&["--from", &from, "--to", &to], 3, "nowhere.pth: no such file or folder"),
    ] {
        let output = convert_weights(arguments)?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
    assert_eq!(std::fs::read_dir(folder.path())?.count(), 0);
    Ok(())
}
