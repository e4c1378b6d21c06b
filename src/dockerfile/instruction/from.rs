//! FROM.

use super::bflags::Flags;
use super::{Descriptions, check_description, fact, head};
use crate::dockerfile::ast::Stage;
use crate::dockerfile::error::ErrorKind;
use crate::dockerfile::fact::{Fact, FactKind};
use crate::dockerfile::syntax::Node;
use crate::dockerfile::text::{EqualFold, to_lower, to_upper};

/// Returns the stage that a FROM begins, without instructions.
pub(super) fn stage(node: Node, facts: &mut Vec<Fact>) -> Result<Stage, ErrorKind> {
    note_casing(&node, facts);
    let name = stage_name(&node.args)?;
    let flags = Flags::none().texts(&["platform"]).parse(&node.flags)?;
    if !name.is_empty() {
        check_description(&node, "FROM", &[&name], facts);
    }
    Ok(Stage {
        base_name: node.args.first().cloned().unwrap_or_default(),
        platform: flags.text("platform"),
        doc_comment: Descriptions::new(&node.comments).of(&name),
        name,
        head: head(node),
        instructions: Vec::new(),
    })
}

fn stage_name(args: &[String]) -> Result<String, ErrorKind> {
    match args {
        [_] => Ok(String::new()),
        [_, keyword, name] if keyword.equal_fold("as") => {
            let lower = to_lower(name);
            if is_stage_name(&lower) {
                Ok(lower.into())
            } else {
                Err(ErrorKind::InvalidStageName { name: name.clone() })
            }
        }
        _ => Err(ErrorKind::FromArguments),
    }
}

fn is_stage_name(name: &str) -> bool {
    let inner = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.');
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.bytes().all(inner)
}

/// Notes a stage name, or an `AS`, in another case than it should be; looks at no more than the number
/// of words, as BuildKit does before it checks them.
fn note_casing(node: &Node, facts: &mut Vec<Fact>) {
    // Changing the case of bytes that are not UTF-8 changes them: BuildKit finds them in no case.
    let broken = |word: &str| node.raw.is_some() && word.contains('\u{fffd}');
    let is_lower = |word: &String| *word == to_lower(word) && !broken(word);
    let is_upper = |word: &String| *word == to_upper(word) && !broken(word);
    if let [_, _, name] = node.args.as_slice()
        && !is_lower(name)
    {
        facts.push(fact(node, FactKind::StageNameCasing { name: name.clone() }));
    }
    let [_, as_word, _, ..] = node.args.as_slice() else {
        return;
    };
    let from = &node.keyword;
    let matches = if *from == to_lower(from) {
        is_lower(as_word)
    } else if *from == to_upper(from) {
        is_upper(as_word)
    } else {
        true
    };
    if !matches {
        let kind = FactKind::FromAsCasing { from: from.clone(), as_word: as_word.clone() };
        facts.push(fact(node, kind));
    }
}
