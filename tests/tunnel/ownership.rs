//! An SA that the model sends with is one of the interface's, whatever its mark.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use std::net::IpAddr;
use std::path::Path;
use vti_diagnostics::capture;
use vti_diagnostics::diagnose::{self, Observation};
use vti_diagnostics::report::Verdict;
use vti_diagnostics::snapshot::*;
use vti_diagnostics::tunnel::State;
use vti_diagnostics::way::{Flow, Site, transmit};

const LOCAL: &str = "192.0.2.1";
const PEERS: [&str; 2] = ["192.0.2.2", "192.0.2.3"];
/// The VTI, and the device that the outer routes lead to.
const VTI: u32 = 10;
const WAN: u32 = 2;

/// What ties policies and SAs to the interface: nothing, the whole mark, some bits of it, another mark, or an if_id.
fn tie() -> impl Strategy<Value = (Mark, IfId)> {
    let mark = |value, mask| (Mark { value, mask }, IfId(0));
    prop_oneof![
        2 => Just((Mark::default(), IfId(0))),
        3 => Just(mark(7, u32::MAX)),
        1 => Just(mark(7, 0xff)),
        1 => Just(mark(3, 3)),
        1 => Just(mark(3, u32::MAX)),
        1 => Just(mark(8, u32::MAX)),
        3 => Just((Mark::default(), IfId(7))),
        1 => Just((Mark { value: 7, mask: u32::MAX }, IfId(7))),
    ]
}

fn kind() -> impl Strategy<Value = LinkKind> {
    let vti = |remote: &str| VtiDevice {
        link: 0,
        input_mark: 7,
        output_mark: 7,
        local: LOCAL.parse().unwrap(),
        remote: remote.parse().unwrap(),
        fwmark: 0,
    };
    prop_oneof![
        Just(LinkKind::Vti(vti(PEERS[0]))),
        Just(LinkKind::Vti(vti("0.0.0.0"))),
        Just(LinkKind::Xfrm(XfrmInterface { link: WAN, if_id: IfId(7), collect_metadata: false })),
    ]
}

fn peer() -> impl Strategy<Value = IpAddr> {
    prop_oneof![3 => Just(PEERS[0]), 1 => Just(PEERS[1])].prop_map(|peer| peer.parse().unwrap())
}

fn mode() -> impl Strategy<Value = Mode> {
    prop_oneof![6 => Just(Mode::Tunnel), 1 => Just(Mode::Beet)]
}

fn any() -> ipnet::IpNet {
    "0.0.0.0/0".parse().unwrap()
}

fn selector(family: Family) -> Selector {
    Selector {
        family,
        source: any(),
        destination: any(),
        protocol: 0,
        source_port: PortMask::default(),
        destination_port: PortMask::default(),
        ifindex: 0,
    }
}

prop_compose! {
    fn sa()(
        (mark, if_id) in tie(),
        destination in peer(),
        spi in 1_u32..5,
        reqid in 1_u32..3,
        mode in mode(),
        add_time in 1_u64..3,
        has_source in prop::bool::weighted(0.9),
    ) -> Sa {
        let source = if has_source { LOCAL } else { "0.0.0.0" };
        Sa {
            source: source.parse().unwrap(),
            destination,
            protocol: 50,
            larval: false,
            spi: Spi(0x100 + spi),
            reqid: ReqId(reqid),
            mode,
            family: Family::Inet,
            selector: selector(Family::Unspec),
            mark,
            set_mark: Mark::default(),
            if_id,
            limits: Limits::default(),
            current: Lifetime { bytes: 0, packets: 0, add_time, use_time: 0 },
            replay: None,
            replay_window_drops: 0,
            replay_drops: 0,
            integrity_failures: 0,
            flags: 32,
            extra_flags: 0,
            encapsulation: None,
            offload: None,
            last_used: None,
            direction: None,
            algorithms: Vec::new(),
            cpu: None,
            uncounted: false,
        }
    }
}

prop_compose! {
    fn policy()(
        (mark, if_id) in tie(),
        destination in peer(),
        spi in prop_oneof![5 => Just(0_u32), 1 => Just(0x101_u32)],
        reqid in 1_u32..3,
        mode in mode(),
        index in 1_u32..200,
        priority in 0_u32..3,
        is_sub in prop::bool::weighted(0.1),
    ) -> Policy {
        Policy {
            direction: PolicyDirection::Out,
            priority,
            index: 8 * index + 1,
            selector: selector(Family::Inet),
            action: Action::Allow,
            policy_type: if is_sub { PolicyType::Sub } else { PolicyType::Main },
            mark,
            if_id,
            flags: 0,
            current: Lifetime::default(),
            templates: vec![Template {
                source: LOCAL.parse().unwrap(),
                destination,
                protocol: 50,
                spi: Spi(spi),
                reqid: ReqId(reqid),
                mode,
                family: Family::Inet,
                optional: false,
            }],
        }
    }
}

