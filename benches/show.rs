//! What `show` costs, as ratios of whole processes in one run: growth with the number of tunnels, and start-up beside Python's.
//! It writes its captures into cargo's own directory and judges nothing.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark speaks to its caller and stops at an error"
)]

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use vti_diagnostics::capture::{Capture, SCHEMA, to_yaml};
use vti_diagnostics::snapshot::*;

const SHOW: &str = env!("CARGO_BIN_EXE_vti-diagnostics");
/// Rounds, of which the median counts.
const ROUNDS: usize = 7;

fn main() {
    let files: Vec<(u32, PathBuf)> = [100, 1_000, 10_000].map(|n| (n, write(n))).into();
    let times: Vec<(u32, Duration)> =
        files.iter().map(|(n, file)| (*n, median(|| show(file)))).collect();
    for ((n, time), (_, file)) in times.iter().zip(&files) {
        let size = std::fs::metadata(file).unwrap().len() as f64 / 1e6;
        println!(
            "show, {n:>6} tunnels, {:>6} SAs, {:>6} policies ({size:.1} MB): {time:.2?}",
            2 * n,
            6 * n
        );
    }
    for pair in times.windows(2) {
        if let [(a, few), (b, many)] = pair {
            let ratio = many.as_secs_f64() / few.as_secs_f64();
            println!("growth {a} to {b} tunnels: x{ratio:.2} for x{}", b / a);
        }
    }
    // The report alone, without reading 8 entries of YAML for each tunnel.
    let of = |n: u32| {
        let snapshot = snapshot(n);
        median(|| {
            let observation =
                vti_diagnostics::diagnose::Observation { now: &snapshot, earlier: None };
            let report = vti_diagnostics::diagnose::run(&observation, None).unwrap();
            std::hint::black_box(vti_diagnostics::render::text::report(&report, 80, false));
        })
    };
    let (few, many) = (of(1_000), of(10_000));
    let ratio = many.as_secs_f64() / few.as_secs_f64();
    println!(
        "diagnosis and text alone: {few:.2?} for 1000, {many:.2?} for 10000 tunnels: x{ratio:.2} for x10"
    );
    let start = median(|| run(Command::new(SHOW).arg("explain")));
    let python = median(|| run(Command::new("python3").args(["-c", "import json"])));
    let ratio = python.as_secs_f64() / start.as_secs_f64();
    println!("start-up: {start:.2?}, python3 -c 'import json': {python:.2?}: x{ratio:.1} faster");
}

fn show(file: &Path) {
    run(Command::new(SHOW).args(["show", "--capture"]).arg(file));
}

fn run(command: &mut Command) {
    assert!(command.stdout(Stdio::null()).status().unwrap().success());
}

fn median(mut work: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed()
        })
        .collect();
    times.sort();
    times.into_iter().nth(ROUNDS / 2).unwrap()
}

fn write(tunnels: u32) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-{tunnels}.yaml"));
    let capture = Capture {
        schema: SCHEMA,
        tool_version: "0".into(),
        redacted: false,
        snapshots: vec![snapshot(tunnels)],
    };
    std::fs::write(&path, to_yaml(&capture).unwrap()).unwrap();
    path
}

/// Healthy xfrm tunnels to a peer each, with SAs both ways and policies of both families in all three directions.
fn snapshot(tunnels: u32) -> Snapshot {
    let host =
        Host { hostname: "bench".into(), kernel_release: "6.12.0".into(), vyos_version: None };
    let mut snapshot = Snapshot::unread(1_700_000_000_000, host, Reason::Skipped, "");
    let local = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    let peer = |i: u32| IpAddr::V4(Ipv4Addr::from_bits(0xc633_0000 + i));
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
        lookups.push(RouteLookup {
            query: RouteQuery { destination: peer(i), source: Some(local), mark: 0, vrf: None },
            answer: RouteAnswer::Route {
                route_type: RouteType::Unicast,
                oif: 2,
                gateway: Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 254))),
                source: Some(local),
                table: 254,
                mtu: None,
            },
        });
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
        replay: Some(ReplayState { outbound: 1_000, inbound: 0, window: 32 }),
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
