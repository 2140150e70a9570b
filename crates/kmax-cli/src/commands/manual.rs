//! `kmax completions` and `kmax man`: what shells and `man` want to know about the program.

use crate::exit::{Code, OrExit, Outcome};
use crate::output::{remark, write, write_out};
use clap_complete::Shell;
use std::path::PathBuf;

/// Print the completions of a shell
///
/// Where they go depends on the shell: for bash a file `kmax` in ~/.local/share/bash-completion/completions, for zsh `_kmax` in a
/// folder of $fpath, for fish ~/.config/fish/completions/kmax.fish.
#[derive(clap::Args)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Write the manual's pages
#[derive(clap::Args)]
pub struct Man {
    /// The folder they go to, such as ~/.local/share/man/man1; made if it is not there
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Runs `kmax completions` for the whole `program`.
pub fn completions(arguments: &Completions, mut program: clap::Command) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut program, "kmax", &mut script);
    write_out(&script)
}

/// Runs `kmax man` for the whole `program`.
pub fn man(arguments: &Man, program: clap::Command) -> Outcome {
    let folder = &arguments.folder;
    crate::output::folder(folder)?;
    let mut pages = Vec::new();
    // Building it gives each command its whole name.
    let mut program = program.disable_help_subcommand(true);
    program.build();
    gather(program, &mut pages).or_exit(Code::Failed)?;
    for (name, page) in &pages {
        let file = folder.join(format!("{name}.1"));
        write(&file, page)?;
    }
    remark(&format!("{} pages written: {}", pages.len(), folder.display()));
    Ok(())
}

/// The page of a command and those of the commands below it.
fn gather(command: clap::Command, pages: &mut Vec<(String, Vec<u8>)>) -> std::io::Result<()> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_string();
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        gather(below.clone(), pages)?;
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    pages.push((name, page));
    Ok(())
}
