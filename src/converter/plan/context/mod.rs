//! Named contexts, and the remote sources that a build may start from (`frontend/dockerui`).

pub mod git;
pub(super) mod remote_source;
mod url;

use std::sync::Arc;

use super::error::{Error, ErrorKind};
use super::need::{Fact, Facts, IgnoreFile, ImageFact, Need, Needs};
use super::options::{Context, Options};
use crate::gotext::parse_bool;
use crate::image::{ImageConfig, Platform, Reference};
use git::GitRef;
use remote_source::RemoteSource;

/// A named context that takes the place of a stage or an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedContext {
    /// The context as the frontend writes it.
    input: String,
    /// Its name.
    name: String,
    /// Its name with the platform, where it was given for one platform only; step names show it.
    pub label: String,
    /// The platform to choose from an index.
    pub platform: Option<Platform>,
}

/// What a named context turned out to be.
#[derive(Debug, Clone)]
pub enum LoadedContext {
    /// Nothing.
    Scratch,
    /// An image.
    Image {
        /// The reference in the graph.
        reference: Reference,
        /// The reference as written, for the step's name.
        written: String,
        /// Its configuration.
        image: ImageFact,
    },
    /// An image in an OCI layout at the client.
    OciLayout {
        /// The reference in the graph.
        reference: Reference,
        /// The store.
        store: String,
        /// Its configuration.
        image: ImageFact,
    },
    /// A repository or a file.
    Remote {
        /// Which.
        source: RemoteSource,
        /// The step's name.
        step: String,
    },
    /// A folder of the client.
    Local {
        /// The local source's name.
        name: String,
        /// Hint for sharing what was sent before.
        shared_key: String,
        /// Its ignore file.
        ignore: Option<IgnoreFile>,
    },
}

/// The named context that takes the place of `name`, if there is one (`NamedContext` in
/// dockerui/config.go). `scratch` and `context` are never replaced.
pub(super) fn named(
    options: &Options,
    name: &str,
    platform: Option<&Platform>,
) -> Result<Option<NamedContext>, Error> {
    if name.eq_ignore_ascii_case("scratch") || name.eq_ignore_ascii_case("context") {
        return Ok(None);
    }
    find(options, name, platform)
}

/// As [`named`], for any name.
pub(super) fn find(
    options: &Options,
    name: &str,
    platform: Option<&Platform>,
) -> Result<Option<NamedContext>, Error> {
    let reference =
        Reference::parse(name).map_err(|source| ErrorKind::ContextName { name: name.into(), source })?;
    Ok(of(options, &reference, platform))
}

/// The named context that takes the place of an image, if there is one.
pub(super) fn of(
    options: &Options,
    reference: &Reference,
    platform: Option<&Platform>,
) -> Option<NamedContext> {
    if options.named_contexts.is_empty() {
        return None;
    }
    let name = reference.context_name();
    let wanted = platform.cloned().unwrap_or_else(Platform::host).normalized();
    let exact = format!("{name}::{wanted}");
    let found = |label: &str| {
        options.named_contexts.get(label).map(|input| NamedContext {
            input: input.clone(),
            name: name.to_owned(),
            label: label.to_owned(),
            platform: platform.cloned(),
        })
    };
    found(&exact).or_else(|| found(name))
}

impl LoadedContext {
    /// The configuration of the image, where it is one.
    pub fn config(&self) -> Option<&Arc<ImageConfig>> {
        match self {
            Self::Image { image, .. } | Self::OciLayout { image, .. } => image.config.as_ref().ok(),
            _ => None,
        }
    }
}

