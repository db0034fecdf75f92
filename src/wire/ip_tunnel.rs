//! IFLA_INFO_DATA of IP tunnels (`ipgre_fill_info()`, `ipip_fill_info()`, `ipip6_fill_info()`, `ip6_tnl_fill_info()`,
//! `ip6gre_fill_info()`): bytes to values. It decides nothing about them.

use super::attribute::{Field, WireError};
use crate::snapshot::{Family, IpTunnel, IpTunnelKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const IFLA_IPTUN_LINK: u16 = 1;
const IFLA_IPTUN_LOCAL: u16 = 2;
const IFLA_IPTUN_REMOTE: u16 = 3;
const IFLA_IPTUN_FLAGS: u16 = 8;
const IFLA_IPTUN_PROTO: u16 = 9;
const IFLA_IPTUN_COLLECT_METADATA: u16 = 19;
const IFLA_IPTUN_FWMARK: u16 = 20;
const IFLA_GRE_LINK: u16 = 1;
const IFLA_GRE_OKEY: u16 = 5;
const IFLA_GRE_LOCAL: u16 = 6;
const IFLA_GRE_REMOTE: u16 = 7;
const IFLA_GRE_FLAGS: u16 = 13;
const IFLA_GRE_COLLECT_METADATA: u16 = 18;
const IFLA_GRE_FWMARK: u16 = 20;

/// The remote may be an address of this host (`linux/ip6_tunnel.h`).
const IP6_TNL_F_ALLOW_LOCAL_REMOTE: u32 = 0x40;

/// The data of an IP tunnel.
pub(super) fn decode(kind: IpTunnelKind, data: Field<'_>) -> Result<IpTunnel, WireError> {
    let any: IpAddr = match kind.family() {
        Family::Inet6 => Ipv6Addr::UNSPECIFIED.into(),
        _ => Ipv4Addr::UNSPECIFIED.into(),
    };
    let mut device = IpTunnel {
        info_kind: kind,
        link: 0,
        local: any,
        remote: any,
        output_key: 0,
        fwmark: 0,
        protocol: 0,
        collect_metadata: false,
        allow_local_remote: false,
    };
    for attribute in data.attributes(0) {
        let attribute = attribute?;
        if kind.is_gre() {
            gre(&mut device, attribute.kind, attribute.named("IFLA_GRE"))?;
        } else {
            iptun(&mut device, attribute.kind, attribute.named("IFLA_IPTUN"))?;
        }
    }
    Ok(device)
}

/// One attribute of a GRE device.
fn gre(device: &mut IpTunnel, kind: u16, field: Field<'_>) -> Result<(), WireError> {
    let family = device.info_kind.family();
    match kind {
        IFLA_GRE_LINK => device.link = field.u32(0)?,
        IFLA_GRE_OKEY => device.output_key = field.be32(0)?,
        IFLA_GRE_LOCAL => device.local = field.address(0, family)?,
        IFLA_GRE_REMOTE => device.remote = field.address(0, family)?,
        // Of IPv4 there are no flags.
        IFLA_GRE_FLAGS => device.allow_local_remote = allows_local_remote(family, field)?,
        IFLA_GRE_COLLECT_METADATA => device.collect_metadata = true,
        IFLA_GRE_FWMARK => device.fwmark = field.u32(0)?,
        _ => {}
    }
    Ok(())
}

/// One attribute of another IP tunnel.
fn iptun(device: &mut IpTunnel, kind: u16, field: Field<'_>) -> Result<(), WireError> {
    let family = device.info_kind.family();
    match kind {
        IFLA_IPTUN_LINK => device.link = field.u32(0)?,
        IFLA_IPTUN_LOCAL => device.local = field.address(0, family)?,
        IFLA_IPTUN_REMOTE => device.remote = field.address(0, family)?,
        // Those of sit are others, and shorter.
        IFLA_IPTUN_FLAGS => device.allow_local_remote = allows_local_remote(family, field)?,
        IFLA_IPTUN_PROTO => device.protocol = field.u8(0)?,
        IFLA_IPTUN_COLLECT_METADATA => device.collect_metadata = true,
        IFLA_IPTUN_FWMARK => device.fwmark = field.u32(0)?,
        _ => {}
    }
    Ok(())
}

fn allows_local_remote(family: Family, field: Field<'_>) -> Result<bool, WireError> {
    Ok(family == Family::Inet6 && field.u32(0)? & IP6_TNL_F_ALLOW_LOCAL_REMOTE != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The attributes of a device, each with its number.
    fn data(attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (kind, value) in attributes {
            bytes.extend(u16::try_from(value.len() + 4).unwrap().to_ne_bytes());
            bytes.extend(kind.to_ne_bytes());
            bytes.extend(*value);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        bytes
    }

    fn decoded(kind: IpTunnelKind, attributes: &[(u16, &[u8])]) -> Result<IpTunnel, WireError> {
        decode(kind, Field::new("IFLA_INFO_DATA", &data(attributes)))
    }

    #[test]
    fn gre_has_a_key_and_sit_a_protocol() {
        let (local, remote) = ([192, 0, 2, 1], [198, 51, 100, 2]);
        let gre = decoded(
            IpTunnelKind::Gre,
            &[
                (IFLA_GRE_LINK, &4_u32.to_ne_bytes()),
                (IFLA_GRE_OKEY, &7_u32.to_be_bytes()),
                (IFLA_GRE_LOCAL, &local),
                (IFLA_GRE_REMOTE, &remote),
                (IFLA_GRE_FWMARK, &9_u32.to_ne_bytes()),
            ],
        )
        .unwrap();
        assert_eq!((gre.link, gre.output_key, gre.fwmark, gre.collect_metadata), (4, 7, 9, false));
        assert_eq!((gre.local, gre.remote), (local.into(), remote.into()));
        // Flags of sit have two bytes, and mean something else.
        let sit = decoded(
            IpTunnelKind::Sit,
            &[
                (IFLA_IPTUN_LOCAL, &local),
                (IFLA_IPTUN_REMOTE, &remote),
                (IFLA_IPTUN_FLAGS, &[0, 0x40]),
                (IFLA_IPTUN_PROTO, &[41]),
            ],
        )
        .unwrap();
        assert_eq!((sit.local, sit.remote), (local.into(), remote.into()));
        assert_eq!((sit.protocol, sit.allow_local_remote), (41, false));
    }

    #[test]
    fn the_addresses_of_ipv6_are_long_and_its_flags_are_read() {
        let remote: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];
        let device = decoded(
            IpTunnelKind::Ip6tnl,
            &[(IFLA_IPTUN_REMOTE, &remote), (IFLA_IPTUN_FLAGS, &0x40_u32.to_ne_bytes())],
        )
        .unwrap();
        assert_eq!(device.remote.to_string(), "2001:db8:2::2");
        assert!(device.local.is_unspecified() && device.local.is_ipv6());
        assert!(device.allow_local_remote);
        let any = decoded(IpTunnelKind::Ip6gre, &[(IFLA_GRE_COLLECT_METADATA, &[])]).unwrap();
        assert!(any.collect_metadata && any.remote.is_unspecified());
    }

    #[test]
    fn an_address_that_is_too_short_is_refused() {
        let error = decoded(IpTunnelKind::Ip6gre, &[(IFLA_GRE_REMOTE, &[1, 2, 3, 4])]).unwrap_err();
        assert_eq!(error.to_string(), "IFLA_GRE: need 16 bytes, have 4");
    }
}
