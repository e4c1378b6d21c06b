//! The paths that Rust files name, resolved to the modules and crates that they lead to.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::ext::IdentExt as _;
use syn::visit::{self, Visit};

/// How many names may stand for one another in a row.
const MAX_ALIASES: usize = 16;

/// A path as it is written, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Written {
    names: Vec<String>,
    /// It begins with `::`, or with the name of another crate as `extern crate` gives it.
    is_absolute: bool,
    form: Form,
    line: usize,
    /// Only tests are built with it.
    in_test: bool,
}

/// How a path is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Form {
    /// In code: its first name alone is no crate's.
    Code,
    /// By a `use`.
    Use,
    /// By a `use` of all that it holds.
    Glob,
}

/// A module: what it names, and the other names that it gives.
#[derive(Debug, Default)]
struct Module {
    paths: Vec<Written>,
    aliases: BTreeMap<String, BTreeSet<Written>>,
    globs: BTreeSet<Written>,
}

/// All modules of the crate, by path. The crate's root is the empty path, `main.rs` the root of another crate.
#[derive(Debug, Default)]
pub struct Crate {
    modules: BTreeMap<Vec<String>, Module>,
    /// Modules that only tests are built with.
    tests: BTreeSet<Vec<String>>,
}

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// To a module of this crate, or to something in one.
    Inside(Vec<String>),
    /// To another crate.
    Outside(Vec<String>),
}

/// A path that is named, and where it leads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    /// The module that names it.
    pub by: Vec<String>,
    pub line: usize,
    /// The path as it is written.
    pub text: String,
    pub target: Target,
    pub is_glob: bool,
    pub in_test: bool,
}

/// The path of the module in `file`, a path below `src`.
pub fn module_path(file: &str) -> Vec<String> {
    let name = file.strip_suffix(".rs").expect("a Rust file");
    let name = name.strip_suffix("/mod").unwrap_or(name);
    if name == "lib" { Vec::new() } else { name.split('/').map(str::to_owned).collect() }
}

impl Crate {
    /// Reads files: their paths below `src`, and their texts.
    pub fn read<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut all = Self::default();
        for (file, text) in files {
            let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{file}: {error}"));
            let module = module_path(file);
            all.modules.entry(module.clone()).or_default();
            Reader { all: &mut all, module, in_test: false }.visit_file(&parsed);
        }
        all
    }

    /// Everything that is named and leads somewhere. `is_one` says whether two modules know each other's private names.
    pub fn uses(&self, is_one: impl Fn(&[String], &[String]) -> bool) -> Vec<Use> {
        let mut uses = BTreeSet::new();
        for (module, read) in &self.modules {
            let is_known = |other: &[String]| is_one(module, other);
            let is_test_file = self.tests.iter().any(|test| module.starts_with(test));
            for path in &read.paths {
                for target in self.resolve(module, path, &is_known, MAX_ALIASES) {
                    uses.insert(Use {
                        by: module.clone(),
                        line: path.line,
                        text: path.names.join("::"),
                        target,
                        is_glob: path.form == Form::Glob,
                        in_test: path.in_test || is_test_file,
                    });
                }
            }
        }
        uses.into_iter().collect()
    }

    /// Where a path that `module` names leads: to several places if a name means several things in its functions.
    fn resolve(
        &self,
        module: &[String],
        path: &Written,
        is_known: &dyn Fn(&[String]) -> bool,
        depth: usize,
    ) -> BTreeSet<Target> {
        let (first, rest) = path.names.split_first().expect("a path has a name");
        let (starts, rest) = match first.as_str() {
            _ if path.is_absolute => (BTreeSet::from([outside(first)]), rest),
            "crate" => (BTreeSet::from([Target::Inside(root_of(module))]), rest),
            "self" | "super" => {
                let up =
                    path.names.iter().take_while(|name| matches!(name.as_str(), "self" | "super")).count();
                let levels = path.names[..up].iter().filter(|name| *name == "super").count();
                let start = module[..module.len().saturating_sub(levels)].to_vec();
                (BTreeSet::from([Target::Inside(start)]), &path.names[up..])
            }
            name => {
                let found = self.look_up(module, name, Some(path), is_known, depth);
                let is_crate = found.is_empty() && (path.form != Form::Code || !rest.is_empty());
                (if is_crate { BTreeSet::from([outside(name)]) } else { found }, rest)
            }
        };
        starts.into_iter().flat_map(|start| self.walk(start, rest, is_known, depth)).collect()
    }

    /// What `name` stands for in `module`. The `use` that is itself resolved does not count.
    fn look_up(
        &self,
        module: &[String],
        name: &str,
        own: Option<&Written>,
        is_known: &dyn Fn(&[String]) -> bool,
        depth: usize,
    ) -> BTreeSet<Target> {
        let child = [module, &[name.to_owned()]].concat();
        if self.modules.contains_key(&child) {
            return BTreeSet::from([Target::Inside(child)]);
        }
        let (Some(read), Some(depth)) = (self.modules.get(module), depth.checked_sub(1)) else {
            return BTreeSet::new();
        };
        let others = read.aliases.get(name).into_iter().flatten().filter(|alias| Some(*alias) != own);
        let mut found: BTreeSet<Target> =
            others.flat_map(|alias| self.resolve(module, alias, is_known, depth)).collect();
        if found.is_empty() {
            for glob in read.globs.iter().filter(|glob| Some(*glob) != own && glob.names != [name]) {
                for target in self.resolve(module, glob, is_known, depth) {
                    if let Target::Inside(other) = target
                        && other != module
                    {
                        let is_open = is_known(&other);
                        let child = [other.as_slice(), &[name.to_owned()]].concat();
                        if self.modules.contains_key(&child) {
                            found.insert(Target::Inside(child));
                        } else if is_open {
                            found.extend(self.look_up(&other, name, None, is_known, depth));
                        }
                    }
                }
            }
        }
        found
    }

    /// Goes on from `start`. What a module of the same room calls by another name is followed; what another room
    /// re-exports is its own.
    fn walk(
        &self,
        start: Target,
        rest: &[String],
        is_known: &dyn Fn(&[String]) -> bool,
        depth: usize,
    ) -> BTreeSet<Target> {
        let Some((name, after)) = rest.split_first() else { return BTreeSet::from([start]) };
        match start {
            Target::Outside(mut path) => {
                path.extend_from_slice(rest);
                BTreeSet::from([Target::Outside(path)])
            }
            Target::Inside(module) => {
                let next = [module.as_slice(), std::slice::from_ref(name)].concat();
                let aliased = if !self.modules.contains_key(&next) && is_known(&module) {
                    self.look_up(&module, name, None, is_known, depth)
                } else {
                    BTreeSet::new()
                };
                if aliased.is_empty() {
                    return if self.modules.contains_key(&next) {
                        self.walk(Target::Inside(next), after, is_known, depth)
                    } else {
                        BTreeSet::from([Target::Inside([module.as_slice(), rest].concat())])
                    };
                }
                aliased.into_iter().flat_map(|target| self.walk(target, after, is_known, depth)).collect()
            }
        }
    }
}

