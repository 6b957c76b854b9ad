//! The source files of the workspace, read line by line for the rules of style.
//! It parses no Rust: it knows what rustfmt makes of it, and judges nothing.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// One Rust file below `crates/*/src` or `crates/*/tests`.
#[derive(Debug)]
pub struct Source {
    /// Relative to `crates`.
    path: PathBuf,
    lines: Vec<String>,
}

/// A `pub` item that is visible outside its crate.
#[derive(Debug)]
pub struct Item<'a> {
    /// The keyword: `fn`, `struct`, `enum`, …
    pub kind: &'a str,
    /// What it is called.
    pub name: &'a str,
    /// From 1.
    pub line: usize,
    /// Whether a doc comment stands above it.
    pub documented: bool,
}

/// Every source file of the workspace at `root`, in the order of their paths.
pub fn sources(root: &Path) -> Vec<Source> {
    let crates = root.join("crates");
    let mut files = Vec::new();
    for member in children(&crates) {
        collect(&member.join("src"), &mut files);
        collect(&member.join("tests"), &mut files);
    }
    files.into_iter().map(|file| Source::read(&crates, &file)).collect()
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for path in children(directory) {
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn children(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

impl Source {
    fn read(crates: &Path, file: &Path) -> Self {
        let text =
            fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let path = file.strip_prefix(crates).unwrap_or(file).to_path_buf();
        Self { path, lines: text.lines().map(str::to_owned).collect() }
    }

    /// Its path below `crates`.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its lines, all of them.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// The directory of its crate.
    pub fn crate_name(&self) -> &str {
        self.path.iter().next().and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// Whether it is part of an integration test.
    pub fn is_test(&self) -> bool {
        self.path.iter().nth(1).is_some_and(|folder| folder == "tests")
    }

    /// The sentences of the module's doc comment.
    pub fn module_sentences(&self) -> usize {
        let doc = self.lines.iter().map_while(|line| line.strip_prefix("//!"));
        let words = doc.flat_map(str::split_whitespace);
        words.filter(|word| word.trim_end_matches(['*', '`', ')']).ends_with('.')).count()
    }

    /// Lines that are comments and not documentation.
    pub fn comment_lines(&self) -> usize {
        self.lines.iter().filter(|line| is_comment(line) && !is_doc(line)).count()
    }

    /// The numbered lines of code: neither blank nor comment, nor of the unit tests at the end.
    pub fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let numbered = (1..).zip(&self.lines).take(self.unit_tests());
        numbered
            .map(|(number, line)| (number, line.as_str()))
            .filter(|(_, line)| !line.trim().is_empty() && !is_comment(line))
    }

    /// The index of the line at which the unit tests begin: the end, where there are none.
    fn unit_tests(&self) -> usize {
        let gated = self.lines.iter().position(|line| line == "#[cfg(test)]");
        gated.unwrap_or(self.lines.len())
    }

    /// The items that other crates can see.
    pub fn public_items(&self) -> impl Iterator<Item = Item<'_>> {
        self.code().filter_map(|(line, text)| {
            let (kind, name) = public_item(text)?;
            let above = self.lines.get(..line - 1).unwrap_or_default();
            Some(Item { kind, name, line, documented: ends_documented(above) })
        })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "crates/{}", self.path.display())
    }
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

fn is_doc(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("///") || line.starts_with("//!")
}

/// Kind and name of the public item that begins on a line.
fn public_item(line: &str) -> Option<(&str, &str)> {
    let declared = line.trim_start().strip_prefix("pub ")?;
    let mut words = declared.split_whitespace();
    let kind = words.find(|word| !["async", "unsafe", "const"].contains(word))?;
    let name = words.next()?.split(['(', '<', '{', ';', ':']).next()?;
    let known = ["fn", "struct", "enum", "trait", "type", "union"].contains(&kind);
    // A macro's `$name` is documented where the macro is used.
    (known && !name.starts_with('$')).then_some((kind, name))
}

/// Whether the lines end with a doc comment, with attributes after it or not.
fn ends_documented(above: &[String]) -> bool {
    let item = above.iter().rev().map(|line| line.trim());
    // An attribute may go over many lines; what ends the search is the item before.
    let mut attributes =
        item.take_while(|line| !line.is_empty() && !line.ends_with(['{', '}', ';']));
    attributes.any(is_doc)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source { path: "demo/src/lib.rs".into(), lines: text.lines().map(str::to_owned).collect() }
    }

    #[test]
    fn an_attribute_does_not_hide_the_doc_comment() {
        let text =
            "/// Says why.\n#[path(\n    get,\n)]\npub async fn list() {\n}\n\npub fn bare() {}";
        let source = source(text);
        let items: Vec<_> =
            source.public_items().map(|item| (item.name, item.documented)).collect();
        assert_eq!(items, [("list", true), ("bare", false)]);
    }

    #[test]
    fn what_only_the_crate_sees_is_not_public() {
        assert_eq!(
            source("pub(crate) struct Inner;\npub use inner::Inner;").public_items().count(),
            0
        );
    }

    #[test]
    fn unit_tests_and_comments_are_not_code() {
        let source = source("//! Doc.\n// Why.\nfn run() {}\n\n#[cfg(test)]\nmod tests {}");
        assert_eq!(source.code().map(|(number, _)| number).collect::<Vec<_>>(), [3]);
        assert_eq!((source.comment_lines(), source.module_sentences()), (1, 1));
    }
}
