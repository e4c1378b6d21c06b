//! The variables of workspace mode, each by its rule.

use std::path::{Path, PathBuf};

use super::variables::{self, Variable};
use super::{AuthJson, Environment, Error, Workspace};
use crate::beneath::OpenFile;
use crate::secret::Secret;

/// What a workspace image build is to do.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the workspace image is pushed (`BOB_TARGET_REF`).
    pub target_ref: String,
    /// The base image, built first where `base_step` is set (`BOB_BASE_REF`).
    pub base_ref: String,
    /// The base step, where `BOB_BUILD_BASE=true`.
    pub base_step: Option<BaseStep>,
    /// Address of a buildkitd to try first (`BOB_EXTERNAL_BUILDKITD`).
    pub external_buildkitd: Option<String>,
    /// Credentials for the registry of the base image (`BOB_BASELAYER_AUTH`).
    pub base_auth: Option<AuthJson>,
    /// Credentials for the registry of the workspace image (`BOB_WSLAYER_AUTH`).
    pub target_auth: Option<AuthJson>,
    /// A cache to import (`BOB_LOCAL_CACHE_IMPORT`).
    pub cache_import: Option<String>,
    /// The token that the workspace's proxy asks for (`BOB_PROXY_TOKEN`), sent while steps run.
    pub proxy_token: Option<Secret>,
    /// The token that it asks for before it takes a push (`BOB_PROXY_PUSH_TOKEN`), sent once every step has ended;
    /// absent: the other one serves for both.
    pub proxy_push_token: Option<Secret>,
}

/// The Dockerfile build that makes the base layer. Paths are absolute; whether they are in the
/// workspace shows only once that is ready ([`BaseStep::locate`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseStep {
    pub(crate) dockerfile: PathBuf,
    pub(crate) context: PathBuf,
}

impl Settings {
    /// The settings in `environment`; relative paths are taken from `current_dir`.
    ///
    /// # Errors
    /// The first variable that breaks its rule: [`Error::is_usage`] holds for each.
    pub fn read(environment: &Environment, current_dir: &Path) -> Result<Self, Error> {
        let token = |variable: Variable| environment.get(variable).map(|text| text.map(Secret::from));
        let owned = |variable: Variable| environment.get(variable).map(|value| value.map(str::to_owned));
        Ok(Self {
            target_ref: owned(variables::TARGET_REF)?
                .unwrap_or_else(|| variables::DEFAULT_TARGET_REF.to_owned()),
            base_ref: owned(variables::BASE_REF)?.unwrap_or_else(|| variables::DEFAULT_BASE_REF.to_owned()),
            base_step: BaseStep::read(environment, current_dir)?,
            external_buildkitd: owned(variables::EXTERNAL_BUILDKITD)?,
            base_auth: AuthJson::read(environment, variables::BASELAYER_AUTH)?,
            target_auth: AuthJson::read(environment, variables::WSLAYER_AUTH)?,
            cache_import: owned(variables::LOCAL_CACHE_IMPORT)?,
            proxy_token: token(variables::PROXY_TOKEN)?,
            proxy_push_token: token(variables::PROXY_PUSH_TOKEN)?,
        })
    }
}

impl BaseStep {
    fn read(environment: &Environment, current_dir: &Path) -> Result<Option<Self>, Error> {
        match environment.get(variables::BUILD_BASE)? {
            Some("true") => {}
            None | Some("false") => return Ok(None),
            Some(_) => {
                return Err(Error::NotBoolean { variable: variables::BUILD_BASE.name });
            }
        }
        let dockerfile = environment.get(variables::DOCKERFILE_PATH)?.ok_or(Error::Needed {
            variable: variables::DOCKERFILE_PATH.name,
            because: "BOB_BUILD_BASE is true",
        })?;
        let context = match environment.get(variables::CONTEXT_DIR)? {
            Some(folder) => folder,
            None => environment.get(variables::THEIA_WORKSPACE_ROOT)?.unwrap_or("."),
        };
        Ok(Some(Self { dockerfile: current_dir.join(dockerfile), context: current_dir.join(context) }))
    }

    /// The Dockerfile, open, and the context folder, both in the workspace once symlinks are resolved.
    ///
    /// # Errors
    /// As [`Workspace::file`] and [`Workspace::folder`].
    pub fn locate(&self, workspace: &Workspace) -> Result<(OpenFile, PathBuf), Error> {
        Ok((workspace.file(&self.dockerfile)?, workspace.folder(&self.context)?))
    }
}

