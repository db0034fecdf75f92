//! Links and addresses of this network namespace, read from rtnetlink.

use super::failure::Failure;
use super::socket::{Dump, PATIENCE, ROUTE};
use crate::snapshot::{Address, Link, Observed, Source};
use crate::wire::netlink::Request;
use crate::wire::{address, link};

/// All links.
pub(super) fn links() -> Observed<Vec<Link>> {
    let dump = Dump {
        name: "RTM_GETLINK",
        protocol: ROUTE,
        request: Request::dump(link::GETLINK).structure(&[0; link::HEADER]),
        answer: link::NEWLINK,
        patience: PATIENCE,
    };
    let decode = |payload: &[u8], links: &mut Vec<Link>| -> Result<(), Failure> {
        links.push(link::decode(payload)?);
        Ok(())
    };
    dump.read(decode).map_err(|failure| failure.missing(Source::Links))
}

/// All addresses of IPv4 and IPv6.
pub(super) fn addresses() -> Observed<Vec<Address>> {
    let dump = Dump {
        name: "RTM_GETADDR",
        protocol: ROUTE,
        request: Request::dump(address::GETADDR).structure(&[0; address::HEADER]),
        answer: address::NEWADDR,
        patience: PATIENCE,
    };
    let decode = |payload: &[u8], addresses: &mut Vec<Address>| -> Result<(), Failure> {
        addresses.extend(address::decode(payload)?);
        Ok(())
    };
    dump.read(decode).map_err(|failure| failure.missing(Source::Addresses))
}
