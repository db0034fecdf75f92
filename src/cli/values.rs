//! Checks of single values of the command line. The build script reads this file too, so it uses std only.

/// An interface name as the kernel's `dev_valid_name()` takes it, and without characters that act on a terminal.
pub(super) fn interface_name(text: &str) -> Result<String, String> {
    let refused = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '/' | ':');
    match text {
        "" => Err("an interface name is not empty".to_string()),
        _ if text.len() > 15 => Err("an interface name has at most 15 bytes".to_string()),
        "." | ".." => Err("this is no interface name".to_string()),
        _ if text.chars().any(refused) => {
            Err("an interface name has no spaces, slashes, colons or control characters"
                .to_string())
        }
        _ => Ok(text.to_string()),
    }
}

/// The protocols that are asked for by name (IANA); the system's list is not read.
const PROTOCOLS: &[(&str, u8)] = &[
    ("icmp", 1),
    ("igmp", 2),
    ("ipip", 4),
    ("tcp", 6),
    ("udp", 17),
    ("gre", 47),
    ("esp", 50),
    ("ah", 51),
    ("icmpv6", 58),
    ("ipv6-icmp", 58),
    ("eigrp", 88),
    ("ospf", 89),
    ("pim", 103),
    ("vrrp", 112),
    ("l2tp", 115),
    ("sctp", 132),
];

pub(super) fn protocol(text: &str) -> Result<u8, String> {
    let named = PROTOCOLS.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    match named {
        Some((_, number)) => Ok(*number),
        None => text.parse().map_err(|_| {
            "expected a number below 256, or a name such as tcp, udp, icmp, icmpv6, gre, esp, ospf".to_string()
        }),
    }
}

pub(super) fn mark(text: &str) -> Result<u32, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| "expected 32 bits, decimal or with 0x".to_string())
}

/// More no router needs, in bytes.
const LARGEST: u64 = 16 << 30;

/// Bytes, with K, M or G for 1024 of the next smaller.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at_checked(end).unwrap_or((text, ""));
    let unit = match unit.to_ascii_lowercase().as_str() {
        "" => Some(1),
        "k" | "kib" => Some(1 << 10),
        "m" | "mib" => Some(1 << 20),
        "g" | "gib" => Some(1 << 30),
        _ => None,
    };
    let bytes = digits.parse::<u64>().ok().zip(unit).and_then(|(n, unit)| n.checked_mul(unit));
    bytes
        .filter(|bytes| (1..=LARGEST).contains(bytes))
        .ok_or_else(|| "expected a size up to 16G, such as 100M".to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_the_kernel_refuses_are_refused() {
        for name in
            ["", ".", "..", "a b", "a/b", "a:b", "a\tb", "vti\x1b0", "sixteen-bytes-xx", "a\u{a0}b"]
        {
            assert!(interface_name(name).is_err(), "{name:?}");
        }
        assert_eq!(interface_name("fifteen-bytes-x").unwrap(), "fifteen-bytes-x");
    }

    #[test]
    fn protocols_have_names_and_numbers() {
        assert_eq!(protocol("TCP"), Ok(6));
        assert_eq!(protocol("89"), protocol("ospf"));
        assert!(protocol("256").is_err());
        assert!(protocol("-1").is_err());
    }

    #[test]
    fn marks_are_decimal_or_hexadecimal() {
        assert_eq!(mark("0x900001"), Ok(0x90_0001));
        assert_eq!(mark("10"), Ok(10));
        assert!(mark("0x1ffffffff").is_err());
    }

    #[test]
    fn sizes_have_units() {
        let mib = 1 << 20;
        for (text, bytes) in [
            ("64M", 64 * mib),
            ("64m", 64 * mib),
            ("64MiB", 64 * mib),
            ("1G", 1024 * mib),
            ("4096", 4096),
            ("2K", 2048),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in [
            "",
            "M",
            "0",
            "-1",
            "1.5M",
            "64MB",
            "64 M",
            "17G",
            "99999999999999999999",
            "18446744073709551615K",
        ] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
