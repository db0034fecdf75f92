//! The second opinion on XFRM: netlink-packet-xfrm's view of a message, brought into the words of the snapshot.
//! It panics on short input, so it is given whole messages only.

use crate::recordings::Decoded;
use ipnet::IpNet;
use netlink_packet_core::{NetlinkMessage, NetlinkPayload};
use netlink_packet_xfrm::policy::SpdInfoAttrs;
use netlink_packet_xfrm::state::SadInfoAttrs;
use netlink_packet_xfrm::{XfrmAttrs, XfrmMessage};
use std::net::IpAddr;
use vti_diagnostics::snapshot::{
    Action, Algorithm, AlgorithmKind, DefaultPolicies, Direction, Family, IfId, Lifetime, Limits,
    Mark, Mode, Policy, PolicyDirection, PolicyType, ReplayState, ReqId, Sa, SadInfo, Selector,
    SpdInfo, Spi, Template,
};
use vti_diagnostics::snapshot::{Encapsulation, Offload, PortMask};

/// What the other decoder makes of a whole message.
pub fn second_opinion(name: &str, message: &[u8]) -> Decoded {
    let parsed = NetlinkMessage::<XfrmMessage>::deserialize(message).unwrap();
    let NetlinkPayload::InnerMessage(parsed) = parsed.payload else { panic!("{name}: not parsed") };
    match parsed {
        XfrmMessage::AddSa(m) => Decoded::State(Box::new(state(&m.user_sa_info, &m.nlas))),
        XfrmMessage::AddPolicy(m) => Decoded::Policy(policy(&m.user_policy_info, &m.nlas)),
        XfrmMessage::NewSadInfo(m) => Decoded::Sad(sad(&m.nlas)),
        XfrmMessage::NewSpdInfo(m) => Decoded::Spd(spd(&m.nlas)),
        XfrmMessage::GetPolicyDefault(m) => {
            let action = |number| if number == 1 { Action::Block } else { Action::Allow };
            Decoded::Default(DefaultPolicies {
                inbound: action(m.user_policy.input),
                forward: action(m.user_policy.forward),
                outbound: action(m.user_policy.output),
            })
        }
        _ => panic!("{name}: another message"),
    }
}

fn family(number: u16) -> Family {
    match number {
        0 => Family::Unspec,
        2 => Family::Inet,
        10 => Family::Inet6,
        other => panic!("{other}"),
    }
}

fn address(address: &netlink_packet_xfrm::Address, family: Family) -> IpAddr {
    match family {
        Family::Inet6 => address.to_ipv6().into(),
        _ => address.to_ipv4().into(),
    }
}

fn selector(selector: &netlink_packet_xfrm::Selector, outer: Family) -> Selector {
    let own = family(selector.family);
    let shown = if own == Family::Unspec { outer } else { own };
    Selector {
        family: own,
        source: IpNet::new(address(&selector.saddr, shown), selector.prefixlen_s).unwrap(),
        destination: IpNet::new(address(&selector.daddr, shown), selector.prefixlen_d).unwrap(),
        protocol: selector.proto,
        source_port: PortMask { port: selector.sport, mask: selector.sport_mask },
        destination_port: PortMask { port: selector.dport, mask: selector.dport_mask },
        ifindex: selector.ifindex.try_into().unwrap(),
    }
}

fn lifetime(current: &netlink_packet_xfrm::Lifetime) -> Lifetime {
    Lifetime {
        bytes: current.bytes,
        packets: current.packets,
        add_time: current.add_time,
        use_time: current.use_time,
    }
}

