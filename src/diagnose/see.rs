//! Which command shows a person what a source of the snapshot has. It knows no form of a command.

use super::commands::Command;
use crate::snapshot::Source;

/// The command that shows the facts of a source.
pub const fn see(source: Source) -> Command {
    match source {
        Source::Links => Command::Link,
        Source::Addresses => Command::Addresses,
        Source::Rules => Command::Rules,
        Source::Routes => Command::Routes,
        Source::RouteLookups => Command::RouteToPeer,
        Source::Neighbours => Command::Neighbours,
        Source::SecurityAssociations => Command::Sas,
        Source::SecurityPolicies => Command::Policies,
        Source::DefaultPolicies => Command::DefaultPolicies,
        Source::SadInfo => Command::SaCount,
        Source::SpdInfo => Command::PolicyCount,
        Source::XfrmStatistics => Command::XfrmStatistics,
        Source::ProcNetDev => Command::ProcNetDev,
        Source::IpCounters => Command::IpCounters,
        Source::Queues => Command::Queues,
        Source::LarvalDrop => Command::LarvalDrop,
        Source::AcqExpires => Command::AcqExpires,
        Source::AllDisableXfrm => Command::AllDisableXfrm,
        Source::AllDisablePolicy => Command::AllDisablePolicy,
        Source::RpFilter => Command::AllRpFilter,
        Source::Uptime => Command::Uptime,
        Source::Charon => Command::IkeSas,
        Source::Configuration => Command::Configuration,
        Source::HookState => Command::HookState,
        Source::CharonLog => Command::HookLog,
        Source::SourceValidation | Source::PacketFilter => Command::Ruleset,
        Source::Journal => Command::HistoryOf,
        Source::Cleared => Command::Vtis,
        Source::DeviceConfiguration => Command::DeviceConfiguration,
        Source::EarlierSnapshot => Command::ShowTwice,
        Source::InsideRoute => Command::RouteInside,
        Source::SequenceNumbers => Command::Sas,
    }
}
