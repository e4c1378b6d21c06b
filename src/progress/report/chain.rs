//! Which steps followed each other from the start of a build to its end, and how long it would take with other edges.

use std::collections::{BTreeMap, BTreeSet};

use super::collector::{Collector, StepState};
use super::model::{CriticalPath, PathPart, seconds};
use crate::progress::journal::is_cancellation;
use crate::progress::time::{self, Nanos};

/// Steps that ended at one moment and are looked at for what came before another step, at most.
const MOST_AT_ONCE: usize = 100;

/// When what happened, on the clock of buildkitd.
#[derive(Debug, Default)]
pub(super) struct Times {
    /// When the first step began.
    pub(super) first: Nanos,
    /// When the last step ended; where some still run, when something was last heard of one.
    pub(super) last: Nanos,
    /// Start and end of the last run of each step; of one that runs, the end is [`Times::last`].
    runs: BTreeMap<String, (Nanos, Nanos)>,
}

impl Times {
    pub(super) fn of(collector: &Collector) -> Self {
        let steps = || collector.steps.values();
        let starts = || steps().flat_map(|step| step.runs.keys().copied());
        let ends = steps().flat_map(|step| step.runs.values().filter_map(|(_, end)| end.as_ref()));
        let moments =
            steps().flat_map(|step| &step.transfers).filter_map(|(_, part)| part.timestamp.as_ref());
        let is_open = steps().any(|step| step.runs.values().any(|(_, end)| end.is_none()));
        let heard = moments.filter(|_| is_open).map(time::nanos);
        let first = starts().min().unwrap_or(0);
        let last = starts().chain(ends.map(time::nanos)).chain(heard).max().unwrap_or(0);
        let runs = collector.steps.iter().filter_map(|(digest, step)| {
            let (start, end) = step.last_run()?;
            Some((digest.clone(), (start, end.unwrap_or(last).max(start))))
        });
        Self { first, last, runs: runs.collect() }
    }

    pub(super) fn start(&self, digest: &str) -> Option<Nanos> {
        self.runs.get(digest).map(|(start, _)| *start)
    }

    pub(super) fn end(&self, digest: &str) -> Option<Nanos> {
        self.runs.get(digest).map(|(_, end)| *end)
    }

    /// Returns the input of a step that was there last.
    pub(super) fn last_input<'a>(&self, step: &'a StepState) -> Option<&'a str> {
        let inputs = step.inputs.iter().filter(|input| self.runs.contains_key(*input));
        inputs.max_by_key(|input| self.end(input)).map(String::as_str)
    }

    /// The time of all runs of a step, overlapping ones counted once.
    pub(super) fn busy(&self, step: &StepState) -> Nanos {
        let (mut total, mut covered): (Nanos, Nanos) = (0, Nanos::MIN);
        for (start, (_, end)) in &step.runs {
            let (start, end) = ((*start).max(covered), end.as_ref().map_or(self.last, time::nanos));
            if end > start {
                total = total.saturating_add(end.saturating_sub(start));
                covered = end;
            }
        }
        total
    }
}

/// The steps that followed each other until the end of the build.
#[derive(Debug, Default)]
pub(super) struct Chain {
    pub(super) path: CriticalPath,
    digests: BTreeSet<String>,
}

impl Chain {
    /// Goes back from the step that ended last, or the one that failed: to the input that was there last, else to what
    /// had ended last when the step began.
    pub(super) fn find(collector: &Collector, times: &Times) -> Self {
        let failed = |step: &StepState| !step.error.is_empty() && !is_cancellation(&step.error);
        let ended = || collector.steps.keys().filter(|digest| times.end(digest).is_some());
        let last = ended()
            .filter(|digest| failed(&collector.steps[*digest]))
            .max_by_key(|digest| times.end(digest))
            .or_else(|| ended().max_by_key(|digest| times.end(digest)));
        let mut by_end: Vec<(Nanos, &str)> =
            ended().filter_map(|digest| Some((times.end(digest)?, digest.as_str()))).collect();
        by_end.sort_unstable();
        let mut chain = Self::default();
        let mut total: Nanos = 0;
        let mut limit = Nanos::MAX;
        let mut next = last.map(String::as_str);
        while let Some(digest) = next.filter(|digest| !chain.digests.contains(*digest)) {
            let (Some(start), Some(end)) = (times.start(digest), times.end(digest)) else { break };
            let (before, because) = match times.last_input(&collector.steps[digest]) {
                Some(input) => (Some(input), "input"),
                None => match by_end[..by_end.partition_point(|(end, _)| *end <= start)]
                    .iter()
                    .rev()
                    .take(MOST_AT_ONCE)
                    .find(|(_, other)| *other != digest && !chain.digests.contains(*other))
                {
                    Some((_, other)) => (Some(*other), "time"),
                    None => (None, "start"),
                },
            };
            // What it did before its last input was there is not what the build waited for.
            let begun = before.and_then(|before| times.end(before)).map_or(start, |ready| start.max(ready));
            let span = end.min(limit).saturating_sub(begun).max(0);
            total = total.saturating_add(span);
            chain.path.parts.push(PathPart { digest: digest.to_owned(), seconds: seconds(span), because });
            chain.digests.insert(digest.to_owned());
            limit = begun;
            next = before;
        }
        chain.path.parts.reverse();
        chain.path.seconds = seconds(total);
        chain
    }

