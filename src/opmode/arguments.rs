//! The only argument of the restricted entry point that comes from outside: the name of a VTI. Operators of a router can run the entry point as
//! root with any bytes, so only such a name is accepted, and anything else is not repeated in the error.

use crate::error::{Error, Result};
use std::ffi::OsStr;

/// IFNAMSIZ, less its NUL.
const LONGEST: usize = 15;

/// The value as the name of a VTI of VyOS: `^vti[0-9]+$`, of at most 15 bytes.
///
/// # Errors
/// `IncorrectValue` for everything else: an empty value, an option, another interface's name, bytes that are not text.
pub fn interface(value: &OsStr) -> Result<&str> {
    let digits = value.to_str().and_then(|name| name.strip_prefix("vti"));
    let number = digits.filter(|d| !d.is_empty() && d.bytes().all(|byte| byte.is_ascii_digit()));
    match (value.to_str(), number) {
        (Some(name), Some(_)) if name.len() <= LONGEST => Ok(name),
        _ => Err(Error::IncorrectValue(
            "the name of a VTI is vti and a number, such as vti0".to_string(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    #[test]
    fn names_of_vtis_pass() {
        for name in ["vti0", "vti10", "vti007", "vti123456789012"] {
            assert_eq!(interface(OsStr::new(name)).unwrap(), name);
        }
    }

    #[test]
    fn everything_else_is_refused_without_being_repeated() {
        let hostile = [
            "",
            "vti",
            "vti-1",
            "vti0 ",
            " vti0",
            "vti0\n",
            "VTI0",
            "vti0x",
            "eth0",
            "--help",
            "vti٣",
            "vti0;id",
            "$(id)",
            "../vti0",
            "vti*",
            "vti1234567890123",
            "vti\0",
        ];
        for value in hostile {
            let said = interface(OsStr::new(value)).unwrap_err().to_string();
            assert_eq!(said, "the name of a VTI is vti and a number, such as vti0");
        }
        assert!(interface(&OsString::from_vec(b"vti\xff".to_vec())).is_err());
    }

    proptest! {
        #[test]
        fn what_passes_is_a_vti_name(bytes in prop::collection::vec(any::<u8>(), 0..20), tail in "[0-9a]{0,14}") {
            for value in [OsString::from_vec(bytes), OsString::from(format!("vti{tail}"))] {
                if let Ok(name) = interface(&value) {
                    prop_assert!(name.len() <= 15 && name.len() > 3);
                    prop_assert!(name.starts_with("vti") && name[3..].bytes().all(|b| b.is_ascii_digit()));
                }
            }
        }
    }
}
