//! What ESP, AH and IPComp add to a packet, and how large one may be inside: by the SA's algorithms where they are known, else within the
//! limits of what the kernel has. Arithmetic alone.

use crate::snapshot::{Algorithm, AlgorithmKind, Family, Mode, Sa};

/// IPPROTO_ESP, IPPROTO_AH.
const ESP: u8 = 50;
const AH: u8 = 51;
/// `struct ip_esp_hdr` without the IV; the two bytes behind the padding.
const HEADER: u32 = 8;
const TRAILER: u32 = 2;
/// `struct udphdr`.
const UDP: u32 = 8;
const IPV6_MIN_MTU: u32 = 1280;

/// IV and block of a cipher as ESP uses it, in bytes (`crypto_aead_ivsize()`, `crypto_aead_blocksize()`); none for one that is not listed.
/// Names are those of the kernel's `net/xfrm/xfrm_algo.c`.
fn cipher(name: &str) -> Option<(u32, u32)> {
    Some(match name {
        "rfc4106(gcm(aes))"
        | "rfc4309(ccm(aes))"
        | "rfc4543(gcm(aes))"
        | "rfc7539esp(chacha20,poly1305)"
        | "rfc3686(ctr(aes))" => (8, 1),
        "cbc(aes)" | "cbc(camellia)" | "cbc(serpent)" | "cbc(twofish)" | "cbc(sm4)" => (16, 16),
        "cbc(des3_ede)" | "cbc(des)" | "cbc(blowfish)" | "cbc(cast5)" => (8, 8),
        "ecb(cipher_null)" => (0, 1),
        _ => return None,
    })
}

/// What an SA's algorithms are to the size of a packet: IV, block and integrity value in bytes. None where they are not known.
fn lengths(sa: &Sa) -> Option<(u32, u32, u32)> {
    if sa.protocol != ESP {
        return None;
    }
    let of = |kind| sa.algorithms.iter().find(move |a: &&Algorithm| a.kind == kind);
    let whole = |bits: u32| (bits % 8 == 0).then_some(bits / 8);
    let (iv, block, icv) = match (of(AlgorithmKind::Aead), of(AlgorithmKind::Encryption)) {
        (Some(aead), _) => {
            let (iv, block) = cipher(&aead.name)?;
            (iv, block, whole(aead.icv_bits)?)
        }
        (None, Some(encryption)) => {
            let (iv, block) = cipher(&encryption.name)?;
            let icv = of(AlgorithmKind::Authentication).map_or(Some(0), |a| whole(a.icv_bits))?;
            (iv, block, icv)
        }
        (None, None) => return None,
    };
    Some((iv, block.next_multiple_of(4), icv))
}

/// The outer IP header that an SA adds, and that of UDP.
fn outer(sa: &Sa) -> u32 {
    let header = match (sa.mode, sa.family) {
        (Mode::Transport, _) => 0,
        (_, Family::Inet6) => 40,
        _ => 20,
    };
    header + if sa.encapsulation.is_some() { UDP } else { 0 }
}

/// The least and the most bytes that SAs add to a packet of `size` bytes; the same where their algorithms are known. Else, for any that the
/// kernel has: outer header, ESP header (8), IV (0 to 16), padding to 4 or 16 with its 2 bytes, ICV (0 to 64), and 8 for UDP encapsulation.
pub fn added(chain: &[&Sa], size: u32) -> (u32, u32) {
    chain.iter().fold((0, 0), |(least, most), sa| {
        let (low, high) = added_by(sa, size.saturating_add(least));
        (least + low, most + high)
    })
}

fn added_by(sa: &Sa, size: u32) -> (u32, u32) {
    let outer = outer(sa);
    if let Some((iv, block, icv)) = lengths(sa) {
        // In transport mode the IP header stays outside.
        let header = if sa.mode == Mode::Transport { ip_header(sa) } else { 0 };
        let inside = size.saturating_sub(header).saturating_add(TRAILER);
        let padded = inside.next_multiple_of(block) - inside;
        let all = outer + HEADER + iv + padded + TRAILER + icv;
        return (all, all);
    }
    let (low, high) = match sa.protocol {
        ESP => (HEADER + TRAILER, HEADER + 16 + 15 + TRAILER + 64),
        AH => (12, 12 + 64),
        _ => (0, 4),
    };
    (outer + low, outer + high)
}

/// The largest packet that certainly fits into a path, and the largest that may: the MTU of the bundle (`xfrm_init_pmtu()`). Both are the same
/// where the algorithms are known.
pub fn room(chain: &[&Sa], path: u32) -> (u32, u32) {
    chain.iter().rev().fold((path, path), |(tightest, roomiest), sa| {
        let (small, _) = room_of(sa, tightest);
        let (_, large) = room_of(sa, roomiest);
        (small, large)
    })
}

