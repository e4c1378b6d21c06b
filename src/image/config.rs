//! The image configuration: OCI's fields with Docker's beside them.
//!
//! Fields and their order are those of `ocispec.Image` and `dockerspec.DockerOCIImageConfig`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use smol_str::SmolStr;

use super::platform::Platform;
use super::timestamp::{self, TimestampError};
use crate::gotext::json::{self, Json, JsonError, names};

/// Why a text is no image configuration.
///
/// Source: `UnmarshalTypeError` in `decode.go` of Go's `encoding/json`.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not JSON of the right shape.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A time that is not RFC 3339.
    #[error(transparent)]
    Time(#[from] TimestampError),
}

/// An image's configuration file.
///
/// Source: `DockerOCIImage` in `specs-go/v1/image.go` of `moby/docker-image-spec`; the OCI image specification,
/// `config.md`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ImageConfig {
    /// When the image was made, in RFC 3339.
    pub created: Option<String>,
    /// Who made it.
    pub author: String,
    /// What it runs on.
    pub platform: Platform,
    /// How it is run.
    pub config: Config,
    /// Its layers.
    pub rootfs: RootFs,
    /// How it came about, the oldest step first.
    pub history: Vec<History>,
}

/// How a container of the image runs.
///
/// Source: `DockerOCIImageConfig` in `specs-go/v1/image.go` of `moby/docker-image-spec`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    /// User, `name`, `uid`, `user:group`.
    pub user: String,
    /// Ports, `80/tcp`.
    pub exposed_ports: BTreeSet<String>,
    /// Environment, `NAME=value`.
    pub env: Vec<String>,
    /// Entrypoint.
    pub entrypoint: Vec<String>,
    /// Default arguments.
    pub cmd: Vec<String>,
    /// Volumes.
    pub volumes: BTreeSet<String>,
    /// Working directory.
    pub working_dir: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Signal that stops a container.
    pub stop_signal: String,
    /// Whether `cmd` is escaped already (Windows); `BuildKit` sets it with every CMD.
    pub args_escaped: bool,
    /// Health check.
    pub healthcheck: Option<Healthcheck>,
    /// Triggers for images built from this one.
    pub on_build: Vec<String>,
    /// Shell of the shell forms.
    pub shell: Vec<String>,
}

/// A health check; zero means the default. Times are in nanoseconds.
///
/// Source: `HealthcheckConfig` in `specs-go/v1/image.go` of `moby/docker-image-spec`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Healthcheck {
    /// `NONE`, `CMD` with its arguments, or `CMD-SHELL` with a command.
    pub test: Vec<String>,
    /// Nanoseconds between two checks.
    pub interval: i64,
    /// Nanoseconds before a check counts as hanging.
    pub timeout: i64,
    /// Nanoseconds in which failures do not count yet.
    pub start_period: i64,
    /// Nanoseconds between checks in the start period.
    pub start_interval: i64,
    /// Failures in a row that make the container unhealthy.
    pub retries: i64,
}

/// The image's layers.
///
/// Source: the OCI image specification, `config.md`, `rootfs`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RootFs {
    /// `layers`.
    pub kind: String,
    /// Digests of the layers unpacked, the lowest first; `None` where the source had no list.
    pub diff_ids: Option<Vec<String>>,
}

/// A step of an image's history.
///
/// Source: the OCI image specification, `config.md`, `history`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// When it was made, in RFC 3339.
    pub created: Option<String>,
    /// The instruction.
    pub created_by: String,
    /// Who made it.
    pub author: String,
    /// What made it.
    pub comment: SmolStr,
    /// Whether it made no layer.
    pub empty_layer: bool,
}

