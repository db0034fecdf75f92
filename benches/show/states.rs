//! States to measure with, made up: many healthy tunnels, and one with many SAs and policies that differ in nothing a packet could show.

#![allow(clippy::unwrap_used, reason = "what is made up here can be parsed")]

use std::net::{IpAddr, Ipv4Addr};
use vti_diagnostics::snapshot::*;

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

fn peer(i: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(0xc633_0000 + i))
}

/// One healthy xfrm interface with `pairs` SAs each way and as many policies a direction, all of one priority and one selector. To one peer
/// they differ in nothing but SPI and index; else each pair has a peer and a reqid of its own.
pub fn equal_selectors(pairs: u32, to_one_peer: bool) -> Snapshot {
    let mut snapshot = healthy(1);
    let (mut sas, mut policies, mut lookups) = (vec![], vec![], vec![]);
    for i in 1..=pairs {
        let other = if to_one_peer { 1 } else { i };
        let (peer, reqid) = (peer(other), ReqId(other));
        sas.push(Sa { reqid, ..sa(LOCAL, peer, 2 * i, IfId(1)) });
        sas.push(Sa { reqid, ..sa(peer, LOCAL, 2 * i + 1, IfId(1)) });
        for direction in [PolicyDirection::Out, PolicyDirection::In, PolicyDirection::Forward] {
            let out = direction == PolicyDirection::Out;
            let ends = if out { (LOCAL, peer) } else { (peer, LOCAL) };
            let mut policy = policy(direction, "0.0.0.0/0", ends, 8 * i, IfId(1));
            policy.templates.iter_mut().for_each(|template| template.reqid = reqid);
            policies.push(policy);
        }
        if i == other {
            lookups.push(lookup(peer));
        }
    }
    (snapshot.sas, snapshot.policies) = (Ok(sas), Ok(policies));
    snapshot.route_lookups = Ok(lookups);
    snapshot.sort();
    snapshot
}

fn lookup(peer: IpAddr) -> RouteLookup {
    RouteLookup {
        query: RouteQuery { destination: peer, source: Some(LOCAL), mark: 0, vrf: None },
        answer: RouteAnswer::Route {
            route_type: RouteType::Unicast,
            oif: 2,
            gateway: Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 254))),
            source: Some(LOCAL),
            table: 254,
            mtu: None,
        },
    }
}

/// Healthy xfrm tunnels to a peer each, with SAs both ways and policies of both families in all three directions.
pub fn healthy(tunnels: u32) -> Snapshot {
    let host = Host {
        hostname: "bench".into(),
        kernel_release: "6.12.0".into(),
        vyos_version: None,
        pluto: false,
    };
    let mut snapshot = Snapshot::unread(1_700_000_000_000, host, Reason::Skipped, "");
    let local = LOCAL;
    let mut links = vec![link("eth0".into(), 2, LinkKind::Other { info_kind: String::new() })];
    let (mut sas, mut policies, mut routes, mut lookups) = (vec![], vec![], vec![], vec![]);
    for i in 1..=tunnels {
        let if_id = IfId(i);
        let device = XfrmInterface { link: 2, if_id, collect_metadata: false };
        links.push(link(format!("vti{}", i - 1), 10 + i, LinkKind::Xfrm(device)));
        sas.push(sa(local, peer(i), 2 * i, if_id));
        sas.push(sa(peer(i), local, 2 * i + 1, if_id));
        for any in ["0.0.0.0/0", "::/0"] {
            for direction in [PolicyDirection::Out, PolicyDirection::In, PolicyDirection::Forward] {
                let ends = if direction == PolicyDirection::Out {
                    (local, peer(i))
                } else {
                    (peer(i), local)
                };
                policies.push(policy(direction, any, ends, 8 * i, if_id));
            }
        }
        let destination = format!("10.{}.{}.0/24", i / 256 % 256, i % 256).parse().unwrap();
        routes.push(Route {
            destination,
            table: 254,
            route_type: RouteType::Unicast,
            protocol: 4,
            oif: Some(10 + i),
            gateway: None,
            metric: 0,
            preferred_source: None,
            dead: false,
        });
        lookups.push(lookup(peer(i)));
    }
    let address = Address {
        ifindex: 2,
        prefix: "192.0.2.1/24".parse().unwrap(),
        peer: None,
        scope: 0,
        flags: 0,
    };
    snapshot.links = Ok(links);
    snapshot.addresses = Ok(vec![address]);
    snapshot.routes = Ok(routes);
    snapshot.route_lookups = Ok(lookups);
    snapshot.neighbours = Ok(vec![]);
    snapshot.sas = Ok(sas);
    snapshot.policies = Ok(policies);
    snapshot.default_policies = Ok(DefaultPolicies {
        inbound: Action::Allow,
        forward: Action::Allow,
        outbound: Action::Allow,
    });
    snapshot.sad_info =
        Ok(SadInfo { count: 2 * tunnels, hash_buckets: 4096, hash_maximum: 1 << 20 });
    snapshot.sysctls.xfrm_larval_drop = Ok(true);
    snapshot.sysctls.all_disable_xfrm = Ok(false);
    snapshot.sysctls.all_rp_filter = Ok(0);
    snapshot
}

