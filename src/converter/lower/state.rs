//! What a stage hands from one instruction to the next, and to the stages that build on it.

use std::collections::BTreeMap;
use std::rc::Rc;

use indexmap::IndexMap;
use llb::Output;
use smol_str::SmolStr;

use super::names::{StepNumbering, joined};
use crate::converter::plan::paths::{self, PathError};
use crate::converter::plan::{EnvList, StageId};
use crate::diag::Span;
use crate::image::{Config, History, ImageConfig, Platform};

/// BuildKit's `PATH` where an image has none (util/system/path.go).
pub(super) const UNIX_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What instructions change. Cheap to clone: stages that build on one another share what they do not
/// change.
#[derive(Debug, Clone)]
pub(super) struct State {
    /// The files.
    pub(super) output: Output,
    /// The variables that commands see, arguments included.
    pub(super) env: Rc<EnvList>,
    /// The working directory.
    pub(super) dir: SmolStr,
    /// The user, empty for the image's.
    pub(super) user: SmolStr,
    /// The platform of what the files come from, `None` where nothing says.
    pub(super) platform: Option<Rc<Platform>>,
    /// The configuration, without its history.
    pub(super) image: Rc<ImageConfig>,
    /// The arguments that were declared, with their values.
    pub(super) args: Rc<IndexMap<String, Option<String>>>,
    /// Whether WORKDIR was seen.
    pub(super) workdir_set: bool,
    /// The index of each variable in the configuration's list.
    image_env_index: Rc<BTreeMap<String, usize>>,
    /// Whether [`Self::env`] ends with the configuration's variables, in the same order.
    env_ends_with_image_env: bool,
}

impl State {
    /// Files with the platform that they come with, and nothing else.
    pub(super) fn new(output: Output, platform: Option<Platform>) -> Self {
        Self::with_image(output, platform, ImageConfig::default())
    }

    /// Files with the platform and the configuration that they come with.
    pub(super) fn with_image(output: Output, platform: Option<Platform>, image: ImageConfig) -> Self {
        Self {
            output,
            env: Rc::default(),
            dir: "/".into(),
            user: "".into(),
            platform: platform.map(|platform| Rc::new(platform.normalized())),
            image: Rc::new(image),
            args: Rc::default(),
            workdir_set: false,
            image_env_index: Rc::default(),
            env_ends_with_image_env: false,
        }
    }

    /// The configuration's `config`, to be changed.
    pub(super) fn config(&mut self) -> &mut Config {
        &mut Rc::make_mut(&mut self.image).config
    }

    /// Sets a variable that commands see, and no one else.
    pub(super) fn set_env(&mut self, name: &str, value: &str) {
        Rc::make_mut(&mut self.env).set(name, value);
        self.env_ends_with_image_env = false;
    }

    /// Sets a variable for commands and in the configuration: there where it was, or at the end.
    pub(super) fn set_image_env(&mut self, name: &str, value: &str) {
        Rc::make_mut(&mut self.env).set(name, value);
        let entry = joined([name, "=", value]);
        let env = &mut Rc::make_mut(&mut self.image).config.env;
        if let Some(&position) = self.image_env_index.get(name) {
            env[position] = entry;
            self.env_ends_with_image_env = false;
        } else {
            index_variable(Rc::make_mut(&mut self.image_env_index), &entry, env.len());
            env.push(entry);
        }
    }

    /// Gives commands the configuration's variables, after all others, and `PATH` if it has none.
    ///
    /// Stages that build on one another do this again and again; where nothing has come between, nothing
    /// is to be done.
    pub(super) fn take_image_env(&mut self, os: &str) {
        if self.env_ends_with_image_env {
            return;
        }
        let index = Rc::make_mut(&mut self.image_env_index);
        index.clear();
        for (position, entry) in self.image.config.env.iter().enumerate() {
            index_variable(index, entry, position);
        }
        // Windows has a PATH of its own.
        if os != "windows" && !index.contains_key("PATH") {
            let env = &mut Rc::make_mut(&mut self.image).config.env;
            index.insert("PATH".into(), env.len());
            env.push(format!("PATH={UNIX_PATH}"));
        }
        let env = Rc::make_mut(&mut self.env);
        for entry in &self.image.config.env {
            let (name, value) = name_value(entry);
            env.set(name, value);
        }
        self.env_ends_with_image_env = true;
    }
}

/// A stage while its instructions are lowered.
#[derive(Debug)]
pub(super) struct Current {
    /// Which stage.
    pub(super) id: StageId,
    /// What its instructions have made.
    pub(super) state: State,
    /// The platform that it builds for.
    pub(super) platform: Platform,
    /// Its steps' numbers.
    pub(super) steps: StepNumbering,
    /// Whether its steps run even if they are cached.
    pub(super) no_cache: bool,
    /// Its own history.
    pub(super) history: Vec<History>,
    /// Time of its history, in RFC 3339.
    pub(super) created: Option<String>,
    /// Whether the instruction is a trigger of the base.
    pub(super) on_build: bool,
    /// Lines of the last CMD, ENTRYPOINT and HEALTHCHECK of the stage.
    pub(super) last: LastOnes,
}

/// Lines of instructions of which only the last one counts.
#[derive(Debug, Default)]
pub(super) struct LastOnes {
    pub(super) cmd: Option<Span>,
    pub(super) entrypoint: Option<Span>,
    pub(super) healthcheck: Option<Span>,
}

/// A stage that is done, or needs no lowering.
#[derive(Debug)]
pub(super) struct Finished {
    /// The files.
    pub(super) output: Output,
    /// Its own history; that of its base comes before.
    pub(super) history: Vec<History>,
    /// The platform, `None` where nothing says.
    pub(super) platform: Option<Platform>,
    /// What stages that build on it take over, until the last one of them has.
    pub(super) state: Option<State>,
}

impl Current {
    /// Adds a step to the history (`commitToHistory`).
    pub(super) fn commit(&mut self, created_by: String, layer: bool) {
        self.history.push(History {
            created: self.created.clone(),
            created_by,
            comment: "buildkit.dockerfile.v0".into(),
            empty_layer: !layer,
            author: String::new(),
        });
    }

    /// Adds the step of an instruction to the history, as its keyword and what it became.
    pub(super) fn commit_instruction(&mut self, keyword: &str, text: &str, layer: bool) {
        self.commit(joined([keyword, " ", text]), layer);
    }

    /// Makes `path` the working directory; returns it with forward slashes.
    pub(super) fn enter(&mut self, path: &str) -> Result<String, PathError> {
        let dir = paths::normalize_workdir(&self.state.image.config.working_dir, path, self.os())?;
        let slashed = paths::to_slash(&dir, self.os()).into_owned();
        if self.state.image.config.working_dir != dir {
            self.state.config().working_dir = dir;
        }
        self.state.dir = slashed.as_str().into();
        Ok(slashed)
    }

    /// The operating system that paths are read for.
    pub(super) fn os(&self) -> &str {
        &self.platform.os
    }
}

/// Name and value of `NAME=value`; an empty value without `=`.
pub(super) fn name_value(entry: &str) -> (&str, &str) {
    entry.split_once('=').unwrap_or((entry, ""))
}

/// Adds the index of a variable in a list; of several with one name the first counts, as in BuildKit.
fn index_variable(index: &mut BTreeMap<String, usize>, entry: &str, position: usize) {
    index.entry(name_value(entry).0.to_owned()).or_insert(position);
}
