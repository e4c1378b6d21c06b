//! What would shorten a build, each claim computed from what this build did.

use serde::Serialize;

use super::chain::{Chain, Change, Schedule, Times};
use super::collector::Collector;
use super::graph::StepKind;
use super::model::{Step, seconds};
use crate::progress::time::Nanos;

/// The least gain that is worth a claim, in nanoseconds.
const WORTH: Nanos = 200_000_000;
/// Claims of one kind, at most.
const MOST: usize = 3;
/// Steps that are looked at for a kind of claim, at most: those that took longest.
const MOST_STEPS: usize = 400;

/// Something that takes time and need not.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Claim {
    /// `longest_chain`, `copy_with_link`, `beside_each_other`, `copy_before_install` or `context`.
    pub(super) kind: &'static str,
    /// The claim in words.
    pub(super) text: String,
    /// The time that it is about: what would be gained, or for the longest chain and the context what it took.
    pub(super) seconds: f64,
    /// The steps, by their digests.
    pub(super) steps: Vec<String>,
}

/// Returns the claims: the longest chain first, then by what would be gained.
pub(super) fn of(collector: &Collector, steps: &[Step], times: &Times, chain: &Chain) -> Vec<Claim> {
    let schedule = Schedule::of(collector, times);
    let length = schedule.length(None);
    let known = Known { collector, steps, schedule, length };
    let mut gains = Vec::new();
    gains.extend(known.best(is_copy, |step| known.copy_with_link(step)));
    gains.extend(known.best(is_run, |step| known.beside_another(step)));
    gains.extend(known.best(is_run, |step| known.copy_before_install(step)));
    gains.extend(most(known.contexts(chain)));
    gains.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    longest_chain(steps, times, chain).into_iter().chain(gains).collect()
}

fn most(mut claims: Vec<Claim>) -> Vec<Claim> {
    claims.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    claims.truncate(MOST);
    claims
}

fn longest_chain(steps: &[Step], times: &Times, chain: &Chain) -> Option<Claim> {
    let path = &chain.path;
    let longest = path.parts.iter().max_by(|a, b| a.seconds.total_cmp(&b.seconds))?;
    let step = steps.iter().find(|step| step.digest == longest.digest)?;
    let all = seconds(times.last.saturating_sub(times.first));
    let parts = path.parts.iter().filter(|part| part.seconds > 0.0).count();
    let steps_of_it = if parts == 1 {
        "one step".to_owned()
    } else {
        format!("{parts} steps, each of which the next one waited for")
    };
    let text = format!(
        "The longest chain took {:.2} s of {all:.2} s in {steps_of_it}. Most of it, {:.2} s, is {}.",
        path.seconds,
        longest.seconds,
        label(step),
    );
    let steps = path.parts.iter().map(|part| part.digest.clone()).collect();
    Some(Claim { kind: "longest_chain", text, seconds: path.seconds, steps })
}

/// A step as claims name it: its name and its place.
fn label(step: &Step) -> String {
    let mut name: String = step.name.chars().take(70).collect();
    if name.len() < step.name.len() {
        name.push('…');
    }
    match step.lines.first() {
        Some(span) => format!("“{name}” ({}:{})", step.file, span.first),
        None => format!("“{name}”"),
    }
}

const fn is_run(kind: &StepKind) -> bool {
    matches!(kind, StepKind::Run { .. })
}

const fn is_copy(kind: &StepKind) -> bool {
    matches!(kind, StepKind::Copy { .. })
}

/// What claims are computed from.
struct Known<'a> {
    collector: &'a Collector,
    steps: &'a [Step],
    schedule: Schedule<'a>,
    /// How long the schedule is as it is.
    length: Nanos,
}

