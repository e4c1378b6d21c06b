//! Stand-in for `crate::ignore` until it is merged.

#[derive(Debug, thiserror::Error)]
#[error("bad pattern")]
pub(super) struct MatcherError;

#[derive(Clone, Debug, Default)]
pub(super) struct MatchInfo(Vec<bool>);

#[derive(Debug)]
pub(super) struct Matcher {
    patterns: Vec<(String, bool)>,
}

impl Matcher {
    pub(super) fn new(patterns: &[String]) -> Result<Self, MatcherError> {
        let mut out = Vec::new();
        for p in patterns {
            let p = p.trim();
            match p.strip_prefix('!') {
                Some(rest) => out.push((rest.to_owned(), true)),
                None if p.is_empty() => {}
                None => out.push((p.to_owned(), false)),
            }
        }
        Ok(Self { patterns: out })
    }

    pub(super) fn patterns(&self) -> impl Iterator<Item = (&str, bool)> {
        self.patterns.iter().map(|(p, e)| (p.as_str(), *e))
    }

    pub(super) fn matches(&self, path: &str, parent: &MatchInfo) -> (bool, MatchInfo) {
        let mut matched = false;
        let mut info = vec![false; self.patterns.len()];
        for (i, (pattern, exclusion)) in self.patterns.iter().enumerate() {
            let mut m = parent.0.get(i).copied().unwrap_or(false);
            if !m {
                if *exclusion != matched {
                    continue;
                }
                m = one(pattern.as_bytes(), path.as_bytes());
            }
            info[i] = m;
            if m {
                matched = !exclusion;
            }
        }
        (matched, MatchInfo(info))
    }
}

fn one(p: &[u8], n: &[u8]) -> bool {
    match p {
        [] => n.is_empty(),
        [b'*', b'*', b'/', rest @ ..] => {
            one(rest, n) || (0..n.len()).any(|i| n[i] == b'/' && one(rest, &n[i + 1..]))
        }
        [b'*', b'*', rest @ ..] => (0..=n.len()).any(|i| one(rest, &n[i..])),
        [b'*', rest @ ..] => {
            let end = n.iter().position(|b| *b == b'/').unwrap_or(n.len());
            (0..=end).any(|i| one(rest, &n[i..]))
        }
        [b'?', rest @ ..] => !n.is_empty() && n[0] != b'/' && one(rest, &n[1..]),
        [c, rest @ ..] => n.first() == Some(c) && one(rest, &n[1..]),
    }
}
