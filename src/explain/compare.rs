//! The comparison of two builds.

use std::collections::{BTreeMap, BTreeSet};

use super::files::{Differences, FileChange, How};
use super::matching::match_steps;
use super::parts::IGNORED;
use super::record::{Class, Kind, MAX_STEPS, Outcome, Part, Record, Step};

/// Why the steps of a build ran that were not in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Explanation {
    /// There is no record of a build before.
    FirstBuild,
    /// This build or the one before has more steps than a record holds.
    TooManySteps,
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
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Shown(pub String);

/// One reason for which a step ran.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reason {
    /// There was no such instruction.
    New,
    /// Instructions before it that were removed.
    Removed(Vec<String>),
    /// It uses another step: that before, and that now; `None` for nothing.
    OtherInput(Option<String>, Option<String>),
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
    /// Another base image: that before, and that now.
    OtherBase(String, String),
    /// Files that it reads.
    Files(Vec<FileChange>),
    /// The ignore file, beside files that came or went.
    Ignored,
    /// Whether files that it reads changed is not known.
    FilesUnknown,
    /// Steps before it: the first of each chain, by their places in the new record, with what changed where that step did
    /// not run itself.
    Earlier(Vec<(usize, Vec<Reason>)>),
    /// It was asked for: `--no-cache` or `--no-cache-filter`.
    Requested,
    /// Something that has no name here.
    Unnamed,
    /// It did not end well in the last build.
    Unfinished,
    /// The last build did not come to it.
    NotReached,
    /// What is fetched from elsewhere may have changed.
    Remote,
    /// Nothing changed: another buildkitd built last.
    OtherDaemon,
    /// Nothing changed: the result is not in the cache any more.
    Gone,
}

impl Reason {
    /// Whether it is known that it changes the result, other than perhaps.
    pub(super) fn is_sure(&self) -> bool {
        match self {
            Self::FilesUnknown | Self::Ignored => false,
            Self::Files(changes) => changes.iter().any(|change| change.how != How::Rewritten),
            _ => true,
        }
    }
}