impl Known<'_> {
    fn kind(&self, position: usize) -> &StepKind {
        const OTHER: &StepKind = &StepKind::Other;
        self.collector.graph.get(self.schedule.digest(position)).map_or(OTHER, |step| &step.kind)
    }

    fn kind_of(&self, digest: &str) -> Option<&StepKind> {
        self.collector.graph.get(digest).map(|step| &step.kind)
    }

    /// The file system that a step changes.
    fn base(&self, position: usize) -> Option<usize> {
        match self.kind(position) {
            StepKind::Run { base, .. } | StepKind::Copy { base, .. } => {
                base.as_deref().and_then(|base| self.schedule.position(base))
            }
            StepKind::Context | StepKind::Other => None,
        }
    }

    fn ran(&self, position: usize) -> bool {
        let step = &self.steps[position];
        step.state == "done" && !step.cached
    }

    /// Returns the claims with the greatest gains on steps of a kind that ran. No claim on a step gains more than its own
    /// work.
    fn best(
        &self,
        is_of_kind: impl Fn(&StepKind) -> bool,
        claim_on: impl Fn(usize) -> Option<Claim>,
    ) -> Vec<Claim> {
        let work = |step: usize| self.schedule.work(step);
        let is_long = |step: &usize| work(*step) >= WORTH && self.ran(*step) && is_of_kind(self.kind(*step));
        let mut steps: Vec<usize> = (0..self.steps.len()).filter(is_long).collect();
        steps.sort_by_key(|step| std::cmp::Reverse(work(*step)));
        let mut claims: Vec<Claim> = Vec::new();
        for step in steps.into_iter().take(MOST_STEPS) {
            if claims.get(MOST - 1).is_some_and(|last| last.seconds >= seconds(work(step))) {
                break;
            }
            claims.extend(claim_on(step));
            claims = most(claims);
        }
        claims
    }

    /// What the build would gain if `step` took `other` in place of `base`, and whoever uses `step` waited for `base` too;
    /// `None` where that is not worth a claim.
    fn gain(&self, step: usize, base: usize, other: Option<usize>) -> Option<Nanos> {
        // Where nobody uses the step, the result still needs both.
        let changed = self.schedule.length(Some(Change { step, base, other }));
        Some(self.length.saturating_sub(changed)).filter(|gain| *gain >= WORTH)
    }

    /// A copy that waited for the step before it, of which it reads nothing.
    fn copy_with_link(&self, step: usize) -> Option<Claim> {
        let StepKind::Copy { sources, .. } = self.kind(step) else { return None };
        let base = self.base(step).filter(|_| !sources.is_empty())?;
        if sources.iter().any(|source| self.schedule.position(source) == Some(base)) {
            return None;
        }
        let gain = self.gain(step, base, None)?;
        let text = format!(
            "{} waited for {}, of which it reads nothing. With --link it would run beside it, and the build would be \
             {:.2} s shorter.",
            label(&self.steps[step]),
            label(&self.steps[base]),
            seconds(gain),
        );
        Some(self.claim("copy_with_link", text, gain, &[base, step]))
    }

    /// A command after another one; both could be stages of their own.
    fn beside_another(&self, step: usize) -> Option<Claim> {
        let before = self.base(step).filter(|before| is_run(self.kind(*before)) && self.ran(*before))?;
        let gain = self.gain(step, before, self.base(before))?;
        let text = format!(
            "{} waited for {}. If it needs nothing that the other one makes, the two could run beside each other in \
             stages of their own, and the build would be {:.2} s shorter.",
            label(&self.steps[step]),
            label(&self.steps[before]),
            seconds(gain),
        );
        Some(self.claim("beside_each_other", text, gain, &[before, step]))
    }

    /// Files of the context that are copied before packages of the system are installed, which read none of them.
    fn copy_before_install(&self, step: usize) -> Option<Claim> {
        let StepKind::Run { arguments, has_mounts: false, .. } = self.kind(step) else { return None };
        if !installs_packages_only(arguments) {
            return None;
        }
        let mut copied = None;
        let mut above = self.base(step);
        // Only past copies, and nothing that the packages could depend on.
        for _ in 0..MOST_STEPS {
            let Some(position) = above else { break };
            let StepKind::Copy { sources, targets, .. } = self.kind(position) else { break };
            if !targets.iter().all(|target| is_apart_from_system(target)) {
                break;
            }
            if sources.iter().any(|source| self.kind_of(source) == Some(&StepKind::Context)) {
                copied = Some(position);
            }
            above = self.base(position);
        }
        let (copied, took) = (copied?, self.schedule.work(step));
        let text = format!(
            "{} comes before {}, which only installs packages of the system and reads none of the copied files. \
             Below it, the copy would not make the packages be installed again whenever a file changes: {:.2} s in \
             this build.",
            label(&self.steps[copied]),
            label(&self.steps[step]),
            seconds(took),
        );
        Some(self.claim("copy_before_install", text, took, &[copied, step]))
    }

    /// Folders of the client that the build waited for.
    fn contexts(&self, chain: &Chain) -> Vec<Claim> {
        let mut claims = Vec::new();
        for part in chain.path.parts.iter().filter(|part| part.seconds >= seconds(WORTH)) {
            let Some(position) = self.schedule.position(&part.digest) else { continue };
            let step = &self.steps[position];
            let sent = step.transfers.iter().filter(|part| part.name.starts_with("transferring "));
            let bytes: i64 = sent.map(|part| part.current).fold(0, i64::saturating_add);
            if self.kind(position) != &StepKind::Context || bytes <= 0 {
                continue;
            }
            let text = format!(
                "The build waited {:.2} s for {}, which moved {bytes} bytes from this machine.",
                part.seconds,
                label(step),
            );
            let steps = vec![step.digest.clone()];
            claims.push(Claim { kind: "context", text, seconds: part.seconds, steps });
        }
        claims
    }

    fn claim(&self, kind: &'static str, text: String, gain: Nanos, steps: &[usize]) -> Claim {
        let steps = steps.iter().map(|step| self.schedule.digest(*step).to_owned()).collect();
        Claim { kind, text, seconds: seconds(gain), steps }
    }
}

