//! Names of images: what the user calls them, and what buildkitd does.

use bollard_buildkit_proto::moby::buildkit::v1::StatusResponse;

/// Repositories that buildkitd knows by another name.
#[derive(Debug, Clone, Default)]
pub(crate) struct ImageNames {
    /// The user's name, and buildkitd's.
    pairs: Vec<(String, String)>,
}

impl ImageNames {
    /// Adds a repository.
    pub(crate) fn add(&mut self, user_name: &str, daemon_name: &str) {
        self.pairs.push((user_name.to_owned(), daemon_name.to_owned()));
    }

    /// What buildkitd calls the image of repository `name` with `suffix` (`:tag`, `@digest`).
    pub(crate) fn daemon_name(&self, name: &str, suffix: &str) -> Option<String> {
        let (_, daemon_name) = self.pairs.iter().find(|(user_name, _)| user_name == name)?;
        Some(format!("{daemon_name}{suffix}"))
    }

    /// `text` with the user's names, also where buildkitd tells what URL it asked and what it asked a token for. Where
    /// only the address of the proxy stands, that is called by its name: its port says nothing to anybody.
    pub(crate) fn user_name(&self, text: &str) -> String {
        let named = self.pairs.iter().fold(text.to_owned(), |text, (user_name, daemon_name)| {
            let text = replace_name(&text, daemon_name, user_name);
            let ((registry, path), Some((proxy, alias))) =
                (user_name.split_once('/').unwrap_or(("", user_name)), daemon_name.split_once('/'))
            else {
                return text;
            };
            text.replace(&format!("http://{proxy}/v2/{alias}/"), &format!("{registry}/v2/{path}/"))
                .replace(&format!("repository:{alias}:"), &format!("repository:{path}:"))
        });
        self.pairs.iter().filter_map(|(_, daemon_name)| daemon_name.split_once('/')).fold(
            named,
            |text, (proxy, _)| {
                let text = text.replace(&format!("http://{proxy}/"), "Bob's proxy: /");
                replace_name(&text, proxy, "Bob's proxy")
            },
        )
    }

    /// A message of the status stream with the user's names.
    pub(crate) fn in_status(&self, message: &mut StatusResponse) {
        if self.pairs.is_empty() {
            return;
        }
        for vertex in &mut message.vertexes {
            vertex.name = self.user_name(&vertex.name);
            vertex.error = self.user_name(&vertex.error);
        }
        for status in &mut message.statuses {
            status.id = self.user_name(&status.id);
        }
        for log in &mut message.logs {
            if let Ok(text) = std::str::from_utf8(&log.msg) {
                log.msg = self.user_name(text).into_bytes();
            }
        }
    }
}

/// `text` with whole occurrences of the name `from` replaced: `a/t1` is no part of `a/t10`.
fn replace_name(text: &str, from: &str, to: &str) -> String {
    let mut replaced = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(from) {
        replaced += before;
        let continues = after.starts_with(|next: char| next.is_ascii_alphanumeric() || "/-_.".contains(next));
        replaced += if continues { from } else { to };
        rest = after;
    }
    replaced + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways_and_only_whole_ones() {
        let mut image_names = ImageNames::default();
        image_names.add("docker.io/library/app", "127.0.0.1:9/t1");
        assert_eq!(image_names.daemon_name("docker.io/library/app", ":v1").unwrap(), "127.0.0.1:9/t1:v1");
        assert_eq!(image_names.daemon_name("docker.io/library/other", ":v1"), None);
        assert_eq!(
            image_names.user_name("pushing manifest for 127.0.0.1:9/t1:v1@sha256:a to 127.0.0.1:9/t10"),
            "pushing manifest for docker.io/library/app:v1@sha256:a to 127.0.0.1:9/t10"
        );
        let asked = "unexpected status from POST request to http://127.0.0.1:9/v2/t1/blobs/uploads/: 500";
        assert_eq!(
            image_names.user_name(asked),
            "unexpected status from POST request to docker.io/v2/library/app/blobs/uploads/: 500"
        );
        assert_eq!(image_names.user_name("scope repository:t1:pull"), "scope repository:library/app:pull");
        assert_eq!(
            image_names.user_name("dial tcp 127.0.0.1:9: connect: refused, not 127.0.0.1:91"),
            "dial tcp Bob's proxy: connect: refused, not 127.0.0.1:91"
        );
        assert_eq!(image_names.user_name("Get http://127.0.0.1:9/v2/: EOF"), "Get Bob's proxy: /v2/: EOF");
    }
}
