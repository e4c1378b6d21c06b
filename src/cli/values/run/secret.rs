//! `--secret`: where a secret for RUN is.

use std::path::PathBuf;

use crate::cli::values::ValueError;
use crate::cli::values::syntax::csv;
use crate::job::{Lookup, SecretSource};

const SETTING: &str = "--secret";

/// A secret's id, and where its value is: `id=ID[,src=FILE|,env=VARIABLE][,type=file|env]`. A value without `src` and
/// `env` names a variable, else a file, of the id's name.
pub(in crate::cli) fn parse(
    value: &str,
    environment: Lookup<'_>,
) -> Result<(String, SecretSource), ValueError> {
    let wrong = |fault: String| ValueError::new(SETTING, value, fault);
    let (mut id, mut file, mut variable, mut kind) = (None, None, None, None);
    for (key, part) in csv::pairs(SETTING, value)? {
        match key.as_str() {
            "id" => id = Some(part),
            "src" | "source" => file = Some(part),
            "env" => variable = Some(part),
            "type" if part == "file" || part == "env" => kind = Some(part),
            "type" => return Err(wrong(format!("there is no type {part:?}; use file or env"))),
            _ => return Err(wrong(format!("there is no option {key:?}; use id, src, env or type"))),
        }
    }
    let id = id.filter(|id| !id.is_empty()).ok_or_else(|| wrong("the id is missing".to_owned()))?;
    if kind.as_deref() == Some("env") && variable.is_none() {
        variable = file.take();
    }
    let source = match (file, variable) {
        (Some(_), Some(_)) => return Err(wrong("src and env exclude each other".to_owned())),
        (Some(path), None) => SecretSource::File(path.into()),
        (None, Some(name)) => SecretSource::Variable(name),
        (None, None) if kind.as_deref() != Some("file") && environment(&id).is_some() => {
            SecretSource::Variable(id.clone())
        }
        (None, None) => SecretSource::File(PathBuf::from(&id)),
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
        assert_eq!(read("type=file,id=TOP").unwrap(), ("TOP".to_owned(), file("TOP")));
        for value in ["id=x,env=TOP", "type=env,id=x,src=TOP", "id=TOP"] {
            assert_eq!(read(value).unwrap().1, SecretSource::Variable("TOP".to_owned()), "{value}");
        }
    }

    #[test]
    fn faults_of_secrets_are_named() {
        let cases = [
            ("src=x", "the id is missing"),
            ("id=x,mode=1", "there is no option \"mode\"; use id, src, env or type"),
            ("id=x,src=a,env=b", "src and env exclude each other"),
        ];
        for (value, fault) in cases {
            assert_eq!(read(value).unwrap_err().to_string(), format!("--secret {value:?}: {fault}"));
        }
    }
}
