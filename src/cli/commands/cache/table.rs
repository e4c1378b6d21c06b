//! Records of the cache as people and programs read them.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::cli::Failure;
use crate::cli::report::words;
use crate::cli::table::{self, Table};
use crate::cli::values::ValueError;
use crate::cli::values::syntax::template::Template;
use crate::image::timestamp;
use crate::job::CacheRecord;

/// How many characters of an id the table shows; `--filter id=` takes them.
const SHORT_ID: usize = 12;

/// Flags that say how records are written.
#[derive(Debug, clap::Args)]
pub(super) struct FormatArgs {
    /// How records are written: table, pretty, json (one object a line), or a template such as '{{.ID}} {{.Size}}'
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// All that is known of each record; short for --format=pretty
    #[arg(long)]
    verbose: bool,
}

impl FormatArgs {
    /// The format that these flags ask for.
    pub(super) fn parse(&self) -> Result<Format, ValueError> {
        Format::parse(self.format.as_deref(), self.verbose)
    }
}

/// How records are written.
#[derive(Debug)]
pub(super) enum Format {
    /// A table.
    Table,
    /// All that is known of each record, in lines.
    Pretty,
    /// One JSON object a line.
    Json,
    /// A template for each record.
    Template(Template),
}

impl Format {
    /// The format that `--format` and `--verbose` ask for.
    fn parse(format: Option<&str>, is_verbose: bool) -> Result<Self, ValueError> {
        match (format, is_verbose) {
            (Some(_), true) => Err(ValueError::Conflict { first: "--format", second: "--verbose" }),
            (None, true) | (Some("pretty"), false) => Ok(Self::Pretty),
            (None | Some("" | "table"), false) => Ok(Self::Table),
            (Some("json" | "{{json .}}"), false) => Ok(Self::Json),
            (Some(text), false) if text.starts_with("table ") => Err(ValueError::new(
                "--format",
                text,
                "a table of other columns is not made; leave `table` out",
            )),
            // As docker's formatter reads them.
            (Some(text), false) => {
                Template::parse(&text.replace("\\t", "\t").replace("\\n", "\n")).map(Self::Template)
            }
        }
    }

    /// Whether the totals follow the records.
    pub(super) const fn has_totals(&self) -> bool {
        matches!(self, Self::Table | Self::Pretty)
    }

    /// `records` in this format.
    pub(super) fn render(&self, records: &[CacheRecord]) -> Result<String, Failure> {
        let now = now();
        let mut text = String::new();
        match self {
            Self::Table => text = table(records, now, table::terminal_width()),
            Self::Pretty => records.iter().for_each(|record| text += &pretty(record, now)),
            Self::Json => records.iter().for_each(|record| text += &format!("{}\n", fields(record, now))),
            Self::Template(template) => {
                for record in records {
                    text += &template.render(&fields(record, now))?;
                    text.push('\n');
                }
            }
        }
        Ok(text)
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn used(record: &CacheRecord, now: i64) -> String {
    record.last_used.map_or_else(|| "never".to_owned(), |at| table::ago(now.saturating_sub(at)))
}

fn table(records: &[CacheRecord], now: i64, width: Option<usize>) -> String {
    if records.is_empty() {
        return String::new();
    }
    let heading = ["ID", "SIZE", "LAST USED", "CREATED", "USES", "STATE", "TYPE", "MADE BY"];
    let mut rows = Table::new(heading, [false, true, false, false, true, false, false, false]);
    for record in records {
        rows.row([
            words(&record.id).chars().take(SHORT_ID).collect(),
            table::size(record.size),
            record
                .last_used
                .map_or_else(|| "never".to_owned(), |at| table::ago_short(now.saturating_sub(at))),
            record.created.map_or_else(String::new, |at| table::ago_short(now.saturating_sub(at))),
            record.uses.to_string(),
            state(record).to_owned(),
            words(&record.kind),
            words(&record.description),
        ]);
    }
    rows.render(width)
}

const fn state(record: &CacheRecord) -> &'static str {
    match (record.is_in_use, record.is_shared) {
        (true, true) => "in use, shared",
        (true, false) => "in use",
        (false, true) => "free, shared",
        (false, false) => "free",
    }
}

fn pretty(record: &CacheRecord, now: i64) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{:<13} {value}", format!("{name}:"));
    };
    line("ID", &words(&record.id));
    for parent in &record.parents {
        line("Parent", &words(parent));
    }
    if let Some(created) = record.created.and_then(timestamp::from_unix) {
        line("Created at", &created);
    }
    line("Mutable", &record.is_mutable.to_string());
    line("Reclaimable", &(!record.is_in_use).to_string());
    line("Shared", &record.is_shared.to_string());
    line("Size", &table::size(record.size));
    if !record.description.is_empty() {
        line("Description", &words(&record.description));
    }
    line("Usage count", &record.uses.to_string());
    line("Last used", &used(record, now));
    if !record.kind.is_empty() {
        line("Type", &words(&record.kind));
    }
    text + "\n"
}

