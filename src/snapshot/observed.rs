//! A fact was read, or it is missing for a reason. A failed read is never an empty list and never a zero.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A value that was read, or why it was not. `?` in a diagnosis turns the latter into *undetermined*.
pub type Observed<T> = Result<T, Missing>;

/// Why a value is missing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Missing {
    /// What should have been read.
    pub source: Source,
    /// The class of the failure.
    pub reason: Reason,
    /// The operation and its error, for a person; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

impl Missing {
    /// A missing value with its source, its reason and a detail for a person.
    pub fn new(source: Source, reason: Reason, detail: impl Into<String>) -> Self {
        Self { source, reason, detail: detail.into() }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason {
            Reason::Undecidable => write!(f, "{}: {}", self.source, self.reason)?,
            _ => write!(f, "{} not read: {}", self.source, self.reason)?,
        }
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
    /// The kernel lost messages or truncated one (ENOBUFS, MSG_TRUNC).
    Lost,
    /// The object vanished between two reads.
    Vanished,
    /// The read failed otherwise; the detail has the system's words.
    Failed,
    /// Not asked for in this run.
    Skipped,
    /// The capture does not have it.
    NotInCapture,
    /// The texts that were given do not hold it.
    NotInText,
    /// It was read, but does not answer the question.
    Undecidable,
}

impl Reason {
    /// Whether the source exists and reading it failed. Otherwise there was nothing to read, or it was not tried.
    pub const fn is_failure(self) -> bool {
        match self {
            Reason::Denied
            | Reason::TimedOut
            | Reason::Malformed
            | Reason::Inconsistent
            | Reason::Lost
            | Reason::Vanished
            | Reason::Failed => true,
            Reason::Absent
            | Reason::Skipped
            | Reason::NotInCapture
            | Reason::NotInText
            | Reason::Undecidable => false,
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
            Reason::NotInText => "not in the text",
            Reason::Undecidable => "cannot be determined from what was read",
        })
    }
}

/// Whether a verdict may be "ok" without a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Yes, whatever the reason: it only explains what other sources show, or any user may have written it.
    Hint,
    /// Yes, if this system does not have it or it was not asked for. No, if a diagnosis of a fault needed it and the read failed: it might have
    /// shown the fault.
    Helpful,
    /// No, if a diagnosis needed it and did not get it: without it, it is unknown whether the tunnel can carry packets.
    Needed,
}

/// What is said of a list of interfaces that is known to lack some.
pub const PART_OF_LINKS: &str =
    "only some of the interfaces are in the text: `ip -d -s -s link show` shows all";

/// How the texts of a source are redacted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redaction {
    /// It has no text, only numbers.
    NoText,
    /// By the name of each field, as listed in `capture`; a text in an unknown field must be an address.
    ByField,
    /// Entries `interface:connection:…` of VyOS's hook.
    HookEntries,
    /// Lines of a log: only the known words of a line stay.
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

            /// The source's name in JSON: a contract with programs.
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

            /// The source whose texts are in this field of a capture, where the texts have no field names of their own.
            pub fn of_field(field: &str) -> Option<Source> {
                match field {
                    $($($field => Some(Source::$variant),)?)*
                    _ => None,
                }
            }
        }
    };
}

// A source: its name in JSON, whether "no fault found" needs it, how it is redacted. The kernel shows whether a tunnel can carry packets. The
// control plane, statistics and rules may be the only ones that show a fault (VTI-303, VTI-406, VTI-506), so a failed read of them leaves the
// verdict open. The past, the log and the hook's file in /tmp only explain.
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
    IpCounters => "IP counters", Helpful, ByField;
    Queues => "queues (qdisc)", Helpful, ByField;
    LarvalDrop => "net.core.xfrm_larval_drop", Needed, NoText;
    AcqExpires => "net.core.xfrm_acq_expires", Needed, NoText;
    AllDisableXfrm => "net.ipv4.conf.all.disable_xfrm", Needed, NoText;
    AllDisablePolicy => "net.ipv4.conf.all.disable_policy", Needed, NoText;
    RpFilter => "net.ipv4.conf.all.rp_filter", Needed, NoText;
    Uptime => "/proc/uptime", Needed, NoText;
    Charon => "charon (VICI)", Helpful, ByField;
    Configuration => "VyOS configuration", Helpful, ByField;
    HookState => "state of vti-up-down", Hint, HookEntries in "hook_state";
    CharonLog => "log of charon", Hint, LogLines in "charon_log";
    SourceValidation => "source validation (nftables)", Helpful, ByField;
    PacketFilter => "packet filter (nftables)", Helpful, ByField;
    Journal => "the recorder's journal", Hint, ByField;
    Cleared => "cleared counters", Needed, ByField;
    DeviceConfiguration => "device configuration", Needed, NoText;
    EarlierSnapshot => "an earlier snapshot", Hint, NoText;
    InsideRoute => "the route of the packet", Needed, NoText;
    SequenceNumbers => "sequence numbers", Hint, NoText;
}

impl Source {
    /// The words for the source of this name (see [`Source::name`]); an unknown name stays.
    pub fn words_of(name: &str) -> &str {
        let known = Source::ALL.iter().find(|source| source.name() == name);
        known.map_or(name, |source| source.words())
    }

    /// The source's name in texts for people.
    pub const fn words(self) -> &'static str {
        match self {
            Source::SecurityAssociations => "SAs",
            Source::SecurityPolicies => "policies",
            Source::HookState => "state of VyOS's updown hook",
            Source::CharonLog => "charon's log",
            Source::Journal => "journal of the recorder",
            Source::DeviceConfiguration => "settings of the interface",
            Source::EarlierSnapshot => "earlier sample",
            Source::InsideRoute => "route of the packet",
            Source::SequenceNumbers => "sequence numbers of the inbound SA",
            other => other.name(),
        }
    }

    /// The source with this number (`Source as u8`); the first one for an unknown number.
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
        f.write_str(self.words())
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
