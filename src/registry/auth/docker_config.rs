//! Docker's `config.json` of a user: what is not usable in it is reported and left out, and the rest is used.
//! (<https://docs.docker.com/reference/cli/docker/login/>)

use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rustix::fs::OFlags;
use serde::Deserialize;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::credential::Origin;
use super::store::{AuthEntry, Credentials, CredentialsError, parse_key};
use crate::registry::host::Host;

/// The most that is read of a file, in bytes.
const MAX_FILE_BYTES: u64 = 10 * 1024 * 1024;
/// How many problems of one configuration are remembered.
const MAX_PROBLEMS: usize = 20;
/// The shape of the whole, for errors.
const SHAPE: &str = "a docker config such as {\"auths\":{…}}";

/// The parts of an object, each to be read by itself.
type Parts<'a> = BTreeMap<String, &'a RawValue>;

impl Credentials {
    /// Returns the credentials of the docker `config.json` at `path`; an empty store if there is no such file. What cannot
    /// be used of it is logged, remembered for the error of a refused login, and left out.
    pub fn from_docker_config_file(path: &Path) -> Self {
        let origin = Origin::File(path.to_owned());
        match read(path) {
            Ok(bytes) => Self::from_users_docker_config(&bytes, &origin),
            Err(source) if source.kind() == io::ErrorKind::NotFound => Self::default(),
            Err(source) => {
                let mut store = Self::default();
                store.report(CredentialsError::File { origin, source });
                store
            }
        }
    }

    /// Returns the credentials of a docker configuration as [`Credentials::from_docker_config_file`] does, such as that in
    /// the variable `DOCKER_AUTH_CONFIG`.
    pub fn from_users_docker_config(json: &[u8], origin: &Origin) -> Self {
        let mut store = Self::default();
        let text = json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(json);
        if text.len() < json.len() {
            store.report(CredentialsError::ByteOrderMark { origin: origin.clone() });
        }
        if text.trim_ascii().is_empty() {
            return store;
        }
        let document = Document { text, origin };
        match document.read::<Parts<'_>>(text, SHAPE) {
            Ok(parts) => document.fill(&mut store, &parts),
            Err(fault) => store.report(fault),
        }
        store
    }

    /// Remembers that something cannot be used, and logs it: once, however often a configuration is read.
    fn report(&mut self, problem: CredentialsError) {
        static REPORTED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
        let mut reported = REPORTED.lock().unwrap_or_else(PoisonError::into_inner);
        if self.problems.len() < MAX_PROBLEMS && reported.insert(problem.to_string()) {
            let error = &problem as &dyn std::error::Error;
            // A target of its own: the user sees this one, while what registries answer is shown with a failure alone.
            tracing::warn!(target: "bob::credentials", error, "docker's configuration is used without what is wrong in it");
        }
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem);
        }
    }
}

struct Document<'a> {
    text: &'a [u8],
    origin: &'a Origin,
}

impl<'a> Document<'a> {
    fn fill(&self, store: &mut Credentials, parts: &Parts<'a>) {
        let part = |name: &str| parts.get(name).copied();
        let auths = self.part::<Parts<'_>>(part("auths"), "an object of logins by registry", store);
        for (key, entry) in auths.unwrap_or_default() {
            // A user's own file may have keys that are no registries.
            let Some((host, rank)) = parse_key(&key) else { continue };
            let expected = "a login such as {\"auth\":\"…\"}";
            let Some(entry) = self.part::<AuthEntry>(Some(entry), expected, store) else { continue };
            match entry.login(&host, self.origin) {
                Ok(Some(login)) => store.add(host, rank, login, self.origin),
                Ok(None) => {}
                Err(problem) => store.report(problem),
            }
        }
        let expected = "an object of credential helpers by registry";
        let mut helpers: BTreeMap<Host, String> = BTreeMap::new();
        for (key, name) in self.part::<Parts<'_>>(part("credHelpers"), expected, store).unwrap_or_default() {
            let Some((host, _)) = parse_key(&key) else { continue };
            if let Some(name) = self.part(Some(name), "the name of a credential helper", store) {
                helpers.insert(host, name);
            }
        }
        let fallback: Option<String> =
            self.part(part("credsStore"), "the name of a credential helper", store);
        store.set_helpers(helpers, fallback.filter(|name| !name.is_empty()), self.origin);
    }

    /// Returns a part of the document, if it is there and can be read.
    fn part<T: Deserialize<'a>>(
        &self,
        part: Option<&'a RawValue>,
        expected: &'static str,
        store: &mut Credentials,
    ) -> Option<T> {
        let text = part.map(RawValue::get).filter(|text| *text != "null")?;
        match self.read(text.as_bytes(), expected) {
            Ok(read) => Some(read),
            Err(problem) => {
                store.report(problem);
                None
            }
        }
    }

    /// Parses `part`, which is a piece of the document.
    fn read<T: Deserialize<'a>>(
        &self,
        part: &'a [u8],
        expected: &'static str,
    ) -> Result<T, CredentialsError> {
        serde_json::from_slice(part).map_err(|fault| {
            let before = (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
            let before = self.text.get(..before).unwrap_or_default();
            let lines = before.iter().filter(|byte| **byte == b'\n').count();
            CredentialsError::json(self.origin, expected, lines, &fault)
        })
    }
}

