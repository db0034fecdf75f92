//! The wall clock, and the system's time zone for times that a person reads. The environment does not count: operators of a router run
//! the program as root.

use jiff::tz::TimeZone;
use std::fs::File;
use std::io::Read;
use std::time::{SystemTime, UNIX_EPOCH};

const FILE: &str = "/etc/localtime";
/// No zone of the IANA database takes a tenth of it.
const LARGEST: u64 = 64 * 1024;

/// Milliseconds since the Unix epoch; before 1970, 0.
pub fn now_ms() -> u64 {
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(clock.as_millis()).unwrap_or(u64::MAX)
}

/// What `/etc/localtime` says; UTC where it says nothing, as the C library has it.
pub fn zone() -> TimeZone {
    let mut bytes = Vec::new();
    let read = File::open(FILE).and_then(|file| file.take(LARGEST).read_to_end(&mut bytes));
    read.ok().and_then(|_| TimeZone::tzif("", &bytes).ok()).unwrap_or(TimeZone::UTC)
}