fn link(ifindex: u32, name: &str, kind: LinkKind) -> Link {
    Link {
        name: name.into(),
        ifindex,
        kind,
        admin_up: true,
        carrier: true,
        oper_state: OperState::Up,
        mtu: 1500,
        loopback: false,
        master: None,
        lower: None,
        link_netnsid: None,
        ipv4: Some(Ipv4Configuration::default()),
        ipv6: None,
        statistics: None,
    }
}

prop_compose! {
    fn state()(
        kind in kind(),
        sas in prop::collection::vec(sa(), 0..6),
        policies in prop::collection::vec(policy(), 0..4),
    ) -> Snapshot {
        let host = Host {
            hostname: "test".into(),
            kernel_release: "6.12.0".into(),
            vyos_version: None,
            pluto: false,
        };
        let mut snapshot = Snapshot::unread(1_000, host, Reason::Skipped, "");
        let wan = link(WAN, "wan", LinkKind::Other { info_kind: String::new() });
        snapshot.links = Ok(vec![wan, link(VTI, "vti0", kind)]);
        snapshot.addresses = Ok(vec![Address {
            ifindex: WAN,
            prefix: "192.0.2.1/24".parse().unwrap(),
            peer: None,
            scope: 0,
            flags: 0,
        }]);
        let answer = RouteAnswer::Route {
            route_type: RouteType::Unicast,
            oif: WAN,
            gateway: None,
            source: Some(LOCAL.parse().unwrap()),
            table: 254,
            mtu: None,
        };
        snapshot.sas = Ok(sas);
        snapshot.policies = Ok(policies);
        let queries = snapshot.outer_queries().into_iter();
        let lookups = queries.map(|query| RouteLookup { query, answer: answer.clone() });
        snapshot.route_lookups = Ok(lookups.collect());
        snapshot.sad_info = Ok(SadInfo { count: 0, hash_buckets: 8, hash_maximum: 8 });
        snapshot.sysctls.xfrm_larval_drop = Ok(true);
        snapshot.sysctls.all_disable_xfrm = Ok(false);
        snapshot.default_policies = Err(Missing::new(Source::DefaultPolicies, Reason::Absent, ""));
        snapshot.sort();
        snapshot
    }
}

/// The flow that all selectors of a drawn state take.
fn flow() -> Flow {
    Flow::probe("10.9.1.1".parse().unwrap(), "10.9.2.1".parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

    #[test]
    fn an_sa_that_carries_a_packet_is_the_interfaces_own(snapshot in state()) {
        let state = State::new(&snapshot);
        for tunnel in state.tunnels().unwrap() {
            if let Site::Sent { spi, .. } = transmit::send(&tunnel, &flow()).site {
                let own = tunnel.outbound_sas().unwrap();
                prop_assert!(own.iter().any(|sa| sa.spi == spi), "{spi} is not among {own:?}");
                prop_assert!(tunnel.has_sas().unwrap());
            }
        }
    }
}

#[test]
fn most_states_that_are_drawn_say_something() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut sent = 0;
    for _ in 0..500 {
        let snapshot = state().new_tree(&mut runner).unwrap().current();
        let state = State::new(&snapshot);
        let tunnel = state.tunnels().unwrap().into_iter().next().unwrap();
        sent += usize::from(matches!(transmit::send(&tunnel, &flow()).site, Site::Sent { .. }));
    }
    assert!(sent > 25, "{sent} of 500 packets are sent");
}

#[test]
fn an_sa_without_a_mark_is_that_of_the_vti_whose_policy_asks_for_it() {
    let file = "tests/captures/401-no-inbound-association-vti.yaml";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let mut capture = capture::load(&path).unwrap();
    for snapshot in &mut capture.snapshots {
        snapshot.sas.as_mut().unwrap().iter_mut().for_each(|sa| sa.mark = Mark::default());
    }
    let [earlier, now] = capture.snapshots.as_slice() else { panic!("two snapshots") };
    let report = diagnose::run(&Observation { now, earlier: Some(earlier) }, Some("t0")).unwrap();
    let t0 = report.interfaces.first().unwrap();
    assert_eq!(t0.findings.first().unwrap().code.to_string(), "VTI-401");
    assert_ne!(t0.verdict, Verdict::Ok);
}