/// The root of the crate that `module` belongs to.
fn root_of(module: &[String]) -> Vec<String> {
    module.first().filter(|first| *first == "main").into_iter().cloned().collect()
}

/// Another crate, or this one by its name.
fn outside(name: &str) -> Target {
    if name == "bob" { Target::Inside(Vec::new()) } else { Target::Outside(vec![name.to_owned()]) }
}

/// A name as others say it: `r#a` is `a`.
fn plain(ident: &syn::Ident) -> String {
    ident.unraw().to_string()
}

struct Reader<'a> {
    all: &'a mut Crate,
    module: Vec<String>,
    in_test: bool,
}

impl Reader<'_> {
    fn here(&mut self) -> &mut Module {
        self.all.modules.entry(self.module.clone()).or_default()
    }

    fn written(&self, names: Vec<String>, line: usize) -> Written {
        Written { names, line, in_test: self.in_test, is_absolute: false, form: Form::Code }
    }

    fn add(&mut self, path: Written) {
        self.here().paths.push(path);
    }

    fn add_alias(&mut self, alias: String, path: Written) {
        self.here().aliases.entry(alias).or_default().insert(path.clone());
        self.add(path);
    }

    fn use_tree(&mut self, tree: &syn::UseTree, before: &[String], is_absolute: bool) {
        let with = |ident: &syn::Ident| [before, &[plain(ident)]].concat();
        let (names, alias, line) = match tree {
            syn::UseTree::Path(path) => return self.use_tree(&path.tree, &with(&path.ident), is_absolute),
            syn::UseTree::Group(group) => {
                return group.items.iter().for_each(|item| self.use_tree(item, before, is_absolute));
            }
            syn::UseTree::Glob(glob) => {
                let line = glob.star_token.spans[0].start().line;
                if !before.is_empty() {
                    let path = self.written(before.to_vec(), line);
                    let path = Written { is_absolute, form: Form::Glob, ..path };
                    self.here().globs.insert(path.clone());
                    self.add(path);
                }
                return;
            }
            syn::UseTree::Name(name) => (with(&name.ident), None, name.ident.span().start().line),
            syn::UseTree::Rename(rename) => {
                (with(&rename.ident), Some(plain(&rename.rename)), rename.ident.span().start().line)
            }
        };
        // `a::{self}` is `a`.
        let is_itself = names.len() > 1 && names.last().is_some_and(|last| last == "self");
        let names = if is_itself { names[..names.len() - 1].to_vec() } else { names };
        let alias = alias.or_else(|| names.last().cloned()).expect("a path has a name");
        let path = Written { is_absolute, form: Form::Use, ..self.written(names, line) };
        self.add_alias(alias, path);
    }

    /// Names the paths in `tokens`, also those of a `use` with braces.
    fn tokens(&mut self, tokens: TokenStream, before: &[String], in_attribute: bool) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let is_colons = |at: usize| {
            let colon = |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(p)) if p.as_char() == ':');
            colon(at) && colon(at + 1)
        };
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                // `a::{b as c}`
                TokenTree::Ident(word) if word == "as" => at += 2,
                TokenTree::Ident(first) => {
                    let is_absolute = before.is_empty() && at >= 2 && is_colons(at - 2);
                    let (mut names, line) = ([before, &[plain(first)]].concat(), first.span().start().line);
                    at += 1;
                    let mut has_group = false;
                    while is_colons(at) {
                        match tokens.get(at + 2) {
                            Some(TokenTree::Ident(next)) => {
                                names.push(plain(next));
                                at += 3;
                            }
                            Some(TokenTree::Group(group)) => {
                                self.tokens(group.stream(), &names, in_attribute);
                                has_group = true;
                                at += 3;
                                break;
                            }
                            Some(TokenTree::Punct(star)) if star.as_char() == '*' => {
                                let path = self.written(names.clone(), line);
                                self.add(Written { is_absolute, form: Form::Glob, ..path });
                                at += 3;
                                break;
                            }
                            _ => break,
                        }
                    }
                    if !has_group && names.len() > 1 {
                        let path = self.written(names, line);
                        self.add(Written { is_absolute, ..path });
                    }
                }
                TokenTree::Group(group) => {
                    self.tokens(group.stream(), before, in_attribute);
                    at += 1;
                }
                // Some attributes have paths in strings: `#[serde(with = "module::path")]`.
                TokenTree::Literal(literal) if in_attribute => {
                    let text = literal.to_string();
                    let path = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
                    if let Some(Ok(path)) = path.map(syn::parse_str::<syn::Path>)
                        && path.segments.len() > 1
                    {
                        let names = path.segments.iter().map(|segment| plain(&segment.ident)).collect();
                        let written = self.written(names, literal.span().start().line);
                        self.add(Written { is_absolute: path.leading_colon.is_some(), ..written });
                    }
                    at += 1;
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => at += 1,
            }
        }
    }
}

