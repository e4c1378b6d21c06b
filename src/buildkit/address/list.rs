//! Several addresses in one text.

use super::{Address, AddressError};

impl Address {
    /// Returns the addresses of a list that commas part. A comma belongs to an address unless another one begins behind
    /// it; empty entries and repeated addresses are left out.
    ///
    /// # Errors
    ///
    /// As [`Address::parse`], for the first entry that is no address.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, AddressError> {
        let mut entries: Vec<String> = Vec::new();
        for piece in text.split(',') {
            match entries.last_mut() {
                Some(last) if !piece.contains("://") && !piece.trim().is_empty() => {
                    last.push(',');
                    last.push_str(piece);
                }
                _ if piece.trim().is_empty() => {}
                _ => entries.push(piece.trim_start().to_owned()),
            }
        }
        let mut addresses = Vec::new();
        for entry in entries {
            let address = Self::parse(entry.trim_end())?;
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        Ok(addresses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        Address::parse_list(text).unwrap().iter().map(Address::to_string).collect()
    }

    #[test]
    fn commas_part_addresses_and_stay_in_paths() {
        assert_eq!(shown(""), Vec::<String>::new());
        assert_eq!(shown("unix:///a"), ["unix:///a"]);
        assert_eq!(shown("tcp://a:1, unix:///b,,tcp://a:1,"), ["tcp://a:1", "unix:///b"]);
        assert_eq!(shown("unix:///a,b,unix:///c"), ["unix:///a,b", "unix:///c"]);
    }

    #[test]
    fn an_entry_that_is_no_address_is_an_error() {
        for text in ["nonsense", "tcp://a:1,tcp://b", "tcp://a:1,b:2"] {
            assert!(Address::parse_list(text).is_err(), "{text}");
        }
    }
}