impl ImageConfig {
    /// The configuration that `text` holds, read as Go reads it into Docker's type.
    ///
    /// Source: `json.Unmarshal` into `DockerOCIImage` of `moby/docker-image-spec`.
    ///
    /// # Errors
    /// [`ConfigError`] for what Go refuses: no JSON, a value of the wrong kind, a malformed time.
    pub fn parse(text: &[u8]) -> Result<Self, ConfigError> {
        let mut image = Self::default();
        for (name, value) in Json::parse(text)?.members("image configuration")? {
            let platform = &mut image.platform;
            if names(&name, "created") {
                set_time(&mut image.created, value)?;
            } else if names(&name, "author") {
                set(&mut image.author, value.string("author")?);
            } else if names(&name, "architecture") {
                set(&mut platform.architecture, value.string("architecture")?.map(Into::into));
            } else if names(&name, "os") {
                set(&mut platform.os, value.string("os")?.map(Into::into));
            } else if names(&name, "os.version") {
                set(&mut platform.os_version, value.string("os.version")?.map(Into::into));
            } else if names(&name, "os.features") {
                match value {
                    Json::Null => platform.os_features = None,
                    list => list.strings_into("os.features", platform.os_features.get_or_insert_default())?,
                }
            } else if names(&name, "variant") {
                set(&mut platform.variant, value.string("variant")?.map(Into::into));
            } else if names(&name, "rootfs") {
                image.rootfs.read(value)?;
            } else if names(&name, "history") {
                value.elements_into("history", &mut image.history, |step, history| history.read(step))?;
            } else if names(&name, "config") {
                image.config.read(value)?;
            }
        }
        Ok(image)
    }

    /// The configuration as Go's `json.Marshal` writes it.
    pub fn to_json(&self) -> Vec<u8> {
        json::to_vec(self).expect("strings, lists and maps with string keys always have a JSON form")
    }
}

impl Config {
    fn read(&mut self, value: Json<'_>) -> Result<(), ConfigError> {
        for (name, value) in value.members("config")? {
            if names(&name, "User") {
                set(&mut self.user, value.string("User")?);
            } else if names(&name, "ExposedPorts") {
                read_set(&mut self.exposed_ports, value, "ExposedPorts")?;
            } else if names(&name, "Env") {
                value.strings_into("Env", &mut self.env)?;
            } else if names(&name, "Entrypoint") {
                value.strings_into("Entrypoint", &mut self.entrypoint)?;
            } else if names(&name, "Cmd") {
                value.strings_into("Cmd", &mut self.cmd)?;
            } else if names(&name, "Volumes") {
                read_set(&mut self.volumes, value, "Volumes")?;
            } else if names(&name, "WorkingDir") {
                set(&mut self.working_dir, value.string("WorkingDir")?);
            } else if names(&name, "Labels") {
                if value == Json::Null {
                    self.labels.clear();
                }
                for (label, value) in value.members("Labels")? {
                    self.labels.insert(label.into_owned(), value.string("Labels")?.unwrap_or_default());
                }
            } else if names(&name, "StopSignal") {
                set(&mut self.stop_signal, value.string("StopSignal")?);
            } else if names(&name, "ArgsEscaped") {
                set(&mut self.args_escaped, value.bool("ArgsEscaped")?);
            } else if names(&name, "Healthcheck") {
                if value == Json::Null {
                    self.healthcheck = None;
                } else {
                    self.healthcheck.get_or_insert_default().read(value)?;
                }
            } else if names(&name, "OnBuild") {
                value.strings_into("OnBuild", &mut self.on_build)?;
            } else if names(&name, "Shell") {
                value.strings_into("Shell", &mut self.shell)?;
            }
        }
        Ok(())
    }
}

impl Healthcheck {
    fn read(&mut self, value: Json<'_>) -> Result<(), ConfigError> {
        for (name, value) in value.members("Healthcheck")? {
            if names(&name, "Test") {
                value.strings_into("Test", &mut self.test)?;
            } else if names(&name, "Interval") {
                set(&mut self.interval, value.integer("Interval")?);
            } else if names(&name, "Timeout") {
                set(&mut self.timeout, value.integer("Timeout")?);
            } else if names(&name, "StartPeriod") {
                set(&mut self.start_period, value.integer("StartPeriod")?);
            } else if names(&name, "StartInterval") {
                set(&mut self.start_interval, value.integer("StartInterval")?);
            } else if names(&name, "Retries") {
                set(&mut self.retries, value.integer("Retries")?);
            }
        }
        Ok(())
    }
}

