//! The page that shows the HTTP API: Swagger UI, compressed, in the binary.
//!
//! Refuses to speak HTTP, and to load anything from elsewhere.

use miniz_oxide::inflate::decompress_to_vec_with_limit;

/// A file of the page.
#[derive(Debug)]
pub struct File {
    /// What it is, as a `Content-Type`.
    pub media_type: &'static str,
    /// Its bytes under gzip, if it is large enough to be compressed, or else as they are.
    bytes: Bytes,
}

#[derive(Debug)]
enum Bytes {
    Plain(&'static [u8]),
    Gzip(&'static [u8]),
}

/// What is before and after the deflated bytes.
const HEAD: usize = 10;
const FOOT: usize = 8;
/// More than any file of the page.
const LIMIT: usize = 4 << 20;

macro_rules! packed {
    ($name:literal) => {
        Bytes::Gzip(include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".gz")))
    };
}

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

static FILES: [(&str, File); 4] = [
    ("index.html", File { media_type: HTML, bytes: Bytes::Plain(include_bytes!("index.html")) }),
    ("start.js", File { media_type: SCRIPT, bytes: Bytes::Plain(include_bytes!("start.js")) }),
    ("swagger-ui-bundle.js", File { media_type: SCRIPT, bytes: packed!("swagger-ui-bundle.js") }),
    ("swagger-ui.css", File { media_type: STYLE, bytes: packed!("swagger-ui.css") }),
];

/// The file of this name.
pub fn file(name: &str) -> Option<&'static File> {
    FILES.iter().find(|(it, _)| *it == name).map(|(_, file)| file)
}

/// The names of all files.
pub fn names() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(name, _)| *name)
}

impl File {
    /// Its bytes under gzip; `None` if it is too small for it.
    pub fn gzip(&self) -> Option<&'static [u8]> {
        match self.bytes {
            Bytes::Gzip(bytes) => Some(bytes),
            Bytes::Plain(_) => None,
        }
    }

    /// Its bytes as they are; `None` if the binary is damaged.
    pub fn plain(&self) -> Option<Vec<u8>> {
        match self.bytes {
            Bytes::Plain(bytes) => Some(bytes.to_vec()),
            Bytes::Gzip(bytes) => {
                let deflated = bytes.get(HEAD..bytes.len().checked_sub(FOOT)?)?;
                decompress_to_vec_with_limit(deflated, LIMIT).ok()
            }
        }
    }
}
