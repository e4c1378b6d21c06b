//! Keys for Amazon's services, where its own tools look for them: variables, then files.
//!
//! Source: the documents of the AWS SDK on its shared configuration and credentials files.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::Setting;
use crate::workspace::variables;

/// The key that a request is signed with.
pub(super) struct Keys {
    pub(super) access_key_id: String,
    pub(super) secret_access_key: String,
    pub(super) session_token: Option<String>,
}

/// The keys of the environment; `None` where there are none.
pub(super) fn keys(setting: &Setting<'_>) -> Option<Keys> {
    let first = |names: [&str; 2]| names.into_iter().find_map(|name| setting.variable(name));
    let id = first(["AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY"]);
    let secret = first(["AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY"]);
    if let (Some(access_key_id), Some(secret_access_key)) = (id, secret) {
        let session_token = setting.variable("AWS_SESSION_TOKEN");
        return Some(Keys { access_key_id, secret_access_key, session_token });
    }
    let profile = first(["AWS_PROFILE", "AWS_DEFAULT_PROFILE"]).unwrap_or_else(|| "default".to_owned());
    let file = |variable: &str, name: &str| {
        let given = setting.variable(variable).map(PathBuf::from);
        let path = given.or_else(|| {
            Some(PathBuf::from(setting.variable(variables::HOME.name)?).join(".aws").join(name))
        })?;
        std::fs::read_to_string(path).ok()
    };
    // What the file of credentials says goes before what the configuration says.
    let mut found = BTreeMap::new();
    let configuration = file("AWS_CONFIG_FILE", "config").unwrap_or_default();
    found.extend(section(&configuration, &format!("profile {profile}")));
    if profile == "default" {
        found.extend(section(&configuration, &profile));
    }
    found.extend(section(&file("AWS_SHARED_CREDENTIALS_FILE", "credentials").unwrap_or_default(), &profile));
    Some(Keys {
        access_key_id: found.remove("aws_access_key_id")?,
        secret_access_key: found.remove("aws_secret_access_key")?,
        session_token: found.remove("aws_session_token"),
    })
}

/// The keys and values of the section called `name`.
fn section(text: &str, name: &str) -> BTreeMap<String, String> {
    let mut is_inside = false;
    let mut pairs = BTreeMap::new();
    for line in text.lines() {
        if let Some(header) = line.trim().strip_prefix('[') {
            is_inside = header.split(']').next().is_some_and(|header| header.trim() == name);
        } else if is_inside
            && !line.starts_with(['#', ';'])
            && let Some((key, value)) = line.split_once('=')
        {
            pairs.insert(key.trim().to_lowercase(), value.trim().to_owned());
        }
    }
    pairs
}