    pub(super) fn holds(&self, digest: &str) -> bool {
        self.digests.contains(digest)
    }
}

/// The graph with the time that each step took once its inputs were there.
#[derive(Debug)]
pub(super) struct Schedule<'a> {
    digests: Vec<&'a str>,
    index: BTreeMap<&'a str, usize>,
    /// Inputs before the steps that use them. Steps in circles, which no graph of a build has, are left out.
    order: Vec<usize>,
    inputs: Vec<Vec<usize>>,
    work: Vec<Nanos>,
}

impl<'a> Schedule<'a> {
    pub(super) fn of(collector: &'a Collector, times: &Times) -> Self {
        let digests: Vec<&str> = collector.steps.keys().map(String::as_str).collect();
        let index: BTreeMap<&str, usize> =
            digests.iter().enumerate().map(|(i, digest)| (*digest, i)).collect();
        let inputs: Vec<Vec<usize>> = collector
            .steps
            .values()
            .map(|step| step.inputs.iter().filter_map(|input| index.get(input.as_str()).copied()).collect())
            .collect();
        let used: BTreeSet<&String> = collector.steps.values().flat_map(|step| &step.inputs).collect();
        let work = collector.steps.iter().map(|(digest, step)| {
            // An export or a look-up is no part of the graph: it takes the same time before or after it.
            if step.inputs.is_empty() && !used.contains(digest) {
                return 0;
            }
            let (Some(start), Some(end)) = (times.start(digest), times.end(digest)) else { return 0 };
            // A step without inputs begins when buildkitd gets to it.
            let ready = times.last_input(step).and_then(|input| times.end(input));
            let begun = if step.inputs.is_empty() { times.first } else { ready.unwrap_or(start).max(start) };
            end.saturating_sub(begun).max(0)
        });
        let work = work.collect();
        let order = topological(&inputs);
        Self { digests, index, order, inputs, work }
    }

    pub(super) fn position(&self, digest: &str) -> Option<usize> {
        self.index.get(digest).copied()
    }

    pub(super) fn digest(&self, position: usize) -> &'a str {
        self.digests[position]
    }

    /// How long a step took.
    pub(super) fn work(&self, position: usize) -> Nanos {
        self.work[position]
    }

    /// When the last step would end, with one change if there is one.
    pub(super) fn length(&self, change: Option<Change>) -> Nanos {
        let mut ends = vec![0; self.inputs.len()];
        for &step in &self.order {
            let inputs = &self.inputs[step];
            let (without, with) = match change {
                Some(Change { step: changed, base, other }) if changed == step => (Some(base), other),
                Some(Change { step: changed, base, .. }) if inputs.contains(&changed) => (None, Some(base)),
                _ => (None, None),
            };
            let inputs = inputs.iter().copied().filter(|input| Some(*input) != without).chain(with);
            let ready = inputs.map(|input| ends[input]).max().unwrap_or(0);
            ends[step] = self.work[step].saturating_add(ready);
        }
        ends.into_iter().max().unwrap_or(0)
    }
}

/// Another graph: `step` uses `other` in place of `base`, and whoever uses `step` waits for `base` too. Both come before
/// `step` in the graph as it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change {
    pub(super) step: usize,
    pub(super) base: usize,
    pub(super) other: Option<usize>,
}

/// Returns the steps, inputs before those that use them. Steps in circles are left out, with all that use them.
pub(super) fn topological(inputs: &[Vec<usize>]) -> Vec<usize> {
    let mut users = vec![Vec::new(); inputs.len()];
    let mut missing: Vec<usize> = inputs.iter().map(Vec::len).collect();
    for (step, inputs) in inputs.iter().enumerate() {
        for &input in inputs {
            users[input].push(step);
        }
    }
    let mut order: Vec<usize> = (0..inputs.len()).filter(|&step| missing[step] == 0).collect();
    let mut done = 0;
    while let Some(&step) = order.get(done) {
        done += 1;
        for &user in &users[step] {
            missing[user] -= 1;
            if missing[user] == 0 {
                order.push(user);
            }
        }
    }
    order
}