/// Returns the content of a regular file. A pipe in its place might never end.
fn read(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let flags = OFlags::NONBLOCK | OFlags::CLOEXEC;
    let flags = i32::try_from(flags.bits()).map_err(io::Error::other)?;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let kind = file.metadata()?.file_type();
    if kind.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !kind.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(io::Error::other(format!("it has more than {MAX_FILE_BYTES} bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: &str = "TEST_CONFIG";

    fn store(json: impl AsRef<[u8]>) -> Credentials {
        Credentials::from_users_docker_config(json.as_ref(), &Origin::Variable(PLACE.into()))
    }

    fn host(text: &str) -> Host {
        Host::parse(text).unwrap()
    }

    fn words(store: &Credentials) -> String {
        store.describe_login(&host("r.example"), None)
    }

    #[test]
    fn an_empty_config_is_valid() {
        for text in [
            "",
            " \n",
            "{}",
            r#"{"auths":{}}"#,
            r#"{"auths":null,"credsStore":""}"#,
            r#"{"auths":{"r.example":{}}}"#,
        ] {
            let store = store(text);
            assert!(store.is_empty(), "{text}");
            assert_eq!(words(&store), "no login, since there are no credentials for it", "{text}");
        }
    }

    #[test]
    fn a_broken_config_is_told_with_its_line_and_reason_and_never_its_content() {
        for (text, want) in [
            ("{\n\"auths\":{},\n}", "line 3, column 1 (trailing comma)"),
            ("{\"auths\": s3cr3t", "line 1"),
            ("{\"auths\":{\"r.example\":{\"auth\":\"s3cr3t", "line 1"),
            ("[]", "line 1"),
            ("\"s3cr3t\"", "line 1"),
            ("{\n\n\"auths\":\"s3cr3t\"}", "line 3"),
            ("{\"auths\":{\n\"r.example\":\n\"s3cr3t\"}}", "line 3"),
            ("{\"auths\":{\n\"r.example\":{\"auth\":\n[\"s3cr3t\"]}}}", "line 3"),
            ("{\"auths\":{\"r.example\":{\"auth\":\"s3cr3t!\"}}}", "\"auth\""),
            ("\u{feff}{\"auths\":{}}", "byte order mark"),
        ] {
            let store = store(text);
            let words = words(&store);
            assert!(words.contains(want) && words.contains(PLACE), "{text}: {words}");
            assert!(!format!("{words} {store:?}").contains("s3cr3t"), "{text}: {words}");
        }
    }

    #[test]
    fn one_bad_entry_loses_no_other() {
        let store = store(
            "\u{feff}{\"auths\":{\"bad.example\":{\"auth\":\"!\"},\"odd.example\":7,\"x @\":{},\"r.example\":{\"auth\":\"dTpw\"}},\"credHelpers\":{\"bad.example\":1,\"h.example\":\"x\"},\"credsStore\":[1]}",
        );
        assert!(store.lists(&host("r.example")) && !store.lists(&host("bad.example")));
        assert!(!store.is_empty());
        // A fault of another host's entry is not this host's.
        assert!(!store.describe_login(&host("else.example"), None).contains("bad.example"));
        assert!(store.describe_login(&host("bad.example"), None).contains("\"auth\" that is not base64"));
    }

    #[test]
    fn what_is_no_file_is_told_and_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();
        for path in [folder.path(), &pipe] {
            let words = words(&Credentials::from_docker_config_file(path));
            assert!(words.contains("cannot read the credentials in the file"), "{words}");
        }
        let missing = Credentials::from_docker_config_file(&folder.path().join("none"));
        assert_eq!(words(&missing), "no login, since there are no credentials for it");
    }

    #[test]
    fn fuzz_a_docker_config_is_read_or_told() {
        let seeds: [&[u8]; 3] = [
            br#"{"auths":{"https://index.docker.io/v1/":{"auth":"dTpw"},"r.example":{"identitytoken":"t"}},"credsStore":"x"}"#,
            br#"{"auths":{"a.example":{"username":"u","password":"p"}},"credHelpers":{"b.example":"x"}}"#,
            b"\xef\xbb\xbf{\n\"auths\":{},\n}",
        ];
        let origin = Origin::Variable(PLACE.into());
        crate::fuzz::run(&seeds, |bytes| {
            let store = Credentials::from_users_docker_config(bytes, &origin);
            if let Ok(text) = std::str::from_utf8(bytes)
                && let Ok(strict) = Credentials::from_docker_config(text, &origin)
            {
                // What is read strictly is read all the same.
                for name in ["docker.io", "r.example", "a.example"] {
                    assert_eq!(store.lists(&host(name)), strict.lists(&host(name)));
                }
            }
            assert!(store.describe_login(&host("r.example"), None).len() < 64 * 1024);
        });
    }
}
