//! Which step of an earlier build is which step of this one.

use std::collections::BTreeMap;

use super::record::{Class, Kind, Part, Step};

/// Returns for each new step the place of the old one that it was, if it was there.
///
/// Steps that are the same in all their parts are found first, then those with the same instruction, then those that
/// stand on the same step: an instruction between two others is new, and not a change of all behind it.
pub(super) fn match_steps(old: &[Step], new: &[Step]) -> Vec<Option<usize>> {
    let mut pairs = Pairs { found: vec![None; new.len()], taken: vec![false; old.len()] };
    pairs.by_key(old, new, |step| {
        Some((step.kind as u8, step.stage.clone(), step.name.clone(), step.parts.clone()))
    });
    pairs.by_key(old, new, |step| {
        Some((step.kind as u8, String::new(), step.name.clone(), step.parts.clone()))
    });
    pairs.by_key(old, new, |step| Some((step.kind as u8, step.stage.clone(), step.name.clone(), Vec::new())));
    pairs.by_key(old, new, |step| {
        Some((step.kind as u8, step.stage.clone(), String::new(), instruction(step)))
    });
    pairs.by_key(old, new, |step| {
        (step.kind == Kind::Image).then(|| (0, String::new(), image_name(step).to_owned(), Vec::new()))
    });
    pairs.by_neighbours(old, new);
    pairs.found
}

/// Returns the parts that make the instruction.
fn instruction(step: &Step) -> Vec<Part> {
    step.parts.iter().filter(|part| part.class == Class::Instruction).cloned().collect()
}

/// Returns the name of an image without its tag.
fn image_name(step: &Step) -> &str {
    let name = step.parts.first().map_or("", |part| part.value.as_str());
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => name,
    }
}

/// Whether a stage may be another one under its number in the Dockerfile, or without it: those with names are the same by
/// their names.
fn may_be_same_stage(old: &str, new: &str) -> bool {
    let name = |stage: &str| stage.rsplit(' ').next().unwrap_or_default().to_owned();
    let is_numbered = |name: &str| name.is_empty() || name.contains('/') || name.starts_with("stage-");
    let (old, new) = (name(old), name(new));
    old == new || is_numbered(&old) || is_numbered(&new)
}

type Key = (u8, String, String, Vec<Part>);

struct Pairs {
    found: Vec<Option<usize>>,
    /// Which old steps are found.
    taken: Vec<bool>,
}

impl Pairs {
    fn pair(&mut self, new: usize, old: usize) {
        self.found[new] = Some(old);
        self.taken[old] = true;
    }

    /// Pairs steps of equal keys in their order.
    fn by_key(&mut self, old: &[Step], new: &[Step], key: impl Fn(&Step) -> Option<Key>) {
        let mut places: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
        for (place, step) in old.iter().enumerate().rev() {
            if !self.taken[place]
                && let Some(key) = key(step)
            {
                places.entry(key).or_default().push(place);
            }
        }
        for (place, step) in new.iter().enumerate() {
            if self.found[place].is_none()
                && let Some(key) = key(step)
                && let Some(old) = places.get_mut(&key).and_then(Vec::pop)
            {
                self.pair(place, old);
            }
        }
    }

    /// Pairs what is left: steps of one kind that stand on the same step, or that the same step stands on.
    fn by_neighbours(&mut self, old: &[Step], new: &[Step]) {
        let keyword = |step: &Step| step.name.split_whitespace().next().unwrap_or_default().to_owned();
        for (place, step) in new.iter().enumerate() {
            if self.found[place].is_some() {
                continue;
            }
            let parent = step.inputs.first().map(|input| self.found[*input]);
            let is_like = |candidate: &Step| {
                candidate.kind == step.kind
                    && keyword(candidate) == keyword(step)
                    && may_be_same_stage(&candidate.stage, &step.stage)
            };
            let candidate = old.iter().enumerate().position(|(at, candidate)| {
                !self.taken[at]
                    && is_like(candidate)
                    && candidate.inputs.first().map(|input| Some(*input)) == parent
            });
            if let Some(candidate) = candidate {
                self.pair(place, candidate);
            }
        }
        // From the end: what the same step stands on.
        for place in (0..new.len()).rev() {
            let Some(child) = self.found[place] else { continue };
            let (Some(&mine), Some(&theirs)) = (new[place].inputs.first(), old[child].inputs.first()) else {
                continue;
            };
            let (is, was) = (&new[mine], &old[theirs]);
            let may_be_same =
                is.kind == was.kind && (is.kind == Kind::Image || may_be_same_stage(&was.stage, &is.stage));
            if self.found[mine].is_none() && !self.taken[theirs] && may_be_same {
                self.pair(mine, theirs);
            }
        }
    }
}
