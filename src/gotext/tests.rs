//! Every row of the table that Go made.

use super::*;

const TABLE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/go_text.txt"));

/// A row: a function of Go, what it was given, and what it gave as the table writes it.
struct Row {
    function: &'static str,
    arguments: Vec<Vec<u8>>,
    result: &'static str,
}

impl Row {
    fn read(line: &'static str) -> Self {
        let (call, result) = line.split_once(" => ").expect("a row has a result");
        let (function, arguments) = call.split_at(call.find(" \"").unwrap_or(call.len()));
        let arguments = arguments.split('"').skip(1).step_by(2).map(unescaped).collect();
        Self { function, arguments, result }
    }

    fn bytes(&self) -> &[u8] {
        &self.arguments[0]
    }

    fn text(&self, index: usize) -> &str {
        str::from_utf8(&self.arguments[index]).expect("UTF-8 where a function takes text")
    }
}

/// The bytes of a text of the table without its quotes.
fn unescaped(text: &str) -> Vec<u8> {
    let mut pieces = text.split("\\x");
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        bytes.push(u8::from_str_radix(&piece[..2], 16).expect("two hexadecimal digits"));
        bytes.extend_from_slice(&piece.as_bytes()[2..]);
    }
    bytes
}

/// A text as the table writes it.
fn escaped(text: impl AsRef<[u8]>) -> String {
    let mut out = "\"".to_owned();
    for &byte in text.as_ref() {
        match byte {
            b'"' | b'\\' => out += &format!("\\x{byte:02x}"),
            b' '..=b'~' => out.push(char::from(byte)),
            _ => out += &format!("\\x{byte:02x}"),
        }
    }
    out.push('"');
    out
}

/// A value that was read as the table writes it.
fn or_none(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| value.to_string())
}

/// What Bob's function of the same meaning gives, as the table writes it; `None` for a function that has none.
fn ours(row: &Row) -> Option<String> {
    Some(match row.function {
        "[]rune" => escaped(&*lossy(row.bytes())),
        "strings.ToLower" => escaped(to_lower(row.text(0))),
        "strings.ToUpper" => escaped(to_upper(row.text(0))),
        "bytes.TrimSpace" => escaped(trim(row.bytes())),
        "bytes.TrimLeftFunc" => escaped(trim_start(row.bytes())),
        "strconv.Quote" => escaped(quote(row.bytes())),
        "json.Marshal" => escaped(json::to_vec(&row.text(0)).unwrap()),
        "strings.EqualFold" => equal_fold(row.text(0), row.text(1)).to_string(),
        "filepath.Match" => filepath::matches(&row.arguments[0], &row.arguments[1]).to_string(),
        "Duration.String" => escaped(duration(row.text(0).parse().unwrap())),
        "strconv.ParseBool" => or_none(parse_bool(row.text(0))),
        "time.ParseDuration" => or_none(parse_duration_ns(row.text(0)).ok()),
        "units.RAMInBytes" => or_none(parse_ram_in_bytes(row.text(0))),
        "fmt %q" => escaped(quoted_list(row.arguments.iter().map(Vec::as_slice))),
        "fmt %v" => {
            let items: Vec<String> =
                (0..row.arguments.len()).map(|index| row.text(index).to_owned()).collect();
            escaped(list(&items))
        }
        _ => return None,
    })
}

#[test]
fn every_function_gives_what_go_gives() {
    let rows: Vec<Row> = TABLE.lines().filter(|line| !line.starts_with('#')).map(Row::read).collect();
    let mut functions: Vec<&str> = rows.iter().map(|row| row.function).collect();
    functions.sort_unstable();
    functions.dedup();
    assert_eq!(functions.len(), 15, "{functions:?}");
    let differences: Vec<String> = rows
        .iter()
        .filter_map(|row| {
            let ours = ours(row).unwrap_or_else(|| panic!("no function for {}", row.function));
            let arguments: Vec<String> = row.arguments.iter().map(escaped).collect();
            (ours != row.result)
                .then(|| format!("{} {} => {}, not {ours}", row.function, arguments.join(" "), row.result))
        })
        .collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn case_is_recognised_as_it_is_mapped() {
    let cased = TABLE.lines().filter(|line| line.starts_with("strings.To")).map(Row::read);
    for row in cased {
        let text = row.text(0);
        assert_eq!(is_lower(text), to_lower(text) == text, "{text}");
        assert_eq!(is_upper(text), to_upper(text) == text, "{text}");
    }
}
