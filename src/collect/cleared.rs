//! VyOS's copies of cleared counters in `/var/run/vyatta`: administrators may write to that directory, so its contents are a hint. Reading is
//! bounded and follows no symbolic link; it writes nothing.

use super::configuration::regular_file;
use super::failure::Failure;
use crate::snapshot::{Baseline, Cleared, Link, Observed, Reason, Source};
use crate::units::BYTE;
use std::io::{ErrorKind, Read};
use std::path::Path;

const DIRECTORY: &str = "/var/run/vyatta";

/// The first line of a baseline.
const MAGIC: &str = "XYZZYX";

/// Most bytes of a baseline: two lines, and twelve lines of a name and a number.
const LIMIT: u64 = 4096;

/// The counters of the VTIs among `links` at the time when they were cleared, for those that were.
pub(super) fn cleared(links: &Observed<Vec<Link>>) -> Vec<Cleared> {
    // Most systems are not VyOS: one check saves one for each interface.
    if std::fs::metadata(DIRECTORY).is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        return Vec::new();
    }
    let vtis = links.iter().flatten().filter(|link| link.driver().is_some());
    vtis.filter_map(|link| of_interface(Path::new(DIRECTORY), &link.name)).collect()
}

/// None where there is no file: the counters were not cleared.
fn of_interface(directory: &Path, name: &str) -> Option<Cleared> {
    let path = directory.join(format!("{name}.stats"));
    let read = text(&path).and_then(|text| {
        let malformed = || Failure::new(Reason::Malformed, "not in VyOS's form");
        parse_baseline(&text).ok_or_else(malformed)
    });
    let baseline = match read {
        Err(failure) if failure.reason == Reason::Absent => return None,
        read => read.map_err(|failure| {
            failure.in_operation(&format!("read {}", path.display())).missing(Source::Cleared)
        }),
    };
    Some(Cleared { name: name.to_owned(), baseline })
}

/// The text of a regular file of no more than [`LIMIT`] bytes.
fn text(path: &Path) -> Result<String, Failure> {
    let mut text = Vec::new();
    let read = regular_file(path)?.take(LIMIT + 1).read_to_end(&mut text)?;
    if read as u64 > LIMIT {
        return Err(Failure::new(Reason::Malformed, format!("more than {}", BYTE.of(LIMIT))));
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// A baseline as VyOS writes it: a magic word, the time in seconds, and `name,value` for each counter that was not 0. Counters that no VTI
/// uses are left out. None where a line is anything else.
pub fn parse_baseline(text: &str) -> Option<Baseline> {
    let mut lines = text.lines();
    if lines.next()?.trim() != MAGIC {
        return None;
    }
    let mut baseline =
        Baseline { cleared_at: lines.next()?.trim().parse().ok()?, ..Baseline::default() };
    for line in lines {
        let (name, value) = line.split_once(',')?;
        let value = value.trim().parse().ok()?;
        match name {
            "rx_packets" => baseline.rx_packets = value,
            "rx_bytes" => baseline.rx_bytes = value,
            "rx_errors" => baseline.rx_errors = value,
            "rx_dropped" => baseline.rx_dropped = value,
            "tx_packets" => baseline.tx_packets = value,
            "tx_bytes" => baseline.tx_bytes = value,
            "tx_errors" => baseline.tx_errors = value,
            "tx_dropped" => baseline.tx_dropped = value,
            "tx_carrier_errors" => baseline.tx_carrier_errors = value,
            "collisions" => baseline.collisions = value,
            _ => {}
        }
    }
    Some(baseline)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;
    use std::{env, fs, process};

    const BASELINE: &str = include_str!("../../tests/cleared/vti1.stats");

    /// A directory that is removed at the end of the test.
    struct Directory(PathBuf);

    impl Directory {
        fn new(name: &str) -> Self {
            let path = env::temp_dir().join(format!("vti-diagnostics-{name}-{}", process::id()));
            fs::create_dir(&path).unwrap();
            Self(path)
        }

        fn missing(&self, name: &str) -> (Reason, String) {
            let missing = of_interface(&self.0, name).unwrap().baseline.unwrap_err();
            let path = format!("cannot read {}/{name}.stats: ", self.0.display());
            (missing.reason, missing.detail.strip_prefix(&path).unwrap().to_owned())
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn a_baseline_has_its_time_and_the_counters_that_were_not_zero() {
        let expected = Baseline {
            cleared_at: 1_760_000_000,
            rx_bytes: 148_000,
            rx_packets: 1480,
            tx_bytes: 151_000,
            tx_packets: 1510,
            tx_errors: 59,
            tx_dropped: 12,
            tx_carrier_errors: 47,
            ..Baseline::default()
        };
        assert_eq!(parse_baseline(BASELINE), Some(expected));
    }

    #[test]
    fn what_is_not_of_that_form_is_no_baseline() {
        for text in [
            "",
            "XYZZYX",
            "XYZZYX\nsoon\n",
            "other\n1760000000\n",
            "XYZZYX\n1760000000\ntx_errors\n",
            "XYZZYX\n1760000000\ntx_errors,-1\n",
            "XYZZYX\n1760000000\ntx_errors,18446744073709551616\n",
        ] {
            assert_eq!(parse_baseline(text), None, "{text:?}");
        }
    }

    #[test]
    fn an_interface_without_a_file_was_not_cleared() {
        let directory = Directory::new("not-cleared");
        assert_eq!(of_interface(&directory.0, "vti1"), None);
        fs::write(directory.0.join("vti1.stats"), BASELINE).unwrap();
        let cleared = of_interface(&directory.0, "vti1").unwrap();
        assert_eq!(cleared.baseline.unwrap().tx_carrier_errors, 47);
    }

    #[test]
    fn what_is_no_plain_small_file_is_not_read() {
        let directory = Directory::new("no-plain-file");
        let path = |name: &str| directory.0.join(format!("{name}.stats"));
        fs::write(directory.0.join("elsewhere"), BASELINE).unwrap();
        symlink(directory.0.join("elsewhere"), path("link")).unwrap();
        assert_eq!(directory.missing("link").0, Reason::Failed);
        fs::create_dir(path("directory")).unwrap();
        assert_eq!(
            directory.missing("directory"),
            (Reason::Failed, "it is not a regular file".to_owned())
        );
        fs::write(path("large"), "x".repeat(5000)).unwrap();
        assert_eq!(
            directory.missing("large"),
            (Reason::Malformed, "more than 4096 bytes".to_owned())
        );
        fs::write(path("text"), "not VyOS's").unwrap();
        assert_eq!(directory.missing("text"), (Reason::Malformed, "not in VyOS's form".to_owned()));
    }
}
