//! Replaces addresses one to one, such that prefixes keep their relation: two addresses share as many leading bits after as before
//! (Crypto-PAn, Xu et al. 2002, with a keyed hash for the cipher). What the kernel treats by its value stays what it is.
//!
//! Who knows the true address behind one replaced address knows the leading bits of its neighbours: this hides a network from readers of a
//! ticket, not from an attacker with a map of it.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::hash::BuildHasher;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The address that stands for `address` under this key.
///
/// Leading bits that say what kind of address it is stay, see [`kept_bits`]; the first bit after them is always turned, so that no
/// address stands for itself; each further bit is turned or not depending on the key and on all bits before it.
pub(super) fn address(key: &impl BuildHasher, address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(a) => IpAddr::V4(v4(key, a)),
        IpAddr::V6(a) => IpAddr::V6(v6(key, a)),
    }
}

/// The prefix that stands for `prefix`: its length stays, and host bits are zero after where they were before.
pub(super) fn prefix(key: &impl BuildHasher, prefix: IpNet) -> IpNet {
    let mapped = match prefix {
        IpNet::V4(net) => Ipv4Net::new(v4(key, net.addr()), net.prefix_len()).map(IpNet::V4),
        IpNet::V6(net) => Ipv6Net::new(v6(key, net.addr()), net.prefix_len()).map(IpNet::V6),
    };
    // The length is one that another prefix of the family has: new() does not fail.
    let mapped = mapped.unwrap_or(prefix);
    if prefix.trunc() == prefix { mapped.trunc() } else { mapped }
}

fn v4(key: &impl BuildHasher, address: Ipv4Addr) -> Ipv4Addr {
    let kept = match address.octets() {
        // This host, loopback, multicast, reserved with the broadcast address.
        [0 | 127 | 224.., ..] => 32,
        // 100.64/10, 169.254/16, 172.16/12 and 192.168/16 are in these: nothing may move in or out.
        [100 | 169 | 172 | 192, ..] => 16,
        _ => 8,
    };
    let bits = u128::from(address.to_bits()) << 96;
    Ipv4Addr::from_bits((turned(key, bits, kept, 32) >> 96) as u32)
}

fn v6(key: &impl BuildHasher, address: Ipv6Addr) -> Ipv6Addr {
    let bits = address.to_bits();
    let kept = match address.segments() {
        // ::, ::1, and IPv4 addresses written as IPv6.
        [0, ..] => {
            let low = v4(key, Ipv4Addr::from_bits(bits as u32)).to_bits();
            return Ipv6Addr::from_bits((bits >> 32 << 32) | u128::from(low));
        }
        // Multicast.
        [0xff00..=0xffff, ..] => 128,
        // Link-local: fe80::/64 in practice.
        [0xfe80..=0xfebf, ..] => 64,
        _ => 16,
    };
    Ipv6Addr::from_bits(turned(key, bits, kept, 128))
}

/// `bits` (an address of `width` bits, at the top) with the bits from `kept` on turned as the key says.
fn turned(key: &impl BuildHasher, bits: u128, kept: u32, width: u32) -> u128 {
    let before = |i: u32| bits & !(u128::MAX >> i);
    let turn = |i: u32| i == kept || key.hash_one((width, i, before(i))) & 1 == 1;
    (kept..width).filter(|i| turn(*i)).fold(bits, |all, i| all ^ (1 << (127 - i)))
}
