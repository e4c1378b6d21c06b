//! A graph in Graphviz's language.

use std::fmt::Write;

use super::label::{Numbers, family, platform, title, trunk, uses};
use crate::definition::Definition;
use crate::message::Op;

/// Returns the graph: a node for each op but the terminal, and an edge for each input, which names the
/// mount or the copied path that it is for.
pub(super) fn write(definition: &Definition, ops: &[Op]) -> String {
    let numbers = Numbers::new(definition);
    let mut out = "digraph llb {\n  node [fontname=\"monospace\" fontsize=10];\n".to_owned();
    out.push_str("  edge [fontname=\"monospace\" fontsize=8];\n");
    for ((number, entry), op) in (1..).zip(&definition.ops).zip(ops) {
        let shape = match family(op) {
            "source" => "ellipse",
            "exec" => "box",
            "file" => "note",
            "merge" => "invtriangle",
            "diff" => "doublecircle",
            "build" => "box3d",
            "passthrough" => "cds",
            _ => "plaintext",
        };
        let mut label = vec![family(op).to_owned()];
        label.extend(Some(title(entry, op)).filter(|title| !title.is_empty()));
        label.extend(platform(op));
        label.push(entry.digest.short().to_owned());
        let label: Vec<_> = label.iter().map(|line| escape(line)).collect();
        let _ = writeln!(out, "  n{number} [label=\"{}\" shape={shape}];", label.join("\\n"));
    }
    for (number, op) in (1..).zip(ops) {
        let trunk = trunk(op);
        for (at, (input, uses)) in op.inputs.iter().zip(uses(op)).enumerate() {
            let Some(from) = numbers.of(input) else {
                continue;
            };
            let mut uses: Vec<_> = uses.iter().map(|text| escape(text)).collect();
            if input.index != 0 {
                uses.insert(0, format!("output {}", input.index));
            }
            let style = if trunk == Some(at) { "solid" } else { "dashed" };
            let label = match uses.join("\\n") {
                label if label.is_empty() => label,
                label => format!("label=\"{label}\" "),
            };
            let _ = writeln!(out, "  n{from} -> n{number} [{label}style={style}];");
        }
    }
    out.push_str("}\n");
    out
}

/// Returns a text as it is written between double quotes.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
