//! The files of the web console, compressed once at build time and carried in the binary.
//!
//! Refuses to speak HTTP: the server decides what is served to whom.

use std::borrow::Cow;
use std::io::Read;

/// A file of the console.
#[derive(Debug)]
pub struct Asset {
    /// What it is, as a `Content-Type`.
    pub media_type: &'static str,
    /// Names its content, in the quotes that the header wants.
    pub etag: &'static str,
    /// Whether its address has a hash of its content in it.
    pub is_immutable: bool,
    is_brotli: bool,
    bytes: &'static [u8],
}

/// Whether it is the console, or only a page that says how to get it; and its files.
type Table = (bool, &'static [(&'static str, Asset)]);

const TABLE: Table = include!(concat!(env!("OUT_DIR"), "/table.rs"));
static FILES: &[(&str, Asset)] = TABLE.1;
/// Whether the console is here; else its page says how to get it.
pub const IS_BUILT: bool = TABLE.0;
/// Where the page is that starts the console, whatever the address.
const PAGE: &str = "/index.html";

/// The file at an address.
pub fn asset(path: &str) -> Option<&'static Asset> {
    FILES.iter().find(|(name, _)| *name == path).map(|(_, asset)| asset)
}

/// The page that starts the console.
pub fn page() -> Option<&'static Asset> {
    asset(PAGE)
}

/// The addresses of all files.
pub fn paths() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(path, _)| *path)
}

impl Asset {
    /// Its bytes under brotli; `None` if it is not compressed.
    pub fn brotli(&self) -> Option<&'static [u8]> {
        self.is_brotli.then_some(self.bytes)
    }

    /// Its bytes, for those who cannot read brotli.
    ///
    /// # Errors
    ///
    /// Any if the binary is damaged.
    pub fn plain(&self) -> std::io::Result<Cow<'static, [u8]>> {
        if !self.is_brotli {
            return Ok(Cow::Borrowed(self.bytes));
        }
        let mut plain = Vec::new();
        brotli_decompressor::Decompressor::new(self.bytes, 4096).read_to_end(&mut plain)?;
        Ok(Cow::Owned(plain))
    }
}
