//! Rows of the trace as lines of a terminal.

use super::palette::Style;
use super::screen::Line;
use crate::diag::{columns, fitted};
use crate::progress::displays::text;
use crate::progress::journal::is_cancellation;
use crate::progress::time::{self, Nanos};
use crate::progress::trace::{Row, Status};

/// What a name needs beside it before anything else is shown there, in columns.
const LEAST_NAME: usize = 12;
/// From this width on transfers have a bar.
const BAR_WIDTH: usize = 100;
/// From this width on digests are whole.
const WHOLE_DIGEST_WIDTH: usize = 140;
/// The cells of a bar.
const BAR_CELLS: usize = 20;
/// Transfers that are listed of one step.
pub(super) const TRANSFERS: usize = 8;

/// A line that begins with `left` and ends with `right` at the edge of `width` columns. `right` goes where there is no
/// room for both.
pub(super) fn aligned(left: &str, right: &str, width: usize, style: Style) -> Line {
    let room = width.saturating_sub(columns(right) + 1);
    if right.is_empty() || room < LEAST_NAME {
        return Line { text: fitted(left, width), style };
    }
    let left = fitted(left, room);
    let pad = " ".repeat(room - columns(&left));
    Line { text: format!("{left}{pad} {right}"), style }
}

pub(super) fn seconds(span: Nanos) -> String {
    format!("{:.1}s", time::seconds(span))
}

/// The line of a step that runs.
pub(super) fn running(name: &str, row: &Row, now: Nanos, width: usize) -> Line {
    aligned(
        &text::one_row(&format!(" => {name}"), usize::MAX),
        &seconds(row.duration(now)),
        width,
        Style::Plain,
    )
}

/// The lines of a step that is done.
pub(super) fn done(row: &Row, now: Nanos, width: usize) -> Vec<Line> {
    let (mark, style) = match () {
        () if is_cancellation(&row.error) => ("CANCELED ", Style::Cancelled),
        () if !row.error.is_empty() => ("ERROR ", Style::Failed),
        () if row.cached => ("CACHED ", Style::Done),
        () => ("", Style::Done),
    };
    let name = text::one_row(&format!(" => {mark}{}", row.name), usize::MAX);
    let mut lines = vec![aligned(&name, &seconds(row.duration(now)), width, style)];
    let is_worth = |status: &Status| status.total > 0 || status.current > 0 || status.span() >= 100_000_000;
    let worth: Vec<_> =
        row.statuses.iter().filter(|(_, status)| status.started.is_some() && is_worth(status)).collect();
    lines.extend(worth.iter().take(TRANSFERS).map(|(id, status)| transfer(id, status, width, style)));
    lines.extend(more(worth.len().saturating_sub(TRANSFERS), "", width));
    lines
}

/// The lines of what moves in a step that runs.
pub(super) fn transfers(row: &Row, width: usize) -> Vec<Line> {
    let is_open = |status: &Status| status.started.is_some() && status.completed.is_none();
    let open: Vec<_> = row.statuses.iter().filter(|(_, status)| is_open(status)).collect();
    let shown = open.iter().take(TRANSFERS);
    let mut lines: Vec<Line> = shown.map(|(id, status)| transfer(id, status, width, Style::Plain)).collect();
    lines.extend(more(open.len().saturating_sub(TRANSFERS), "", width));
    lines
}

/// A line that says how many lines there is no room for; none where there are none.
pub(super) fn more(count: usize, what: &str, width: usize) -> Option<Line> {
    let text = format!(" => => and {count} more{what}");
    (count > 0).then(|| Line { text: fitted(&text, width), style: Style::Plain })
}

pub(super) fn warning(words: &str, width: usize) -> Line {
    Line { text: text::one_row(&format!(" => => WARN: {words}"), width), style: Style::Warning }
}

pub(super) fn log(line: &str, width: usize) -> Line {
    Line { text: text::one_row(&format!(" => => # {line}"), width), style: Style::Log }
}

/// `NAME 12.30MB / 29.10MB 4.10MB/s`, and how long it took or takes; with a bar where there is room.
fn transfer(id: &str, status: &Status, width: usize, style: Style) -> Line {
    let name = if width < WHOLE_DIGEST_WIDTH { short_digests(id) } else { id.to_owned() };
    let name = text::one_row(&format!(" => => {name}"), usize::MAX);
    let amount = match (status.total, status.current) {
        (1.., current) => format!("{} / {}", text::bytes(current), text::bytes(status.total)),
        (_, 1..) => text::bytes(status.current),
        _ => String::new(),
    };
    let took = seconds(status.span());
    let mut parts = vec![amount, text::rate(status), took];
    parts.retain(|part| !part.is_empty());
    let room_for = |right: &str| width.saturating_sub(columns(right) + 1);
    // The rate goes first where there is little room, then the amount.
    while parts.len() > 1 && room_for(&parts.join(" ")) < columns(&name).min(24) {
        parts.remove(parts.len() - 2);
    }
    let mut right = parts.join(" ");
    if width >= BAR_WIDTH
        && let Some(bar) = bar(status)
        && room_for(&format!("{bar} {right}")) >= columns(&name).min(40)
    {
        right = format!("{bar} {right}");
    }
    aligned(&name, &right, width, style)
}