/// A record under the names that buildx has for its fields.
///
/// Source: `diskusageContext` in `commands/diskusage.go` in buildx.
fn fields(record: &CacheRecord, now: i64) -> Value {
    json!({
        "ID": words(&record.id),
        "Parents": record.parents.iter().map(|parent| words(parent)).collect::<Vec<_>>(),
        "CreatedAt": record.created.and_then(timestamp::from_unix).unwrap_or_default(),
        "Mutable": record.is_mutable,
        "Reclaimable": !record.is_in_use,
        "Shared": record.is_shared,
        "Size": table::size(record.size),
        "Description": words(&record.description),
        "UsageCount": record.uses,
        "LastUsedAt": record.last_used.map_or_else(String::new, |at| table::ago(now.saturating_sub(at))),
        "Type": words(&record.kind),
    })
}

/// What all records take together.
pub(super) fn totals(records: &[CacheRecord]) -> String {
    let shared = bytes(records, |record| record.is_shared);
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<13} {value}");
    };
    if shared > 0 {
        line("Shared:", &table::size(shared));
        line("Private:", &table::size(bytes(records, |_| true) - shared));
    }
    line("In use:", &table::size(bytes(records, |record| record.is_in_use)));
    line("Reclaimable:", &table::size(bytes(records, |record| !record.is_in_use)));
    line("Total:", &total(records));
    text
}

/// How much all records take, and how many they are.
pub(super) fn total(records: &[CacheRecord]) -> String {
    let count = records.len();
    format!(
        "{} in {count} record{}",
        table::size(bytes(records, |_| true)),
        if count == 1 { "" } else { "s" }
    )
}

/// The bytes that the records take of which `holds` is true.
fn bytes(records: &[CacheRecord], holds: impl Fn(&CacheRecord) -> bool) -> i64 {
    let held = records.iter().filter(|record| holds(record));
    held.map(|record| record.size.max(0)).fold(0, i64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> CacheRecord {
        CacheRecord {
            id: "abcdefghijklmnopqrstuvwxy".into(),
            size: 1_234_567,
            created: Some(1_000_000),
            last_used: Some(1_007_200),
            uses: 3,
            is_in_use: true,
            is_shared: true,
            kind: "regular".into(),
            description: "mount / from exec /bin/sh -c make\u{1b}[2J".into(),
            ..CacheRecord::default()
        }
    }

    #[test]
    fn the_table_tells_size_age_use_and_what_made_it() {
        let other = CacheRecord { id: "x".into(), ..CacheRecord::default() };
        assert_eq!(
            table(&[record(), other], 1_010_800, None),
            "\
ID               SIZE  LAST USED  CREATED  USES  STATE           TYPE     MADE BY
abcdefghijkl  1.235MB  1h ago     3h ago      3  in use, shared  regular  mount / from exec /bin/sh -c make\u{fffd}[2J
x                  0B  never                  0  free
"
        );
        assert_eq!(table(&[], 0, None), "");
    }

    #[test]
    fn totals_add_up() {
        let free = CacheRecord { size: 1_000_000, ..CacheRecord::default() };
        assert_eq!(
            totals(&[record(), free.clone()]),
            "Shared:       1.235MB\nPrivate:      1MB\nIn use:       1.235MB\nReclaimable:  1MB\nTotal:        2.235MB in 2 records\n"
        );
        assert!(totals(&[free]).ends_with("Total:        1MB in 1 record\n"));
    }

    #[test]
    fn programs_get_the_fields_of_buildx() {
        let fields = fields(&record(), 1_010_800);
        assert_eq!(
            (fields["Size"].as_str(), fields["Reclaimable"].as_bool()),
            (Some("1.235MB"), Some(false))
        );
        assert_eq!(fields["CreatedAt"], "1970-01-12T13:46:40Z");
        let shown =
            Format::parse(Some(r"{{.Type}}\t{{.UsageCount}}"), false).unwrap().render(&[record()]).unwrap();
        assert_eq!(shown, "regular\t3\n");
        assert!(Format::parse(Some("json"), true).is_err());
        assert!(Format::parse(Some("table {{.ID}}"), false).is_err());
    }
}
