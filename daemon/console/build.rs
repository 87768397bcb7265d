//! The web app is built by `cargo xtask web`, not here. A clone that has not built it yet gets an empty
//! folder to embed, and the daemon says so on its pages.

fn main() -> std::io::Result<()> {
    println!("cargo::rerun-if-changed=web/dist");
    std::fs::create_dir_all("web/dist")
}
