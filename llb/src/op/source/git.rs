//! Git repositories.

use super::git_url::GitUrl;
use super::{Attrs, flag, set};
use crate::path;
use crate::setters::setters;

/// A commit of a Git repository.
///
/// Source: `Git` in [client/llb/source.go](https://github.com/moby/buildkit/blob/v0.32.2/client/llb/source.go).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent attributes of BuildKit's source")]
#[non_exhaustive]
pub struct GitSource {
    /// URL of the repository: `https://…`, `ssh://…`, `git://…`, `user@host:path`, or a host and path
    /// that `https` is assumed for.
    pub url: String,
    /// Branch, tag or commit; the default branch if empty.
    pub reference: String,
    /// Directory of the repository that is the root; all of it if empty.
    pub subdir: String,
    /// Keep the `.git` directory.
    pub keep_git_dir: bool,
    /// Name of the secret that holds a token; `GIT_AUTH_TOKEN` unless set, none if empty.
    pub auth_token_secret: Option<String>,
    /// Name of the secret that holds an `Authorization` header; `GIT_AUTH_HEADER` unless set, none if
    /// empty.
    pub auth_header_secret: Option<String>,
    /// Keys of SSH hosts, a line each. Used with SSH only. BuildKit's client asks the host for them if
    /// there are none; here they stay away.
    pub known_ssh_hosts: Vec<String>,
    /// Which SSH agent of the client; `default` if empty. Used with SSH only.
    pub ssh_agent: String,
    /// Commit that the reference must stand for, if it is not empty.
    pub checksum: String,
    /// Leave submodules out.
    pub skip_submodules: bool,
    /// What files' modification times are: `checkout` or `commit`; the former if empty.
    pub mtime: String,
    /// Fetch the commit in `checksum` without resolving the reference.
    pub fetch_by_commit: bool,
    /// A bundle that is fetched instead of the repository: `docker-image+blob://…@sha256:…` or
    /// `oci-layout+blob://…@sha256:…`; none if empty.
    pub bundle: String,
    /// Where an OCI layout's bundle is.
    pub bundle_store: BundleStore,
    /// Yield the commit as one bundle file.
    pub checkout_bundle: bool,
}

setters! { GitSource {
    with_reference = into reference: String;
    with_subdir = into subdir: String;
    with_keep_git_dir = value keep_git_dir: bool;
    with_auth_token_secret = into auth_token_secret: Option<String>;
    with_auth_header_secret = into auth_header_secret: Option<String>;
    with_known_ssh_hosts = list known_ssh_hosts: String;
    with_ssh_agent = into ssh_agent: String;
    with_checksum = into checksum: String;
    with_skip_submodules = value skip_submodules: bool;
    with_mtime = into mtime: String;
    with_fetch_by_commit = value fetch_by_commit: bool;
    with_bundle = into bundle: String;
    with_bundle_store = value bundle_store: BundleStore;
    with_checkout_bundle = value checkout_bundle: bool;
} }

/// Where a bundle of an OCI layout is.
///
/// Source: `GitBundleOCIStore` in [client/llb/source.go](https://github.com/moby/buildkit/blob/v0.32.2/client/llb/source.go).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BundleStore {
    /// Session that offers the layout; the build's own if empty.
    pub session_id: String,
    /// Which of the session's layouts; taken from the bundle's URL if empty.
    pub store_id: String,
}

setters! { BundleStore {
    with_session_id = into session_id: String;
    with_store_id = into store_id: String;
} }

impl GitSource {
    /// Returns the default branch of a repository.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), ..Self::default() }
    }

    /// Returns the default branch of a repository, or what a fragment `reference[:subdir]` says.
    pub fn from_fragment(url: impl Into<String>, fragment: &str) -> Self {
        let (reference, subdir) = fragment.split_once(':').unwrap_or((fragment, ""));
        Self {
            reference: reference.to_owned(),
            subdir: path::join(["/", subdir])[1..].to_owned(),
            ..Self::new(url)
        }
    }

    /// Returns `git://` with host and path, so that all ways to reach a repository share one cache.
    pub(super) fn identifier(&self) -> String {
        let Some(url) = GitUrl::parse_or_https(&self.url) else {
            return format!("git://{}", GitUrl::text_or_https(&self.url));
        };
        let mut id = format!("git://{}{}", url.host, path::join(["/", &url.path]));
        if !self.reference.is_empty() || !self.subdir.is_empty() {
            id.push('#');
            id.push_str(&self.reference);
        }
        if !self.subdir.is_empty() {
            id.push(':');
            id.push_str(&self.subdir);
        }
        id
    }

    /// Whether the repository is reached over SSH.
    pub(crate) fn is_ssh(&self) -> bool {
        GitUrl::parse_or_https(&self.url).is_some_and(|url| url.scheme == "ssh")
    }

    /// Whether the names of secrets were chosen, which needs a capability.
    pub(crate) fn has_chosen_secrets(&self) -> bool {
        let chosen = self.auth_token_secret.is_some() || self.auth_header_secret.is_some();
        chosen && !(self.token_secret().is_empty() && self.header_secret().is_empty())
    }

    fn token_secret(&self) -> &str {
        self.auth_token_secret.as_deref().unwrap_or("GIT_AUTH_TOKEN")
    }

    fn header_secret(&self) -> &str {
        self.auth_header_secret.as_deref().unwrap_or("GIT_AUTH_HEADER")
    }

    pub(super) fn attrs(&self) -> Attrs<'_> {
        let mut attrs = Attrs::new();
        flag(&mut attrs, "git.keepgitdir", self.keep_git_dir);
        let remote = match GitUrl::parse_or_https(&self.url) {
            Some(url) => url.remote,
            None => GitUrl::text_or_https(&self.url),
        };
        set(&mut attrs, "git.fullurl", remote);
        set(&mut attrs, "git.authtokensecret", self.token_secret());
        set(&mut attrs, "git.authheadersecret", self.header_secret());
        if self.is_ssh() {
            let mut hosts = String::new();
            for host in &self.known_ssh_hosts {
                hosts.push_str(host.strip_suffix('\n').unwrap_or(host));
                hosts.push('\n');
            }
            set(&mut attrs, "git.knownsshhosts", hosts);
            let agent = match &*self.ssh_agent {
                "" => "default",
                agent => agent,
            };
            set(&mut attrs, "git.mountsshsock", agent);
        }
        set(&mut attrs, "git.checksum", &*self.checksum);
        flag(&mut attrs, "git.skipsubmodules", self.skip_submodules);
        set(&mut attrs, "git.mtime", &*self.mtime);
        flag(&mut attrs, "git.fetchbycommit", self.fetch_by_commit);
        set(&mut attrs, "git.bundle", &*self.bundle);
        set(&mut attrs, "oci.session", &*self.bundle_store.session_id);
        set(&mut attrs, "oci.store", &*self.bundle_store.store_id);
        flag(&mut attrs, "git.checkoutbundle", self.checkout_bundle);
        attrs
    }
}
