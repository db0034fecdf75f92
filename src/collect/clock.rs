//! The wall clock, and the system's time zone for times that people read. The environment is ignored: operators of a router run the program
//! as root.

use jiff::tz::TimeZone;
use std::fs::File;
use std::io::Read;
use std::time::{SystemTime, UNIX_EPOCH};

const FILE: &str = "/etc/localtime";
/// Ten times the size of any zone of the IANA database.
const LARGEST: u64 = 64 * 1024;

/// Milliseconds since the Unix epoch; before 1970, 0.
pub fn now_ms() -> u64 {
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(clock.as_millis()).unwrap_or(u64::MAX)
}

/// The zone of `/etc/localtime`; UTC where that is not readable, as in the C library.
pub fn zone() -> TimeZone {
    let mut bytes = Vec::new();
    let read = File::open(FILE).and_then(|file| file.take(LARGEST).read_to_end(&mut bytes));
    read.ok().and_then(|_| TimeZone::tzif("", &bytes).ok()).unwrap_or(TimeZone::UTC)
}
