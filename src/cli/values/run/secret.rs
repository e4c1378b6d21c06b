//! `--secret`: where a secret for RUN is.

use std::path::{Path, PathBuf};

use crate::cli::values::ValueError;
use crate::cli::values::syntax::csv;
use crate::job::{Lookup, SecretSource};

const SETTING: &str = "--secret";

/// A secret's id, and where its value is: `id=ID[,src=FILE|,env=VARIABLE][,type=file|env]`. A value without `src` and
/// `env`, or with empty ones, names a variable, else a file, of the id's name.
///
/// Source: `util/buildflags/secrets.go` in buildx, `session/secrets/secretsprovider/store.go` in BuildKit.
pub(in crate::cli) fn parse(
    value: &str,
    environment: Lookup<'_>,
) -> Result<(String, SecretSource), ValueError> {
    let wrong = |fault: String| ValueError::new(SETTING, value, fault);
    let (mut id, mut file, mut variable, mut is_variable) =
        (String::new(), String::new(), String::new(), false);
    for (key, part) in csv::pairs(SETTING, value)? {
        match key.as_str() {
            "id" => id = part,
            "src" | "source" => file = part,
            "env" => variable = part,
            "type" if part == "file" || part == "env" => is_variable = part == "env",
            "type" => return Err(wrong(format!("there is no type {part:?}; use file or env"))),
            _ => return Err(wrong(format!("there is no option {key:?}; use id, src, env or type"))),
        }
    }
    if id.is_empty() {
        return Err(wrong("the id is missing".to_owned()));
    }
    if is_variable && variable.is_empty() {
        variable = std::mem::take(&mut file);
    }
    let source = match (file.is_empty(), variable.is_empty()) {
        (false, false) if !Path::new(&file).exists() => {
            return Err(wrong(format!("there is no file {file:?}")));
        }
        (false, false) => {
            tracing::warn!(
                "{SETTING}: the secret {id:?} is that of env={variable}, and src={file} is ignored"
            );
            SecretSource::Variable(variable)
        }
        (false, true) => SecretSource::File(file.into()),
        (true, false) => SecretSource::Variable(variable),
        (true, true) if environment(&id).is_some() => SecretSource::Variable(id.clone()),
        (true, true) => SecretSource::File(PathBuf::from(&id)),
    };
    Ok((id, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Result<(String, SecretSource), ValueError> {
        parse(value, &|name| (name == "TOP").then(|| "from env".into()))
    }

    #[test]
    fn secrets_come_from_files_and_variables() {
        let file = |path: &str| SecretSource::File(path.into());
        assert_eq!(read("id=x,src=/a").unwrap(), ("x".to_owned(), file("/a")));
        assert_eq!(read("id=x").unwrap(), ("x".to_owned(), file("x")));
        assert_eq!(read("id=x,src=,env=").unwrap(), ("x".to_owned(), file("x")));
        for value in [
            "id=x,env=TOP",
            "type=env,id=x,src=TOP",
            "id=TOP",
            "type=file,id=TOP",
            "id=TOP,src=",
            "id=x,env=TOP,src=Cargo.toml",
        ] {
            assert_eq!(read(value).unwrap().1, SecretSource::Variable("TOP".to_owned()), "{value}");
        }
    }

    #[test]
    fn faults_of_secrets_are_named() {
        let cases = [
            ("src=x", "the id is missing"),
            ("id=,src=x", "the id is missing"),
            (" id=x", "there is no option \" id\"; use id, src, env or type"),
            ("id=x,mode=1", "there is no option \"mode\"; use id, src, env or type"),
            ("id=x,src=no/such,env=b", "there is no file \"no/such\""),
        ];
        for (value, fault) in cases {
            assert_eq!(read(value).unwrap_err().to_string(), format!("--secret {value:?}: {fault}"));
        }
    }
}
