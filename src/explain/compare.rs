//! The comparison of two builds.

use std::collections::{BTreeMap, BTreeSet};

use super::files::{FileChange, How, differences};
use super::matching::match_steps;
use super::record::{Class, Kind, Outcome, Part, Record, Step};

/// Why the steps of a build ran that were not in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Explanation {
    /// There is no record of a build before.
    FirstBuild,
    /// The steps that ran; none where everything was in the cache.
    Steps(Vec<StepExplanation>),
}

/// Why one step ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepExplanation {
    /// The step, by its place in the new record.
    pub step: usize,
    /// The reasons, at least one.
    pub reasons: Vec<Reason>,
}

/// A value as it was and as it is; `None` where there is none.
pub(super) type Change = (Option<Shown>, Option<Shown>);

/// A value, as much as may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown(pub String);

/// One reason for which a step ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// There was no such instruction.
    New,
    /// Instructions before it that were removed.
    Removed(Vec<String>),
    /// It stands on another step: that before, and that now.
    Reordered(String, String),
    /// Another instruction: as it was, as it is.
    Instruction(String, String),
    /// What an instruction is made of besides its words: the content of a file.
    Content(String),
    /// A variable of ENV or ARG that it sees.
    Variable(String, Change),
    /// A mount or an option.
    Option(String, Change),
    /// The platform that it is for.
    Platform(Change),
    /// The digest of a base image.
    Base(String, Change),
    /// Files that it reads.
    Files(Vec<FileChange>),
    /// Whether files that it reads changed is not known.
    FilesUnknown,
    /// Steps before it: the first of each chain, by their places in the new record, with what changed where that step did
    /// not run itself.
    Earlier(Vec<(usize, Vec<Reason>)>),
    /// It was asked for: `--no-cache` or `--no-cache-filter`.
    Requested,
    /// The last build did not come to its end.
    Unfinished,
    /// What is fetched from elsewhere may have changed.
    Remote,
    /// Nothing changed: the result is not in the cache any more.
    Gone,
}

/// Explains why steps of `new` ran, by what differs from `old`.
pub fn explain(old: Option<&Record>, new: &Record) -> Explanation {
    let Some(old) = old else { return Explanation::FirstBuild };
    let comparison = Comparison::new(old, new);
    let steps = new.steps.iter().enumerate().filter(|(_, step)| ran(step));
    let explained = steps.map(|(step, _)| StepExplanation { step, reasons: comparison.reasons(step) });
    Explanation::Steps(explained.collect())
}

/// Returns what differs in each step of a graph, and the old steps that are not there any more. Contexts and what ran are
/// not looked at.
pub fn graph_difference(old: &Record, new: &Record) -> (Vec<StepExplanation>, Vec<usize>) {
    let comparison = Comparison::new(old, new);
    let changed = comparison.own.iter().enumerate().filter(|(_, reasons)| !reasons.is_empty());
    let steps = changed.map(|(step, reasons)| StepExplanation { step, reasons: reasons.clone() }).collect();
    let kept = |place: &usize| comparison.pairs.contains(&Some(*place));
    let gone = (0..old.steps.len()).filter(|place| !kept(place) && old.steps[*place].kind != Kind::Local);
    (steps, gone.collect())
}

struct Comparison<'a> {
    old: &'a Record,
    new: &'a Record,
    /// The old step of each new one.
    pairs: Vec<Option<usize>>,
    /// What differs in each new step itself.
    own: Vec<Vec<Reason>>,
    /// Where the chains that end in each new step begin.
    roots: Vec<BTreeSet<usize>>,
}

impl<'a> Comparison<'a> {
    fn new(old: &'a Record, new: &'a Record) -> Self {
        let pairs = match_steps(&old.steps, &new.steps);
        let mut comparison = Self { old, new, pairs, own: Vec::new(), roots: Vec::new() };
        comparison.own = (0..new.steps.len()).map(|step| comparison.own_reasons(step)).collect();
        for step in 0..new.steps.len() {
            let roots = comparison.roots(step);
            comparison.roots.push(roots);
        }
        comparison
    }

    /// Returns what differs in a step, its inputs left out.
    fn own_reasons(&self, place: usize) -> Vec<Reason> {
        let step = &self.new.steps[place];
        if step.kind == Kind::Local {
            return Vec::new();
        }
        let Some(before) = self.pairs[place].map(|old| &self.old.steps[old]) else {
            return vec![Reason::New];
        };
        let mut reasons = part_reasons(before, step);
        reasons.extend(self.input_reasons(before, step));
        let mut changes: Vec<FileChange> = Vec::new();
        let mut is_unknown = false;
        for read in &step.reads {
            let listings = [self.old, self.new].map(|record| record.contexts.get(&read.context));
            let [Some(Some(old)), Some(Some(new))] = listings else {
                is_unknown |= matches!(listings, [_, Some(None)] | [Some(None) | None, Some(_)]);
                continue;
            };
            changes.extend(differences(old, new, read));
        }
        // What is only touched changes no result.
        changes.retain(|change| change.how != How::Touched);
        changes.sort_by(|a, b| a.path.cmp(&b.path));
        changes.dedup();
        if !changes.is_empty() {
            reasons.push(Reason::Files(changes));
        } else if is_unknown {
            reasons.push(Reason::FilesUnknown);
        }
        reasons
    }

