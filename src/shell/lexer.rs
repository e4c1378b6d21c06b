//! The machine that reads words.

use super::{Env, Error, Expansion, Lex};

pub(super) fn process(_lex: Lex, text: &str, _env: &(impl Env + ?Sized)) -> Result<(Expansion, Vec<String>), Error> {
    let words = text.split_whitespace().map(str::to_owned).collect();
    Ok((Expansion { text: text.to_owned(), ..Expansion::default() }, words))
}
