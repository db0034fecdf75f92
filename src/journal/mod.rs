//! The recorder's journal: its records, their form as lines, and its reader and writer. It knows the files of one directory and decides nothing
//! about tunnels.
//!
//! Two text files, `journal` and before it `journal.1`, together never larger than the limit. The first line of each has the version;
//! every other line is one record: CRC-32 of the JSON as eight hexadecimal digits, a space, the JSON. A line whose checksum is wrong
//! is skipped and counted: an incomplete end costs only that line. A file whose first line is damaged is set aside as
//! `journal.damaged-TIME`, and a new one is started.

mod aside;
mod frame;
mod head;
mod lock;
mod reader;
mod record;
mod story;
mod totals;
mod writer;

pub use aside::Aside;
pub use reader::{Condition, Contents, State, read, state, visit};
pub use record::{Counted, Record, Total};
pub use story::{Accounts, Unwatched, recorded};
pub use totals::Totals;
pub use writer::{Renewed, Writer};

/// The directory of the journal of the package's recorder (StateDirectory of its unit).
pub const DIRECTORY: &str = "/var/lib/vti-diagnostics";
/// The version of the format. A reader accepts only this one.
const VERSION: u32 = 1;
/// The current file.
const CURRENT: &str = "journal";
/// The previous file.
const PREVIOUS: &str = "journal.1";
/// The next file, while it is being created.
const NEW: &str = "journal.new";
/// The recorder holds the lock of this file.
const LOCK: &str = "lock";
/// The largest record in bytes: an episode has bounded events, and a name has at most 15 bytes.
const LONGEST: u64 = 4 * 1024 * 1024;
/// The default limit of both files together.
pub const LIMIT: u64 = 8 * 1024 * 1024;
