//! The names of steps: `[stage 2/5] RUN make`.

use smol_str::{SmolStr, SmolStrBuilder};

use crate::converter::plan::EnvList;
use crate::converter::shell::{Env, Lex};
use crate::gotext::{is_upper, to_upper};
use crate::image::Platform;

/// How the steps of a stage are numbered.
#[derive(Debug, Clone)]
pub(super) struct StepNumbering {
    /// The stage's name, empty if none is shown.
    pub(super) label: String,
    /// How many there are; none are numbered if zero.
    pub(super) total: usize,
    /// How many have their number already.
    pub(super) done: usize,
    /// Whether names begin with the platform.
    pub(super) with_platform: bool,
}

/// What a step's name begins with: `[stage 2/5] `.
#[derive(Debug, Clone, Default)]
pub(super) struct StepPrefix(SmolStr);

impl StepNumbering {
    /// Returns the prefix of the next step (`prefixCommand` in dockerfile2llb/convert.go).
    pub(super) fn next_prefix(
        &mut self,
        platform: Option<&Platform>,
        env: &EnvList,
        on_build: bool,
    ) -> StepPrefix {
        if self.total == 0 {
            return StepPrefix::default();
        }
        let mut out = SmolStrBuilder::new();
        out.push('[');
        if let Some(platform) = platform.filter(|_| self.with_platform) {
            out.push_str(&platform.text());
            out.push_str(&cross_platform(platform, env));
            out.push(' ');
        }
        if !self.label.is_empty() {
            out.push_str(&self.label);
            out.push(' ');
        }
        self.done += 1;
        let (done, total) = (decimal(self.done), decimal(self.total));
        for _ in done.len()..total.len() {
            out.push(' ');
        }
        for part in [&*done, "/", &*total, "] ", if on_build { "ONBUILD " } else { "" }] {
            out.push_str(part);
        }
        StepPrefix(out.finish())
    }
}

impl StepPrefix {
    /// The whole name of the step.
    pub(super) fn named(&self, name: &str) -> String {
        joined([&self.0, name])
    }
}

/// Returns the parts in one text.
///
/// Every instruction has a name and a line of history, and `format!` takes three times as long.
pub(super) fn joined<const N: usize>(parts: [&str; N]) -> String {
    parts.concat()
}

/// Returns the decimal digits of a number, without an allocation.
///
/// The name of every instruction has two of them.
pub(super) fn decimal(number: usize) -> SmolStr {
    itoa::Buffer::new().format(number).into()
}

/// What an instruction is called: its text with variables expanded, the keyword in upper case. Text that
/// cannot be expanded stays as it is.
pub(super) fn shown(code: &str, lex: Lex, env: &impl Env) -> String {
    let mut text = lex.process_word(code, env).map_or_else(|_| code.to_owned(), |word| word.text);
    let keyword = &text[..memchr::memchr(b' ', text.as_bytes()).unwrap_or(text.len())];
    if !is_upper(keyword) {
        text.replace_range(..keyword.len(), &to_upper(keyword));
    }
    text
}

/// `->arm64` where the stage builds for another platform than it runs on.
fn cross_platform(base: &Platform, env: &EnvList) -> String {
    let Some(mut target) = platform_of(env) else { return String::new() };
    if target.os.is_empty() {
        target.os.clone_from(&base.os);
    }
    if target.architecture.is_empty() {
        target.architecture.clone_from(&base.architecture);
    }
    let target = target.normalized();
    if target.os != base.os {
        return format!("->{target}");
    }
    if target.architecture == base.architecture {
        return String::new();
    }
    if target.variant.is_empty() {
        return format!("->{}", target.architecture);
    }
    format!("->{}/{}", target.architecture, target.variant)
}

/// The platform that the `TARGET…` variables name, if any is set.
fn platform_of(env: &EnvList) -> Option<Platform> {
    if let Some(platform) = env.get("TARGETPLATFORM").and_then(|text| Platform::parse(text).ok()) {
        return Some(platform);
    }
    let parts = ["TARGETOS", "TARGETARCH", "TARGETVARIANT"].map(|name| env.get(name));
    if parts.iter().all(Option::is_none) {
        return None;
    }
    let [os, architecture, variant] = parts.map(|part| part.unwrap_or_default().into());
    Some(Platform { os, architecture, variant, ..Platform::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(total: usize, with_platform: bool) -> StepNumbering {
        StepNumbering { label: "build".into(), total, done: 0, with_platform }
    }

    #[test]
    fn numbers_are_as_wide_as_the_total() {
        let mut steps = steps(10, false);
        let prefix = steps.next_prefix(None, &EnvList::new(), false);
        assert_eq!(prefix.named("RUN x"), "[build  1/10] RUN x");
        let prefix = steps.next_prefix(None, &EnvList::new(), true);
        assert_eq!(prefix.named("RUN x"), "[build  2/10] ONBUILD RUN x");
    }

    #[test]
    fn cross_builds_show_both_platforms() {
        let mut env = EnvList::new();
        env.set("TARGETPLATFORM", "linux/arm/v7");
        let platform = Platform::new("linux", "amd64");
        let prefix = steps(1, true).next_prefix(Some(&platform), &env, false);
        assert_eq!(prefix.named("x"), "[linux/amd64->arm/v7 build 1/1] x");
        env.set("TARGETPLATFORM", "linux/arm64");
        let prefix = steps(1, true).next_prefix(Some(&platform), &env, false);
        assert_eq!(prefix.named("x"), "[linux/amd64->arm64 build 1/1] x");
        env.set("TARGETPLATFORM", "windows/amd64");
        let prefix = steps(1, true).next_prefix(Some(&platform), &env, false);
        assert_eq!(prefix.named("x"), "[linux/amd64->windows/amd64 build 1/1] x");
    }

    #[test]
    fn names_are_expanded_with_the_keyword_in_upper_case() {
        let mut env = EnvList::new();
        env.set("V", "1");
        let lex = Lex::new('\\');
        assert_eq!(shown("copy a$V /b", lex, &env), "COPY a1 /b");
        assert_eq!(shown("copy 'a", lex, &env), "COPY 'a");
    }
}
