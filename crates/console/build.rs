//! Finds or builds the web console in `console/dist`, and writes the table of its files.
//!
//! Refuses to fail for want of Node: then the table has one page, which says how to get the console.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

/// Whether the console may be built here: `never`, `always` (or the build fails), else if npm is found.
const SWITCH: &str = "CONSOLE_BUILD";
/// What the console is made of; the same list is in `console/tools/stamp.mjs`.
const SOURCES: [&str; 5] =
    ["index.html", "package-lock.json", "package.json", "src", "vite.config.ts"];

fn main() -> io::Result<()> {
    let manifest = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let console = manifest.join("../../console");
    println!("cargo::rerun-if-env-changed={SWITCH}");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/fallback.html");
    for source in SOURCES {
        // One that is not there would have Cargo build everything again each time.
        println!("cargo::rerun-if-changed={}", console.join(source).canonicalize()?.display());
    }
    let switch = env::var(SWITCH).unwrap_or_default();
    if !is_current(&console)? && switch != "never" {
        build(&console, switch == "always")?;
    }
    let table = if is_current(&console)? {
        println!("cargo::rerun-if-changed={}", console.join("dist/stamp").display());
        table(&console.join("dist"))?
    } else {
        println!("cargo::warning=without the web console: {SWITCH}=always needs npm and says more");
        fallback(&manifest)
    };
    fs::write(Path::new(&variable("OUT_DIR")?).join("table.rs"), table)
}

fn variable(name: &str) -> io::Result<String> {
    env::var(name).map_err(io::Error::other)
}

/// Installs the packages and builds, where npm is.
fn build(console: &Path, is_needed: bool) -> io::Result<()> {
    let install = &["ci", "--no-audit", "--no-fund"][..];
    let steps = [install, &["run", "build"]];
    for step in steps.into_iter().skip(usize::from(is_installed(console))) {
        let run = Command::new("npm").args(step).current_dir(console).output();
        let said = match run {
            Ok(output) if output.status.success() => continue,
            Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
            Err(error) => format!("npm: {error}"),
        };
        if is_needed {
            return Err(io::Error::other(said));
        }
        let last = said.trim().lines().last().unwrap_or("npm failed").to_owned();
        println!("cargo::warning=the web console was not built: {last}");
        break;
    }
    Ok(())
}

/// Whether the packages of the lock file are there: npm notes what it has installed.
fn is_installed(console: &Path) -> bool {
    let changed = |path: &str| fs::metadata(console.join(path))?.modified();
    let (noted, locked) =
        (changed("node_modules/.package-lock.json"), changed("package-lock.json"));
    matches!((noted, locked), (Ok(noted), Ok(locked)) if noted >= locked)
}

/// Whether `dist` was built from the sources that are here.
fn is_current(console: &Path) -> io::Result<bool> {
    let Ok(stamp) = fs::read_to_string(console.join("dist/stamp")) else { return Ok(false) };
    let mut files = Vec::new();
    for source in SOURCES {
        collect(console, source, &mut files)?;
    }
    files.sort();
    let mut hash = Fnv::new();
    for file in files {
        hash.add(file.as_bytes());
        hash.add(&fs::read(console.join(&file))?);
    }
    Ok(stamp.trim() == hash.text())
}

/// Every file at or below `path`, relative to `root`, with slashes.
fn collect(root: &Path, path: &str, files: &mut Vec<String>) -> io::Result<()> {
    let whole = root.join(path);
    if whole.is_file() {
        files.push(path.to_owned());
    } else if whole.is_dir() {
        for entry in fs::read_dir(whole)? {
            let name = entry?.file_name();
            let name = name.to_string_lossy();
            let below = if path.is_empty() { name.into_owned() } else { format!("{path}/{name}") };
            collect(root, &below, files)?;
        }
    }
    Ok(())
}

/// The table of a built console: its compressed files by their address.
fn table(dist: &Path) -> io::Result<String> {
    let mut files = Vec::new();
    collect(dist, "", &mut files)?;
    files.sort();
    let mut rows = String::new();
    for file in files.iter().filter_map(|file| file.strip_suffix(".br")) {
        let compressed = dist.join(format!("{file}.br"));
        let mut hash = Fnv::new();
        hash.add(&fs::read(&compressed)?);
        rows += &row(&format!("/{file}"), &hash.text(), &compressed, true);
    }
    Ok(format!("(true, &[{rows}])"))
}

fn fallback(manifest: &Path) -> String {
    let page = manifest.join("src/fallback.html");
    format!("(false, &[{}])", row("/index.html", "fallback", &page, false))
}

fn row(path: &str, hash: &str, file: &Path, is_brotli: bool) -> String {
    let file = file.to_string_lossy();
    let media_type = match path.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    };
    let is_immutable = path.starts_with("/assets/");
    format!(
        "({path:?}, Asset {{ media_type: {media_type:?}, etag: {:?}, is_immutable: {is_immutable}, \
         is_brotli: {is_brotli}, bytes: include_bytes!({file:?}) }}),\n",
        format!("\"{hash}\"")
    )
}

/// FNV-1a of 64 bits: names versions, protects nothing.
struct Fnv(u64);

impl Fnv {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// Adds the bytes and an end.
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes.iter().chain(&[0]) {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn text(&self) -> String {
        format!("{:016x}", self.0)
    }
}
