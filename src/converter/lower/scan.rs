//! Files that are looked at besides the result where the contents of an image are listed (SBOM): those of other stages
//! and of the context, where build arguments ask for them.
//!
//! Source: `SBOMTargets` and `isEnabledForStage` in dockerfile2llb/convert.go.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use llb::Output;

use super::Lowering;
use crate::converter::plan::StageId;
use crate::gotext::parse_bool;

/// The argument that adds the context.
const SCAN_CONTEXT: &str = "BUILDKIT_SBOM_SCAN_CONTEXT";
/// The argument that adds stages.
const SCAN_STAGE: &str = "BUILDKIT_SBOM_SCAN_STAGE";

/// Arguments that only BuildKit reads: they never become variables.
pub(super) const NOT_VARIABLES: [&str; 2] = [SCAN_CONTEXT, SCAN_STAGE];

/// What is looked at where the contents of an image are listed, besides the result itself.
#[derive(Debug, Clone, Default)]
pub struct ScanTargets {
    /// Files by the name that they are looked at under: `context`, or that of a stage.
    pub extras: BTreeMap<String, Output>,
    /// Whether the program runs even if what it finds is cached.
    pub ignore_cache: bool,
}

impl Lowering<'_, '_> {
    /// Notes what a finished stage adds. `args` are the arguments that it declares.
    pub(super) fn note_scan(&mut self, id: StageId, files: Output, args: &IndexMap<String, Option<String>>) {
        let stage = &self.plan.stages[id];
        let asks = |argument: &str| {
            let of_stage = args.get(argument).and_then(Option::as_deref);
            let value = of_stage.or_else(|| self.plan.global_args.get(argument));
            value.is_some_and(|value| names_stage(value, &stage.name))
        };
        if id == self.plan.target {
            if asks(SCAN_CONTEXT) {
                self.scan.extras.insert("context".to_owned(), self.context);
            }
        } else if asks(SCAN_STAGE) && self.plan.needed[id] {
            self.scan.extras.insert(stage.name.clone(), files);
        } else {
            return;
        }
        self.scan.ignore_cache |= stage.no_cache;
    }
}

/// Whether the value of an argument asks for a stage: as a truth value for all, or by a list of names.
fn names_stage(value: &str, stage: &str) -> bool {
    parse_bool(value).unwrap_or_else(|| value.split(',').any(|name| name == stage))
}

#[cfg(test)]
mod tests {
    use super::super::tests::lowered;
    fn extras(text: &str) -> Vec<String> {
        lowered(text).scan.extras.into_keys().collect()
    }

    #[test]
    fn nothing_is_added_unless_an_argument_asks_for_it() {
        assert!(extras("FROM scratch AS one\nCOPY a /\nFROM scratch\nCOPY --from=one a /\n").is_empty());
    }

    #[test]
    fn arguments_add_stages_that_are_used_and_the_context() {
        let stages = |before: &str, inside: &str| {
            extras(&format!(
                "{before}\nFROM scratch AS one\n{inside}\nCOPY a /\nFROM scratch AS two\nCOPY b /\n\
                 FROM scratch AS unused\nCOPY c /\nFROM one AS last\nCOPY --from=two b /\n"
            ))
        };
        assert_eq!(stages("ARG BUILDKIT_SBOM_SCAN_STAGE=true", ""), ["one", "two"]);
        assert_eq!(stages("ARG BUILDKIT_SBOM_SCAN_STAGE=x,two", ""), ["two"]);
        assert_eq!(stages("ARG BUILDKIT_SBOM_SCAN_STAGE=false", ""), [""; 0]);
        assert_eq!(stages("ARG BUILDKIT_SBOM_SCAN_STAGE=true", "ARG BUILDKIT_SBOM_SCAN_STAGE=0"), ["two"]);
        // The last stage builds on the one that declares it.
        assert_eq!(stages("", "ARG BUILDKIT_SBOM_SCAN_CONTEXT=1"), ["context"]);
        assert_eq!(
            stages("ARG BUILDKIT_SBOM_SCAN_CONTEXT=last\nARG BUILDKIT_SBOM_SCAN_STAGE=1", ""),
            ["context", "one", "two"]
        );
    }
}
