//! What variables of buildx say.

use crate::cli::usage::UsageError;
use crate::cli::values::ValueError;
use crate::converter::dockerfile::parse_bool;
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
}

impl BuildxVariables {
    /// Reads the variables of this process.
    ///
    /// # Errors
    /// [`UsageError::Builder`], [`UsageError::Value`] for a truth value that is none.
    pub(super) fn read() -> Result<Self, UsageError> {
        if nonempty_process_variable(variables::BUILDX_BUILDER.name).is_some() {
            return Err(UsageError::Builder { setting: variables::BUILDX_BUILDER.name });
        }
        // Bob adds no attestations by itself. A value that means nothing is an error all the same.
        truth_value(variables::BUILDX_NO_DEFAULT_ATTESTATIONS)?;
        Ok(Self {
            expects_no_output: truth_value(variables::BUILDX_NO_DEFAULT_LOAD)?,
            no_oci_artifact: truth_value(variables::BUILDX_NO_DEFAULT_OCI_ARTIFACT)?,
            has_metadata_warnings: truth_value(variables::BUILDX_METADATA_WARNINGS)?,
        })
    }
}

/// The truth value of a variable, false where it is absent.
fn truth_value(variable: Variable) -> Result<bool, ValueError> {
    let Some(value) = process_variable(variable.name) else { return Ok(false) };
    let text = value.to_string_lossy();
    parse_bool(&text).ok_or_else(|| ValueError::new(variable.name, &text, "use true or false"))
}