/// The references in `BOB_CACHE_IMAGES`, a JSON array of strings; none where it is absent.
///
/// # Errors
/// [`Error::Json`] where it is something else.
pub fn cache_images(environment: &Environment) -> Result<Vec<String>, Error> {
    let Some(json) = environment.get(variables::CACHE_IMAGES)? else {
        return Ok(Vec::new());
    };
    serde_json::from_str(json).map_err(|error| Error::Json {
        variable: variables::CACHE_IMAGES.name,
        expected: "a JSON array of image references",
        line: error.line(),
        column: error.column(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, Error> {
        Settings::read(&pairs.iter().copied().collect(), Path::new("/workspace/repo"))
    }

    #[test]
    fn an_empty_environment_gives_the_defaults() {
        let settings = read(&[]).unwrap();
        assert_eq!(settings.target_ref, "localhost:8080/target:latest");
        assert_eq!(settings.base_ref, "localhost:8080/base:latest");
        assert_eq!(settings.base_step, None);
        assert_eq!(settings.external_buildkitd, None);
        assert!(
            settings.base_auth.is_none() && settings.target_auth.is_none() && settings.proxy_token.is_none()
        );
        assert!(settings.proxy_push_token.is_none());
    }

    #[test]
    fn paths_are_made_absolute_and_the_context_falls_back() {
        let step = |pairs: &[(&str, &str)]| {
            let common = [("BOB_BUILD_BASE", "true"), ("BOB_DOCKERFILE_PATH", "docker/Dockerfile")];
            read(&[common.as_slice(), pairs].concat()).unwrap().base_step.unwrap()
        };
        assert_eq!(step(&[]).dockerfile, Path::new("/workspace/repo/docker/Dockerfile"));
        assert_eq!(step(&[]).context, Path::new("/workspace/repo/."));
        assert_eq!(
            step(&[("THEIA_WORKSPACE_ROOT", "/workspace/other")]).context,
            Path::new("/workspace/other")
        );
        assert_eq!(
            step(&[("THEIA_WORKSPACE_ROOT", "/workspace/other"), ("BOB_CONTEXT_DIR", "sub")]).context,
            Path::new("/workspace/repo/sub")
        );
    }

    #[test]
    fn faults_name_the_variable() {
        let cases: [(&[(&str, &str)], &str); 3] = [
            (
                &[("BOB_BUILD_BASE", "true")],
                "BOB_DOCKERFILE_PATH is needed when BOB_BUILD_BASE is true; set it",
            ),
            (&[("BOB_BUILD_BASE", "yes")], "BOB_BUILD_BASE must be true or false"),
            (&[("BOB_AUTH_KEY", "x")], "BOB_AUTH_KEY must be exactly 32 bytes long, it has 1"),
        ];
        for (pairs, text) in cases {
            let error = read(pairs).unwrap_err();
            assert_eq!(error.to_string(), text);
            assert!(error.is_usage());
        }
    }

    #[test]
    fn a_value_that_is_not_text_is_refused() {
        use std::os::unix::ffi::OsStringExt as _;
        let environment: Environment =
            [("BOB_TARGET_REF".to_owned(), std::ffi::OsString::from_vec(vec![0xff]))].into_iter().collect();
        let error = Settings::read(&environment, Path::new("/")).unwrap_err();
        assert_eq!(error.to_string(), "BOB_TARGET_REF is not valid UTF-8; set it to plain text");
    }

    #[test]
    fn no_secret_shows_in_debug_output() {
        let settings =
            read(&[("BOB_PROXY_TOKEN", "t0ken"), ("BOB_BASELAYER_AUTH", r#"{"h":{"auth":"s3cr3t"}}"#)])
                .unwrap();
        let shown = format!("{settings:?}");
        assert!(!shown.contains("t0ken") && !shown.contains("s3cr3t"), "{shown}");
    }

    #[test]
    fn cache_images_are_a_json_array() {
        let images = |value: &str| cache_images(&[("BOB_CACHE_IMAGES", value)].into_iter().collect());
        assert_eq!(images(r#"["a:1","b"]"#).unwrap(), ["a:1", "b"]);
        assert!(images("").unwrap().is_empty());
        assert_eq!(
            images("{}").unwrap_err().to_string(),
            "BOB_CACHE_IMAGES is not a JSON array of image references (line 1, column 0)"
        );
    }
}
