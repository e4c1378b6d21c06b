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

/// A pattern whose syntax is wrong.
struct BadPattern;

/// Whether Go's `filepath.Match` takes `pattern` for the name `.`, which is how moby checks a
/// pattern's syntax: classes are closed and hold something, no escape character ends it. What stands
/// behind a part that cannot match `.` is not looked at.
pub(super) fn is_match_pattern(pattern: &str) -> bool {
    let mut name = ".";
    let mut rest = pattern;
    while !rest.is_empty() {
        let unstarred = rest.trim_start_matches('*');
        let star = unstarred.len() < rest.len();
        let (chunk, after) = unstarred.split_at(chunk_end(unstarred));
        if star && chunk.is_empty() {
            return true;
        }
        let fits = |left: &str| left.is_empty() || !after.is_empty();
        match match_chunk(chunk, name) {
            Err(BadPattern) => return false,
            Ok(Some(left)) if fits(left) => name = left,
            Ok(_) => return true,
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

/// Returns what is left of `name` behind a match of `chunk`, `None` if it does not match.
fn match_chunk<'a>(chunk: &str, name: &'a str) -> Result<Option<&'a str>, BadPattern> {
    let mut rest = chunk;
    let mut left = Some(name);
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        let mut name = left.unwrap_or_default().chars();
        let next = name.next();
        let matches = match c {
            '[' => {
                let (matches, after) = match_class(rest, next)?;
                rest = after;
                matches
            }
            '?' => next != Some('/'),
            '\\' => {
                let escaped = rest.chars().next().ok_or(BadPattern)?;
                rest = &rest[escaped.len_utf8()..];
                next == Some(escaped)
            }
            _ => next == Some(c),
        };
        left = (matches && next.is_some()).then_some(name.as_str());
    }
    Ok(left)
}

/// Returns whether a class whose `[` has been taken holds `c`, and what follows it.
fn match_class(class: &str, c: Option<char>) -> Result<(bool, &str), BadPattern> {
    let mut rest = class.strip_prefix('^').unwrap_or(class);
    let negated = rest.len() < class.len();
    let mut held = false;
    loop {
        let (low, after) = class_char(rest)?;
        let (high, after) = match after.strip_prefix('-') {
            Some(range) => class_char(range)?,
            None => (low, after),
        };
        held |= c.is_some_and(|c| (low..=high).contains(&c));
        rest = after;
        if let Some(after) = rest.strip_prefix(']') {
            return Ok((held != negated, after));
        }
    }
}

/// Returns one character of a class and what follows it, which must not be empty.
fn class_char(text: &str) -> Result<(char, &str), BadPattern> {
    if text.starts_with(['-', ']']) {
        return Err(BadPattern);
    }
    let text = text.strip_prefix('\\').unwrap_or(text);
    let c = text.chars().next().ok_or(BadPattern)?;
    let rest = &text[c.len_utf8()..];
    if rest.is_empty() {
        return Err(BadPattern);
    }
    Ok((c, rest))
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
        for pattern in
            ["[", "[]", "[]a]", "[^]", "[-a]", "[a-]", "[a", "a\\", "[\\", "a[b-c", "*[", "[^]*]", ".*["]
        {
            assert!(!is_match_pattern(pattern), "{pattern}");
        }
        for pattern in [
            "a*[",
            "a**\\",
            "",
            "*",
            "a*b?",
            "[a]",
            "[^a-c]",
            "[\\]]",
            "[a*]",
            "\\[",
            "[[]",
            "]",
            "[[:alpha:]]",
        ] {
            assert!(is_match_pattern(pattern), "{pattern}");
        }
    }
}
