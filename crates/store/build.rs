//! Rebuilds when a migration changes: `sqlx::migrate!` reads the directory at build time.

fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
