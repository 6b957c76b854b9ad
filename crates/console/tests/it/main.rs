//! The files in the binary are whole, and need nothing from elsewhere.

use fleetwire_console::{asset, page, paths};

#[test]
fn there_is_always_a_page() {
    let page = page().expect("there is a page");
    assert_eq!(page.media_type, "text/html; charset=utf-8");
    assert!(!page.is_immutable);
}

#[test]
fn every_file_can_be_read_by_who_knows_no_brotli() {
    for path in paths() {
        let asset = asset(path).expect("it is in the table");
        let plain = asset.plain().expect("it is whole");
        assert!(!plain.is_empty(), "{path}");
        assert!(asset.brotli().is_none_or(|brotli| brotli.len() <= plain.len() + 16), "{path}");
    }
}

#[test]
fn the_page_names_no_other_host_and_has_no_script_of_its_own() {
    let plain = page().expect("there is a page").plain().expect("it is whole");
    let html = String::from_utf8_lossy(&plain).into_owned();
    assert!(!html.contains("://"), "{html}");
    assert!(html.split("<script").skip(1).all(|rest| rest.trim_start().contains("src=")), "{html}");
    assert!(!html.contains("<style"), "{html}");
}

#[test]
fn all_files_together_are_small() {
    let brotli = paths().filter_map(|path| asset(path).expect("it is there").brotli());
    assert!(brotli.map(<[u8]>::len).sum::<usize>() <= 600 * 1024);
}