impl RootFs {
    fn read(&mut self, value: Json<'_>) -> Result<(), ConfigError> {
        for (name, value) in value.members("rootfs")? {
            if names(&name, "type") {
                set(&mut self.kind, value.string("type")?);
            } else if names(&name, "diff_ids") {
                match value {
                    Json::Null => self.diff_ids = None,
                    list => list.strings_into("diff_ids", self.diff_ids.get_or_insert_default())?,
                }
            }
        }
        Ok(())
    }
}

impl History {
    fn read(&mut self, value: Json<'_>) -> Result<(), ConfigError> {
        for (name, value) in value.members("history")? {
            if names(&name, "created") {
                set_time(&mut self.created, value)?;
            } else if names(&name, "created_by") {
                set(&mut self.created_by, value.string("created_by")?);
            } else if names(&name, "author") {
                set(&mut self.author, value.string("author")?);
            } else if names(&name, "comment") {
                set(&mut self.comment, value.string("comment")?.map(Into::into));
            } else if names(&name, "empty_layer") {
                set(&mut self.empty_layer, value.bool("empty_layer")?);
            }
        }
        Ok(())
    }
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

fn set_time(field: &mut Option<String>, value: Json<'_>) -> Result<(), ConfigError> {
    *field = match value.string("created")? {
        Some(text) => Some(timestamp::normalize(&text)?),
        None => None,
    };
    Ok(())
}

fn read_set(field: &mut BTreeSet<String>, value: Json, name: &'static str) -> Result<(), ConfigError> {
    if value == Json::Null {
        field.clear();
    }
    for (key, value) in value.members(name)? {
        value.members(name)?;
        field.insert(key.into_owned());
    }
    Ok(())
}

/// Writes a set as Go does: an object whose values are empty objects.
struct Keys<'a>(&'a BTreeSet<String>);

impl Serialize for Keys<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|key| (key, BTreeMap::<&str, ()>::new())))
    }
}

/// Writes members one by one, leaving out what Go's `omitempty` leaves out.
struct Members<M>(M);

impl<M: SerializeMap> Members<M> {
    fn always<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), M::Error> {
        self.0.serialize_entry(name, value)
    }

    fn unless<T: Serialize + ?Sized>(&mut self, empty: bool, name: &str, value: &T) -> Result<(), M::Error> {
        if empty { Ok(()) } else { self.always(name, value) }
    }
}

impl Serialize for ImageConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut m = Members(serializer.serialize_map(None)?);
        m.unless(self.created.is_none(), "created", &self.created)?;
        m.unless(self.author.is_empty(), "author", &self.author)?;
        m.always("architecture", self.platform.architecture.as_str())?;
        m.always("os", self.platform.os.as_str())?;
        m.unless(self.platform.os_version.is_empty(), "os.version", self.platform.os_version.as_str())?;
        let features = self.platform.os_features.as_deref().unwrap_or_default();
        m.unless(features.is_empty(), "os.features", features)?;
        m.unless(self.platform.variant.is_empty(), "variant", self.platform.variant.as_str())?;
        m.always("rootfs", &self.rootfs)?;
        m.unless(self.history.is_empty(), "history", &self.history)?;
        m.always("config", &self.config)?;
        m.0.end()
    }
}

