//! IP tunnels in the words of iproute2, as `ip -d link` prints them in text and JSON (`link_gre.c`, `link_gre6.c`, `link_iptnl.c`,
//! `link_ip6tnl.c`). Which device is bound to which is found out elsewhere.

use super::words::{address, dotted, hex};
use crate::snapshot::{Family, IpTunnel, IpTunnelKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The device with what stands behind each word; `modes` are the words without a value.
pub(super) fn of<'a>(
    kind: IpTunnelKind,
    after: impl Fn(&str) -> Option<&'a str>,
    has: impl Fn(&str) -> bool,
) -> IpTunnel {
    let any: IpAddr = match kind.family() {
        Family::Inet6 => Ipv6Addr::UNSPECIFIED.into(),
        _ => Ipv4Addr::UNSPECIFIED.into(),
    };
    // `any` is no address.
    let end = |key| after(key).and_then(address).unwrap_or(any);
    IpTunnel {
        info_kind: kind,
        link: 0,
        local: end("local"),
        remote: end("remote"),
        output_key: after("okey").and_then(dotted).unwrap_or(0),
        fwmark: after("fwmark").and_then(hex).unwrap_or(0),
        protocol: protocol(&has),
        collect_metadata: has("external"),
        allow_local_remote: has("allow-localremote"),
    }
}

/// What goes in, by the word of the mode: `ip6ip6`, `ipip6`, `ipip`, `ip6ip`, `any`.
fn protocol(has: &impl Fn(&str) -> bool) -> u8 {
    const IPIP: u8 = 4;
    const IPV6: u8 = 41;
    if has("ip6ip6") || has("ip6ip") {
        IPV6
    } else if has("ipip6") || has("ipip") {
        IPIP
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::words::Words;

    fn told(kind: IpTunnelKind, text: &str) -> IpTunnel {
        let words = Words::of(std::iter::once(text));
        of(kind, |key| words.after(key), |word| words.has(word))
    }

    /// The lines of `ip -d link` of iproute2 6.1.
    #[test]
    fn the_words_of_each_kind_are_read() {
        let gre = told(
            IpTunnelKind::Gre,
            "remote 198.51.100.2 local 192.0.2.1 dev wan ttl inherit ikey 0.0.0.9 okey 0.0.0.7 fwmark 0x5 addrgenmode none",
        );
        assert_eq!((gre.output_key, gre.fwmark, gre.protocol), (7, 5, 0));
        assert_eq!(gre.remote.to_string(), "198.51.100.2");
        let ipip =
            told(IpTunnelKind::Ipip, "ipip remote 198.51.100.2 local any ttl inherit pmtudisc");
        assert_eq!((ipip.protocol, ipip.local.is_unspecified()), (4, true));
        let six = told(
            IpTunnelKind::Ip6tnl,
            "any remote 2001:db8:2::2 local 2001:db8:1::1 encaplimit 4 hoplimit 64 tclass 0x00 (flowinfo 0x00000000)",
        );
        assert_eq!((six.protocol, six.remote.to_string().as_str()), (0, "2001:db8:2::2"));
        assert!(told(IpTunnelKind::Gre, "external").collect_metadata);
        let sit = told(IpTunnelKind::Sit, "ip6ip remote 198.51.100.2 local 192.0.2.1 ttl 64");
        assert_eq!(sit.protocol, 41);
    }
}
