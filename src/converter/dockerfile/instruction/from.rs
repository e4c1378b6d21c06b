//! FROM.

use std::mem::take;

use super::flag_values::{Takes, Values};
use super::{check_description, head, parser_note};
use crate::converter::dockerfile::ast::Stage;
use crate::converter::dockerfile::error::ErrorKind;
use crate::converter::dockerfile::parser_note::{ParserNote, ParserNoteKind};
use crate::converter::dockerfile::syntax::Node;
use crate::gotext::{equal_fold, is_lower, is_upper, to_lower};

/// Returns the stage that a FROM begins, without instructions.
pub(super) fn stage(mut node: Box<Node<'_>>, notes: &mut Vec<ParserNote>) -> Result<Stage, ErrorKind> {
    note_casing(&node, notes);
    let name = stage_name(&node.args.words)?;
    let flags = Values::parse(&node.flags, &[("platform", Takes::Text)])?;
    if !name.is_empty() {
        check_description(&node, "FROM", &[&name], notes);
    }
    Ok(Stage {
        base_name: node.args.words.first_mut().map(take).unwrap_or_default(),
        platform: flags.text("platform"),
        description: node.description_of(&name),
        name,
        head: head(node),
        instructions: Vec::new(),
    })
}

fn stage_name(args: &[String]) -> Result<String, ErrorKind> {
    match args {
        [_] => Ok(String::new()),
        [_, keyword, name] if equal_fold(keyword, "as") => {
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
fn note_casing(node: &Node<'_>, notes: &mut Vec<ParserNote>) {
    let [_, as_word, rest @ ..] = node.args.words.as_slice() else {
        return;
    };
    // Changing the case of bytes that are not UTF-8 changes them: BuildKit finds them in no case.
    let broken = |word: &str| node.args.raw.is_some() && word.contains('\u{fffd}');
    if let [name] = rest
        && (!is_lower(name) || broken(name))
    {
        notes.push(parser_note(node, ParserNoteKind::StageNameCasing { name: name.clone() }));
    }
    if rest.is_empty() {
        return;
    }
    let from = node.word();
    let matches = if is_lower(&from) {
        is_lower(as_word) && !broken(as_word)
    } else if is_upper(&from) {
        is_upper(as_word) && !broken(as_word)
    } else {
        true
    };
    if !matches {
        let kind = ParserNoteKind::FromAsCasing { from: from.into_owned(), as_word: as_word.clone() };
        notes.push(parser_note(node, kind));
    }
}
