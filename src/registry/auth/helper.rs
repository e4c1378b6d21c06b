//! The `docker-credential-*` programs that a docker configuration names.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::credential::Origin;
use crate::registry::bounded_map::BoundedMap;
use crate::registry::host::Host;
use crate::search_path::find_program;
use crate::secret::Secret;

/// How long a login is used before the helper is asked again: cloud helpers renew theirs hourly.
const LOGIN_LIFETIME: Duration = Duration::from_mins(5);
/// How long a login is used that a registry refuses, so that a wrong one does not start a program for every request.
const REFUSED_LOGIN_LIFETIME: Duration = Duration::from_secs(10);
/// How much is kept of logins, in bytes.
const MAX_REMEMBERED_LOGIN_BYTES: usize = 1024 * 1024;
/// How long a helper may take; some open a browser or ask a metadata service.
const TIME_LIMIT: Duration = Duration::from_mins(1);
/// The most that is read of a helper's output, in bytes.
const MAX_OUTPUT_BYTES: u64 = 64 * 1024;

/// A login that a helper gave.
#[derive(Clone, Debug)]
pub(crate) struct HelperLogin {
    /// The helper program.
    pub(crate) helper: String,
    pub(crate) username: String,
    pub(crate) secret: Secret,
}

/// The helpers that a docker configuration names: one for a host, and one for all others.
#[derive(Debug)]
pub(crate) struct Helpers {
    by_host: BTreeMap<Host, String>,
    fallback: Option<String>,
    /// The configuration that names them.
    origin: Origin,
    allowed: bool,
    logins: Mutex<BoundedMap<Host, (Instant, Option<HelperLogin>)>>,
}

