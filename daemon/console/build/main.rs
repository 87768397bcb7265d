//! What is embedded beside the code. The web app is built by `cargo xtask web`, not here: a clone that has not
//! built it yet gets an empty folder, and the daemon says so on its pages. The documentation is made here, from
//! `docs/`, so that it is always that of this program.

#![expect(
    clippy::print_stdout,
    reason = "cargo reads what a build script prints"
)]

mod book;
mod chapter;
mod page;

use std::{env, error::Error, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=web/dist");
    fs::create_dir_all("web/dist")?;
    println!("cargo::rerun-if-changed=../../docs");
    println!("cargo::rerun-if-changed=build");
    // Cargo tells a build script everything by its environment.
    #[expect(clippy::disallowed_methods, reason = "where Cargo wants the output")]
    let out = env::var("OUT_DIR")?;
    book::write(Path::new("../../docs"), &Path::new(&out).join("book"))
}
