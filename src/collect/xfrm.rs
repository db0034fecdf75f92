//! SAs, policies and the sizes of their databases, read from NETLINK_XFRM. It needs CAP_NET_ADMIN.
//! The dumps contain keys; the decoders skip them, and the receive buffer is passed on to nothing else.

use super::failure::Failure;
use super::socket::{Dump, PATIENCE, Socket, XFRM};
use crate::kernel::Change;
use crate::snapshot::{DefaultPolicies, Observed, Policy, Reason, Sa, SadInfo, Source, SpdInfo};
use crate::wire::netlink::Request;
use crate::wire::{WireError, xfrm_info, xfrm_policy, xfrm_state};
use nix::errno::Errno;
use std::time::Instant;

/// All SAs. The request has no body: with one the kernel logs a warning.
pub(super) fn sas() -> Observed<Vec<Sa>> {
    let dump = Dump {
        name: "XFRM_MSG_GETSA",
        protocol: XFRM,
        request: Request::dump(xfrm_state::GETSA),
        answer: xfrm_state::NEWSA,
        patience: PATIENCE,
    };
    let decode = |payload: &[u8], list: &mut Vec<Sa>| -> Result<(), Failure> {
        list.push(xfrm_state::decode(payload)?);
        Ok(())
    };
    dump.read(decode).map_err(|failure| failure.missing(Source::SecurityAssociations))
}

/// All policies, of both types and of all directions. The request has no body, as above.
pub(super) fn policies() -> Observed<Vec<Policy>> {
    let dump = Dump {
        name: "XFRM_MSG_GETPOLICY",
        protocol: XFRM,
        request: Request::dump(xfrm_policy::GETPOLICY),
        answer: xfrm_policy::NEWPOLICY,
        patience: PATIENCE,
    };
    let decode = |payload: &[u8], list: &mut Vec<Policy>| -> Result<(), Failure> {
        list.push(xfrm_policy::decode(payload)?);
        Ok(())
    };
    dump.read(decode).map_err(|failure| failure.missing(Source::SecurityPolicies))
}

/// The default policies. Older kernels do not know the request and answer EINVAL ([`Change::DefaultPolicies`]).
pub(super) fn default_policies() -> Observed<DefaultPolicies> {
    let question = xfrm_info::default_question();
    let answer = ask(&question, xfrm_info::GETDEFAULT, xfrm_info::decode_default);
    let read = answer.and_then(|answer| {
        answer.map_err(|errno| match errno {
            Errno::EINVAL => {
                let why = format!("kernels before {} have none", Change::DefaultPolicies.since());
                Failure::new(Reason::Absent, why)
            }
            errno => errno.into(),
        })
    });
    let name = "ask XFRM_MSG_GETDEFAULT";
    read.map_err(|failure| failure.in_operation(name).missing(Source::DefaultPolicies))
}

/// The size of the SA database.
pub(super) fn sad_info() -> Observed<SadInfo> {
    let question = xfrm_info::size_question(xfrm_info::GETSADINFO);
    let answer = ask(&question, xfrm_info::NEWSADINFO, xfrm_info::decode_sad);
    let read = answer.and_then(|answer| answer.map_err(Failure::from));
    let name = "ask XFRM_MSG_GETSADINFO";
    read.map_err(|failure| failure.in_operation(name).missing(Source::SadInfo))
}

/// The size of the policy database.
pub(super) fn spd_info() -> Observed<SpdInfo> {
    let question = xfrm_info::size_question(xfrm_info::GETSPDINFO);
    let answer = ask(&question, xfrm_info::NEWSPDINFO, xfrm_info::decode_spd);
    let read = answer.and_then(|answer| answer.map_err(Failure::from));
    let name = "ask XFRM_MSG_GETSPDINFO";
    read.map_err(|failure| failure.in_operation(name).missing(Source::SpdInfo))
}

fn ask<T>(
    question: &Request,
    answer: u16,
    decode: fn(&[u8]) -> Result<T, WireError>,
) -> Result<Result<T, Errno>, Failure> {
    Socket::open(XFRM)?.ask(question, answer, Instant::now() + PATIENCE, decode)
}
