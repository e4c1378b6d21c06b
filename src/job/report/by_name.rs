//! The line of a step that buildkitd fails without naming its line, such as an ADD of an address.

use crate::diag::{Source, Span};
use crate::progress::{Journal, StepRecord};

/// Returns the one step that failed with what `message` says.
pub(super) fn failed_step<'a>(journal: &'a Journal, message: &str) -> Option<&'a StepRecord> {
    let mut failed =
        journal.failed().filter(|step| step.name.starts_with('[') && says(message, step.error.trim()));
    let step = failed.next()?;
    failed.all(|other| other.name == step.name).then_some(step)
}

fn says(message: &str, error: &str) -> bool {
    message.contains(error) || error.contains(message.trim())
}

/// Returns the one line of the Dockerfile that has the words of a step's name.
pub(super) fn line_of(source: &Source, step: &str) -> Option<Span> {
    let (_, instruction) = step.split_once("] ")?;
    let wanted = words(instruction);
    let mut found = (1..)
        .map_while(|number| Some((number, source.line(number)?)))
        .filter(|(_, line)| words(&String::from_utf8_lossy(line)) == wanted);
    let (number, _) = found.next()?;
    found.next().is_none().then(|| Span::line(number))
}

/// The words of an instruction, its name in capitals.
fn words(text: &str) -> String {
    let mut words = text.split_whitespace();
    let name = words.next().unwrap_or_default().to_ascii_uppercase();
    std::iter::once(name.as_str()).chain(words).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_line_with_the_words_of_the_step_is_its_line() {
        let source =
            Source::new("Dockerfile", "FROM a\nadd  http://h/x /x\nADD http://h/y /y\nADD http://h/y /y\n");
        assert_eq!(line_of(&source, "[2/4] ADD http://h/x /x"), Some(Span::line(2)));
        assert_eq!(line_of(&source, "[3/4] ADD http://h/y /y"), None);
        assert_eq!(line_of(&source, "exporting to image"), None);
    }
}
