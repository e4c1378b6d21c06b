//! `type=local`: a cache in a folder of the client (BuildKit: `cache/remotecache/local`).

use super::{Attributes, Backend, Setting, Use};
use crate::gotext::parse_bool;

pub(super) const BACKEND: Backend = Backend {
    name: "local",
    keys: &["dest", "digest", "image-manifest", "oci-mediatypes", "reset", "src", "tag"],
    complete,
};

fn complete(setting: &Setting<'_>, attrs: &mut Attributes) -> Result<bool, String> {
    let key = match setting.purpose {
        Use::Import => "src",
        Use::Export => "dest",
    };
    if attrs.get(key).is_none_or(String::is_empty) {
        return Err(format!("{key}= is missing; write type=local,{key}=FOLDER"));
    }
    if let Some(reset) = attrs.get("reset").filter(|reset| parse_bool(reset).is_none()) {
        return Err(format!("reset={reset} is neither true nor false"));
    }
    if setting.purpose == Use::Import
        && attrs.get("tag").is_some_and(String::is_empty)
        && !attrs.contains_key("digest")
    {
        return Err("tag= is empty; name a tag or a digest, or leave it out".to_owned());
    }
    Ok(true)
}