impl Serialize for Config {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut m = Members(serializer.serialize_map(None)?);
        m.unless(self.user.is_empty(), "User", &self.user)?;
        m.unless(self.exposed_ports.is_empty(), "ExposedPorts", &Keys(&self.exposed_ports))?;
        m.unless(self.env.is_empty(), "Env", &self.env)?;
        m.unless(self.entrypoint.is_empty(), "Entrypoint", &self.entrypoint)?;
        m.unless(self.cmd.is_empty(), "Cmd", &self.cmd)?;
        m.unless(self.volumes.is_empty(), "Volumes", &Keys(&self.volumes))?;
        m.unless(self.working_dir.is_empty(), "WorkingDir", &self.working_dir)?;
        m.unless(self.labels.is_empty(), "Labels", &self.labels)?;
        m.unless(self.stop_signal.is_empty(), "StopSignal", &self.stop_signal)?;
        m.unless(!self.args_escaped, "ArgsEscaped", &self.args_escaped)?;
        m.unless(self.healthcheck.is_none(), "Healthcheck", &self.healthcheck)?;
        m.unless(self.on_build.is_empty(), "OnBuild", &self.on_build)?;
        m.unless(self.shell.is_empty(), "Shell", &self.shell)?;
        m.0.end()
    }
}

impl Serialize for Healthcheck {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut m = Members(serializer.serialize_map(None)?);
        m.unless(self.test.is_empty(), "Test", &self.test)?;
        m.unless(self.interval == 0, "Interval", &self.interval)?;
        m.unless(self.timeout == 0, "Timeout", &self.timeout)?;
        m.unless(self.start_period == 0, "StartPeriod", &self.start_period)?;
        m.unless(self.start_interval == 0, "StartInterval", &self.start_interval)?;
        m.unless(self.retries == 0, "Retries", &self.retries)?;
        m.0.end()
    }
}

impl Serialize for RootFs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut m = Members(serializer.serialize_map(None)?);
        m.always("type", &self.kind)?;
        m.always("diff_ids", &self.diff_ids)?;
        m.0.end()
    }
}

impl Serialize for History {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut m = Members(serializer.serialize_map(None)?);
        m.unless(self.created.is_none(), "created", &self.created)?;
        m.unless(self.created_by.is_empty(), "created_by", &self.created_by)?;
        m.unless(self.author.is_empty(), "author", &self.author)?;
        m.unless(self.comment.is_empty(), "comment", self.comment.as_str())?;
        m.unless(!self.empty_layer, "empty_layer", &self.empty_layer)?;
        m.0.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(text: &str) -> String {
        String::from_utf8(ImageConfig::parse(text.as_bytes()).unwrap().to_json()).unwrap()
    }

