use proptest::prelude::*;

use super::*;

impl Filter {
    /// Whether `path` alone, without a walk, is selected.
    ///
    /// Source: `filterFS.Open` in `filter.go` of `tonistiigi/fsutil`.
    fn selects(&self, path: &str) -> Result<bool, Error> {
        if let Some(include) = &self.include
            && !include.matches_or_parent_matches(path)?
        {
            return Ok(false);
        }
        match &self.exclude {
            Some(exclude) => exclude.matches_or_parent_matches(path).map(|matched| !matched),
            None => Ok(true),
        }
    }
}

#[test]
fn every_line_of_the_table_holds() {
    let mut failures = Vec::new();
    let mut cases = 0;
    for (index, line) in
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/ignore.txt")).lines().enumerate()
    {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (patterns, wanted) = line.split_once(" => ").unwrap_or_else(|| panic!("line {}", index + 1));
        cases += 1;
        if let Err(failure) = check(&patterns.replace(' ', "\n"), wanted) {
            failures.push(format!("line {}: {patterns}: {failure}", index + 1));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(cases > 60, "{cases} cases only");
}

fn check(file: &str, wanted: &str) -> Result<(), String> {
    let patterns = Patterns::new(read_all(file.as_bytes()).unwrap());
    let patterns = match (patterns, wanted) {
        (Err(_), "error") => return Ok(()),
        (Err(error), _) => return Err(error.to_string()),
        (Ok(_), "error") => return Err("accepted".to_owned()),
        (Ok(patterns), "broken") => {
            return patterns.matches_or_parent_matches("a").map_or(Ok(()), |_| Err("works".to_owned()));
        }
        (Ok(patterns), _) => patterns,
    };
    for expected in wanted.split(' ') {
        let (sign, path) = expected.split_at(1);
        let alone = patterns.matches_or_parent_matches(path).map_err(|error| error.to_string())?;
        let walked = walk(&patterns, path).map_err(|error| error.to_string())?;
        if alone != (sign == "+") {
            return Err(format!("{expected} is not so"));
        }
        if alone != walked {
            return Err(format!("{expected}: a walk finds {walked}"));
        }
    }
    Ok(())
}

/// Whether `path` matches with the results of the directories above it passed down.
fn walk(patterns: &Patterns, path: &str) -> Result<bool, Error> {
    let mut info = MatchInfo::default();
    let mut matched = false;
    for end in path.match_indices('/').map(|(at, _)| at).chain([path.len()]) {
        (matched, info) = patterns.matches_using_parent_results(&path[..end], &info)?;
    }
    Ok(matched)
}

#[test]
fn an_ignore_file_is_cleaned_line_by_line() {
    let text = b"\xef\xbb\xbf# comment\n\n a/b/ \r\n/c\n ! /d\n!\n#x\n #y\n/\nx\xff\n./z/../w";
    let patterns = read_all(text).unwrap();
    assert_eq!(patterns, ["a/b", "c", "!d", "!", "#y", "/", "x\u{fffd}", "w"]);
}

#[test]
fn a_line_that_is_too_long_is_named() {
    let text = format!("a\n{}", "x".repeat(1 << 16));
    assert_eq!(read_all(text.as_bytes()), Err(Error::LineTooLong { line: 2, max: 65535 }));
}

#[test]
fn patterns_can_be_looked_at() {
    let patterns = Patterns::new(["", " a/ ", "!b"]).unwrap();
    assert!(patterns.has_exclusions());
    let seen: Vec<_> = patterns.patterns().iter().map(|p| (p.text(), p.is_exclusion())).collect();
    assert_eq!(seen, [("a", false), ("b", true)]);
}

/// Walks a tree as a sender would and returns what is selected and what was looked at.
fn selected(filter: &Filter, tree: &[&str]) -> (Vec<String>, Vec<String>) {
    let (mut selected, mut seen) = (Vec::new(), Vec::new());
    let mut open: Vec<(String, DirState)> = Vec::new();
    let mut skipped = String::from("\0");
    for path in tree {
        let is_dir = path.ends_with('/');
        let path = path.trim_end_matches('/');
        if path.starts_with(&skipped) {
            continue;
        }
        while open.last().is_some_and(|(dir, _)| !path.starts_with(dir.as_str())) {
            open.pop();
        }
        let root = DirState::default();
        let verdict = filter.check(path, is_dir, open.last().map_or(&root, |(_, state)| state)).unwrap();
        seen.push(path.to_owned());
        if verdict.selected {
            selected.push(path.to_owned());
            assert!(filter.selects(path).unwrap(), "{path}");
        }
        match (is_dir, verdict.descend) {
            (true, true) => open.push((format!("{path}/"), verdict.state)),
            (true, false) => skipped = format!("{path}/"),
            (false, descend) => assert!(!descend),
        }
    }
    (selected, seen)
}

const TREE: &[&str] = &["a/", "a/b/", "a/b/x.go", "a/c", "d/", "d/e/", "d/e/f", "g.go"];

fn filter(include: &[&str], exclude: &[&str]) -> Filter {
    Filter::new(include, exclude).unwrap()
}

#[test]
fn without_patterns_everything_is_selected() {
    let (selected, seen) = selected(&filter(&[], &[]), TREE);
    assert_eq!(selected, seen);
    assert_eq!(seen.len(), TREE.len());
}

#[test]
fn a_walk_enters_only_directories_that_includes_can_match_in() {
    let (all, seen) = selected(&filter(&["a/b"], &[]), TREE);
    assert_eq!(all, ["a/b", "a/b/x.go"]);
    assert_eq!(seen, ["a", "a/b", "a/b/x.go", "a/c", "d", "g.go"]);
    let (all, seen) = selected(&filter(&["d/e/*"], &[]), TREE);
    assert_eq!(all, ["d/e/f"]);
    assert!(!seen.contains(&"a/c".to_owned()));
}

#[test]
fn includes_with_wildcards_in_the_middle_are_searched_everywhere() {
    let (all, seen) = selected(&filter(&["**/*.go"], &[]), TREE);
    assert_eq!(all, ["a/b/x.go", "g.go"]);
    assert_eq!(seen.len(), TREE.len());
}

#[test]
fn a_walk_does_not_enter_what_is_excluded_without_exceptions() {
    let (all, seen) = selected(&filter(&[], &["a"]), TREE);
    assert_eq!(all, ["d", "d/e", "d/e/f", "g.go"]);
    assert!(!seen.contains(&"a/b".to_owned()));
}

#[test]
fn a_walk_enters_what_is_excluded_where_exceptions_begin() {
    let (all, seen) = selected(&filter(&[], &["*", "!d/e/f"]), TREE);
    assert_eq!(all, ["d/e/f"]);
    assert_eq!(seen, ["a", "d", "d/e", "d/e/f", "g.go"]);
    let (all, seen) = selected(&filter(&[], &["*", "!**/x.go"]), TREE);
    assert_eq!(all, ["a/b/x.go"]);
    assert_eq!(seen.len(), TREE.len());
}

#[test]
fn what_is_included_can_still_be_excluded() {
    let (all, _) = selected(&filter(&["a"], &["**/*.go"]), TREE);
    assert_eq!(all, ["a", "a/b", "a/c"]);
    assert!(!filter(&["a"], &[]).selects("d").unwrap());
}

#[test]
fn an_error_quotes_little_of_a_pattern_and_no_control_character() {
    let quoted = |pattern: &str| Patterns::new([pattern]).unwrap_err().to_string();
    assert_eq!(quoted("a["), "syntax error in pattern \"a[\"");
    let text = quoted(&format!("[\u{1b}52;c;{}", "x".repeat(1000)));
    let text = text.strip_prefix("syntax error in pattern ").unwrap();
    assert!(text.starts_with("\"[\\u{1b}52;c;xxx") && text.ends_with("x…\""), "{text}");
    assert_eq!(text.chars().count(), 82, "80 characters and the quotes: {text}");
}

#[test]
fn where_something_may_be_selected_below_a_directory_is_known_closely() {
    let yes: [(&[&str], &[&str], &str); 12] = [
        (&[], &["closed", "!closed/f"], "closed"),
        (&[], &["*", "!closed/f"], "closed"),
        (&[], &["*", "!closed/a/b/f"], "closed/a"),
        (&[], &["*", "!**/f"], "closed"),
        (&[], &["*", "!*/f"], "closed"),
        (&[], &["*", "!c[a-z]*/f"], "closed"),
        (&[], &["*", "!src|closed/f"], "closed"),
        (&[], &["closed", "!closed"], "closed/sub"),
        (&["closed/f"], &[], "closed"),
        (&["*/f"], &["x"], "closed"),
        (&["closed/*"], &["closed", "!closed/f"], "closed"),
        (&["a"], &[], "a/b"),
    ];
    for (include, exclude, dir) in yes {
        assert!(filter(include, exclude).may_select_below(dir), "{include:?} {exclude:?} {dir}");
    }
    let no: [(&[&str], &[&str], &str); 8] = [
        (&[], &["closed"], "closed"),
        (&[], &["closed", "!open/f"], "closed"),
        (&[], &["*", "!src/**/*.go"], "closed"),
        (&[], &["*", "!closed/a/f"], "closed/b"),
        (&[], &["!closed/f", "closed"], "closed"),
        (&["src/*.go"], &[], "closed"),
        (&["*.go"], &[], "closed"),
        (&["closed/*"], &["closed"], "closed"),
    ];
    for (include, exclude, dir) in no {
        assert!(!filter(include, exclude).may_select_below(dir), "{include:?} {exclude:?} {dir}");
    }
}

#[test]
fn fuzz_an_ignore_file_and_the_filter_that_it_makes() {
    let seeds: [&[u8]; 5] = [
        b"*\n!src/**/*.go\n!a/b",
        b"\xef\xbb\xbf# comment\n/a/\n ! b/../c \n",
        b"[a-c]?{1,2}|x\n\\*\n!**/x",
        b"a/*/b**\n**c\n!!d",
        b"[[:digit:]]x[^a]",
    ];
    crate::fuzz::run(&seeds, |bytes| {
        // Compiling many classes takes long, and shows nothing that a few do not.
        let Ok(patterns) = read_all(&bytes[..bytes.len().min(100)]) else { return };
        let half = patterns.len() / 2;
        for (include, exclude) in [(&patterns[..0], &patterns[..]), (&patterns[..half], &patterns[half..])] {
            let filter = match Filter::new(include, exclude) {
                Ok(filter) => filter,
                Err(error) => {
                    let text = error.to_string();
                    assert!(text.chars().count() < 150 && !text.contains(char::is_control), "{text}");
                    continue;
                }
            };
            let Ok(top) = filter.check("a", true, &DirState::default()) else { continue };
            let Ok(below) = filter.check("a/b", false, &top.state) else { continue };
            if let Ok(alone) = filter.selects("a/b") {
                assert_eq!(below.selected, alone, "a walk and a look alone differ: {include:?} {exclude:?}");
            }
            if below.selected && !top.selected {
                assert!(filter.may_select_below("a"), "{include:?} {exclude:?}");
            }
        }
    });
}

proptest! {
    #[test]
    fn any_file_is_read_or_refused(text in proptest::collection::vec(any::<u8>(), 0..200)) {
        let patterns = read_all(&text).unwrap();
        if let Ok(patterns) = Patterns::new(&patterns) {
            let _ = patterns.matches_or_parent_matches("a/b.go");
        }
    }

    #[test]
    fn any_pattern_works_or_is_refused(
        pattern in r"([ab*?/!.{}|,0-9+()$~&<>#-]|\[|\]|\^|\\|\\[a-zA-Z0-9]|\*\*|\[:|:\]|alpha|é){0,16}",
        path in "[ab/.é1]{0,8}",
    ) {
        if let Ok(patterns) = Patterns::new([&pattern]) {
            let _ = patterns.matches_or_parent_matches(&path);
        }
    }
}

#[test]
fn the_line_that_leaves_a_path_out_is_the_one_that_counts() {
    let text = b"# comment\n\n*.txt\n/build/\n!keep.txt\n  build/x  \n!\n";
    let line = |path| excluding_line(text, path).map(|(number, text)| format!("{number} {text}"));
    assert_eq!(line("a.txt").unwrap(), "3 *.txt");
    assert_eq!(line("build/x/y").unwrap(), "4 /build/");
    assert_eq!(line("keep.txt"), None, "an exception behind the pattern");
    assert_eq!(line("other"), None);
    assert_eq!(excluding_line(b"\xef\xbb\xbf!a\na\n[\n", "a"), Some((2, "a".to_owned())));
}
