//! Replaces addresses one to one, such that prefixes keep their relation: two addresses of a class share as many leading bits after as
//! before (Crypto-PAn, Xu et al. 2002, with a keyed hash for the cipher), and no address leaves or enters a class.
//!
//! Of an address its class stays (private, CGNAT, loopback, link-local, multicast, ...), and no bit after it. The public ranges of IPv4 are no
//! class of one prefix: classes lie in between, and a bit that could only be turned by moving a class would stay. So the first eight
//! bits of public addresses are exchanged as a whole, by a table. Only a prefix that is shorter than that, or that contains a class, stays, and what is in
//! it stays in it.
//!
//! Who knows the true address behind one replaced address knows the leading bits of its neighbours: this hides a network from readers of a
//! ticket, not from an attacker with a map of it.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::BuildHasher;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A prefix as its bits, at the top, and their number.
type Prefix = (u128, u32);

const fn v4_prefix(a: u8, b: u8, length: u32) -> Prefix {
    (((a as u128) << 120) | ((b as u128) << 112), length)
}

const fn v6_prefix(first: u16, length: u32) -> Prefix {
    ((first as u128) << 112, length)
}

/// Ranges of IPv4 that the kernel, or a reader, takes for another kind of address.
const V4_CLASSES: &[Prefix] = &[
    v4_prefix(0, 0, 8),
    v4_prefix(10, 0, 8),
    v4_prefix(100, 64, 10),
    v4_prefix(127, 0, 8),
    v4_prefix(169, 254, 16),
    v4_prefix(172, 16, 12),
    v4_prefix(192, 168, 16),
    v4_prefix(224, 0, 4),
    v4_prefix(240, 0, 4),
];
/// Addresses that stay: any, `::1` as the last bits of IPv6, loopback, broadcast.
const V4_FIXED: &[Prefix] =
    &[(0, 32), (1 << 96, 32), ((0x7f00_0001 << 96), 32), (!(u128::MAX >> 32), 32)];
/// The same for IPv6; fe80::/64 is the prefix of each link.
const V6_FIXED: &[Prefix] = &[
    (0, 128),
    (1, 128),
    COMPATIBLE,
    MAPPED,
    v6_prefix(0x2000, 3),
    v6_prefix(0xfc00, 7),
    v6_prefix(0xfe80, 10),
    v6_prefix(0xfe80, 64),
    v6_prefix(0xff00, 8),
];
/// IPv4 written as IPv6: ::/96 and ::ffff:0:0/96.
const COMPATIBLE: Prefix = (0, 96);
const MAPPED: Prefix = (0xffff << 32, 96);

fn contains(prefix: Prefix, bits: u128) -> bool {
    let rest = u128::MAX.checked_shr(prefix.1).unwrap_or(0);
    (bits ^ prefix.0) & !rest == 0
}

/// What must be known of the addresses and prefixes of a capture before one is replaced: of public IPv4, which first eight bits it has. It
/// takes no more room for many than for a few.
#[derive(Default)]
pub(super) struct Present {
    /// The first eight bits of addresses, and of prefixes that have so many.
    within: BTreeSet<u8>,
    /// Those of them that stay: a prefix with them contains a class.
    stay: BTreeSet<u8>,
    /// Prefixes that are shorter.
    short: BTreeSet<Prefix>,
}

impl Present {
    /// One more.
    pub fn add(&mut self, net: IpNet) {
        match v4_of(net) {
            Some(prefix) if prefix.1 >= 8 => {
                let block = (prefix.0 >> 120) as u8;
                self.within.insert(block);
                if has_class(prefix) {
                    self.stay.insert(block);
                }
            }
            Some(prefix) => drop(self.short.insert(prefix)),
            None => {}
        }
    }
}

/// Whether a prefix contains a class, and is not one.
fn has_class(prefix: Prefix) -> bool {
    V4_CLASSES.iter().any(|class| class.1 > prefix.1 && contains(prefix, class.0))
}