/// `xfrm_state_mtu()`.
fn room_of(sa: &Sa, mtu: u32) -> (u32, u32) {
    // An outer IPv6 path never reports an MTU below 1280 for the inner packet.
    let floor = if sa.family == Family::Inet6 { IPV6_MIN_MTU } else { 0 };
    let (least, most) = match lengths(sa) {
        Some((iv, block, icv)) => {
            let header = outer(sa) + HEADER + iv;
            let outside = if sa.mode == Mode::Transport { ip_header(sa) } else { 0 };
            let left = mtu.saturating_sub(header + icv + outside);
            let inside = (left & !(block - 1)).saturating_add(outside).saturating_sub(TRAILER);
            (inside, inside)
        }
        None => {
            let (least, most) = added_by(sa, 0);
            (mtu.saturating_sub(most), mtu.saturating_sub(least))
        }
    };
    (least.max(floor), most.max(floor))
}

const fn ip_header(sa: &Sa) -> u32 {
    match sa.family {
        Family::Inet6 => 40,
        _ => 20,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{IfId, Mark, ReqId, Selector, Spi};
    use std::net::IpAddr;

    /// `ip xfrm state` has the same SA in the laboratory; sizes as `ping -M do -s` found them there.
    fn sa(algorithms: &[(AlgorithmKind, &str, u32)]) -> Sa {
        let all = "0.0.0.0/0".parse().unwrap();
        let address = IpAddr::from([192, 0, 2, 1]);
        let port = crate::snapshot::PortMask { port: 0, mask: 0 };
        let algorithms = algorithms
            .iter()
            .map(|(kind, name, icv_bits)| Algorithm {
                kind: *kind,
                name: (*name).to_owned(),
                key_bits: 0,
                icv_bits: *icv_bits,
            })
            .collect();
        Sa {
            source: address,
            destination: address,
            protocol: ESP,
            spi: Spi(1),
            larval: false,
            algorithms,
            reqid: ReqId(0),
            mode: Mode::Tunnel,
            family: Family::Inet,
            selector: Selector {
                family: Family::Inet,
                source: all,
                destination: all,
                protocol: 0,
                source_port: port,
                destination_port: port,
                ifindex: 0,
            },
            mark: Mark::default(),
            set_mark: Mark::default(),
            if_id: IfId(0),
            limits: Default::default(),
            current: Default::default(),
            replay: None,
            replay_window_drops: 0,
            replay_drops: 0,
            integrity_failures: 0,
            flags: 0,
            extra_flags: 0,
            encapsulation: None,
            offload: None,
            last_used: None,
            direction: None,
            cpu: None,
            uncounted: false,
        }
    }

    #[test]
    fn known_algorithms_leave_one_size() {
        let gcm = sa(&[(AlgorithmKind::Aead, "rfc4106(gcm(aes))", 128)]);
        // RFC 4303: 20 + 8 + 8 + (size + 2, to 4) + 16.
        assert_eq!(room(&[&gcm], 1500), (1446, 1446));
        assert_eq!(added(&[&gcm], 1446), (54, 54));
        assert_eq!(added(&[&gcm], 1447), (57, 57));
        let cbc = sa(&[
            (AlgorithmKind::Encryption, "cbc(aes)", 0),
            (AlgorithmKind::Authentication, "hmac(sha256)", 128),
        ]);
        // 20 + 8 + 16 + (size + 2, to 16) + 16.
        assert_eq!(room(&[&cbc], 1500), (1438, 1438));
        assert_eq!(added(&[&cbc], 1438), (62, 62));
    }

    #[test]
    fn what_fits_fills_the_path_and_one_byte_more_does_not() {
        for (cipher, icv) in [("cbc(aes)", 96), ("cbc(des3_ede)", 128), ("ecb(cipher_null)", 256)] {
            let sa = sa(&[
                (AlgorithmKind::Encryption, cipher, 0),
                (AlgorithmKind::Authentication, "hmac(sha1)", icv),
            ]);
            for path in 1300..1400 {
                let (largest, _) = room(&[&sa], path);
                assert!(largest + added(&[&sa], largest).0 <= path, "{cipher} {path}");
                assert!(largest + 1 + added(&[&sa], largest + 1).0 > path, "{cipher} {path}");
            }
        }
    }

    #[test]
    fn an_algorithm_that_is_not_known_leaves_a_range() {
        let unknown = sa(&[(AlgorithmKind::Aead, "rfc9999(new)", 128)]);
        assert_eq!(added(&[&unknown], 1400), (30, 125));
        assert_eq!(room(&[&unknown], 1500), (1375, 1470));
    }
}
