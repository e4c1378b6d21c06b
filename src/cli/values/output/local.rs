//! `type=local`: the files of the result, in a folder.

use super::{Attributes, OutputType};
use crate::job::{Destination, Exporter, Output, SpecialFiles};

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
    let destination = Destination::Folder(folder.into(), SpecialFiles::LeaveOut);
    Output::new(TYPE.exporter, destination, Attributes::new())
}

fn destination(attrs: &mut Attributes) -> Result<Destination, String> {
    let special_files = match attrs.remove(ALLOW_SPECIAL).as_deref() {
        None | Some("false" | "0") => SpecialFiles::LeaveOut,
        Some("true" | "1" | "") => SpecialFiles::Keep,
        Some(_) => return Err(format!("{ALLOW_SPECIAL} is true or false")),
    };
    match attrs.remove("dest").as_deref() {
        None | Some("" | "-") => Err("dest=FOLDER is missing".to_owned()),
        Some(folder) => Ok(Destination::Folder(folder.into(), special_files)),
    }
}
