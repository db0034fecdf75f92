//! The hash table of ip6_vti, as far as a packet can notice it: before [`Change::WildcardsOfVti6`] `vti6_tnl_lookup()` looks for devices with a
//! wildcard in the wildcard's bucket, and compares one address only. A device with two addresses whose bucket is the same takes the packets of
//! any peer, or to any address.

use super::site::Walk;
use crate::kernel::Change;
use crate::snapshot::{Link, LinkKind, Source, VtiDevice};
use crate::tunnel::State;
use crate::way::trail::undecidable;
use std::net::{IpAddr, Ipv6Addr};

/// `IP6_VTI_HASH_SIZE_SHIFT`.
const BITS: u32 = 5;

/// `GOLDEN_RATIO_32`.
const GOLDEN_RATIO: u32 = 0x61c8_8647;

/// The device that takes a packet to `local` from `remote` by its bucket alone, where none takes it by both addresses. `before` is how
/// good a match of the addresses there is (1: by the local one, 2: by the remote one, 3 or more: by neither); a match by the bucket stands
/// beside one by the same address, and then the order in which the devices were linked decides, which is not known.
pub(super) fn stray<'a>(
    state: &'a State<'a>,
    (local, remote): (IpAddr, IpAddr),
    before: u8,
) -> Walk<Option<(&'a Link, &'a VtiDevice)>> {
    let (IpAddr::V6(local), IpAddr::V6(remote)) = (local, remote) else { return Ok(None) };
    let is_corrected = state.kernel.has(Change::WildcardsOfVti6);
    if is_corrected == Some(true) {
        return Ok(None);
    }
    let mut found: Vec<(u8, (&Link, &VtiDevice))> = Vec::new();
    for link in state.vti6s()? {
        let LinkKind::Vti6(device) = &link.kind else { continue };
        let (IpAddr::V6(l), IpAddr::V6(r)) = (device.local, device.remote) else { continue };
        if l == local && !r.is_unspecified() && is_together(l, r) {
            found.push((1, (link, device)));
        } else if r == remote && !l.is_unspecified() && is_together(r, l) {
            found.push((2, (link, device)));
        }
    }
    let Some(best) = found.iter().map(|(rank, _)| *rank).min().filter(|best| *best <= before)
    else {
        return Ok(None);
    };
    let mut best_ones = found.iter().filter(|(rank, _)| *rank == best).map(|(_, one)| *one);
    match (best_ones.next(), best_ones.next(), is_corrected) {
        (Some(only), None, Some(_)) if best < before => Ok(Some(only)),
        (Some((first, _)), _, None) => {
            let what = format!(
                "whether {} takes the packets of other addresses, too: this release of the kernel does not tell",
                first.name
            );
            Err(undecidable(Source::Links, what).into())
        }
        _ => {
            let what = "which of several vti6 of one bucket takes the packet (vti6_tnl_lookup())";
            Err(undecidable(Source::Links, what).into())
        }
    }
}

/// Whether the two addresses have the bucket of the first one and the wildcard.
fn is_together(kept: Ipv6Addr, other: Ipv6Addr) -> bool {
    bucket(kept, other) == bucket(kept, Ipv6Addr::UNSPECIFIED)
}

/// `HASH()` of ip6_vti: `hash_32()` of `ipv6_addr_hash()` of both.
fn bucket(one: Ipv6Addr, other: Ipv6Addr) -> u32 {
    (fold(one) ^ fold(other)).wrapping_mul(GOLDEN_RATIO) >> (u32::BITS - BITS)
}

/// `ipv6_addr_hash()`: the words of the address as a little-endian machine has them, as all of VyOS's are.
fn fold(address: Ipv6Addr) -> u32 {
    let octets = address.octets();
    let words = octets.chunks_exact(4).filter_map(<[u8]>::first_chunk);
    words.fold(0, |sum, word| sum ^ u32::from_le_bytes(*word))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn address(text: &str) -> Ipv6Addr {
        text.parse().unwrap()
    }

    /// On 5.10.223 and 6.18.15 a vti6 between 2001:db8::1 and 2001:db8::20 took packets from 2001:db8::2, and one to 2001:db8::2 none of others.
    #[test]
    fn buckets_are_those_of_the_kernel() {
        assert!(is_together(address("2001:db8::1"), address("2001:db8::20")));
        assert!(!is_together(address("2001:db8::1"), address("2001:db8::2")));
        assert!(!is_together(address("2001:db8::1"), address("2001:db8::3")));
    }

    #[test]
    fn one_of_32_addresses_is_in_the_bucket_of_the_wildcard() {
        let peers = (1..=u16::MAX).map(|last| Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 7, last));
        let together = peers.filter(|peer| is_together(address("2001:db8::1"), *peer)).count();
        assert!((1900..2200).contains(&together), "{together} of 65535");
    }
}