/// What stands for each address of a capture.
pub(super) struct Addresses<'k, K> {
    key: &'k K,
    /// The first eight bits of public IPv4 addresses, and what stands for them.
    blocks: BTreeMap<u8, u8>,
}

impl<'k, K: BuildHasher> Addresses<'k, K> {
    /// For a capture that has these addresses and prefixes.
    pub fn new(key: &'k K, present: &Present) -> Self {
        Self { key, blocks: blocks(key, present) }
    }

    /// The address that stands for `address`.
    pub fn address(&self, address: IpAddr) -> IpAddr {
        match address {
            IpAddr::V4(a) => IpAddr::V4(self.v4(a)),
            IpAddr::V6(a) => IpAddr::V6(self.v6(a)),
        }
    }

    /// The prefix that stands for `prefix`: its length stays, and host bits are zero after where they were before.
    pub fn prefix(&self, prefix: IpNet) -> IpNet {
        let mapped = match prefix {
            IpNet::V4(net) => Ipv4Net::new(self.v4(net.addr()), net.prefix_len()).map(IpNet::V4),
            IpNet::V6(net) => Ipv6Net::new(self.v6(net.addr()), net.prefix_len()).map(IpNet::V6),
        };
        // The length is one that another prefix of the family has: new() does not fail.
        let mapped = mapped.unwrap_or(prefix);
        if prefix.trunc() == prefix { mapped.trunc() } else { mapped }
    }

    fn v4(&self, address: Ipv4Addr) -> Ipv4Addr {
        let bits = u128::from(address.to_bits()) << 96;
        let class = V4_CLASSES.iter().find(|class| contains(**class, bits));
        let block = (bits >> 120) as u8;
        let replaced = match (class, self.blocks.get(&block)) {
            (Some((_, length)), _) => self.turned(bits, *length, 32, V4_FIXED),
            (None, Some(other)) => {
                let below = self.turned(bits, 8, 32, &[]) & (u128::MAX >> 8);
                below | (u128::from(*other) << 120)
            }
            // It shares its first eight bits with a class.
            (None, None) => self.turned(bits, 8, 32, V4_CLASSES),
        };
        Ipv4Addr::from_bits((replaced >> 96) as u32)
    }

    fn v6(&self, address: Ipv6Addr) -> Ipv6Addr {
        let bits = address.to_bits();
        if contains(COMPATIBLE, bits) || contains(MAPPED, bits) {
            let low = self.v4(Ipv4Addr::from_bits(bits as u32)).to_bits();
            return Ipv6Addr::from_bits((bits >> 32 << 32) | u128::from(low));
        }
        let kept = match bits >> 120 {
            // Flags and scope.
            0xff => 16,
            // The bit after fc00::/7 says that it is of this site.
            0xfc | 0xfd => 8,
            _ => 0,
        };
        Ipv6Addr::from_bits(self.turned(bits, kept, 128, V6_FIXED))
    }

    /// `bits` (an address of `width` bits, at the top) with each bit from `kept` on turned or not, depending on the key and on all bits
    /// before it. A bit stays where the addresses that share those before it are not all of one class.
    fn turned(&self, bits: u128, kept: u32, width: u32, fixed: &[Prefix]) -> u128 {
        let before = |i: u32| bits & !(u128::MAX >> i);
        let is_free = |i: u32| {
            !fixed.iter().any(|(other, length)| *length > i && contains((before(i), i), *other))
        };
        let turn = |i: &u32| self.key.hash_one((width, *i, before(*i))) & 1 == 1 && is_free(*i);
        (kept..width).filter(turn).fold(bits, |all, i| all ^ (1 << (127 - i)))
    }
}

/// The prefix of IPv4 that this one is, or holds as its last bits.
fn v4_of(net: IpNet) -> Option<Prefix> {
    let length = u32::from(net.prefix_len());
    match net.trunc().addr() {
        IpAddr::V4(a) => Some((u128::from(a.to_bits()) << 96, length)),
        IpAddr::V6(a) => {
            let bits = a.to_bits();
            let is_v4 = contains(COMPATIBLE, bits) || contains(MAPPED, bits);
            (is_v4 && length >= 96).then(|| (bits << 96, length - 96))
        }
    }
}

