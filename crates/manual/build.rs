//! Takes the files of Swagger UI that the page needs out of its archive, compressed as they are there.
//!
//! Refuses to compress: gzip is what the archive holds, with another head and foot.

use std::io::{self, Cursor, Read};
use std::path::Path;
use std::{env, fs};
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::ZipArchive;

const FILES: [&str; 2] = ["swagger-ui-bundle.js", "swagger-ui.css"];
/// Deflated, without a name or a time, by nobody knows what.
const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    for file in FILES {
        fs::write(Path::new(&out).join(format!("{file}.gz")), gzip(&mut archive, file)?)?;
    }
    Ok(())
}

fn gzip(archive: &mut ZipArchive<Cursor<&[u8]>>, file: &str) -> io::Result<Vec<u8>> {
    let ending = format!("/dist/{file}");
    let names: Vec<_> = archive.file_names().filter_map(Result::ok).collect();
    let name = names.into_iter().find(|name| name.ends_with(&ending));
    let place = name.and_then(|name| archive.index_for_name(&name));
    let mut found = archive.by_index_raw(place.ok_or(io::ErrorKind::NotFound)?)?;
    if found.compression() != zip::CompressionMethod::DEFLATE {
        return Err(io::Error::other(format!("{file} is not deflated")));
    }
    let foot = [found.crc32(), u32::try_from(found.size()).map_err(io::Error::other)?];
    let mut gzip = HEAD.to_vec();
    found.read_to_end(&mut gzip)?;
    gzip.extend(foot.into_iter().flat_map(u32::to_le_bytes));
    Ok(gzip)
}
