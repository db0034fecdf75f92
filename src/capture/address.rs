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
/// Leading bits that say what kind of address it is stay; the first bit after them is always turned, so that no
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
        // 100.64/10, 172.16/12, 169.254/16 and 192.168/16 are in these: nothing may move in or out.
        [100, ..] => 10,
        [172, ..] => 12,
        [169 | 192, ..] => 16,
        _ => 8,
    };
    let bits = u128::from(address.to_bits()) << 96;
    Ipv4Addr::from_bits((turned(key, bits, kept, 32) >> 96) as u32)
}

fn v6(key: &impl BuildHasher, address: Ipv6Addr) -> Ipv6Addr {
    let bits = address.to_bits();
    let kept = match address.segments() {
        // Reserved (RFC 4291): ::, ::1, and IPv4 addresses written as IPv6.
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::hash::{DefaultHasher, Hasher};

    #[derive(Clone, Copy, Debug)]
    struct Seed(u64);

    impl BuildHasher for Seed {
        type Hasher = DefaultHasher;
        fn build_hasher(&self) -> DefaultHasher {
            let mut hasher = DefaultHasher::new();
            hasher.write_u64(self.0);
            hasher
        }
    }

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    /// Ranges that the kernel or the transmit model treats by their value.
    fn classes() -> Vec<IpNet> {
        let texts = [
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "224.0.0.0/4",
            "240.0.0.0/4",
            "255.255.255.255/32",
            "::/128",
            "::1/128",
            "::/96",
            "::ffff:0:0/96",
            "2000::/3",
            "fc00::/7",
            "fe80::/10",
            "ff00::/8",
        ];
        texts.map(net).to_vec()
    }

    /// Anywhere, in one of the classes, or beside its ends.
    fn addresses() -> impl Strategy<Value = IpAddr> {
        let near = (0..classes().len(), any::<u128>(), 0..3_u8).prop_map(|(n, random, place)| {
            let class = classes()[n];
            match (class.addr(), class.broadcast()) {
                (IpAddr::V4(low), IpAddr::V4(high)) => {
                    let (low, high) = (low.to_bits(), high.to_bits());
                    let inside = low | (random as u32 & (low ^ high));
                    let all = [inside, low.wrapping_sub(1), high.wrapping_add(1)];
                    IpAddr::V4(Ipv4Addr::from_bits(all[usize::from(place)]))
                }
                (IpAddr::V6(low), IpAddr::V6(high)) => {
                    let (low, high) = (low.to_bits(), high.to_bits());
                    let inside = low | (random & (low ^ high));
                    let all = [inside, low.wrapping_sub(1), high.wrapping_add(1)];
                    IpAddr::V6(Ipv6Addr::from_bits(all[usize::from(place)]))
                }
                _ => unreachable!(),
            }
        });
        prop_oneof![any::<IpAddr>(), near]
    }

    fn prefixes() -> impl Strategy<Value = IpNet> {
        (addresses(), 0..=128_u8).prop_map(|(address, length)| {
            let most = if address.is_ipv4() { 32 } else { 128 };
            IpNet::new(address, length.min(most)).unwrap()
        })
    }

    fn is_kept(a: IpAddr) -> bool {
        ["0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3", "::/16", "ff00::/8"]
            .iter()
            .any(|n| net(n).contains(&a))
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..Default::default() })]

        #[test]
        fn an_address_stands_for_itself_only_where_it_must(seed in any::<u64>(), a in addresses()) {
            let mapped = address(&Seed(seed), a);
            prop_assert_eq!(mapped, address(&Seed(seed), a));
            if !is_kept(a) {
                prop_assert_ne!(mapped, a);
            }
        }

        #[test]
        fn special_addresses_stay(seed in any::<u64>(), low in any::<u32>()) {
            let v4 = [low >> 8, 127 << 24 | low >> 8, 7 << 29 | low >> 3, u32::MAX]
                .map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits)));
            let v6 = [0, 1, 0xff02 << 112 | u128::from(low)]
                .map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits)));
            for a in v4.into_iter().chain(v6) {
                prop_assert_eq!(address(&Seed(seed), a), a);
            }
        }

        #[test]
        fn no_address_leaves_or_enters_a_class(seed in any::<u64>(), a in addresses()) {
            let mapped = address(&Seed(seed), a);
            for class in classes() {
                prop_assert_eq!(class.contains(&a), class.contains(&mapped), "{} {} {}", class, a, mapped);
            }
        }

        #[test]
        fn a_prefix_contains_after_what_it_contained_before(
            seed in any::<u64>(), outer in prefixes(), inner in prefixes(), bits in any::<u128>()
        ) {
            let seed = Seed(seed);
            // Related more often than chance would have it.
            let within = match outer.trunc() {
                IpNet::V4(n) => IpAddr::V4(Ipv4Addr::from_bits(n.network().to_bits() | (bits as u32 & n.hostmask().to_bits()))),
                IpNet::V6(n) => IpAddr::V6(Ipv6Addr::from_bits(n.network().to_bits() | (bits & n.hostmask().to_bits()))),
            };
            let mapped = prefix(&seed, outer);
            prop_assert_eq!(mapped.prefix_len(), outer.prefix_len());
            prop_assert!(mapped.contains(&address(&seed, within)));
            for a in [within, inner.addr()] {
                prop_assert_eq!(mapped.contains(&address(&seed, a)), outer.contains(&a));
            }
            prop_assert_eq!(mapped.contains(&prefix(&seed, inner)), outer.contains(&inner));
            prop_assert_eq!(prefix(&seed, outer.trunc()), mapped.trunc());
            // An address of an interface stays the same address in its prefix.
            if outer.trunc() != outer {
                prop_assert_eq!(mapped.addr(), address(&seed, outer.addr()));
            }
        }

        #[test]
        fn different_addresses_stay_different(seed in any::<u64>(), a in addresses(), b in addresses()) {
            let seed = Seed(seed);
            prop_assert_eq!(a == b, address(&seed, a) == address(&seed, b));
        }
    }

    #[test]
    fn classes_as_prefixes_stay() {
        for class in classes().into_iter().chain([net("0.0.0.0/0"), net("::/0"), net("fe80::/64")])
        {
            assert_eq!(prefix(&Seed(1), class), class);
        }
    }
}
