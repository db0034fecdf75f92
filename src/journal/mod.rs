//! The recorder's journal: what stands in it, how a record is framed, and its reader and writer. It knows the files of one directory and
//! decides nothing about tunnels.
//!
//! Two text files, `journal` and before it `journal.1`, together never larger than the limit. The first line of each names the version;
//! every other line is one record: CRC-32 of the JSON as eight hexadecimal digits, a space, the JSON. A line that does not fit its sum
//! is passed over and counted: a torn end costs that line alone. A file whose first line is damaged is set aside, as
//! `journal.damaged-TIME`, and a new one is begun.

mod aside;
mod frame;
mod head;
mod lock;
mod reader;
mod record;
mod story;
mod writer;

pub use aside::Aside;
pub use reader::{Condition, Contents, State, read, state, visit};
pub use record::{Counted, Record};
pub use story::{Accounts, Unwatched, recorded};
pub use writer::{Anew, Writer};

/// Where the recorder of the package keeps its journal (StateDirectory of its unit).
pub const DIRECTORY: &str = "/var/lib/vti-diagnostics";
/// The version of the format. A reader takes this one only.
const VERSION: u32 = 1;
/// The file that is written.
const CURRENT: &str = "journal";
/// The one before it.
const PREVIOUS: &str = "journal.1";
/// The one after it, while it is made.
const NEW: &str = "journal.new";
/// Who holds its lock is the recorder.
const LOCK: &str = "lock";
/// A record with more is no record: an episode has bounded events, and a name has at most 15 bytes.
const LONGEST: u64 = 4 * 1024 * 1024;
/// What both files may have together, unless asked for otherwise.
pub const LIMIT: u64 = 8 * 1024 * 1024;
