//! A fact is seen, or it is missing for a reason. A failed read is never an empty list and never a zero.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A value that was read, or why it was not. `?` in a diagnosis turns the latter into *undetermined*.
pub type Observed<T> = Result<T, Missing>;

/// Why a value is not there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Missing {
    /// What was to be read.
    pub source: Source,
    /// The class of the failure.
    pub reason: Reason,
    /// The operation and what it answered, for a person; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

impl Missing {
    /// A missing value with its source, its reason and the words for a person.
    pub fn new(source: Source, reason: Reason, detail: impl Into<String>) -> Self {
        Self { source, reason, detail: detail.into() }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} not read: {}", self.source, self.reason)?;
        if self.detail.is_empty() { Ok(()) } else { write!(f, " ({})", self.detail) }
    }
}

/// The classes of failed reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// This kernel or system does not have it.
    Absent,
    /// Permission denied.
    Denied,
    /// No answer within the time allowed.
    TimedOut,
    /// The answer could not be decoded.
    Malformed,
    /// The state changed during each attempt to read it (NLM_F_DUMP_INTR).
    Inconsistent,
    /// The kernel lost messages or cut one short (ENOBUFS, MSG_TRUNC).
    Lost,
    /// The object vanished between two reads.
    Vanished,
    /// The read failed otherwise; the detail has the system's words.
    Failed,
    /// Not asked for in this run.
    Skipped,
    /// The capture does not have it.
    NotInCapture,
    /// It was read, but no state that can be read decides the question.
    Undecidable,
}

impl Reason {
    /// Whether something was there to be read, and the read failed. Else there was nothing to read, or it was not tried.
    pub const fn is_failure(self) -> bool {
        match self {
            Reason::Denied
            | Reason::TimedOut
            | Reason::Malformed
            | Reason::Inconsistent
            | Reason::Lost
            | Reason::Vanished
            | Reason::Failed => true,
            Reason::Absent | Reason::Skipped | Reason::NotInCapture | Reason::Undecidable => false,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::Absent => "this system does not have it",
            Reason::Denied => "permission denied",
            Reason::TimedOut => "no answer in time",
            Reason::Malformed => "the answer could not be decoded",
            Reason::Inconsistent => "it changed while it was read",
            Reason::Lost => "the kernel lost part of the answer",
            Reason::Vanished => "it vanished while it was read",
            Reason::Failed => "the read failed",
            Reason::Skipped => "not asked for",
            Reason::NotInCapture => "not in this capture",
            Reason::Undecidable => "no state that can be read decides it",
        })
    }
}

/// Whether a verdict may be "ok" without a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Yes, whatever the reason: it explains what others show, or anybody may have written it.
    Hint,
    /// Yes, where this system does not have it, or it was not asked for. Not where a diagnosis of a fault asked for it and the read failed: it may
    /// be the one that shows the fault.
    Helpful,
    /// No, where a diagnosis asked for it in vain: whether the tunnel can carry traffic is not known without it.
    Needed,
}

/// How the texts of a source are redacted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redaction {
    /// It has none: numbers alone.
    NoText,
    /// By the name of each field, as `capture` knows them; a text of a field that it does not know must be an address.
    ByField,
    /// Entries `interface:connection:…` of VyOS's hook.
    HookEntries,
    /// Lines of a log: only what is known of a line stays.
    LogLines,
}