fn limits(limits: &netlink_packet_xfrm::LifetimeConfig) -> Limits {
    let amount = |limit| Some(limit).filter(|limit| *limit != u64::MAX);
    let seconds = |limit| amount(limit).filter(|limit| *limit != 0);
    Limits {
        soft_bytes: amount(limits.soft_byte_limit),
        hard_bytes: amount(limits.hard_byte_limit),
        soft_packets: amount(limits.soft_packet_limit),
        hard_packets: amount(limits.hard_packet_limit),
        soft_add_seconds: seconds(limits.soft_add_expires_seconds),
        hard_add_seconds: seconds(limits.hard_add_expires_seconds),
        soft_use_seconds: seconds(limits.soft_use_expires_seconds),
        hard_use_seconds: seconds(limits.hard_use_expires_seconds),
    }
}

fn mode(number: u8) -> Mode {
    match number {
        0 => Mode::Transport,
        1 => Mode::Tunnel,
        4 => Mode::Beet,
        other => panic!("{other}"),
    }
}

fn state(info: &netlink_packet_xfrm::UserSaInfo, attributes: &[XfrmAttrs]) -> Sa {
    let outer = family(info.family);
    let mut state = Sa {
        source: address(&info.saddr, outer),
        destination: address(&info.id.daddr, outer),
        protocol: info.id.proto,
        spi: Spi(info.id.spi),
        larval: !attributes.iter().any(is_algorithm),
        reqid: ReqId(info.reqid),
        mode: mode(info.mode),
        family: outer,
        selector: selector(&info.selector, outer),
        mark: Mark::default(),
        set_mark: Mark::default(),
        if_id: IfId(0),
        limits: limits(&info.lifetime_cfg),
        current: lifetime(&info.lifetime_cur),
        replay: None,
        replay_window_drops: info.stats.replay_window,
        replay_drops: info.stats.replay,
        integrity_failures: info.stats.integrity_failed,
        flags: info.flags,
        extra_flags: 0,
        encapsulation: None,
        offload: None,
        last_used: None,
        direction: None,
        algorithms: attributes.iter().filter_map(algorithm).collect(),
        cpu: None,
        uncounted: false,
    };
    for attribute in attributes {
        match attribute {
            XfrmAttrs::Mark(mark) => state.mark = Mark { value: mark.value, mask: mark.mask },
            XfrmAttrs::MarkVal(value) => state.set_mark.value = *value,
            XfrmAttrs::MarkMask(mask) => state.set_mark.mask = *mask,
            XfrmAttrs::IfId(if_id) => state.if_id = IfId(*if_id),
            XfrmAttrs::ExtraFlags(flags) => state.extra_flags = *flags,
            XfrmAttrs::LastUsed(time) => state.last_used = Some(*time),
            XfrmAttrs::EncapsulationTemplate(encap) => {
                state.encapsulation = Some(Encapsulation {
                    encap_type: encap.encap_type,
                    source_port: encap.encap_sport,
                    destination_port: encap.encap_dport,
                });
            }
            XfrmAttrs::OffloadDevice(device) => {
                let ifindex = device.ifindex.try_into().unwrap();
                state.offload = Some(Offload { ifindex, flags: device.flags });
            }
            XfrmAttrs::ReplayState(replay) => {
                state.replay = Some(ReplayState {
                    outbound: replay.oseq.into(),
                    inbound: replay.seq.into(),
                    window: info.replay_window.into(),
                    ..ReplayState::default()
                });
            }
            XfrmAttrs::ReplayStateEsn(replay) => {
                state.replay = Some(ReplayState {
                    outbound: (u64::from(replay.oseq_hi) << 32) + u64::from(replay.oseq),
                    inbound: (u64::from(replay.seq_hi) << 32) + u64::from(replay.seq),
                    window: replay.replay_window,
                    ..ReplayState::default()
                });
            }
            // It has no name for XFRMA_SA_DIR (33).
            XfrmAttrs::Other(other) if netlink_packet_core::Nla::kind(other) == 33 => {
                let mut value = [0];
                netlink_packet_core::Nla::emit_value(other, &mut value);
                state.direction = Some(if value == [1] { Direction::In } else { Direction::Out });
            }
            _ => {}
        }
    }
    state
}

