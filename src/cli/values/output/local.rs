//! `type=local`: the files of the result, in a folder.

use super::{Attributes, OutputType, folder};
use crate::gotext::to_lower;
use crate::job::{Destination, Exporter, OldFiles, Output, OutputFolder, SpecialFiles};

/// The attribute that keeps devices, set-id bits and what else grants rights.
const ALLOW_SPECIAL: &str = "allow-special";

pub(super) const TYPE: OutputType = OutputType {
    name: "local",
    exporter: Exporter::LOCAL,
    own_attributes: &[(ALLOW_SPECIAL, "allow-special goes with local; archives hold everything")],
    destination,
};

/// The output into `folder`, without anything that grants rights.
pub(super) fn to_folder(folder: &str) -> Output {
    Output::new(TYPE.exporter, Destination::Folder(OutputFolder::new(folder)), Attributes::new())
}

fn destination(attrs: &mut Attributes) -> Result<Destination, String> {
    let special_files = match attrs.remove(ALLOW_SPECIAL).as_deref() {
        None | Some("false" | "0") => SpecialFiles::LeaveOut,
        Some("true" | "1" | "") => SpecialFiles::Keep,
        Some(_) => return Err(format!("{ALLOW_SPECIAL} is true or false")),
    };
    let mode = attrs.get("mode").map(|mode| to_lower(mode.trim())).unwrap_or_default();
    let old_files = match mode.as_str() {
        "" | "copy" => OldFiles::Keep,
        "delete" => OldFiles::Delete,
        _ => return Err(format!("there is no mode {mode:?}; use copy or delete")),
    };
    Ok(Destination::Folder(OutputFolder { special_files, old_files, ..OutputFolder::new(&folder(attrs)?) }))
}
