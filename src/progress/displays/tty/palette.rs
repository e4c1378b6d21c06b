//! The colours of the live view (`BUILDKIT_COLORS`), and how many lines of logs it shows (`BUILDKIT_TTY_LOG_LINES`).

use std::sync::Once;

use super::super::environment::{has_no_colour, variable};

/// Log lines that are shown of a running step.
///
/// Source: `termHeightMin` in `util/progress/progressui/init.go` in BuildKit.
const LOG_LINES: usize = 6;

/// Done once it is told what the environment asks in vain: a program may show several builds.
static TOLD: Once = Once::new();

/// What a line of the live view is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Something that runs.
    Plain,
    /// A step that is done.
    Done,
    /// A step that was cancelled.
    Cancelled,
    /// A step that failed.
    Failed,
    /// A warning.
    Warning,
    /// A line of a log.
    Log,
}

/// The colours, as parameters of terminal sequences; empty for none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Palette {
    run: String,
    cancel: String,
    error: String,
    warning: String,
    log: String,
}

/// How the live view looks.
#[derive(Debug, Clone)]
pub(super) struct Look {
    pub(super) palette: Palette,
    pub(super) log_lines: usize,
}

impl Look {
    /// The look that the environment asks for. What it asks in vain is logged as a warning.
    pub(super) fn of_environment() -> Self {
        let mut faults = Vec::new();
        let colours = variable("BUILDKIT_COLORS");
        let palette = if has_no_colour() {
            Palette::default()
        } else {
            Palette::parse(colours.as_deref().unwrap_or_default(), &mut faults)
        };
        let log_lines = log_lines(variable("BUILDKIT_TTY_LOG_LINES").as_deref(), &mut faults);
        TOLD.call_once(|| faults.iter().for_each(|fault| tracing::warn!("{fault}")));
        Self { palette, log_lines }
    }
}

/// Logs what the environment asks of the live view in vain. Where progress is lines of text, that alone is told: whether there
/// is a live view may be for the terminal to say.
pub(in crate::progress::displays) fn warn_of_environment() {
    let _ = Look::of_environment();
}

fn log_lines(text: Option<&str>, faults: &mut Vec<String>) -> usize {
    let Some(text) = text else { return LOG_LINES };
    if let Ok(lines @ 1..=1000) = text.parse() {
        return lines;
    }
    faults
        .push(format!("BUILDKIT_TTY_LOG_LINES={text:?} is not used: write a number of lines from 1 to 1000"));
    LOG_LINES
}

impl Palette {
    /// The usual colours, those of `text` in their place: `run=blue:error=255,0,0:…`.
    ///
    /// Source: `setUserDefinedTermColors` in `util/progress/progressui/colors.go` in BuildKit.
    pub(super) fn parse(text: &str, faults: &mut Vec<String>) -> Self {
        let usual = |code: &str| code.to_owned();
        let mut palette = Self {
            run: usual("34"),
            cancel: usual("33"),
            error: usual("31"),
            warning: usual("33"),
            log: usual("2"),
        };
        for entry in text.split(':').map(|entry| entry.trim_matches('"')).filter(|entry| !entry.is_empty()) {
            let mut wrong =
                |fault: &str| faults.push(format!("BUILDKIT_COLORS: {entry:?} is not used: {fault}"));
            let Some((key, value)) = entry.split_once('=') else {
                wrong("write KEY=COLOUR");
                continue;
            };
            let Some(code) = colour(&value.to_ascii_lowercase()) else {
                wrong("the colour is a name such as blue or light-blue, or RED,GREEN,BLUE from 0 to 255");
                continue;
            };
            match key.to_ascii_lowercase().as_str() {
                "run" => palette.run = code,
                "cancel" => palette.cancel = code,
                "error" => palette.error = code,
                "warning" => palette.warning = code,
                _ => wrong("the keys are run, cancel, error and warning"),
            }
        }
        palette
    }

    /// `text` in the colour of `style`.
    pub(super) fn paint(&self, text: &str, style: Style) -> String {
        let code = match style {
            Style::Plain => "",
            Style::Done => &self.run,
            Style::Cancelled => &self.cancel,
            Style::Failed => &self.error,
            Style::Warning => &self.warning,
            Style::Log => &self.log,
        };
        if code.is_empty() { text.to_owned() } else { format!("\u{1b}[{code}m{text}\u{1b}[0m") }
    }
}

/// The parameters of a colour.
fn colour(name: &str) -> Option<String> {
    const NAMES: [&str; 8] = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
    if name == "default" {
        return Some("39".to_owned());
    }
    let (first, plain) = name.strip_prefix("light-").map_or((30, name), |plain| (90, plain));
    if let Some(index) = NAMES.iter().position(|known| *known == plain) {
        return Some((first + index).to_string());
    }
    let parts: Vec<u8> = name.split(',').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let [red, green, blue] = parts[..] else { return None };
    // One of the 216 colours that every terminal with 256 colours has.
    let level = |part: u8| u16::from(part / 43);
    Some(format!("38;5;{}", 16 + 36 * level(red) + 6 * level(green) + level(blue)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_named_or_mixed() {
        let mut faults = Vec::new();
        let palette = Palette::parse("run=yellow:Error=light-Red:cancel=255,0,128", &mut faults);
        assert_eq!(palette.paint("x", Style::Done), "\u{1b}[33mx\u{1b}[0m");
        assert_eq!(palette.paint("x", Style::Failed), "\u{1b}[91mx\u{1b}[0m");
        assert_eq!(palette.paint("x", Style::Cancelled), "\u{1b}[38;5;198mx\u{1b}[0m");
        assert_eq!(palette.paint("x", Style::Plain), "x");
        assert_eq!(Palette::default().paint("x", Style::Failed), "x");
        assert!(faults.is_empty());
    }

    #[test]
    fn what_is_not_used_is_named() {
        let mut faults = Vec::new();
        let palette = Palette::parse("run:run=pink:sky=blue:error=1,2:error=1,2,300", &mut faults);
        assert_eq!(palette, Palette::parse("", &mut Vec::new()));
        assert_eq!(faults.len(), 5, "{faults:?}");
        assert_eq!(log_lines(Some("12"), &mut faults), 12);
        assert_eq!((log_lines(Some("0"), &mut faults), faults.len()), (LOG_LINES, 6));
    }
}
