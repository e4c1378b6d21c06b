//! A graph as a tree for people.

use std::fmt::Write;

use bollard_buildkit_proto::pb;

use super::details;
use super::label::{Numbers, family, platform, title, trunk};
use crate::definition::Definition;
use crate::message::Op;

/// Deeper branches are written further below instead, so that no line gets wider than people can read.
const DEEPEST: usize = 12;

/// A place in the tree: an input, how far it is indented, and whether a branch begins with it.
struct Place<'a> {
    input: &'a pb::Input,
    depth: usize,
    begins: bool,
}

/// Returns the tree.
///
/// The result comes first. What an op goes on from follows straight below it, like the log of a version
/// control system; what it uses besides is a branch on its right. Ops that were written already, and
/// those for which a branch would get too deep, are referred to.
pub(super) fn write(definition: &Definition, ops: &[Op]) -> String {
    let Some(last) = ops.last() else {
        return "scratch\n".to_owned();
    };
    let numbers = Numbers::new(definition);
    let mut out = String::new();
    let mut written = vec![false; ops.len() + 1];
    let itself = pb::Input { digest: definition.ops[ops.len() - 1].digest.into(), index: 0 };
    let result = match (&last.kind, last.inputs.first()) {
        (None, Some(input)) => input,
        _ => &itself,
    };
    if result.index != 0 {
        let _ = writeln!(out, "result {}", numbers.name(result));
    }

    let mut below = std::collections::VecDeque::from([result]);
    while let Some(input) = below.pop_front() {
        if numbers.of(input).is_some_and(|number| written[number]) {
            continue;
        }
        if !out.is_empty() {
            out.push('\n');
        }
        let mut stack = vec![Place { input, depth: 0, begins: false }];
        while let Some(place) = stack.pop() {
            let Some(number) = numbers.of(place.input) else {
                heading(&mut out, &place, '○', &numbers.name(place.input));
                continue;
            };
            let (entry, op) = (&definition.ops[number - 1], &ops[number - 1]);
            let what = format!("{} {}", family(op), title(entry, op));
            let what = what.trim_end();
            let name = format!("{} {what}", numbers.name(place.input));
            if written[number] {
                heading(&mut out, &place, '○', &format!("{name} (above)"));
                continue;
            }
            if place.depth > DEEPEST {
                heading(&mut out, &place, '○', &format!("{name} (below)"));
                below.push_back(place.input);
                continue;
            }
            written[number] = true;
            let platform = platform(op).map_or_else(String::new, |p| format!(" [{p}]"));
            let digest = entry.digest.short();
            heading(&mut out, &place, '●', &format!("#{number} {what}{platform} {digest}"));
            let trunk = trunk(op);
            for line in details::of(definition, &numbers, entry, op).0 {
                indent(&mut out, place.depth);
                out.push_str(if trunk.is_some() { "│   " } else { "    " });
                out.push_str(line.trim_end());
                out.push('\n');
            }
            let Some(trunk) = trunk else { continue };
            stack.push(Place { input: &op.inputs[trunk], depth: place.depth, begins: false });
            let side = op.inputs.iter().enumerate().rev().filter(|(at, _)| *at != trunk);
            stack.extend(side.map(|(_, input)| Place { input, depth: place.depth + 1, begins: true }));
        }
    }
    out
}

fn heading(out: &mut String, place: &Place<'_>, mark: char, text: &str) {
    if place.begins {
        indent(out, place.depth - 1);
        out.push_str("├─");
    } else {
        indent(out, place.depth);
    }
    let _ = writeln!(out, "{mark} {text}");
}

fn indent(out: &mut String, depth: usize) {
    out.extend(std::iter::repeat_n("│ ", depth));
}
