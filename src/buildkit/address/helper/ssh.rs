//! `ssh://[USER@]HOST[:PORT][/SOCKET]`: a daemon on another machine (BuildKit: `client/connhelper/ssh`).

use super::{Scheme, dialing};

pub(super) const SCHEME: Scheme = Scheme {
    name: "ssh",
    program: "ssh",
    arguments: |parts| {
        parts.only_values_of(&[])?;
        // The program is in no terminal's foreground, so that it cannot ask for anything.
        let mut words = vec!["-o", "BatchMode=yes"];
        if let Some(user) = parts.user.as_deref().filter(|user| !user.is_empty()) {
            words.extend(["-l", user]);
        }
        if let Some(port) = &parts.port {
            words.extend(["-p", port]);
        }
        words.extend(["--", &parts.host]);
        let socket = quoted(&format!("unix://{}", parts.path));
        if matches!(parts.path.as_str(), "" | "/") {
            return Ok(dialing(words));
        }
        Ok(words
            .into_iter()
            .chain(["buildctl", "--addr", &socket, "dial-stdio"])
            .map(str::to_owned)
            .collect())
    },
};

/// Returns `text` as one word for the shell at the other end, which gets all arguments as one line.
fn quoted(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/:._-+,@%".contains(&byte);
    if text.bytes().all(is_plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