macro_rules! sources {
    ($($variant:ident => $name:literal, $need:ident, $redaction:ident $(in $field:literal)?;)*) => {
        /// What a value is read from.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        #[repr(u8)]
        pub enum Source { $(#[doc = $name] $variant,)* }

        impl Source {
            /// Every source, in the order of reports.
            pub const ALL: &[Source] = &[$(Source::$variant,)*];

            /// The source's name in reports.
            pub const fn name(self) -> &'static str {
                match self { $(Source::$variant => $name,)* }
            }

            /// Whether "no fault found" needs it.
            pub const fn need(self) -> Need {
                match self { $(Source::$variant => Need::$need,)* }
            }

            /// How its texts are redacted.
            pub const fn redaction(self) -> Redaction {
                match self { $(Source::$variant => Redaction::$redaction,)* }
            }

            /// The source whose texts stand in this field of a capture, where they are not told apart by the names of their own fields.
            pub fn of_field(field: &str) -> Option<Source> {
                match field {
                    $($($field => Some(Source::$variant),)?)*
                    _ => None,
                }
            }
        }
    };
}

// A source: its name, whether "no fault found" needs it, how it is redacted. That a tunnel can carry traffic, the kernel tells; what the control
// plane, statistics and rules say beside that may still be the one thing that shows a fault (VTI-303, VTI-406, VTI-506), so that a failed read of them
// leaves it open. The past, the log and the hook's file in /tmp only explain.
sources! {
    Links => "links", Needed, ByField;
    Addresses => "addresses", Needed, ByField;
    Rules => "rules", Needed, ByField;
    Routes => "routes", Needed, ByField;
    RouteLookups => "route lookups", Needed, ByField;
    Neighbours => "neighbours", Needed, ByField;
    SecurityAssociations => "security associations", Needed, ByField;
    SecurityPolicies => "security policies", Needed, ByField;
    DefaultPolicies => "default policies", Needed, ByField;
    SadInfo => "SAD information", Needed, NoText;
    SpdInfo => "SPD information", Needed, NoText;
    XfrmStatistics => "/proc/net/xfrm_stat", Helpful, ByField;
    ProcNetDev => "/proc/net/dev", Helpful, ByField;
    LarvalDrop => "net.core.xfrm_larval_drop", Needed, NoText;
    AcqExpires => "net.core.xfrm_acq_expires", Needed, NoText;
    AllDisableXfrm => "net.ipv4.conf.all.disable_xfrm", Needed, NoText;
    RpFilter => "net.ipv4.conf.all.rp_filter", Needed, NoText;
    Uptime => "/proc/uptime", Needed, NoText;
    Charon => "charon (VICI)", Helpful, ByField;
    Configuration => "VyOS configuration", Helpful, ByField;
    HookState => "state of vti-up-down", Hint, HookEntries in "hook_state";
    CharonLog => "log of charon", Hint, LogLines in "charon_log";
    SourceValidation => "source validation (nftables)", Helpful, ByField;
    Journal => "the recorder's journal", Hint, ByField;
    Cleared => "cleared counters", Needed, ByField;
    DeviceConfiguration => "device configuration", Needed, NoText;
    EarlierSnapshot => "an earlier snapshot", Hint, NoText;
    InsideRoute => "the route of the packet", Needed, NoText;
}

impl Source {
    /// The source with this number (`Source as u8`); the first one for a number that is none.
    const fn from_number(number: u8) -> Source {
        let mut i = 0;
        while i < Source::ALL.len() {
            #[expect(
                clippy::indexing_slicing,
                reason = "i is below the length; const code has no iterators"
            )]
            if Source::ALL[i] as u8 == number {
                return Source::ALL[i];
            }
            i += 1;
        }
        Source::Links
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The default of an observed field: `SOURCE` (`Source as u8`) is not in this capture.
pub(super) fn not_in_capture<T, const SOURCE: u8>() -> Observed<T> {
    Err(Missing::new(Source::from_number(SOURCE), Reason::NotInCapture, ""))
}

/// How an [`Observed`] field is written: `{seen: value}` or `{missing: {source, reason, detail}}`.
pub mod field {
    use super::{Missing, Observed};
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    #[derive(Serialize)]
    #[serde(rename_all = "kebab-case")]
    struct Written<'a, T> {
        #[serde(skip_serializing_if = "Option::is_none")]
        seen: Option<&'a T>,
        #[serde(skip_serializing_if = "Option::is_none")]
        missing: Option<&'a Missing>,
    }

    #[derive(Deserialize)]
    #[serde(bound = "T: Deserialize<'de>", deny_unknown_fields)]
    struct Read<T> {
        #[serde(default = "none")]
        seen: Option<T>,
        #[serde(default = "none")]
        missing: Option<Missing>,
    }

    fn none<T>() -> Option<T> {
        None
    }

    /// Writes the field.
    pub fn serialize<T: Serialize, S: Serializer>(
        value: &Observed<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        Written { seen: value.as_ref().ok(), missing: value.as_ref().err() }.serialize(serializer)
    }

    /// Reads the field; it must hold exactly one of the two.
    pub fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Observed<T>, D::Error> {
        match Read::deserialize(deserializer)? {
            Read { seen: Some(value), missing: None } => Ok(Ok(value)),
            Read { seen: None, missing: Some(missing) } => Ok(Err(missing)),
            _ => Err(de::Error::custom("expected one of `seen` and `missing`")),
        }
    }
}
