//! Slash-separated paths as Go's `path/filepath` treats them.

/// Returns the shortest path that means the same: no empty elements, no `.`, and no `..` but at the
/// start of a relative path. An empty path is `.`.
pub(super) fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut kept: Vec<&str> = Vec::new();
    for element in path.split('/') {
        match element {
            "" | "." => {}
            ".." => match kept.last() {
                Some(&last) if last != ".." => {
                    kept.pop();
                }
                _ if rooted => {}
                _ => kept.push(".."),
            },
            _ => kept.push(element),
        }
    }
    match (rooted, kept.join("/")) {
        (true, joined) => format!("/{joined}"),
        (false, joined) if joined.is_empty() => ".".to_owned(),
        (false, joined) => joined,
    }
}

/// Returns the directory that `path` is in, cleaned; `.` for a single element.
pub(super) fn dir(path: &str) -> String {
    clean(path.rfind('/').map_or("", |slash| &path[..=slash]))
}

/// Whether Go's `filepath.Match` takes `pattern`: classes are closed and hold something, and no
/// escape character ends it.
pub(super) fn is_match_pattern(pattern: &str) -> bool {
    let mut rest = pattern;
    while !rest.is_empty() {
        rest = rest.trim_start_matches('*');
        let (chunk, after) = rest.split_at(chunk_end(rest));
        if check_chunk(chunk).is_none() {
            return false;
        }
        rest = after;
    }
    true
}

/// Returns the end of what stands before the next `*` outside of classes.
fn chunk_end(text: &str) -> usize {
    let mut in_class = false;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '[' => in_class = true,
            ']' => in_class = false,
            '*' if !in_class => return at,
            _ => {}
        }
    }
    text.len()
}

fn check_chunk(chunk: &str) -> Option<()> {
    let mut rest = chunk;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '[' => rest = check_class(rest)?,
            '\\' => {
                let escaped = rest.chars().next()?;
                rest = &rest[escaped.len_utf8()..];
            }
            _ => {}
        }
    }
    Some(())
}

/// Returns what follows a class whose `[` has been taken.
fn check_class(class: &str) -> Option<&str> {
    let mut rest = class.strip_prefix('^').unwrap_or(class);
    rest = class_char(rest)?;
    loop {
        if let Some(range) = rest.strip_prefix('-') {
            rest = class_char(range)?;
        }
        if let Some(after) = rest.strip_prefix(']') {
            return Some(after);
        }
        rest = class_char(rest)?;
    }
}

/// Returns what follows one character of a class, which must not be empty.
fn class_char(text: &str) -> Option<&str> {
    if text.starts_with(['-', ']']) {
        return None;
    }
    let text = text.strip_prefix('\\').unwrap_or(text);
    let rest = &text[text.chars().next()?.len_utf8()..];
    (!rest.is_empty()).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clean_leaves_the_shortest_path() {
        for (path, cleaned) in [
            ("", "."),
            ("a//b/./c/", "a/b/c"),
            ("a/../b", "b"),
            ("../a/../..", "../.."),
            ("/../a", "/a"),
            ("/", "/"),
            ("a/..", "."),
        ] {
            assert_eq!(clean(path), cleaned, "{path}");
        }
    }

    #[test]
    fn dir_is_the_path_before_the_last_slash() {
        assert_eq!([dir("a"), dir("a/b"), dir("/a"), dir("a/b/")], [".", "a", "/", "a/b"]);
    }

    #[test]
    fn patterns_with_open_or_empty_classes_are_refused() {
        for pattern in ["[", "[]", "[]a]", "[^]", "[-a]", "[a-]", "[a", "a\\", "[\\", "a[b-c", "*[", "[^]*]"] {
            assert!(!is_match_pattern(pattern), "{pattern}");
        }
        for pattern in ["", "*", "a*b?", "[a]", "[^a-c]", "[\\]]", "[a*]", "\\[", "[[]", "]", "[[:alpha:]]"] {
            assert!(is_match_pattern(pattern), "{pattern}");
        }
    }
}
