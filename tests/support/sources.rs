//! What stands in the project's own Rust files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::Visit;

/// All Rust files below `folder`, by name.
pub fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The names of the test functions below the folders `folders` of the project.
pub fn test_names(folders: &[&str]) -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = folders.iter().flat_map(|folder| rust_files(&root.join(folder)));
    files.flat_map(|file| tests_of(&std::fs::read_to_string(file).expect("UTF-8"))).collect()
}

/// The names of the test functions in the text of a Rust file: those that run, so none that is ignored.
pub fn tests_of(text: &str) -> BTreeSet<String> {
    let mut tests = Tests::default();
    tests.visit_file(&syn::parse_file(text).expect("a Rust file"));
    tests.0
}

#[derive(Default)]
struct Tests(BTreeSet<String>);

impl<'ast> Visit<'ast> for Tests {
    /// Functions within functions are no tests.
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        let is = |name: &str| function.attrs.iter().any(|attribute| is_last(attribute.path(), name));
        if is("test") && !is("ignore") {
            self.0.insert(function.sig.ident.to_string());
        }
    }

    /// `proptest!` holds functions whose parameters are not Rust's, so that only their heads are read.
    fn visit_item_macro(&mut self, item: &'ast syn::ItemMacro) {
        if is_last(&item.mac.path, "proptest") {
            self.0.extend(tests_of_tokens(item.mac.tokens.clone()));
        }
    }
}

fn is_last(path: &syn::Path, name: &str) -> bool {
    path.segments.last().is_some_and(|segment| segment.ident == name)
}

/// The names after `#[test] fn`, with other attributes in between.
fn tests_of_tokens(tokens: TokenStream) -> Vec<String> {
    let (mut names, mut is_test, mut is_ignored, mut after_fn) = (Vec::new(), false, false, false);
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let attribute = group.stream().into_iter().next().map(|first| first.to_string());
                is_test |= attribute.as_deref() == Some("test");
                is_ignored |= attribute.as_deref() == Some("ignore");
            }
            TokenTree::Ident(word) if after_fn => {
                if is_test && !is_ignored {
                    names.push(word.to_string());
                }
                (is_test, is_ignored, after_fn) = (false, false, false);
            }
            TokenTree::Ident(word) => after_fn = word == "fn",
            _ => {}
        }
    }
    names
}
