//! The files of the manual are whole, and need nothing from elsewhere.

use fleetwire_manual::{File, file, names};

#[test]
fn every_file_can_be_read_by_who_knows_no_gzip() {
    for name in names() {
        let file = file(name).expect("it is in the table");
        let plain = file.plain().expect("it is whole");
        assert!(file.gzip().is_none_or(|gzip| gzip.len() <= plain.len() + 18), "{name}");
    }
    let script = file("swagger-ui-bundle.js").and_then(File::plain).expect("it is there");
    assert!(script.windows(15).any(|word| word == b"SwaggerUIBundle"));
}

#[test]
fn gzip_ends_with_the_size_of_what_is_in_it() {
    for gzip in names().filter_map(|name| file(name).expect("it is there").gzip().zip(Some(name))) {
        let (gzip, name) = gzip;
        let size = gzip.last_chunk().map(|size| u32::from_le_bytes(*size));
        let plain = file(name).and_then(File::plain).expect("it is whole");
        assert_eq!(size, u32::try_from(plain.len()).ok(), "{name}");
    }
}

#[test]
fn the_page_loads_its_own_files_and_no_others() {
    let html = file("index.html").and_then(File::plain).expect("it is there");
    let html = String::from_utf8(html).expect("it is text");
    assert!(!html.contains("//") && !html.contains("<script>") && !html.contains("<style"));
    let is_file = |text: &&str| [".js", ".css"].iter().any(|end| text.ends_with(end));
    let loaded: Vec<_> = html.split('"').filter(is_file).collect();
    assert_eq!(loaded.len(), 3, "{html}");
    assert!(loaded.iter().all(|name| file(name).is_some()), "{loaded:?}");
}