/// XFRMA_ALG_*, by their numbers.
fn algorithm(attribute: &XfrmAttrs) -> Option<Algorithm> {
    let (kind, name, key_bits, icv_bits) = match attribute {
        XfrmAttrs::EncryptionAlg(a) => (AlgorithmKind::Encryption, &a.alg_name, a.alg_key_len, 0),
        XfrmAttrs::CompressionAlg(a) => (AlgorithmKind::Compression, &a.alg_name, a.alg_key_len, 0),
        XfrmAttrs::EncryptionAlgAead(a) => {
            (AlgorithmKind::Aead, &a.alg_name, a.alg_key_len, a.alg_icv_len)
        }
        XfrmAttrs::AuthenticationAlgTrunc(a) => {
            (AlgorithmKind::Authentication, &a.alg_name, a.alg_key_len, a.alg_trunc_len)
        }
        _ => return None,
    };
    let name = std::str::from_utf8(name).unwrap().trim_end_matches('\0').to_owned();
    Some(Algorithm { kind, name, key_bits, icv_bits })
}

fn is_algorithm(attribute: &XfrmAttrs) -> bool {
    [1, 2, 3, 18, 20].contains(&netlink_packet_core::Nla::kind(attribute))
}

fn policy(info: &netlink_packet_xfrm::UserPolicyInfo, attributes: &[XfrmAttrs]) -> Policy {
    let mut policy = Policy {
        direction: match info.direction {
            0 => PolicyDirection::In,
            1 => PolicyDirection::Out,
            2 => PolicyDirection::Forward,
            3 => PolicyDirection::SocketIn,
            4 => PolicyDirection::SocketOut,
            other => panic!("{other}"),
        },
        priority: info.priority,
        index: info.index,
        selector: selector(&info.selector, Family::Inet),
        action: if info.action == 1 { Action::Block } else { Action::Allow },
        policy_type: PolicyType::Main,
        mark: Mark::default(),
        if_id: IfId(0),
        flags: info.flags,
        current: lifetime(&info.lifetime_cur),
        templates: Vec::new(),
    };
    for attribute in attributes {
        match attribute {
            XfrmAttrs::Mark(mark) => policy.mark = Mark { value: mark.value, mask: mark.mask },
            XfrmAttrs::IfId(if_id) => policy.if_id = IfId(*if_id),
            XfrmAttrs::PolicyType(kind) if kind.ptype == 1 => policy.policy_type = PolicyType::Sub,
            XfrmAttrs::Template(templates) => {
                policy.templates = templates.iter().map(template).collect();
            }
            _ => {}
        }
    }
    policy
}

fn template(template: &netlink_packet_xfrm::UserTemplate) -> Template {
    let outer = family(template.family);
    Template {
        source: address(&template.saddr, outer),
        destination: address(&template.id.daddr, outer),
        protocol: template.id.proto,
        spi: Spi(template.id.spi),
        reqid: ReqId(template.reqid),
        mode: mode(template.mode),
        family: outer,
        optional: template.optional != 0,
    }
}

fn sad(attributes: &[SadInfoAttrs]) -> SadInfo {
    let mut info = SadInfo { count: 0, hash_buckets: 0, hash_maximum: 0 };
    for attribute in attributes {
        match attribute {
            SadInfoAttrs::SadCount(count) => info.count = *count,
            SadInfoAttrs::SadHInfo(hash) => {
                (info.hash_buckets, info.hash_maximum) = (hash.sadhcnt, hash.sadhmcnt);
            }
            _ => {}
        }
    }
    info
}

fn spd(attributes: &[SpdInfoAttrs]) -> SpdInfo {
    let info = attributes.iter().find_map(|attribute| match attribute {
        SpdInfoAttrs::SpdInfo(info) => Some(SpdInfo {
            inbound: info.incnt,
            outbound: info.outcnt,
            forward: info.fwdcnt,
            inbound_socket: info.inscnt,
            outbound_socket: info.outscnt,
            forward_socket: info.fwdscnt,
        }),
        _ => None,
    });
    info.unwrap()
}
