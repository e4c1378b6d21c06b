//! What a finished build tells: `--metadata-file` and `--iidfile`.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use llb::Digest;
use serde_json::{Map, Value};

use super::whole_files::{self, WriteError};
use crate::job::lookup::ImageLock;
use crate::job::push::image_names::ImageNames;

/// What buildkitd's exporters answered, with the user's names for images.
#[derive(Debug, Clone, Default)]
pub struct Results {
    response: BTreeMap<String, String>,
    lock: ImageLock,
    build_ref: String,
    warnings: Vec<Value>,
    provenance: Map<String, Value>,
}

/// An index that was joined out of those of several daemons.
#[derive(Debug)]
pub(crate) struct JoinedIndex {
    /// Its bytes.
    pub(crate) text: String,
    /// Its names, parted by commas.
    pub(crate) names: String,
}
/// What stands before the ref of a build in `buildx.build.ref`, where buildx names a builder and one of its daemons.
const BUILDER: &str = "default/default";
/// The member with the answer to a question that was asked in place of a build.
const ANSWER: &str = "result.json";

impl Results {
    /// Returns the results of all parts of a build as those of one daemon, whose index is `index`.
    pub(crate) fn joined(parts: Vec<Self>, index: Option<JoinedIndex>) -> Self {
        let mut joined = Self::default();
        for part in parts.into_iter().rev() {
            joined.response.extend(part.response);
            joined.lock.extend(part.lock);
            joined.provenance.extend(part.provenance);
            joined.build_ref = part.build_ref;
            joined.warnings = part.warnings;
        }
        if let Some(JoinedIndex { text, names }) = index {
            let digest = Digest::of(text.as_bytes()).to_string();
            let key = "containerimage.descriptor";
            if let Some(Value::Object(mut descriptor)) = joined.response.get(key).map(|text| decoded(text)) {
                descriptor.insert("digest".to_owned(), Value::from(digest.as_str()));
                descriptor.insert("size".to_owned(), Value::from(text.len()));
                let text = Value::Object(descriptor).to_string();
                joined.response.insert(key.to_owned(), STANDARD.encode(text));
            }
            joined.response.insert("containerimage.digest".to_owned(), digest);
            joined.response.insert("image.name".to_owned(), names);
        }
        joined
    }

    pub(crate) fn new(response: BTreeMap<String, String>, image_names: &ImageNames, lock: ImageLock) -> Self {
        let response = response.into_iter().map(|(key, value)| {
            let value = if key == "image.name" { image_names.user_name(&value) } else { value };
            (key, value)
        });
        Self { response: response.collect(), lock, ..Self::default() }
    }

    /// These results, of the build that the daemon's history calls `build_ref`, with its warnings as JSON.
    #[must_use]
    pub(crate) fn of_build(self, build_ref: String, warnings: Vec<Value>) -> Self {
        Self { build_ref, warnings, ..self }
    }

    /// These results, with the members of the metadata that tell how the build went.
    #[must_use]
    pub(crate) fn with_provenance(self, provenance: Map<String, Value>) -> Self {
        Self { provenance, ..self }
    }

    /// The results of a question that was answered in place of a build.
    pub fn of_answer(response: BTreeMap<String, String>) -> Self {
        Self { response, ..Self::default() }
    }

    /// Leaves the warnings of the build out of the metadata.
    pub fn leave_out_warnings(&mut self) {
        self.warnings.clear();
    }

    /// What the daemon's history calls the build.
    pub(crate) fn build_ref(&self) -> &str {
        &self.build_ref
    }

    /// The digest of the manifest or index, if an image was exported.
    pub fn digest(&self) -> Option<&str> {
        self.response.get("containerimage.digest").map(String::as_str)
    }

    /// The descriptor of the manifest or index, if an image was exported.
    pub(crate) fn descriptor(&self) -> Option<Value> {
        self.response.get("containerimage.descriptor").map(|value| decoded(value))
    }

    /// The image id: the digest of the config, or of the index where there are several configs.
    pub fn image_id(&self) -> Option<&str> {
        self.response.get("containerimage.config.digest").map(String::as_str).or_else(|| self.digest())
    }

