//! The hash of the SA table by addresses, `__xfrm_dst_hash()`. `xfrm_state_find()` walks the bucket of a wildcard source without comparing
//! the source, so it also finds an SA with another source in that bucket.

use crate::snapshot::{Family, ReqId};
use std::net::IpAddr;

/// The bucket of an SA in a table of `buckets` (a power of two) chains.
pub(super) fn bucket(
    destination: IpAddr,
    source: IpAddr,
    reqid: ReqId,
    family: Family,
    buckets: u32,
) -> u32 {
    let family_number = if family == Family::Inet6 { 10 } else { 2 };
    let addresses = match (destination, source) {
        (IpAddr::V4(d), IpAddr::V4(s)) => {
            // The kernel adds the addresses in memory order, and converts only the sum to host order.
            let sum = u32::from_ne_bytes(d.octets()).wrapping_add(u32::from_ne_bytes(s.octets()));
            u32::from_be(sum)
        }
        (IpAddr::V6(d), IpAddr::V6(s)) => address_hash(d.octets()) ^ address_hash(s.octets()),
        _ => 0,
    };
    let hash = family_number ^ reqid.0 ^ addresses;
    (hash ^ (hash >> 16)) & buckets.saturating_sub(1)
}

/// `jhash2()` of the four words of an address with the initial value 0 (Bob Jenkins' lookup3).
fn address_hash(octets: [u8; 16]) -> u32 {
    let word = |i: usize| {
        let mut bytes = [0; 4];
        bytes.iter_mut().zip(octets.iter().skip(4 * i)).for_each(|(to, from)| *to = *from);
        u32::from_ne_bytes(bytes)
    };
    let initial = 0xdead_beef_u32.wrapping_add(4 << 2);
    let (mut a, mut b, mut c) = (initial, initial, initial);
    a = a.wrapping_add(word(0));
    b = b.wrapping_add(word(1));
    c = c.wrapping_add(word(2));
    // __jhash_mix()
    a = a.wrapping_sub(c) ^ c.rotate_left(4);
    c = c.wrapping_add(b);
    b = b.wrapping_sub(a) ^ a.rotate_left(6);
    a = a.wrapping_add(c);
    c = c.wrapping_sub(b) ^ b.rotate_left(8);
    b = b.wrapping_add(a);
    a = a.wrapping_sub(c) ^ c.rotate_left(16);
    c = c.wrapping_add(b);
    b = b.wrapping_sub(a) ^ a.rotate_left(19);
    a = a.wrapping_add(c);
    c = c.wrapping_sub(b) ^ b.rotate_left(4);
    b = b.wrapping_add(a);
    // The last word, and __jhash_final().
    a = a.wrapping_add(word(3));
    c = (c ^ b).wrapping_sub(b.rotate_left(14));
    a = (a ^ c).wrapping_sub(c.rotate_left(11));
    b = (b ^ a).wrapping_sub(a.rotate_left(25));
    c = (c ^ b).wrapping_sub(b.rotate_left(16));
    a = (a ^ c).wrapping_sub(c.rotate_left(4));
    b = (b ^ a).wrapping_sub(a.rotate_left(14));
    (c ^ b).wrapping_sub(b.rotate_left(24))
}
