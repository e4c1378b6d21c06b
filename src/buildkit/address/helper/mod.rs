//! Daemons that a program connects to: its standard input and output are the connection (BuildKit: `client/connhelper`).

mod docker_container;
mod kube_pod;
mod nerdctl_container;
mod podman_container;
mod ssh;

use std::fmt;

use super::url::UrlParts;

/// All schemes of addresses that name a program.
const SCHEMES: [Scheme; 5] = [
    docker_container::SCHEME,
    podman_container::SCHEME,
    nerdctl_container::SCHEME,
    kube_pod::SCHEME,
    ssh::SCHEME,
];
/// What the program runs beside the daemon: it joins its standard input and output to the daemon's socket.
const DIAL: [&str; 2] = ["buildctl", "dial-stdio"];

/// A scheme of addresses that name a program.
struct Scheme {
    /// What stands before `://`.
    name: &'static str,
    /// The program.
    program: &'static str,
    /// Returns the program's arguments, or what is wrong with the address.
    arguments: fn(&UrlParts) -> Result<Vec<String>, String>,
}

/// The address of a daemon behind a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HelperAddress {
    /// The address as it was given.
    text: String,
    /// The program; looked for on `PATH`.
    program: &'static str,
    arguments: Vec<String>,
}

impl HelperAddress {
    /// Returns the address of this scheme; `None` where there is no such scheme. The error is to be put behind the
    /// address.
    pub(super) fn parse(scheme: &str, rest: &str) -> Option<Result<Self, String>> {
        let scheme = SCHEMES.iter().find(|known| known.name == scheme)?;
        let arguments = UrlParts::parse(rest).and_then(|parts| (scheme.arguments)(&parts));
        let text = format!("{}://{rest}", scheme.name);
        Some(arguments.map(|arguments| Self { text, program: scheme.program, arguments }))
    }

    /// Returns the name of the program.
    pub const fn program(&self) -> &'static str {
        self.program
    }

    /// Returns the arguments of the program.
    pub fn arguments(&self) -> &[String] {
        &self.arguments
    }
}

impl fmt::Display for HelperAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Returns the beginnings of all addresses, for people.
pub(super) fn schemes() -> String {
    let names = SCHEMES.iter().map(|scheme| format!(", {}://", scheme.name));
    format!("unix://, tcp://{}", names.collect::<String>())
}

/// Returns `words` as arguments, and behind them what is run beside the daemon.
fn dialing<'a>(words: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    words.into_iter().chain(DIAL).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use crate::buildkit::Address;

    fn command(text: &str) -> String {
        let Ok(Address::Helper(address)) = Address::parse(text) else { panic!("{text}") };
        assert_eq!(address.to_string(), text);
        format!("{} {}", address.program(), address.arguments().join(" "))
    }

    #[test]
    fn each_form_is_the_command_that_buildkits_client_runs() {
        for (address, expected) in [
            ("docker-container://bk", "docker exec -i bk buildctl dial-stdio"),
            ("docker-container://bk?context=c", "docker --context=c exec -i bk buildctl dial-stdio"),
            ("podman-container://bk", "podman exec -i bk buildctl dial-stdio"),
            ("nerdctl-container://bk", "nerdctl exec -i bk buildctl dial-stdio"),
            ("nerdctl-container://b?namespace=n", "nerdctl exec --namespace=n -i b buildctl dial-stdio"),
            ("kube-pod://p", "kubectl exec -i p -- buildctl dial-stdio"),
            (
                "kube-pod://p?context=u@c&namespace=n&container=k",
                "kubectl --context=u@c --namespace=n exec --container=k -i p -- buildctl dial-stdio",
            ),
            ("ssh://host", "ssh -o BatchMode=yes -- host buildctl dial-stdio"),
            (
                "ssh://me@host:2222/run/b.sock",
                "ssh -o BatchMode=yes -l me -p 2222 -- host buildctl --addr unix:///run/b.sock dial-stdio",
            ),
            (
                "ssh://host/run/it's%20$(x)",
                r"ssh -o BatchMode=yes -- host buildctl --addr 'unix:///run/it'\''s $(x)' dial-stdio",
            ),
        ] {
            assert_eq!(command(address), expected);
        }
    }

    #[test]
    fn what_a_form_does_not_take_is_refused() {
        for text in [
            "docker-container://",
            "docker-container://--privileged",
            "docker-container://bk/path",
            "docker-container://bk:1",
            "docker-container://me@bk",
            "docker-container://bk?namespace=n",
            "docker-container://bk?context=a&context=b",
            "podman-container://bk?context=c",
            "nerdctl-container://?namespace=n",
            "kube-pod://no_such",
            "kube-pod://p?namespace=a/b",
            "kube-pod://p?container=K",
            "ssh://",
            "ssh://me:pw@host",
            "ssh://host?x=y",
            "ssh://host#x",
        ] {
            let error = Address::parse(text).unwrap_err().to_string();
            assert!(error.contains(text.split_once("://").unwrap().0), "{text}: {error}");
        }
    }
}