    /// Writes the base images that were used, so that later builds can be pinned to them.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn write_image_lock(&self, path: &Path) -> Result<(), WriteError> {
        whole_files::write(path, (self.lock.to_json() + "\n").as_bytes())
    }

    /// Writes the image id.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn write_image_id(&self, path: &Path) -> Result<(), WriteError> {
        whole_files::write(path, self.image_id().unwrap_or_default().as_bytes())
    }

    /// Writes everything as JSON, as buildx does: values that are base64 of JSON objects are decoded, and
    /// `buildx.build.ref` ends with the ref of the daemon's history record. The warnings are in
    /// `buildx.build.warnings`, what the daemon recorded of the build in `buildx.build.provenance`.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn write_metadata(&self, path: &Path) -> Result<(), WriteError> {
        let mut text = format!("{:#}", self.metadata());
        text.push('\n');
        whole_files::write(path, text.as_bytes())
    }

    fn metadata(&self) -> Value {
        let members = self.response.iter().map(|(key, value)| {
            // The answer to a question is JSON as it is (`decodeExporterResponse` in buildx's commands/build.go).
            let answer = (key == ANSWER).then(|| structured(value.as_bytes())).flatten();
            (key.clone(), answer.unwrap_or_else(|| decoded(value)))
        });
        let mut members: Map<_, _> = members.collect();
        members.extend(self.provenance.clone());
        if !self.build_ref.is_empty() {
            members.insert("buildx.build.ref".to_owned(), format!("{BUILDER}/{}", self.build_ref).into());
        }
        if !self.warnings.is_empty() {
            members.insert("buildx.build.warnings".to_owned(), self.warnings.clone().into());
        }
        Value::Object(members)
    }
}

fn decoded(value: &str) -> Value {
    let json = STANDARD.decode(value).ok().and_then(|bytes| structured(&bytes));
    json.unwrap_or_else(|| Value::String(value.to_owned()))
}

/// The JSON object or array that `bytes` are.
fn structured(bytes: &[u8]) -> Option<Value> {
    let json = serde_json::from_slice::<Value>(bytes).ok()?;
    (json.is_object() || json.is_array()).then_some(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_of_the_daemon_and_its_warnings_are_named() {
        let mut results =
            Results::default().of_build("r1".to_owned(), vec![serde_json::json!({"short": "eA=="})]);
        let of_build = serde_json::json!({"buildx.build.ref": "default/default/r1"});
        assert_eq!(results.metadata()["buildx.build.warnings"][0]["short"], "eA==");
        results.leave_out_warnings();
        assert_eq!(results.metadata(), of_build);
    }

    #[test]
    fn the_answer_to_a_question_is_json() {
        let pairs = [("result.json", r#"{"targets": []}"#), ("result.txt", "{}"), ("version", "1.0.0")];
        let response = pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let expected =
            serde_json::json!({"result.json": {"targets": []}, "result.txt": "{}", "version": "1.0.0"});
        assert_eq!(Results::of_answer(response).metadata(), expected);
    }

    #[test]
    fn metadata_is_json_with_the_descriptor_decoded_and_the_users_names() {
        let mut image_names = ImageNames::default();
        image_names.add("r.example/app", "127.0.0.1:9/t0");
        let pairs = [
            ("image.name", "127.0.0.1:9/t0:v1"),
            ("containerimage.digest", "sha256:a"),
            ("containerimage.config.digest", "sha256:b"),
            ("containerimage.descriptor", &STANDARD.encode(r#"{"digest":"sha256:a","size":3}"#)),
        ];
        let response = pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let results = Results::new(response, &image_names, ImageLock::default());
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("meta.json");
        results.write_metadata(&path).unwrap();
        let read: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(
            read,
            serde_json::json!({
                "image.name": "r.example/app:v1",
                "containerimage.digest": "sha256:a",
                "containerimage.config.digest": "sha256:b",
                "containerimage.descriptor": {"digest": "sha256:a", "size": 3},
            })
        );
        results.write_image_id(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "sha256:b");
    }

    #[test]
    fn fuzz_whatever_exporters_answer_becomes_metadata() {
        let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
        let provenance =
            br#"{"buildType":"b","invocation":{"parameters":{"args":{"a":"\ud83d\ude00"}}},"n":1e400}"#;
        let seeds: [&[u8]; 5] =
            [br#"{"digest":"sha256:a","size":3}"#, provenance, deep.as_bytes(), b"\"text\"", b"sha256:a"];
        crate::fuzz::run(&seeds, |bytes| {
            let text = String::from_utf8_lossy(bytes).into_owned();
            let response = BTreeMap::from([
                ("containerimage.descriptor".to_owned(), STANDARD.encode(bytes)),
                ("containerimage.digest".to_owned(), text.clone()),
                (text.clone(), text.clone()),
            ]);
            let results = Results::new(response, &ImageNames::default(), ImageLock::default());
            let written = results.metadata().to_string();
            let read: Value = serde_json::from_str(&written).expect("metadata is JSON");
            let Value::Object(members) = read else { panic!("{written}") };
            assert_eq!(results.digest().is_some(), members.contains_key("containerimage.digest"));
            let descriptor = &members["containerimage.descriptor"];
            let is_encoded = descriptor.as_str().is_some_and(|text| STANDARD.decode(text).is_ok());
            assert!(
                is_encoded || descriptor.is_object() || descriptor.is_array() || text.contains("descriptor")
            );
        });
    }
}