/// The error of a credential helper that gave no usable login.
#[derive(Debug, thiserror::Error)]
pub enum HelperError {
    /// A name that could be a path.
    #[error(
        "{named_by} names the credential helper {name:?}: only letters, digits, '-', '_' and '.' are allowed"
    )]
    Name {
        /// The name in the configuration.
        name: String,
        /// The key of the configuration, and where that is.
        named_by: String,
    },
    /// There is no such program.
    #[error(
        "there is no program {program} on PATH, which {named_by} names for the login at {host}: install it, or take it out there and run `docker login {host}`"
    )]
    Missing {
        /// The program.
        program: String,
        /// The registry that it was to be asked for.
        host: Host,
        /// The key of the configuration, and where that is.
        named_by: String,
    },
    /// The program does not start.
    #[error("cannot run {program}, which {named_by} names for the login at {host}")]
    Start {
        /// The program.
        program: String,
        /// The registry that it was asked for.
        host: Host,
        /// The key of the configuration, and where that is.
        named_by: String,
        /// Why.
        source: std::io::Error,
    },
    /// The program runs too long.
    #[error("{program} gave no credentials for {host} within {seconds} s", seconds = TIME_LIMIT.as_secs())]
    Slow {
        /// The program.
        program: String,
        /// The registry that it was asked for.
        host: Host,
    },
    /// The program failed or printed something else than credentials.
    #[error(
        "{program} gave no usable credentials for {host} ({status}): run `echo {host} | {program} get` to see why"
    )]
    Unusable {
        /// The program.
        program: String,
        /// The registry that it was asked for.
        host: Host,
        /// How it ended.
        status: std::process::ExitStatus,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HelperOutput {
    #[serde(default)]
    username: String,
    secret: Secret,
}

impl Helpers {
    /// Returns the helpers, if there are any; none of them runs before [`Helpers::allow`].
    pub(crate) fn new(
        by_host: BTreeMap<Host, String>,
        fallback: Option<String>,
        origin: &Origin,
    ) -> Option<Self> {
        let some = !by_host.is_empty() || fallback.is_some();
        some.then(|| Self {
            by_host,
            fallback,
            origin: origin.clone(),
            allowed: false,
            logins: Mutex::new(BoundedMap::new(MAX_REMEMBERED_LOGIN_BYTES)),
        })
    }

    pub(crate) fn allow(&mut self) {
        self.allowed = true;
    }

    /// Returns the login that the helper for `host` gives; none if no helper is named or it knows no login.
    pub(crate) async fn get(&self, host: &Host) -> Result<Option<HelperLogin>, HelperError> {
        let host = host.endpoint();
        let of_host = self.by_host.get(&host).map(|name| (name, "credHelpers"));
        let named = of_host.or_else(|| self.fallback.as_ref().map(|name| (name, "credsStore")));
        let Some((name, key)) = named.filter(|_| self.allowed) else { return Ok(None) };
        if let Some((asked, login)) = self.lock().get(&host)
            && asked.elapsed() < LOGIN_LIFETIME
        {
            return Ok(login.clone());
        }
        let login = ask(name, &host, &format!("{key} in {}", self.origin)).await?;
        let bytes = login.as_ref().map_or(0, |login| login.username.len() + login.secret.expose().len());
        let bytes = host.as_str().len() + bytes;
        self.lock().insert(host, (Instant::now(), login.clone()), bytes);
        Ok(login)
    }

    /// Has the helper for `host` asked again, unless it was asked just now.
    pub(crate) fn forget(&self, host: &Host) {
        let (host, mut logins) = (host.endpoint(), self.lock());
        if logins.get(&host).is_some_and(|(asked, _)| asked.elapsed() > REFUSED_LOGIN_LIFETIME) {
            logins.remove(&host);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BoundedMap<Host, (Instant, Option<HelperLogin>)>> {
        self.logins.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Returns the login for `host` of the helper that `named_by` names.
async fn ask(name: &str, host: &Host, named_by: &str) -> Result<Option<HelperLogin>, HelperError> {
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    {
        let name = name.chars().take(80).collect();
        return Err(HelperError::Name { name, named_by: named_by.to_owned() });
    }
    run(format!("docker-credential-{name}"), host, named_by).await
}

/// Returns the login that the program gives to `get`.
/// (<https://github.com/docker/docker-credential-helpers#development>)
async fn run(program: String, host: &Host, named_by: &str) -> Result<Option<HelperLogin>, HelperError> {
    // Every docker client keeps Docker Hub's login under this key.
    let server = if host.is_docker_hub() { "https://index.docker.io/v1/" } else { host.as_str() };
    let named_by = named_by.to_owned();
    let Some(path) = find_program(&program, std::env::var_os("PATH").as_deref()) else {
        return Err(HelperError::Missing { program, host: host.clone(), named_by });
    };
    let started = |source| HelperError::Start {
        program: program.clone(),
        host: host.clone(),
        named_by: named_by.clone(),
        source,
    };
    let exchange = async {
        let mut child = tokio::process::Command::new(&path)
            .arg("get")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(started)?;
        if let Some(mut stdin) = child.stdin.take() {
            // A helper may end without reading its input: its output and status decide.
            let _ = stdin.write_all(server.as_bytes()).await;
        }
        let mut printed = zeroize::Zeroizing::new(Vec::new());
        if let Some(stdout) = child.stdout.take() {
            stdout.take(MAX_OUTPUT_BYTES).read_to_end(&mut printed).await.map_err(started)?;
        }
        let status = child.wait().await.map_err(started)?;
        Ok((status, printed))
    };
    let (status, printed) = tokio::time::timeout(TIME_LIMIT, exchange)
        .await
        .map_err(|_| HelperError::Slow { program: program.clone(), host: host.clone() })??;
    let unusable = HelperError::Unusable { program: program.clone(), host: host.clone(), status };
    let output = parse_output(&printed, status.success()).ok_or(unusable)?;
    Ok(output.map(|HelperOutput { username, secret }| HelperLogin { helper: program, username, secret }))
}

/// Returns the login that a helper printed: `Some(None)` if it knows none, `None` if the output is not usable.
fn parse_output(printed: &[u8], success: bool) -> Option<Option<HelperOutput>> {
    if success && let Ok(found) = serde_json::from_slice::<HelperOutput>(printed) {
        let empty = found.username.is_empty() && found.secret.is_empty();
        return Some((!empty).then_some(found));
    }
    // The protocol's words for "no login here", printed on standard output.
    String::from_utf8_lossy(printed).contains("credentials not found").then_some(None)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const NAMED_BY: &str = "credsStore in the file /x/config.json";

    /// What a helper with this script answers for `host`.
    async fn answer(script: &str, host: &str) -> Result<Option<(String, String)>, HelperError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("docker-credential-test");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let (program, host) = (path.display().to_string(), Host::parse(host).unwrap());
        let mut answer = run(program.clone(), &host, NAMED_BY).await;
        // Another test that starts a program just now may still hold the script open for writing.
        while matches!(&answer, Err(HelperError::Start { source, .. }) if source.kind() == std::io::ErrorKind::ExecutableFileBusy)
        {
            answer = run(program.clone(), &host, NAMED_BY).await;
        }
        let answer = answer?;
        Ok(answer.map(|login| (login.username, login.secret.expose().to_owned())))
    }

    fn origin() -> Origin {
        Origin::File("/x/config.json".into())
    }

    #[tokio::test]
    async fn a_helper_that_is_not_installed_is_named_with_its_configuration() {
        let host = Host::parse("r.example").unwrap();
        let named = [(host.clone(), "absent-for-bob".to_owned())];
        for (by_host, fallback, key) in
            [(named.into(), None, "credHelpers"), (BTreeMap::new(), Some("absent-for-bob"), "credsStore")]
        {
            let mut helpers = Helpers::new(by_host, fallback.map(str::to_owned), &origin()).unwrap();
            helpers.allow();
            let error = helpers.get(&host).await.unwrap_err();
            assert_eq!(
                crate::diag::with_causes(&error),
                format!(
                    "there is no program docker-credential-absent-for-bob on PATH, which {key} in the file /x/config.json names for the login at r.example: install it, or take it out there and run `docker login r.example`"
                )
            );
        }
    }

    #[tokio::test]
    async fn a_helper_is_asked_for_the_host_and_answers_with_a_login() {
        let script = r#"printf '{"ServerURL":"x","Username":"%s","Secret":"%s"}' "$1" "$(cat)""#;
        let pair = |host: &str| Some(("get".to_owned(), host.to_owned()));
        assert_eq!(answer(script, "r.example:5000").await.unwrap(), pair("r.example:5000"));
        assert_eq!(answer(script, "docker.io").await.unwrap(), pair("https://index.docker.io/v1/"));
    }

    #[tokio::test]
    async fn no_login_is_no_error_and_anything_else_is_one_without_the_answer() {
        let none = "cat >/dev/null; echo 'credentials not found in native keychain'; exit 1";
        assert_eq!(answer(none, "r.example").await.unwrap(), None);
        for script in ["cat >/dev/null; echo hunter2; exit 1", "cat >/dev/null; echo hunter2", "exit 3"] {
            let error = answer(script, "r.example").await.unwrap_err();
            assert!(matches!(error, HelperError::Unusable { .. }), "{error}");
            assert!(!format!("{error} {error:?}").contains("hunter2"));
        }
    }

    #[tokio::test]
    async fn either_of_user_name_and_secret_may_be_empty() {
        for (user, secret) in [("", "s"), ("t0ken", "")] {
            let script = format!(r#"cat >/dev/null; echo '{{"Username":"{user}","Secret":"{secret}"}}'"#);
            assert_eq!(answer(&script, "r.example").await.unwrap(), Some((user.into(), secret.into())));
        }
        let neither = r#"cat >/dev/null; echo '{"Username":"","Secret":""}'"#;
        assert_eq!(answer(neither, "r.example").await.unwrap(), None);
    }

    #[test]
    fn a_helper_is_asked_again_after_a_refusal_but_not_for_each() {
        let host = Host::parse("r.example").unwrap();
        let helpers = Helpers::new(BTreeMap::new(), Some("x".to_owned()), &origin()).unwrap();
        for (age, kept) in [(0, true), (11, false)] {
            let asked = Instant::now().checked_sub(Duration::from_secs(age)).unwrap();
            helpers.lock().insert(host.clone(), (asked, None), 0);
            helpers.forget(&host);
            assert_eq!(helpers.lock().get(&host).is_some(), kept, "{age}");
        }
    }

    #[test]
    fn fuzz_a_helpers_answer_is_a_login_or_none() {
        let seeds: [&[u8]; 2] = [
            br#"{"ServerURL":"x","Username":"u","Secret":"s"}"#,
            b"credentials not found in native keychain",
        ];
        crate::fuzz::run(&seeds, |bytes| {
            assert!(parse_output(bytes, false).is_none_or(|answer| answer.is_none()));
            if let Some(Some(found)) = parse_output(bytes, true) {
                assert!(!found.username.is_empty() || !found.secret.is_empty());
            }
        });
    }

    #[tokio::test]
    async fn a_name_is_never_a_path_and_nothing_runs_unless_allowed() {
        let host = Host::parse("r.example").unwrap();
        for name in ["", "../x", "a/b", "a b", "x;y"] {
            assert!(matches!(ask(name, &host, NAMED_BY).await, Err(HelperError::Name { .. })), "{name}");
        }
        let helpers = Helpers::new([(host.clone(), "../x".to_owned())].into(), None, &origin()).unwrap();
        assert!(helpers.get(&host).await.unwrap().is_none());
    }
}
