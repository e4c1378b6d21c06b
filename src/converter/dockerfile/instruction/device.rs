//! `RUN --device`.

use super::csv;
use super::mount::MountError;
use crate::diag::nearest;
use crate::gotext::{parse_bool, to_lower};

/// A device of RUN: `--device=NAME[,required]`.
///
/// ```text
/// RUN --device=vendor.com/gpu=all,required make
///              ^^^^^^^^^^^^^^^^^^ name
///                                 ^^^^^^^^ required
/// ```
///
/// Source: `Device` in `frontend/dockerfile/instructions/commands_rundevice.go` of BuildKit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Device {
    /// The name, of a device or of a class of devices.
    pub name: String,
    /// Whether the build fails without it.
    pub required: bool,
}

impl Device {
    /// Returns the device that a flag's value describes (BuildKit's `ParseDevice`).
    ///
    /// # Errors
    /// What is wrong with the value.
    pub fn parse(value: &str) -> Result<Self, MountError> {
        let mut device = Self::default();
        for field in csv::fields(value)? {
            let (key, value) = match field.split_once('=') {
                Some((key, value)) => (String::from(to_lower(key)), Some(value)),
                None => (String::from(to_lower(&field)), None),
            };
            match (key.as_str(), value) {
                ("required", None) => device.required = true,
                ("required", Some(value)) => {
                    device.required = parse_bool(value).ok_or_else(|| MountError::value(&key, value))?;
                }
                ("name", Some(value)) => {
                    if !device.name.is_empty() {
                        return Err(MountError::SecondName { name: device.name });
                    }
                    value.clone_into(&mut device.name);
                }
                _ if device.name.is_empty() => device.name = field,
                (_, None) => return Err(MountError::NoValue { field }),
                (_, Some(_)) => {
                    let suggestion = nearest(&key, ["name", "required"], true);
                    return Err(MountError::UnknownKey { key, suggestion });
                }
            }
        }
        Ok(device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(name: &str, required: bool) -> Device {
        Device { name: name.to_owned(), required }
    }

    #[test]
    fn the_first_field_that_is_no_option_is_the_name() {
        assert_eq!(Device::parse("vendor.com/gpu=all").unwrap(), device("vendor.com/gpu=all", false));
        assert_eq!(Device::parse("gpu,required").unwrap(), device("gpu", true));
        assert_eq!(Device::parse("required=0,name=x").unwrap(), device("x", false));
        assert_eq!(Device::parse("required").unwrap(), device("", true));
    }

    #[test]
    fn a_second_name_or_option_that_is_none_is_refused() {
        for value in ["", "a,b", "a,c=d", "a,name=b", "a,required=x"] {
            assert!(Device::parse(value).is_err(), "{value}");
        }
    }
}