/// `[=====>     ]`; none where the total is not known, or all is there.
fn bar(status: &Status) -> Option<String> {
    let total = u64::try_from(status.total).ok().filter(|total| *total > 0 && status.completed.is_none())?;
    let current = u64::try_from(status.current).unwrap_or(0).min(total);
    let filled =
        usize::try_from(u128::from(current) * BAR_CELLS as u128 / u128::from(total)).unwrap_or(BAR_CELLS);
    let tip = if filled < BAR_CELLS { ">" } else { "" };
    Some(format!("[{}{tip}{}]", "=".repeat(filled), " ".repeat(BAR_CELLS - filled - tip.len())))
}

/// `text` with twelve digits of each digest.
fn short_digests(text: &str) -> String {
    let mut short = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("sha256:") {
        let digits = after.bytes().take_while(u8::is_ascii_hexdigit).count();
        short += before;
        short += "sha256:";
        short += &after[..if digits == 64 { 12 } else { digits }];
        rest = &after[digits..];
    }
    short + rest
}

/// The platform that a step's name begins with, and its name without it: `[linux/arm64 build 2/3] RUN make`. Of a step
/// that builds for another platform than it runs on it is the one that it builds for: `[linux/amd64->arm64 1/2] …`.
pub(super) fn platform(name: &str) -> Option<(String, String)> {
    let inner = name.strip_prefix('[')?;
    let (word, rest) = inner.split_once(' ')?;
    let (os, _) = word.split_once('/').filter(|_| !word.contains(']'))?;
    if !os.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let platform = match word.split_once("->") {
        None => word.to_owned(),
        Some((_, target))
            if ["linux/", "windows/", "darwin/", "freebsd/"].iter().any(|os| target.starts_with(os)) =>
        {
            target.to_owned()
        }
        Some((_, target)) => format!("{os}/{target}"),
    };
    Some((platform, format!("[{rest}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_platform_of_a_step_is_the_one_that_it_builds_for() {
        let read = |name: &str| platform(name).map(|(platform, name)| format!("{platform} | {name}"));
        assert_eq!(read("[linux/arm64 build 2/3] RUN a").unwrap(), "linux/arm64 | [build 2/3] RUN a");
        assert_eq!(read("[linux/amd64->arm/v7 1/2] FROM b").unwrap(), "linux/arm/v7 | [1/2] FROM b");
        assert_eq!(read("[linux/amd64->windows/amd64 1/2] x").unwrap(), "windows/amd64 | [1/2] x");
        for other in ["[1/3] FROM a/b", "[internal] load", "[build 1/3] x", "exporting", "[a]/b c"] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[test]
    fn a_line_fits_whatever_the_width() {
        for width in 1..60 {
            let line = aligned(" => [1/2] 日本語のファイル COPY", "12.3s", width, Style::Plain);
            assert!(columns(&line.text) <= width, "{width}: {:?}", line.text);
        }
        assert_eq!(aligned(" => a", "1.0s", 20, Style::Plain).text, " => a           1.0s");
    }

    #[test]
    fn a_transfer_shows_what_there_is_room_for() {
        let status = Status {
            current: 10_000_000,
            total: 40_000_000,
            timestamp: 4_000_000_000,
            started: Some(0),
            completed: None,
        };
        let id = format!("extracting sha256:{}", "a".repeat(64));
        let shown = |width| transfer(&id, &status, width, Style::Plain).text;
        assert_eq!(shown(39), " => => extracting sha256:aaaaaaaa… 4.0s");
        assert_eq!(
            shown(79),
            " => => extracting sha256:aaaaaaaaaaaa           10.00MB / 40.00MB 2.50MB/s 4.0s"
        );
        assert!(
            shown(120).ends_with("[=====>              ] 10.00MB / 40.00MB 2.50MB/s 4.0s"),
            "{}",
            shown(120)
        );
        assert!(shown(159).contains(&id), "{}", shown(159));
        for width in 1..170 {
            assert!(columns(&shown(width)) <= width);
        }
    }
}