impl NamedContext {
    /// What the context is; `None` where facts are missing, which are then added to `needs`.
    pub(super) fn load(
        &self,
        options: &Options,
        facts: &Facts,
        needs: &mut Needs,
    ) -> Result<Option<LoadedContext>, Error> {
        let Some((scheme, rest)) = self.input.split_once(':') else {
            return Err(
                ErrorKind::ContextSpecifier { input: self.input.clone(), name: self.label.clone() }.into()
            );
        };
        match scheme {
            "docker-image" => self.load_image(rest.strip_prefix("//").unwrap_or(rest), options, facts, needs),
            "oci-layout" => self.load_layout(rest.strip_prefix("//").unwrap_or(rest), facts, needs),
            "local" => self.load_local(rest, options, facts, needs),
            "http" | "https" => {
                if let Some(source) = git_context(&self.input, false, false)? {
                    return Ok(Some(remote(source, &self.input)));
                }
                let (url, filename) = (self.input.clone(), "context".to_owned());
                let source = RemoteSource::Http { url, filename, checksum: String::new(), not_utf8: false };
                let step = format!("[context {}] {}", self.label, self.input);
                Ok(Some(LoadedContext::Remote { source, step }))
            }
            scheme if scheme == "git" || scheme.starts_with("git@") => {
                let source = git_context(&self.input, false, false)?;
                let source = source.ok_or_else(|| ErrorKind::NotGit { input: self.input.clone() })?;
                Ok(Some(remote(source, &self.input)))
            }
            _ => Err(ErrorKind::ContextScheme { scheme: scheme.into(), name: self.label.clone() }.into()),
        }
    }

    fn load_image(
        &self,
        written: &str,
        options: &Options,
        facts: &Facts,
        needs: &mut Needs,
    ) -> Result<Option<LoadedContext>, Error> {
        if written == "scratch" {
            return Ok(Some(LoadedContext::Scratch));
        }
        let reference = Reference::parse(written)?.with_default_tag();
        let need = Need::Image { reference: reference.clone(), platform: self.platform.clone() };
        if let Some(Ok(Fact::Replaced(input))) = facts.get(&need)
            && !input.starts_with("docker-image:")
        {
            return Self { input: input.clone(), ..self.clone() }.load(options, facts, needs);
        }
        let log_name = || format!("[context {}] load metadata for {written}", self.label);
        let Some(image) = image(need, log_name, facts, needs)? else { return Ok(None) };
        let reference = image.reference.clone().unwrap_or(reference);
        Ok(Some(LoadedContext::Image { reference, written: written.into(), image: image.clone() }))
    }

    fn load_layout(
        &self,
        written: &str,
        facts: &Facts,
        needs: &mut Needs,
    ) -> Result<Option<LoadedContext>, Error> {
        let wrong = |source| ErrorKind::LayoutReference { reference: written.into(), source };
        let layout = Reference::parse_named(written).map_err(wrong)?;
        let digest =
            layout.digest().ok_or_else(|| ErrorKind::LayoutDigest { reference: layout.to_string() })?;
        let wrong = |source| ErrorKind::LayoutReference { reference: self.name.clone(), source };
        let stand_in = Reference::parse(&self.name).map_err(wrong)?.with_digest(digest)?;
        let need = Need::OciLayout {
            reference: stand_in.clone(),
            store: layout.name().to_owned(),
            platform: self.platform.clone(),
        };
        let log_name = || format!("[context {}] load metadata for {stand_in}", self.label);
        let image = image(need, log_name, facts, needs)?.cloned();
        let store = layout.name().to_owned();
        Ok(image.map(|image| LoadedContext::OciLayout { reference: stand_in, store, image }))
    }

    fn load_local(
        &self,
        name: &str,
        options: &Options,
        facts: &Facts,
        needs: &mut Needs,
    ) -> Result<Option<LoadedContext>, Error> {
        let need = Need::NamedIgnore { local: name.into() };
        let log_name = || format!("[context {}] load .dockerignore", self.label);
        Ok(ignore(need, log_name, facts, needs)?.map(|IgnoreAnswer(ignore)| LoadedContext::Local {
            name: name.into(),
            shared_key: options.shared_keys.get(&self.label).cloned().unwrap_or_default(),
            ignore,
        }))
    }
}