    /// Returns what differs in which steps a step reads, where all of them were there before: a step between was removed,
    /// or the order is another.
    fn input_reasons(&self, before: &Step, step: &Step) -> Option<Reason> {
        let now: Option<Vec<usize>> = step.inputs.iter().map(|input| self.pairs[*input]).collect();
        let now = now.filter(|now| now.len() == before.inputs.len())?;
        let (was, is) = before.inputs.iter().zip(&now).find(|(was, is)| was != is)?;
        let name = |place: usize| self.old.steps[place].name.clone();
        if self.pairs.contains(&Some(*was)) {
            return Some(Reason::Reordered(name(*was), name(*is)));
        }
        // All that stood between.
        let mut removed = Vec::new();
        let mut at = Some(*was);
        while let Some(place) = at
            && !self.pairs.contains(&Some(place))
        {
            removed.push(name(place));
            at = self.old.steps[place].inputs.first().copied();
        }
        removed.reverse();
        Some(Reason::Removed(removed))
    }

    /// Returns why a step ran.
    fn reasons(&self, place: usize) -> Vec<Reason> {
        let step = &self.new.steps[place];
        if step.ignores_cache {
            return vec![Reason::Requested];
        }
        let own = &self.own[place];
        let is_sure = own.iter().any(|reason| *reason != Reason::FilesUnknown);
        if is_sure {
            return own.clone();
        }
        let roots = self.roots_of_inputs(step);
        if !roots.is_empty() {
            // A root that ran is explained itself.
            let told = |root: usize| {
                let is_told = ran(&self.new.steps[root]);
                (root, if is_told { Vec::new() } else { self.own[root].clone() })
            };
            return vec![Reason::Earlier(roots.into_iter().map(told).collect())];
        }
        let before = self.pairs[place].map(|old| self.old.steps[old].outcome);
        if matches!(before, Some(Outcome::Failed | Outcome::NotReached)) {
            return vec![Reason::Unfinished];
        }
        if !own.is_empty() {
            return own.clone();
        }
        let reads_remote = |input: &usize| self.new.steps[*input].kind == Kind::Remote;
        vec![if step.inputs.iter().any(reads_remote) { Reason::Remote } else { Reason::Gone }]
    }

    /// Returns the first steps of the chains that end in a step and in which something changed or ran. Those of its inputs
    /// are known.
    fn roots(&self, place: usize) -> BTreeSet<usize> {
        let step = &self.new.steps[place];
        let roots = self.roots_of_inputs(step);
        if roots.is_empty() && (!self.own[place].is_empty() || ran(step)) {
            return BTreeSet::from([place]);
        }
        roots
    }

    fn roots_of_inputs(&self, step: &Step) -> BTreeSet<usize> {
        step.inputs.iter().flat_map(|input| self.roots[*input].iter().copied()).collect()
    }
}

/// Whether a step ran that could have been in the cache.
fn ran(step: &Step) -> bool {
    matches!(step.outcome, Outcome::Ran | Outcome::Failed) && step.kind.is_cacheable()
}

/// Returns the reasons in the parts of a step.
fn part_reasons(old: &Step, new: &Step) -> Vec<Reason> {
    let key = |part: &Part| (part.class, part.label.clone());
    let before: BTreeMap<_, _> = old.parts.iter().map(|part| (key(part), part)).collect();
    let now: BTreeMap<_, _> = new.parts.iter().map(|part| (key(part), part)).collect();
    let mut reasons = Vec::new();
    let mut is_other_instruction = false;
    for key in before.keys().chain(now.keys().filter(|key| !before.contains_key(*key))) {
        let parts = (before.get(key).copied(), now.get(key).copied());
        if parts.0 == parts.1 {
            continue;
        }
        let shown = |part: Option<&Part>| part.map(|part| Shown(part.value.clone()));
        let change = (shown(parts.0), shown(parts.1));
        let label = key.1.clone();
        match key.0 {
            Class::Instruction if label.starts_with("content") => reasons.push(Reason::Content(label)),
            Class::Instruction => is_other_instruction = true,
            Class::Variable => reasons.push(Reason::Variable(label, change)),
            Class::Option => {
                // Several sources of one instruction have an option in common.
                let (first, number) = label.rsplit_once(" (").unwrap_or((&label, ""));
                let is_told =
                    !number.is_empty() && reasons.contains(&Reason::Option(first.to_owned(), change.clone()));
                if !is_told {
                    reasons.push(Reason::Option(label, change));
                }
            }
            Class::Platform => reasons.push(Reason::Platform(change)),
            Class::Base if parts.0.is_some() && parts.1.is_some() => {
                reasons.push(Reason::Base(label, change));
            }
            // Another image: the instruction says it.
            Class::Base => {}
        }
    }
    if is_other_instruction {
        let (before, now) = instruction_texts(old, new);
        reasons.insert(0, Reason::Instruction(before, now));
    }
    reasons
}

/// Returns the instructions as people wrote them, or where those are the same what they come to.
fn instruction_texts(old: &Step, new: &Step) -> (String, String) {
    if old.name != new.name {
        return (old.name.clone(), new.name.clone());
    }
    let text = |step: &Step| {
        let parts = step.parts.iter().filter(|part| part.class == Class::Instruction);
        parts.map(|part| part.value.as_str()).collect::<Vec<_>>().join(" ")
    };
    (text(old), text(new))
}