    #[test]
    fn fields_come_out_in_the_order_of_go() {
        let text = r#"{"config":{"Shell":["s"],"Cmd":["a"],"Env":["A=<b>"],"Labels":{"b":"2","a":"1"}},"os":"linux",
            "architecture":"arm","variant":"v7","rootfs":{"diff_ids":["sha256:0"],"type":"layers"},"author":"me",
            "history":[{"empty_layer":true,"created_by":"x"}],"unknown":1}"#;
        assert_eq!(
            rewritten(text),
            r#"{"author":"me","architecture":"arm","os":"linux","variant":"v7","rootfs":{"type":"layers","diff_ids":["sha256:0"]},"history":[{"created_by":"x","empty_layer":true}],"config":{"Env":["A=\u003cb\u003e"],"Cmd":["a"],"Labels":{"a":"1","b":"2"},"Shell":["s"]}}"#
        );
    }

    #[test]
    fn an_absent_list_of_layers_is_null_and_an_empty_one_is_not() {
        assert_eq!(
            rewritten("{}"),
            r#"{"architecture":"","os":"","rootfs":{"type":"","diff_ids":null},"config":{}}"#
        );
        assert!(rewritten(r#"{"rootfs":{"diff_ids":[]}}"#).contains(r#""diff_ids":[]"#));
    }

    #[test]
    fn names_match_in_any_case_and_the_last_one_wins() {
        let image =
            ImageConfig::parse(br#"{"OS":"a","os":"b","Config":{"env":["A=1"],"USER":"u"}}"#).unwrap();
        assert_eq!((image.platform.os.as_str(), image.config.user.as_str()), ("b", "u"));
        assert_eq!(image.config.env, ["A=1"]);
    }

    #[test]
    fn null_takes_back_lists_and_maps_that_an_earlier_name_set() {
        let text = r#"{"created":"2024-01-01T00:00:00Z","Created":null,"history":[{}],"History":null,"config":{
            "Labels":{"a":"1"},"labels":null,"Volumes":{"/v":{}},"volumes":null,"Env":["A=1"],"env":null,
            "Healthcheck":{"Retries":1},"healthcheck":null,"User":"u","user":null,"ArgsEscaped":true,"argsescaped":null}}"#;
        assert_eq!(
            rewritten(text),
            r#"{"architecture":"","os":"","rootfs":{"type":"","diff_ids":null},"config":{"User":"u","ArgsEscaped":true}}"#
        );
    }

    #[test]
    fn values_of_the_wrong_kind_are_refused() {
        for text in [
            r#"{"os":1}"#,
            r#"{"config":{"Env":"A=1"}}"#,
            r#"{"created":"yesterday"}"#,
            "[]",
            "{",
            r#"{"config":{"ExposedPorts":{"80":1}}}"#,
        ] {
            assert!(ImageConfig::parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_name_that_comes_twice_is_read_into_what_is_there() {
        let text = r#"{"history":[{"created_by":"a","comment":"b"},{}],"History":[{"comment":"c"}],
            "config":{"Env":["A=1","B=2"],"env":[null],"Labels":{"a":"1"},"LABELS":{"b":"2"}},"con\u0066ig":{"User":"u"}}"#;
        assert_eq!(
            rewritten(text),
            r#"{"architecture":"","os":"","rootfs":{"type":"","diff_ids":null},"history":[{"created_by":"a","comment":"c"}],"config":{"User":"u","Env":["A=1"],"Labels":{"a":"1","b":"2"}}}"#
        );
    }

    #[test]
    fn what_is_unknown_may_be_deep_and_halves_of_pairs_are_replaced() {
        let text = format!(
            r#"{{"x":{}{},"author":"\ud800","config":{{"Labels":{{"\udc00":"\ud83d\ude00\ud83d"}}}}}}"#,
            "[".repeat(9000),
            "]".repeat(9000)
        );
        let image = ImageConfig::parse(text.as_bytes()).unwrap();
        assert_eq!(image.author, "\u{fffd}");
        assert_eq!(image.config.labels["\u{fffd}"], "\u{1f600}\u{fffd}");
    }

    #[test]
    fn fuzz_what_is_read_is_written_so_that_it_is_read_alike() {
        let seeds: [&[u8]; 4] = [
            br#"{"created":"2024-01-02T03:04:05.1Z","os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":["sha256:0"]}}"#,
            br#"{"config":{"Env":["A=1"],"Labels":{"a":"\ud800"},"ExposedPorts":{"80/tcp":{}},"Healthcheck":{"Test":["CMD"],"Interval":1}}}"#,
            br#"{"history":[{"created_by":"x","empty_layer":true}],"History":[{"comment":"y"}],"deep":[[[[[[[[[[[]]]]]]]]]]]}"#,
            b"{\"author\":\"a\xff\",\"config\":{\"OnBuild\":[\"RUN x\"]}}",
        ];
        crate::fuzz::run(&seeds, |bytes| {
            let Ok(image) = ImageConfig::parse(bytes) else { return };
            let written = image.to_json();
            assert_eq!(ImageConfig::parse(&written).unwrap().to_json(), written);
        });
    }

    #[test]
    fn bytes_that_are_not_utf8_are_replaced() {
        let image = ImageConfig::parse(b"{\"os\":\"a\xff\"}").unwrap();
        assert_eq!(image.platform.os, "a\u{fffd}");
    }

    #[test]
    fn times_lose_trailing_zeros() {
        let image = ImageConfig::parse(br#"{"created":"2024-01-02T03:04:05.100Z"}"#).unwrap();
        assert_eq!(image.created.as_deref(), Some("2024-01-02T03:04:05.1Z"));
    }
}
