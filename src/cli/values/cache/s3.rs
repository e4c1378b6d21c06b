//! `type=s3`: a cache in a bucket (BuildKit: `cache/remotecache/s3`; buildx: `addAwsCredentials` in build/opt.go).

use super::{Attributes, Backend, Setting, aws};

pub(super) const BACKEND: Backend = Backend {
    name: "s3",
    keys: &[
        "access_key_id",
        "blobs_prefix",
        "bucket",
        "disable_accept_encoding",
        "endpoint_url",
        "manifests_prefix",
        "name",
        "prefix",
        "region",
        "retry_max_attempts",
        "retry_mode",
        "secret_access_key",
        "session_token",
        "touch_refresh",
        "upload_parallelism",
        "use_path_style",
    ],
    complete,
};

#[expect(clippy::unnecessary_wraps, reason = "other backends may refuse")]
fn complete(setting: &Setting<'_>, attrs: &mut Attributes) -> Result<bool, String> {
    if attrs.contains_key("access_key_id") && attrs.contains_key("secret_access_key") {
        return Ok(true);
    }
    if let Some(keys) = aws::keys(setting) {
        let token = keys.session_token.map(|token| ("session_token", token));
        let found = [("access_key_id", keys.access_key_id), ("secret_access_key", keys.secret_access_key)];
        for (key, value) in found.into_iter().chain(token) {
            attrs.entry(key.to_owned()).or_insert(value);
        }
    }
    Ok(true)
}
