//! `--call`: `METHOD[,format=FORMAT][,ignorestatus=BOOLEAN]`.

use super::ValueError;
use super::syntax::csv;
use crate::gotext::parse_bool;

const FLAG: &str = "--call";

/// What is to be done with a Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) struct Call {
    /// What is done.
    pub(in crate::cli) method: Method,
    /// How the answer is written.
    pub(in crate::cli) format: Format,
    /// Findings leave the exit status as it is.
    pub(in crate::cli) ignore_status: bool,
}

/// What is to be done with a Dockerfile; all but [`Method::Build`] answer a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Method {
    /// Build it.
    Build,
    /// Run the build checks.
    Check,
    /// List what its target can be given.
    Outline,
    /// List its targets.
    Targets,
    /// List what can be asked.
    Describe,
}

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cli) enum Format {
    /// For people
    Text,
    /// As BuildKit's frontend answers
    Json,
}

impl Method {
    /// The methods by their names; the same method may have several.
    const NAMES: [(&str, Self); 7] = [
        ("build", Self::Build),
        ("check", Self::Check),
        ("lint", Self::Check),
        ("outline", Self::Outline),
        ("targets", Self::Targets),
        ("describe", Self::Describe),
        ("subrequests.describe", Self::Describe),
    ];
}

impl Call {
    /// Reads the value of `--call`; an empty one is a build, as in buildx (`util/buildflags/callfunc.go`).
    ///
    /// # Errors
    /// [`ValueError::Malformed`].
    pub(in crate::cli) fn parse(text: &str) -> Result<Self, ValueError> {
        let wrong = |fault: String| ValueError::new(FLAG, text, fault);
        let mut call = Self { method: Method::Build, format: Format::Text, ignore_status: false };
        if text.is_empty() {
            return Ok(call);
        }
        let mut name = None;
        for field in csv::fields(FLAG, text)? {
            match field.split_once('=') {
                Some(("format", "json")) => call.format = Format::Json,
                Some(("format", "text" | "")) => call.format = Format::Text,
                Some(("format", other)) => {
                    return Err(wrong(format!("there is no format {other:?}: text, json")));
                }
                Some(("ignorestatus", value)) => {
                    let fault = || wrong(format!("ignorestatus={value:?} is neither true nor false"));
                    call.ignore_status = parse_bool(value).ok_or_else(fault)?;
                }
                Some((key, _)) => {
                    return Err(wrong(format!("there is no {key:?}: format, ignorestatus")));
                }
                None if name.is_some() => return Err(wrong("name one method only".to_owned())),
                None => name = Some(field),
            }
        }
        let Some(name) = name.filter(|name| !name.is_empty()) else { return Ok(call) };
        let known = Method::NAMES.iter().find(|(known, _)| *known == name);
        let unknown = || {
            let names = Method::NAMES.map(|(name, _)| name).join(", ");
            wrong(format!("there is no method {name:?}: {names}"))
        };
        call.method = known.ok_or_else(unknown)?.1;
        Ok(call)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_has_a_format_and_may_leave_the_status_alone() {
        let call = |method, format, ignore_status| Call { method, format, ignore_status };
        for (text, expected) in [
            ("", call(Method::Build, Format::Text, false)),
            ("build", call(Method::Build, Format::Text, false)),
            ("check", call(Method::Check, Format::Text, false)),
            ("lint,format=json", call(Method::Check, Format::Json, false)),
            ("format=json,ignorestatus=1,check", call(Method::Check, Format::Json, true)),
            ("check,ignorestatus=f", call(Method::Check, Format::Text, false)),
            ("outline,format=text", call(Method::Outline, Format::Text, false)),
            ("targets", call(Method::Targets, Format::Text, false)),
            ("describe", call(Method::Describe, Format::Text, false)),
            ("subrequests.describe", call(Method::Describe, Format::Text, false)),
        ] {
            assert_eq!(Call::parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_means_nothing_is_named() {
        let fault = |text: &str| Call::parse(text).unwrap_err().to_string();
        assert_eq!(
            fault("nope"),
            r#"--call "nope": there is no method "nope": build, check, lint, outline, targets, describe, subrequests.describe"#
        );
        assert_eq!(fault("check,foo=x"), r#"--call "check,foo=x": there is no "foo": format, ignorestatus"#);
        assert_eq!(fault("check,outline"), r#"--call "check,outline": name one method only"#);
        assert!(fault("check,ignorestatus=x").ends_with(r#"ignorestatus="x" is neither true nor false"#));
        assert!(fault("check,format=xml").ends_with(r#"there is no format "xml": text, json"#));
    }
}
