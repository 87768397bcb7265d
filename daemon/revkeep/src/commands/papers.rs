//! `revkeep papers`: the man pages and the shells' completions, from the definition of the command line
//! itself, and the documentation as it is built in, so that a package never describes another one.

use std::{
    fs::{self, File, create_dir_all},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Cli;

#[derive(Args)]
pub(super) struct Options {
    /// The folder to write `man/`, `completions/` and `html/` into.
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
}

pub(super) fn run(options: &Options, json: bool) -> ExitCode {
    match write(&options.to) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => super::fail(
            json,
            "papers",
            &format!("{}: {error}", options.to.display()),
        ),
    }
}

fn write(folder: &Path) -> std::io::Result<()> {
    let manual = folder.join("man");
    create_dir_all(&manual)?;
    clap_mangen::generate_to(Cli::command(), &manual)?;
    let completions = folder.join("completions");
    create_dir_all(&completions)?;
    for (shell, file) in [
        (Shell::Bash, "revkeep"),
        (Shell::Zsh, "_revkeep"),
        (Shell::Fish, "revkeep.fish"),
    ] {
        let mut file = File::create(completions.join(file))?;
        clap_complete::generate(shell, &mut Cli::command(), "revkeep", &mut file);
    }
    for (name, content) in console::help::files() {
        let file = folder.join("html").join(name);
        create_dir_all(file.parent().unwrap_or(folder))?;
        fs::write(file, content)?;
    }
    Ok(())
}