fn link(name: String, ifindex: u32, kind: LinkKind) -> Link {
    Link {
        name,
        ifindex,
        kind,
        admin_up: true,
        carrier: true,
        oper_state: OperState::Up,
        mtu: 1400,
        loopback: false,
        master: None,
        lower: None,
        link_netnsid: None,
        ipv4: Some(Ipv4Configuration::default()),
        ipv6: None,
        statistics: Some(Statistics {
            tx_packets: 1_000,
            rx_packets: 1_000,
            ..Statistics::default()
        }),
    }
}

fn sa(source: IpAddr, destination: IpAddr, spi: u32, if_id: IfId) -> Sa {
    let any = "0.0.0.0/0".parse().unwrap();
    Sa {
        algorithms: Vec::new(),
        source,
        destination,
        protocol: 50,
        larval: false,
        spi: Spi(0xc000_0000 + spi),
        reqid: ReqId(if_id.0),
        mode: Mode::Tunnel,
        family: Family::Inet,
        selector: selector(Family::Unspec, any),
        mark: Mark::default(),
        set_mark: Mark::default(),
        if_id,
        limits: Limits::default(),
        current: Lifetime {
            bytes: 100_000,
            packets: 1_000,
            add_time: 1_699_999_000,
            use_time: 1_699_999_001,
        },
        replay: Some(ReplayState { outbound: 1_000, window: 32, ..ReplayState::default() }),
        replay_window_drops: 0,
        replay_drops: 0,
        integrity_failures: 0,
        flags: 32,
        extra_flags: 0,
        encapsulation: None,
        offload: None,
        last_used: None,
        direction: None,
        cpu: None,
        uncounted: false,
    }
}

fn selector(family: Family, any: ipnet::IpNet) -> Selector {
    Selector {
        family,
        source: any,
        destination: any,
        protocol: 0,
        source_port: PortMask::default(),
        destination_port: PortMask::default(),
        ifindex: 0,
    }
}

fn policy(
    direction: PolicyDirection,
    any: &str,
    ends: (IpAddr, IpAddr),
    index: u32,
    if_id: IfId,
) -> Policy {
    let any: ipnet::IpNet = any.parse().unwrap();
    let template = Template {
        source: ends.0,
        destination: ends.1,
        protocol: 50,
        spi: Spi(0),
        reqid: ReqId(if_id.0),
        mode: Mode::Tunnel,
        family: Family::Inet,
        optional: false,
    };
    Policy {
        direction,
        priority: 399_999,
        index,
        selector: selector(Family::of(any.addr()), any),
        action: Action::Allow,
        policy_type: PolicyType::Main,
        mark: Mark::default(),
        if_id,
        flags: 0,
        current: Lifetime { add_time: 1_699_999_000, ..Lifetime::default() },
        templates: vec![template],
    }
}