/// Whether a command does nothing but install packages of the system by name. It says no where in doubt.
pub(super) fn installs_packages_only(arguments: &[String]) -> bool {
    const MANAGERS: [&str; 7] = ["apt-get", "apt", "apk", "dnf", "microdnf", "yum", "zypper"];
    const LISTS: [&str; 2] = ["/var/lib/apt/lists/", "/var/cache/"];
    let is_list = |word: &str| LISTS.iter().any(|list| word.starts_with(list)) && !word.contains("..");
    let [_, flag, command] = arguments else { return false };
    if flag != "-c" || command.contains(['$', '`', '<', '>', '|', '(', '\'', '"']) {
        return false;
    }
    let command = command.replace("\\\n", " ");
    let (mut installs, mut is_only) = (false, true);
    for part in command.split(['\n', ';', '&']) {
        let words: Vec<&str> = part.split_whitespace().skip_while(|word| word.contains('=')).collect();
        let Some((program, rest)) = words.split_first() else { continue };
        let names_files = || rest.iter().any(|word| word.contains('/'));
        is_only &= match *program {
            "set" => true,
            "rm" => rest.iter().all(|word| word.starts_with('-') || is_list(word)),
            program if MANAGERS.contains(&program) && !names_files() => {
                installs |= rest.iter().any(|word| ["install", "add"].contains(word));
                true
            }
            _ => false,
        };
    }
    installs && is_only
}

/// Whether files at `target` are none that a package manager reads.
fn is_apart_from_system(target: &str) -> bool {
    const SYSTEM: [&str; 9] = ["etc", "usr", "var", "lib", "lib64", "bin", "sbin", "root", "run"];
    let first = target.trim_start_matches('/').split('/').next().unwrap_or_default();
    target.starts_with('/') && !first.is_empty() && !SYSTEM.contains(&first) && !target.contains("..")
}
