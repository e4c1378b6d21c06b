//! `type=gha`: the cache of GitHub's actions (BuildKit: `cache/remotecache/gha`; buildx: `addGithubToken` in build/opt.go).

use super::{Attributes, Backend, Setting};
use crate::gotext::parse_bool;

pub(super) const BACKEND: Backend = Backend {
    name: "gha",
    keys: &["ghtoken", "repository", "scope", "timeout", "token", "url", "url_v2", "version"],
    complete,
};

/// Outside of an action nothing says where the cache is: it is then left out.
#[expect(clippy::unnecessary_wraps, reason = "other backends may refuse")]
fn complete(setting: &Setting<'_>, attrs: &mut Attributes) -> Result<bool, String> {
    let version = attrs.get("version").cloned().or_else(|| {
        let is_second = setting.variable("ACTIONS_CACHE_SERVICE_V2").and_then(|value| parse_bool(&value));
        (is_second == Some(true)).then(|| "2".to_owned())
    });
    let mut default = |key: &str, variable: &str| {
        if !attrs.contains_key(key)
            && let Some(value) = setting.variable(variable)
        {
            attrs.insert(key.to_owned(), value);
        }
    };
    default("token", "ACTIONS_RUNTIME_TOKEN");
    if version.as_deref() == Some("2") {
        default("url_v2", "ACTIONS_RESULTS_URL");
    }
    default("url", "ACTIONS_CACHE_URL");
    default("url", "ACTIONS_RESULTS_URL");
    let has = |key: &str| attrs.get(key).is_some_and(|value| !value.is_empty());
    Ok(has("token") && (has("url") || has("url_v2")))
}
