//! The groups of causes that mask others, each by what the table of codes says of its members. It decides nothing about a host.

use crate::code::{Info, Moves, Stage};

/// Causes in the control plane of there being no SA in the kernel.
pub(super) fn leaves_no_sa(cause: &Info) -> bool {
    cause.stage == Stage::Control && cause.stops
}

/// Causes that stop all of a flow at the carrier counter: what comes behind in the transmit path is not reached.
pub(super) fn stops_before_encryption(cause: &Info) -> bool {
    cause.moves == Moves::Carrier && cause.stops
}

/// Causes of transmit errors within the transmit path, each of which a check confirms by itself.
pub(super) fn is_transmit_error(cause: &Info) -> bool {
    explains_errors(cause) && (Stage::Device..=Stage::Queue).contains(&cause.stage)
}

/// Causes that explain why nothing comes back, or errors that nothing else explains.
pub(super) fn loses_or_refuses(cause: &Info) -> bool {
    cause.stage == Stage::Receive
        || cause.stops && (Stage::Device..=Stage::Queue).contains(&cause.stage)
}

/// Causes after which transmit errors are explained.
pub(super) fn explains_errors(cause: &Info) -> bool {
    cause.moves.explains_errors()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::Code;

    fn members(group: fn(&Info) -> bool) -> Vec<u16> {
        Code::ALL.iter().filter(|code| group(&code.info())).map(|code| code.number()).collect()
    }

    /// The lists that stood in the registry until the groups were derived. They stay as the test of the table: a cause that joins or
    /// leaves a group does so on purpose.
    #[test]
    fn the_groups_are_those_that_were_listed_by_hand() {
        assert_eq!(members(leaves_no_sa), [501, 502, 503, 505, 506, 507, 508]);
        assert_eq!(
            members(stops_before_encryption),
            [101, 102, 104, 105, 106, 107, 111, 112, 113, 121, 122, 123, 131, 132]
        );
        assert_eq!(
            members(is_transmit_error),
            [
                101, 102, 103, 104, 105, 106, 107, 111, 112, 113, 121, 122, 123, 131, 132, 201,
                202, 203, 204, 211, 212, 213, 221
            ]
        );
        assert_eq!(
            members(loses_or_refuses),
            [
                101, 102, 104, 105, 106, 107, 111, 112, 113, 121, 122, 123, 131, 132, 201, 211,
                213, 221, 302, 304, 305, 401, 402, 403, 404, 405, 406
            ]
        );
        assert_eq!(
            members(explains_errors),
            [
                101, 102, 103, 104, 105, 106, 107, 111, 112, 113, 121, 122, 123, 131, 132, 141,
                201, 202, 203, 204, 211, 212, 213, 221, 602
            ]
        );
    }
}