/// What stands for the first eight bits of public addresses: those that are free of classes, in an order that the key gives. Those of
/// which the capture has a prefix that contains a class have none; nor have, should the others be all in use, those that have a class in them.
fn blocks(key: &impl BuildHasher, present: &Present) -> BTreeMap<u8, u8> {
    let Present { within, stay, short } = present;
    let of_block = |block: u8| v4_prefix(block, 0, 8);
    let is_public =
        |block: &u8| !V4_CLASSES.iter().any(|c| c.1 <= 8 && contains(*c, of_block(*block).0));
    let is_mixed = |block: u8| has_class(of_block(block));
    let mut groups: BTreeMap<Vec<bool>, Vec<u8>> = BTreeMap::new();
    for block in (0..=u8::MAX).filter(is_public) {
        let group = short.iter().map(|p| contains(*p, of_block(block).0)).collect();
        groups.entry(group).or_default().push(block);
    }
    let mut blocks = BTreeMap::new();
    for group in groups.into_values() {
        let mut to: Vec<u8> = group.iter().copied().filter(|b| !is_mixed(*b)).collect();
        to.sort_by_cached_key(|block| key.hash_one((8, *block)));
        let mut from: Vec<u8> = group.into_iter().filter(|b| !stay.contains(b)).collect();
        from.sort_by_key(|block| (!within.contains(block), is_mixed(*block)));
        blocks.extend(from.into_iter().zip(to));
    }
    blocks
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

    /// With these addresses and prefixes in the capture.
    fn addresses_of(seed: &Seed, nets: impl IntoIterator<Item = IpNet>) -> Addresses<'_, Seed> {
        let mut present = Present::default();
        nets.into_iter().for_each(|net| present.add(net));
        Addresses::new(seed, &present)
    }

    fn host(a: IpAddr) -> IpNet {
        IpNet::from(a)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..Default::default() })]

        #[test]
        fn no_address_leaves_or_enters_a_class(seed in any::<u64>(), a in addresses()) {
            let mapped = addresses_of(&Seed(seed), [host(a)]).address(a);
            for class in classes() {
                prop_assert_eq!(class.contains(&a), class.contains(&mapped), "{} {} {}", class, a, mapped);
            }
        }

        #[test]
        fn a_prefix_contains_after_what_it_contained_before(
            seed in any::<u64>(), outer in prefixes(), inner in prefixes(), bits in any::<u128>()
        ) {
            let seed = Seed(seed);
            let addresses = addresses_of(&seed, [outer, inner]);
            // Related more often than chance would have it.
            let within = match outer.trunc() {
                IpNet::V4(n) => IpAddr::V4(Ipv4Addr::from_bits(n.network().to_bits() | (bits as u32 & n.hostmask().to_bits()))),
                IpNet::V6(n) => IpAddr::V6(Ipv6Addr::from_bits(n.network().to_bits() | (bits & n.hostmask().to_bits()))),
            };
            let mapped = addresses.prefix(outer);
            prop_assert_eq!(mapped.prefix_len(), outer.prefix_len());
            prop_assert!(mapped.contains(&addresses.address(within)));
            for a in [within, inner.addr()] {
                prop_assert_eq!(mapped.contains(&addresses.address(a)), outer.contains(&a));
            }
            prop_assert_eq!(mapped.contains(&addresses.prefix(inner)), outer.contains(&inner));
            prop_assert_eq!(addresses.prefix(outer.trunc()), mapped.trunc());
            // An address of an interface stays the same address in its prefix.
            if outer.trunc() != outer {
                prop_assert_eq!(mapped.addr(), addresses.address(outer.addr()));
            }
        }

        #[test]
        fn different_addresses_stay_different(seed in any::<u64>(), a in addresses(), b in addresses()) {
            let seed = Seed(seed);
            let addresses = addresses_of(&seed, [host(a), host(b)]);
            prop_assert_eq!(a == b, addresses.address(a) == addresses.address(b));
        }
    }

    #[test]
    fn special_addresses_stay() {
        for a in ["0.0.0.0", "127.0.0.1", "255.255.255.255", "::", "::1"] {
            let a: IpAddr = a.parse().unwrap();
            assert_eq!(addresses_of(&Seed(1), []).address(a), a);
        }
    }

    #[test]
    fn classes_as_prefixes_stay() {
        let more = ["0.0.0.0/0", "::/0", "fe80::/64", "0.0.0.0/1", "128.0.0.0/1", "172.0.0.0/8"];
        for class in classes().into_iter().chain(more.map(net)) {
            assert_eq!(addresses_of(&Seed(1), [class]).prefix(class), class);
        }
    }

    /// How often each bit differs over many keys.
    fn turned(text: &str) -> Vec<f64> {
        const KEYS: u64 = 400;
        let a: IpAddr = text.parse().unwrap();
        let bits = |a: IpAddr| match a {
            IpAddr::V4(a) => u128::from(a.to_bits()) << 96,
            IpAddr::V6(a) => a.to_bits(),
        };
        let mut counts = vec![0_u32; if a.is_ipv4() { 32 } else { 128 }];
        for seed in 0..KEYS {
            let seed = Seed(seed);
            let changed = bits(addresses_of(&seed, [host(a)]).address(a)) ^ bits(a);
            for (i, count) in counts.iter_mut().enumerate() {
                *count += u32::from(changed >> (127 - i) & 1 == 1);
            }
        }
        counts.into_iter().map(|count| f64::from(count) / KEYS as f64).collect()
    }

    #[test]
    fn no_bit_after_the_class_is_known() {
        // The first eight bits of public IPv4 addresses are drawn from the blocks without a class, of which not just half have a bit set.
        for (address, class, margin) in [
            ("8.8.8.8", 0, 0.2),
            ("172.217.3.9", 0, 0.2),
            ("192.0.2.77", 0, 0.2),
            ("203.0.113.5", 0, 0.2),
            ("169.1.2.3", 0, 0.2),
            ("100.1.2.3", 0, 0.2),
            ("10.20.30.40", 8, 0.12),
            ("100.100.3.4", 10, 0.12),
            ("172.20.1.1", 12, 0.12),
            ("192.168.1.1", 16, 0.12),
            ("169.254.1.1", 16, 0.12),
            ("239.1.2.3", 4, 0.12),
            ("2001:db8:1:2:221:86ff:fea3:12", 3, 0.12),
            ("2a02:810a:8000::1", 3, 0.12),
            ("fd12:3456:789a:1:221:86ff:fea3:12", 8, 0.12),
            ("fe80::221:86ff:fea3:12", 64, 0.12),
            ("ff02::1:ffa3:12", 16, 0.12),
            ("2002:0808:0808::1", 3, 0.12),
        ] {
            for (i, share) in turned(address).into_iter().enumerate() {
                if i < class {
                    assert!(share == 0.0, "{address}, bit {i}: {share}");
                } else {
                    assert!((share - 0.5).abs() < margin, "{address}, bit {i}: {share}");
                }
            }
        }
        // IPv4 as IPv6.
        assert!(turned("::ffff:8.8.8.8").iter().skip(96).all(|share| (share - 0.5).abs() < 0.2));
    }

    #[test]
    fn a_capture_with_all_blocks_is_still_one_to_one() {
        let all = |bits: u32| IpAddr::V4(Ipv4Addr::from_bits(bits << 24 | 0x0001_0203));
        let present: Vec<IpAddr> = (0..256).map(all).collect();
        let seed = Seed(3);
        let addresses = addresses_of(&seed, present.iter().map(|a| host(*a)));
        let mapped: BTreeSet<IpAddr> = present.iter().map(|a| addresses.address(*a)).collect();
        assert_eq!(mapped.len(), 256);
    }
}
