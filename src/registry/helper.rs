//! The `docker-credential-*` programs that a docker configuration names.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::host::Host;
use super::secret::Secret;

/// How long an answer is used before the helper is asked again: cloud helpers renew theirs hourly.
const ANSWER_LIFETIME: Duration = Duration::from_mins(5);
/// How long a helper may take; some open a browser or ask a metadata service.
const TIME_LIMIT: Duration = Duration::from_mins(1);
/// The most that is read of a helper's answer, in bytes.
const ANSWER_LIMIT: u64 = 64 * 1024;

/// Helper, user name and secret.
type Answer = Option<(String, String, Secret)>;

/// The helpers that a docker configuration names: one for a host, and one for all others.
#[derive(Debug)]
pub(super) struct Helpers {
    by_host: BTreeMap<Host, String>,
    fallback: Option<String>,
    allowed: bool,
    answers: Mutex<BTreeMap<Host, (Instant, Answer)>>,
}

/// A credential helper that gave no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum HelperError {
    /// A name that could be a path.
    #[error(
        "the docker config names the credential helper {name:?}: only letters, digits, '-', '_' and '.' are allowed"
    )]
    Name {
        /// The name in the configuration.
        name: String,
    },
    /// The program does not start.
    #[error(
        "cannot run {program}, which the docker config names for {host}: install it, or log in with `docker login`"
    )]
    Start {
        /// The program.
        program: String,
        /// The registry that it was asked for.
        host: Host,
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
    Answer {
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
struct Printed {
    username: String,
    secret: Secret,
}

impl Helpers {
    /// The helpers, if there are any; none of them runs before [`Helpers::allow`].
    pub(super) fn new(by_host: BTreeMap<Host, String>, fallback: Option<String>) -> Option<Self> {
        let some = !by_host.is_empty() || fallback.is_some();
        some.then_some(Self { by_host, fallback, allowed: false, answers: Mutex::default() })
    }

    pub(super) fn allow(&mut self) {
        self.allowed = true;
    }

    /// What the helper for `host` answers; none if no helper is named or it knows no login.
    pub(super) async fn get(&self, host: &Host) -> Result<Answer, HelperError> {
        let host = host.endpoint();
        let Some(name) = self.by_host.get(&host).or(self.fallback.as_ref()).filter(|_| self.allowed) else {
            return Ok(None);
        };
        if let Some((asked, answer)) = self.lock().get(&host)
            && asked.elapsed() < ANSWER_LIFETIME
        {
            return Ok(answer.clone());
        }
        let answer = ask(name, &host).await?;
        self.lock().insert(host, (Instant::now(), answer.clone()));
        Ok(answer)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Host, (Instant, Answer)>> {
        self.answers.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

async fn ask(name: &str, host: &Host) -> Result<Answer, HelperError> {
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    {
        return Err(HelperError::Name { name: name.to_owned() });
    }
    let program = format!("docker-credential-{name}");
    // Docker Hub's logins are filed under this key by every docker client.
    let server = if host.is_docker_hub() { "https://index.docker.io/v1/" } else { host.as_str() };
    let started = |source| HelperError::Start { program: program.clone(), host: host.clone(), source };
    let run = async {
        let mut child = tokio::process::Command::new(&program)
            .arg("get")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(started)?;
        if let Some(mut stdin) = child.stdin.take() {
            // A helper that does not read its input answers for itself.
            let _ = stdin.write_all(server.as_bytes()).await;
        }
        let mut printed = zeroize::Zeroizing::new(Vec::new());
        if let Some(stdout) = child.stdout.take() {
            stdout.take(ANSWER_LIMIT).read_to_end(&mut printed).await.map_err(started)?;
        }
        let status = child.wait().await.map_err(started)?;
        Ok((status, printed))
    };
    let (status, printed) = tokio::time::timeout(TIME_LIMIT, run)
        .await
        .map_err(|_| HelperError::Slow { program: program.clone(), host: host.clone() })??;
    if status.success()
        && let Ok(found) = serde_json::from_slice::<Printed>(&printed)
    {
        return Ok(Some((program, found.username, found.secret)));
    }
    // The protocol's words for "no login here", printed on standard output.
    if String::from_utf8_lossy(&printed).contains("credentials not found") {
        return Ok(None);
    }
    Err(HelperError::Answer { program, host: host.clone(), status })
}