/// Explains why steps of `new` ran, by what differs from `old`.
pub fn explain(old: Option<&Record>, new: &Record) -> Explanation {
    // More are not compared, because that may take time that grows with their square.
    if new.steps.len() > MAX_STEPS || old.is_some_and(|old| old.are_steps_left_out) {
        return Explanation::TooManySteps;
    }
    let Some(old) = old else { return Explanation::FirstBuild };
    if !new.steps.iter().any(ran) {
        return Explanation::Steps(Vec::new());
    }
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
    /// How the files differ of each context that both list.
    files: BTreeMap<&'a str, Differences>,
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
        let files = file_differences(old, new);
        let mut comparison = Self { old, new, files, pairs, own: Vec::new(), roots: Vec::new() };
        for step in 0..new.steps.len() {
            let reasons = comparison.own_reasons(step);
            comparison.own.push(reasons);
        }
        for step in 0..new.steps.len() {
            let roots = comparison.roots(step);
            comparison.roots.push(roots);
        }
        comparison
    }

    /// Returns what differs in a step, its inputs left out.
    fn own_reasons(&self, place: usize) -> Vec<Reason> {
        let step = &self.new.steps[place];
        let Some(before) = self.pairs[place].map(|old| &self.old.steps[old]) else {
            let is_told = is_join(&step.name)
                && step
                    .inputs
                    .iter()
                    .any(|input| !self.own[*input].is_empty() && self.new.steps[*input].lines == step.lines);
            return if is_told { Vec::new() } else { vec![Reason::New] };
        };
        match step.kind {
            Kind::Local => return context_reasons(before, step),
            Kind::Image if is_same_image(before, step) => return Vec::new(),
            _ => {}
        }
        let mut reasons = part_reasons(before, step);
        reasons.extend(self.input_reasons(before, step));
        // With another number of inputs it is another op, whatever else it says.
        let has_as_many = before.inputs.len() == step.inputs.len();
        if reasons.is_empty() && has_as_many && before.whole != step.whole {
            reasons.push(Reason::Unnamed);
        }
        reasons.extend(self.file_reasons(before, step));
        reasons
    }

    /// Returns how the context files differ that a step reads now as it did before.
    fn file_reasons(&self, before: &Step, step: &Step) -> Vec<Reason> {
        let mut changes: Vec<FileChange> = Vec::new();
        let (mut is_unknown, mut is_other_filter) = (false, false);
        // What was not read before was not listed before, either.
        for read in step.reads.iter().filter(|read| before.reads.contains(read)) {
            let context = read.context.as_str();
            let Some(differences) = self.files.get(context) else {
                is_unknown |= [self.old, self.new].iter().any(|record| record.contexts.contains_key(context));
                continue;
            };
            let found = differences.of(read);
            let came_or_went = |change: &FileChange| matches!(change.how, How::Added | How::Removed);
            is_other_filter |= found.iter().any(came_or_went) && self.has_other_filter(&read.context);
            changes.extend(found);
        }
        // What is only touched changes no result.
        changes.retain(|change| change.how != How::Touched);
        changes.sort_by(|a, b| a.path.cmp(&b.path));
        changes.dedup();
        let mut reasons = Vec::new();
        if !changes.is_empty() {
            reasons.push(Reason::Files(changes));
        } else if is_unknown {
            reasons.push(Reason::FilesUnknown);
        }
        if is_other_filter {
            reasons.push(Reason::Ignored);
        }
        reasons
    }

    /// Whether the ignore file leaves out other files of a context than before.
    fn has_other_filter(&self, context: &str) -> bool {
        let filter = |record: &'a Record| {
            let step = record.steps.iter().find(|step| context_name(step) == Some(context));
            step.and_then(|step| step.parts.iter().find(|part| part.label == IGNORED))
        };
        filter(self.old) != filter(self.new)
    }

    /// Returns what differs in which steps a step reads, where all of them were there before: a step between was removed,
    /// or the order is another.
    fn input_reasons(&self, before: &Step, step: &Step) -> Option<Reason> {
        let now: Vec<usize> = step.inputs.iter().map(|input| self.pairs[*input]).collect::<Option<_>>()?;
        let name = |place: &usize| self.old.steps[*place].name.clone();
        // With --link an instruction stands on nothing, and without it on the step before.
        if now.len() != before.inputs.len() && before.name != step.name {
            return Some(Reason::Instruction(before.name.clone(), step.name.clone()));
        }
        if now.len() != before.inputs.len() {
            let was = before.inputs.iter().find(|was| !now.contains(was));
            let is = now.iter().find(|is| !before.inputs.contains(is));
            return Some(Reason::OtherInput(was.map(name), is.map(name)));
        }
        let pairs = before.inputs.iter().zip(&now).enumerate();
        let (at, (was, is)) = pairs.into_iter().find(|(_, (was, is))| was != is)?;
        if at > 0 && before.name != step.name {
            return Some(Reason::Instruction(before.name.clone(), step.name.clone()));
        }
        if at > 0 || self.pairs.contains(&Some(*was)) {
            return Some(Reason::OtherInput(Some(name(was)), Some(name(is))));
        }
        // All that stood between.
        let mut removed = Vec::new();
        let mut at = Some(*was);
        while let Some(place) = at
            && !self.pairs.contains(&Some(place))
        {
            removed.push(name(&place));
            at = self.old.steps[place].inputs.first().copied();
        }
        removed.reverse();
        // What puts the result of a --link upon the step before is no instruction: the step that it was of says it.
        removed.retain(|name| !is_join(name));
        if removed.is_empty() {
            return None;
        }
        Some(Reason::Removed(removed))
    }

    /// Returns why a step ran.
    fn reasons(&self, place: usize) -> Vec<Reason> {
        let step = &self.new.steps[place];
        if step.ignores_cache {
            return vec![Reason::Requested];
        }
        let own = &self.own[place];
        let roots = self.roots_of_inputs(step);
        if own.iter().any(Reason::is_sure) {
            let mut reasons = own.clone();
            // Variables and options may be those of the base image.
            let is_inherited = |reason: &Reason| matches!(reason, Reason::Variable(..) | Reason::Option(..));
            let is_other_base = |root: &usize| self.new.steps[*root].kind == Kind::Image;
            if own.iter().all(is_inherited) && roots.iter().any(is_other_base) {
                reasons.extend(self.earlier(roots.into_iter().filter(is_other_base)));
            }
            return reasons;
        }
        if !roots.is_empty() {
            return vec![self.earlier(roots).expect("roots")];
        }
        match self.pairs[place].map(|old| self.old.steps[old].outcome) {
            Some(Outcome::Failed) => return vec![Reason::Unfinished],
            Some(Outcome::NotReached) => return vec![Reason::NotReached],
            _ if !own.is_empty() => return own.clone(),
            _ => {}
        }
        let reads_remote = |input: &usize| self.new.steps[*input].kind == Kind::Remote;
        let is_other_daemon =
            !self.old.daemon.is_empty() && !self.new.daemon.is_empty() && self.old.daemon != self.new.daemon;
        vec![if is_other_daemon {
            Reason::OtherDaemon
        } else if step.inputs.iter().any(reads_remote) {
            Reason::Remote
        } else {
            Reason::Gone
        }]
    }

    /// Returns the reason that lies in earlier steps. One of them that ran is explained itself.
    fn earlier(&self, roots: impl IntoIterator<Item = usize>) -> Option<Reason> {
        let told = |root: usize| {
            let is_told = ran(&self.new.steps[root]);
            (root, if is_told { Vec::new() } else { self.own[root].clone() })
        };
        let told: Vec<_> = roots.into_iter().map(told).collect();
        (!told.is_empty()).then_some(Reason::Earlier(told))
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

/// Returns how the files differ of each context that both builds list.
fn file_differences<'a>(old: &'a Record, new: &'a Record) -> BTreeMap<&'a str, Differences> {
    let listings = new.contexts.iter().filter_map(|(name, new)| {
        let old = old.contexts.get(name)?;
        Some((name.as_str(), Differences::new(old.as_ref()?, new.as_ref()?)))
    });
    listings.collect()
}

/// Whether a step puts what an instruction with `--link` made upon the step before it.
fn is_join(name: &str) -> bool {
    name.starts_with("LINK ")
}

/// Returns the name of the context that a step sends, if it is such a step.
fn context_name(step: &Step) -> Option<&str> {
    (step.kind == Kind::Local).then(|| step.parts.first().map(|part| part.value.as_str()))?
}

/// Whether another context is sent. Which of its files differ is told of the steps that read them.
fn context_reasons(before: &Step, step: &Step) -> Vec<Reason> {
    if context_name(before) == context_name(step) {
        return Vec::new();
    }
    vec![Reason::Instruction(before.name.clone(), step.name.clone())]
}

/// Whether two steps are the same image by its digest, whatever its names are.
fn is_same_image(before: &Step, step: &Step) -> bool {
    let value = |step: &Step, class| {
        step.parts.iter().find(|part| part.class == class).map(|part| part.value.clone()).unwrap_or_default()
    };
    let digest = value(step, Class::Base);
    !digest.is_empty()
        && digest == value(before, Class::Base)
        && value(step, Class::Platform) == value(before, Class::Platform)
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
            // RUN with a shell or without one, ADD or COPY: the names say it.
            Class::Option if old.name != new.name && is_of_instruction(&label, &change) => {
                is_other_instruction = true;
            }
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
        // Options of sources that came or went come with the instruction.
        let is_of_source = |label: &str, (was, is): &Change| {
            label.ends_with(')') && label.contains(" (") && (was.is_none() || is.is_none())
        };
        reasons
            .retain(|reason| !matches!(reason, Reason::Option(label, change) if is_of_source(label, change)));
        let (before, now) = instruction_texts(old, new);
        reasons.insert(
            0,
            match new.kind {
                Kind::Image => Reason::OtherBase(before, now),
                _ => Reason::Instruction(before, now),
            },
        );
    }
    reasons
}

/// Whether an option is none that is typed, but comes with the kind of the instruction.
fn is_of_instruction(label: &str, (was, is): &Change) -> bool {
    let name = label.split(" (").next().unwrap_or(label);
    match name {
        "shell" => was.is_none() || is.is_none(),
        "unpack" | "follow symlinks" | "contents only" | "replace" | "make parents" => true,
        _ => false,
    }
}

/// Returns the instructions as people wrote them, or where those are the same what they come to.
fn instruction_texts(old: &Step, new: &Step) -> (String, String) {
    if old.name != new.name && new.kind != Kind::Image {
        return (old.name.clone(), new.name.clone());
    }
    let text = |step: &Step| {
        let parts = step.parts.iter().filter(|part| part.class == Class::Instruction);
        parts.map(|part| part.value.as_str()).collect::<Vec<_>>().join(" ")
    };
    (text(old), text(new))
}