/// The answer to an image need, `None` if it is missing.
pub(super) fn image<'f>(
    need: Need,
    log_name: impl FnOnce() -> String,
    facts: &'f Facts,
    needs: &mut Needs,
) -> Result<Option<&'f ImageFact>, Error> {
    match facts.get(&need) {
        Some(Err(failure)) => Err(match &need {
            // The instruction names the context, not the image that it stands for.
            Need::Image { reference, .. } => {
                let name = reference.familiar();
                ErrorKind::Image {
                    name: name.to_owned(),
                    suggestion: None,
                    help: None,
                    source: failure.clone(),
                }
            }
            _ => ErrorKind::Lookup(failure.clone()),
        }
        .into()),
        Some(Ok(Fact::Image(image))) => match &image.config {
            Ok(_) => Ok(Some(image)),
            Err(source) => Err(ErrorKind::Config { source: source.clone() }.into()),
        },
        Some(Ok(Fact::Replaced(by))) => Err(ErrorKind::Replaced { by: by.clone() }.into()),
        // A fact of another kind is no answer.
        None | Some(Ok(_)) => {
            needs.insert(need, log_name());
            Ok(None)
        }
    }
}

/// The answer to an ignore file need: the file, if there is one.
pub(super) struct IgnoreAnswer(pub(super) Option<IgnoreFile>);

/// The answer to an ignore file need, `None` if it is missing.
pub(super) fn ignore(
    need: Need,
    log_name: impl FnOnce() -> String,
    facts: &Facts,
    needs: &mut Needs,
) -> Result<Option<IgnoreAnswer>, Error> {
    match facts.get(&need) {
        Some(Err(failure)) => Err(ErrorKind::Lookup(failure.clone()).into()),
        Some(Ok(Fact::Ignore(file))) => Ok(Some(IgnoreAnswer(file.clone()))),
        None | Some(Ok(_)) => {
            needs.insert(need, log_name());
            Ok(None)
        }
    }
}

/// The repository that a build context names, `None` where it names something else (`DetectGitContext`).
pub(super) fn git_context(
    text: &str,
    keep_git_dir: bool,
    commit_times: bool,
) -> Result<Option<RemoteSource>, Error> {
    let Some(git) = GitRef::parse(text)? else { return Ok(None) };
    Ok(Some(RemoteSource::Git {
        keep_git_dir: keep_git_dir || git.keep_git_dir == Some(true),
        skip_submodules: git.submodules == Some(false),
        mtime: if git.mtime.is_empty() && commit_times { "commit".into() } else { git.mtime },
        remote: git.remote,
        reference: git.reference,
        subdir: git.subdir,
        checksum: git.checksum,
        fetch_by_commit: git.fetch_by_commit,
        not_utf8: git.not_utf8,
    }))
}

/// The main context where it is not a folder of the client, and its step's name.
///
/// # Errors
/// [`Error`] where its URL is no repository, or has a query that cannot be used.
pub fn main_context(options: &Options) -> Result<Option<(RemoteSource, String)>, Error> {
    match &options.context {
        Context::Local => Ok(None),
        Context::Git(url) => {
            let keep = options.build_args.get("BUILDKIT_CONTEXT_KEEP_GIT_DIR");
            let keep = keep.is_some_and(|value| parse_bool(value) == Some(true));
            let commit_times =
                options.build_args.get(super::args::EPOCH).is_some_and(|value| !value.is_empty());
            let source = git_context(url, keep, commit_times)?;
            let source = source.ok_or_else(|| ErrorKind::NotGit { input: url.clone() })?;
            Ok(Some((source, format!("[internal] load git source {url}"))))
        }
        Context::Http { url, .. } => {
            let source = RemoteSource::Http {
                url: url.clone(),
                filename: "context".into(),
                checksum: String::new(),
                not_utf8: false,
            };
            Ok(Some((source, "[internal] load remote build context".into())))
        }
    }
}

fn remote(source: RemoteSource, input: &str) -> LoadedContext {
    LoadedContext::Remote { source, step: format!("[internal] load git source {input}") }
}
