//! What variables of buildx say.

use crate::cli::usage::UsageError;
use crate::cli::values::ValueError;
use crate::gotext::parse_bool;
use crate::job::ProvenanceDetail;
use crate::workspace::variables::{self, Variable};
use crate::workspace::{nonempty_process_variable, process_variable};

/// What `BUILDX_*` ask for.
#[derive(Debug, Default)]
pub(super) struct BuildxVariables {
    /// Whether nothing is said where a build names no output.
    pub(super) expects_no_output: bool,
    /// Whether attestations are no artifacts of their own.
    pub(super) no_oci_artifact: bool,
    /// Whether the metadata file gets the warnings of the build.
    pub(super) has_metadata_warnings: bool,
    /// How much provenance the metadata file gets.
    pub(super) metadata_provenance: Option<ProvenanceDetail>,
}

impl BuildxVariables {
    /// Reads the variables of this process.
    ///
    /// # Errors
    /// [`UsageError::Builder`], [`UsageError::Value`] for a truth value that is none.
    pub(super) fn read() -> Result<Self, UsageError> {
        let setting = variables::BUILDX_BUILDER.name;
        if let Some(name) = nonempty_process_variable(setting) {
            return Err(UsageError::Builder { setting, name: name.to_string_lossy().into_owned() });
        }
        // Bob adds no attestations by itself. A value that means nothing is an error all the same.
        truth_value(variables::BUILDX_NO_DEFAULT_ATTESTATIONS)?;
        Ok(Self {
            expects_no_output: lenient_truth_value(variables::BUILDX_NO_DEFAULT_LOAD),
            no_oci_artifact: truth_value(variables::BUILDX_NO_DEFAULT_OCI_ARTIFACT)?,
            has_metadata_warnings: lenient_truth_value(variables::BUILDX_METADATA_WARNINGS),
            metadata_provenance: match nonempty_process_variable(variables::BUILDX_METADATA_PROVENANCE.name) {
                Some(value) => provenance_detail(&value.to_string_lossy())?,
                None => Some(ProvenanceDetail::Min),
            },
        })
    }
}

/// The truth value of a variable, false where it is absent.
fn truth_value(variable: Variable) -> Result<bool, ValueError> {
    let Some(value) = process_variable(variable.name) else { return Ok(false) };
    let text = value.to_string_lossy();
    parse_bool(&text).ok_or_else(|| ValueError::new(variable.name, &text, "use true or false"))
}

/// The truth value of a variable, false with a warning where it is neither true nor false: buildx goes on, too. An empty
/// one counts as absent.
fn lenient_truth_value(variable: Variable) -> bool {
    let Some(value) = nonempty_process_variable(variable.name) else { return false };
    let text = value.to_string_lossy();
    parse_bool(&text).unwrap_or_else(|| {
        tracing::warn!("{}={text} is neither true nor false, and counts as false", variable.name);
        false
    })
}

/// Reads how much provenance the metadata file gets.
///
/// Source: `ParseMetadataProvenance` in `util/confutil/metadata.go` in buildx, which takes everything else for `min`.
fn provenance_detail(text: &str) -> Result<Option<ProvenanceDetail>, ValueError> {
    match text {
        "max" => Ok(Some(ProvenanceDetail::Max)),
        "min" => Ok(Some(ProvenanceDetail::Min)),
        "disabled" => Ok(None),
        text => match parse_bool(text) {
            Some(true) => Ok(Some(ProvenanceDetail::Min)),
            Some(false) => Ok(None),
            None => {
                let name = variables::BUILDX_METADATA_PROVENANCE.name;
                Err(ValueError::new(name, text, "use min, max or disabled"))
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_detail_of_the_provenance_is_a_word_or_a_truth_value() {
        let detail = |text| provenance_detail(text).unwrap();
        assert_eq!(["min", "true", "1"].map(detail), [Some(ProvenanceDetail::Min); 3]);
        assert_eq!(detail("max"), Some(ProvenanceDetail::Max));
        assert_eq!(["disabled", "false", "0"].map(detail), [None; 3]);
        let error = provenance_detail("most").unwrap_err().to_string();
        assert!(error.contains("BUILDX_METADATA_PROVENANCE") && error.contains("\"most\""), "{error}");
    }
}