/// Whether something is built for tests only.
fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let is_cfg_test = attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Ident>().is_ok_and(|only| only == "test");
        is_cfg_test || attribute.path().segments.last().is_some_and(|last| last.ident == "test")
    })
}

fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let before = self.in_test;
        self.in_test |= is_for_tests(attributes(item));
        visit::visit_item(self, item);
        self.in_test = before;
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        let before = self.in_test;
        self.in_test |= is_for_tests(&function.attrs);
        visit::visit_impl_item_fn(self, function);
        self.in_test = before;
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        assert!(
            !item.attrs.iter().any(|a| a.path().is_ident("path")),
            "{}: no file has a path of its own",
            item.ident
        );
        self.module.push(plain(&item.ident));
        // The module of a file is read where its file is.
        if self.in_test {
            self.all.tests.insert(self.module.clone());
        }
        if item.content.is_some() {
            self.here();
            visit::visit_item_mod(self, item);
        }
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.use_tree(&item.tree, &[], item.leading_colon.is_some());
    }

    fn visit_item_extern_crate(&mut self, item: &'ast syn::ItemExternCrate) {
        let (name, line) = (plain(&item.ident), item.ident.span().start().line);
        let (name, is_absolute) = if name == "self" { ("crate".to_owned(), false) } else { (name, true) };
        let alias = plain(item.rename.as_ref().map_or(&item.ident, |(_, alias)| alias));
        let path = Written { is_absolute, form: Form::Use, ..self.written(vec![name], line) };
        self.add_alias(alias, path);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|segment| plain(&segment.ident)).collect();
        // One name alone is of this module, or a `use` gave it.
        if names.len() > 1 {
            let written = self.written(names, path.segments[0].ident.span().start().line);
            self.add(Written { is_absolute: path.leading_colon.is_some(), ..written });
        }
        visit::visit_path(self, path);
    }

    /// Who may see something is no use of it.
    fn visit_vis_restricted(&mut self, _: &'ast syn::VisRestricted) {}

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        assert!(!called.path.is_ident("include"), "{}: a file is read where it is", self.module.join("::"));
        self.tokens(called.tokens.clone(), &[], false);
        visit::visit_macro(self, called);
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if attribute.path().is_ident("doc") {
            return;
        }
        match &attribute.meta {
            syn::Meta::List(list) => self.tokens(list.tokens.clone(), &[], true),
            syn::Meta::NameValue(pair) => {
                if let syn::Expr::Lit(literal) = &pair.value
                    && let syn::Lit::Str(text) = &literal.lit
                {
                    self.tokens(TokenStream::from_iter([TokenTree::from(text.token())]), &[], true);
                }
            }
            syn::Meta::Path(_) => {}
        }
        visit::visit_attribute(self, attribute);
    }
}
