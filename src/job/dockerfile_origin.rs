//! Where a Dockerfile comes from, as buildkitd keeps it beside the lines that errors and warnings are about.

use std::sync::Arc;

use llb::{Constraints, Definition, Differ, Graph, LocalSource, MarshalOptions};

use crate::converter::MarshalError;
use crate::converter::lower::llb_platform;
use crate::converter::plan::Options;

/// The name of the local source that a Dockerfile is read from.
pub(super) const LOCAL_NAME: &str = "dockerfile";

/// A Dockerfile as buildkitd knows it: by its base name, with the graph that yields it.
#[derive(Debug, Clone, Default)]
pub struct DockerfileOrigin {
    /// The file's name in its folder.
    pub filename: String,
    /// The graph, `None` where there is no build yet that it could belong to.
    pub definition: Option<Arc<Definition>>,
}

impl DockerfileOrigin {
    /// Returns the origin of a Dockerfile in a folder of the client, for the session of `options`.
    ///
    /// Source: `ReadEntrypoint` in frontend/dockerui/config.go.
    pub(super) fn of_folder(options: &Options) -> Result<Self, MarshalError> {
        let filename = options.filename.clone();
        let mut paths = vec![filename.clone(), format!("{filename}.dockerignore")];
        if filename == "Dockerfile" {
            paths.push("dockerfile".to_owned());
        }
        let folder = LocalSource::new(LOCAL_NAME)
            .with_follow_paths(paths)
            .with_session_id(options.session.clone().unwrap_or_default())
            .with_shared_key_hint(LOCAL_NAME)
            .with_differ(Some(Differ::None));
        let name = format!("[internal] load build definition from {filename}");
        let mut graph = Graph::new();
        let root = graph.source(folder, Constraints::named(name));
        let platform = llb_platform(&options.build_platform);
        let definition = graph.marshal(root, &MarshalOptions::new(platform, String::new()))?;
        Ok(Self { filename, definition: Some(Arc::new(definition)) })
    }

    /// Returns the digest of the step that reads the Dockerfile: warnings belong to it.
    pub(super) fn step(&self) -> String {
        let ops = self.definition.iter().flat_map(|definition| &definition.ops);
        // The last op is only the result.
        ops.rev().nth(1).map(|op| op.digest.to_string()).unwrap_or_default()
    }

    /// Puts the graph of the Dockerfile into the source map of a graph that was made of it.
    pub(super) fn put_into(&self, made: &mut Definition) {
        for source in made.sources.iter_mut().filter(|source| source.filename == self.filename) {
            Arc::make_mut(source).definition = self.definition.as_deref().cloned();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(filename: &str) -> DockerfileOrigin {
        let options =
            Options { filename: filename.to_owned(), session: Some("s1".to_owned()), ..Options::default() };
        DockerfileOrigin::of_folder(&options).unwrap()
    }

    #[test]
    fn the_graph_reads_the_dockerfile_through_the_session() {
        let tree = |filename| origin(filename).definition.unwrap().to_json().unwrap();
        let default = tree("Dockerfile");
        for part in [
            "local://dockerfile",
            r#""local.session":"s1""#,
            r#"[\"Dockerfile\",\"Dockerfile.dockerignore\",\"dockerfile\"]"#,
            "[internal] load build definition from Dockerfile",
        ] {
            assert!(default.contains(part), "{part} in {default}");
        }
        assert!(tree("x").contains(r#"[\"x\",\"x.dockerignore\"]"#));
    }

    #[test]
    fn warnings_belong_to_the_step_that_reads_it() {
        let origin = origin("Dockerfile");
        let definition = origin.definition.as_ref().unwrap();
        assert_eq!(definition.ops.len(), 2);
        assert_eq!(origin.step(), definition.ops[0].digest.to_string());
        assert_eq!(DockerfileOrigin::default().step(), "");
    }
}
