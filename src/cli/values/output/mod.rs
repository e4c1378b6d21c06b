//! `--output`: what becomes of the result, one file a type.

mod attributes;
mod cacheonly;
mod delete;
mod docker;
mod image;
mod local;
mod oci;
mod registry;
mod tar;

use std::collections::BTreeMap;

use super::ValueError;
use super::syntax::{alternatives, csv};
use crate::gotext::parse_bool;
use crate::job::{Destination, Exporter, Output};

pub(in crate::cli) use delete::{DELETE_RIGHT, check_deletions, may_delete, resolved};

const SETTING: &str = "--output";

/// The types, in the order in which errors name them.
const TYPES: [&OutputType; 7] =
    [&image::TYPE, &registry::TYPE, &local::TYPE, &tar::TYPE, &oci::TYPE, &docker::TYPE, &cacheonly::TYPE];

type Attributes = BTreeMap<String, String>;

/// One value of `type=`: an exporter of buildkitd, and what Bob itself does for it.
struct OutputType {
    /// The value of `type=`.
    name: &'static str,
    /// The exporter that makes it.
    exporter: Exporter,
    /// Attributes that only this type has, each with what is said where another type is given it. Attributes of
    /// buildkitd's exporter are passed on and need not be listed.
    own_attributes: &'static [(&'static str, &'static str)],
    /// Takes what Bob acts on out of the attributes, adds what buildkitd has to know, and returns where the result
    /// goes. The error is what is wrong and what to write.
    destination: fn(&mut Attributes) -> Result<Destination, String>,
}

/// The output that `value` asks for: `FOLDER`, `-`, or `type=…,dest=…,key=value…`.
pub(in crate::cli) fn parse(value: &str) -> Result<Output, ValueError> {
    let wrong = |fault: String| ValueError::new(SETTING, value, fault);
    let fields = csv::fields(SETTING, value)?;
    // As in buildx: one field without quotes is a folder, whatever it is called (`util/buildflags/export.go`).
    if let [only] = fields.as_slice()
        && only == value
        && !only.starts_with("type=")
    {
        return match only.as_str() {
            "" => Err(wrong("it is empty".to_owned())),
            "-" => Ok(tar::to_stdout()),
            folder => Ok(local::to_folder(folder)),
        };
    }
    let pairs = csv::pairs(SETTING, value)?.into_iter();
    let mut attrs: Attributes = pairs.map(|(key, value)| (key.trim().to_owned(), value)).collect();
    let kind = find(attrs.remove("type").as_deref()).map_err(wrong)?;
    let of_others = TYPES.iter().filter(|other| other.name != kind.name);
    for (attribute, fault) in of_others.flat_map(|other| other.own_attributes) {
        if attrs.contains_key(*attribute) {
            return Err(wrong((*fault).to_owned()));
        }
    }
    attributes::check_booleans(kind.exporter, &attrs).map_err(wrong)?;
    let destination = (kind.destination)(&mut attrs).map_err(wrong)?;
    Ok(Output::new(kind.exporter, destination, attrs))
}

/// The attributes of an output that its exporter does not know, and ignores.
pub(in crate::cli) fn unknown_attributes(output: &Output) -> Vec<String> {
    attributes::unknown(output.exporter, &output.attrs)
}

/// The type of a name.
fn find(name: Option<&str>) -> Result<&'static OutputType, String> {
    match name {
        None | Some("") => Err("type= is missing".to_owned()),
        Some(name) => TYPES.into_iter().find(|kind| kind.name == name).ok_or_else(|| {
            let names = alternatives(TYPES.map(|kind| kind.name));
            format!("there is no type {name:?}; use {names}")
        }),
    }
}

/// Where an archive goes: to the file of `dest`, or to standard output.
fn archive(attrs: &mut Attributes) -> Destination {
    match attrs.remove("dest").as_deref() {
        None | Some("" | "-") => Destination::Stdout,
        Some(file) => Destination::File(file.into()),
    }
}

/// The folder of `dest`.
fn folder(attrs: &mut Attributes) -> Result<String, String> {
    match attrs.remove("dest").as_deref() {
        None | Some("") => Err("dest=FOLDER is missing".to_owned()),
        Some("-") => Err("a folder does not go to standard output; write dest=FOLDER".to_owned()),
        Some(folder) => Ok(folder.to_owned()),
    }
}

/// Whether the exporter of images is to send a folder in place of an archive: `tar=false`.
fn is_folder(attrs: &Attributes) -> bool {
    attrs.get("tar").is_some_and(|tar| parse_bool(tar) == Some(false))
}

#[cfg(test)]
mod tests;
