//! IP tunnels (GRE, IPIP, 6in4, …) on a real kernel: each row makes one, breaks it in one way and sends five packets into it. The kernel's
//! counters must be those of the row, the model must predict them, and the program must name the cause. Runs in the guest only.

use crate::case::End;
use crate::counters::Counters;
use crate::keep::Keep;
use crate::namespace::Namespace;
use crate::tally::Tally;
use crate::traffic::Traffic;
use crate::{Fallible, guest, lines, model, program, traffic};
use std::collections::BTreeMap;
use vti_diagnostics::snapshot::{Driver, Family, IpTunnelKind, Snapshot};
use vti_diagnostics::tunnel::State;
use vti_diagnostics::way::{counters, ip_tunnel};

/// The word that asks for it.
pub const NAME: &str = "ip-tunnels";

const TUNNEL: &str = "tun0";
const PACKETS: u64 = 5;

/// The outer interface, which takes everything, and a remote behind a gateway, for both families.
const OUTSIDE: &str = "ip link add wan type dummy
ip addr add 192.0.2.1/24 dev wan
ip addr add 2001:db8:1::1/64 dev wan nodad
ip link set wan up
ip route add 198.51.100.0/24 via 192.0.2.254
ip route add 2001:db8:2::/64 via 2001:db8:1::254
";

/// Where packets come in without a route of their own, and are put into the tunnel by tc.
const WITHOUT_A_ROUTE: &str = "ip link add in type veth peer name out
ip addr add 10.8.0.1/24 dev out
ip link set in up
ip link set out up
ip neigh add 10.8.0.2 lladdr 02:00:00:00:00:99 dev out
tc qdisc add dev in ingress
tc filter add dev in ingress matchall action mirred egress redirect dev tun0
";

const NO_ROUTE: &str = "ip route del 198.51.100.0/24\nip route del 2001:db8:2::/64\n";
const LOOP: &str = "ip route add 198.51.100.2 dev tun0\nip route add 2001:db8:2::2 dev tun0\n";
const POLICY: &str = "ip xfrm policy add dir out src $LOCAL dst $REMOTE proto $PROTO tmpl proto esp reqid 1 mode transport\n";
const BLOCK: &str = "ip xfrm policy add dir out src $LOCAL dst $REMOTE proto $PROTO action block\n";
const SA: &str = "ip xfrm state add src $LOCAL dst $REMOTE proto esp spi 0x100 reqid 1 mode transport \
                  enc 'ecb(cipher_null)' '' auth digest_null ''\n";
const SA_WITHOUT_A_ROUTE: &str = "\
ip xfrm policy add dir out src 192.0.2.1 dst 198.51.100.2 proto gre \
tmpl src 192.0.2.1 dst 203.0.113.2 proto esp reqid 1 mode tunnel
ip xfrm state add src 192.0.2.1 dst 203.0.113.2 proto esp spi 0x100 reqid 1 mode tunnel \
enc 'ecb(cipher_null)' '' auth digest_null ''
";

const SENT: &[&str] = &["tx_packets"];
const CARRIER: &[&str] = &["tx_errors", "tx_carrier_errors"];
const CARRIER_V6: &[&str] = &["tx_errors", "tx_carrier_errors", "tx_dropped"];
const ERRORS_V6: &[&str] = &["tx_errors", "tx_dropped"];
const COLLISIONS: &[&str] = &["tx_errors", "collisions"];
const COLLISIONS_V6: &[&str] = &["tx_errors", "collisions", "tx_dropped"];

/// One case: the device, its fault, and what follows.
struct Row {
    fault: &'static str,
    kind: IpTunnelKind,
    /// What `ip link add` is given beside the addresses; without them where it names its own.
    options: &'static str,
    lines: &'static [&'static str],
    /// The counters that rise, by one for each packet.
    counters: &'static [&'static str],
    /// The first finding, or the verdict.
    first: &'static str,
    capture: bool,
}

const fn row(
    fault: &'static str,
    kind: IpTunnelKind,
    lines: &'static [&'static str],
    counters: &'static [&'static str],
    first: &'static str,
) -> Row {
    Row { fault, kind, options: "", lines, counters, first, capture: false }
}

const fn kept(row: Row) -> Row {
    Row { capture: true, ..row }
}

/// All of them.
const ROWS: &[Row] = {
    use IpTunnelKind::{Gre, Gretap, Ip6gre, Ip6gretap, Ip6tnl, Ipip, Sit};
    &[
        kept(row("healthy", Gre, &[], SENT, "ok")),
        row("healthy", Ipip, &[], SENT, "ok"),
        row("healthy", Sit, &[], SENT, "ok"),
        row("healthy", Ip6gre, &[], SENT, "ok"),
        Row { options: "mode any", ..row("healthy", Ip6tnl, &[], SENT, "ok") },
        kept(row("no-route-to-the-remote", Gre, &[NO_ROUTE], CARRIER, "VTI-124")),
        row("no-route-to-the-remote", Gretap, &[NO_ROUTE, TAP], CARRIER, "VTI-124"),
        row("no-route-to-the-remote", Ipip, &[NO_ROUTE], CARRIER, "VTI-124"),
        kept(row("no-route-to-the-remote", Sit, &[NO_ROUTE], CARRIER, "VTI-124")),
        kept(row("no-route-to-the-remote", Ip6gre, &[NO_ROUTE], CARRIER_V6, "VTI-124")),
        row("no-route-to-the-remote", Ip6gretap, &[NO_ROUTE, TAP], CARRIER_V6, "VTI-124"),
        Row {
            options: "mode any",
            ..row("no-route-to-the-remote", Ip6tnl, &[NO_ROUTE], CARRIER_V6, "VTI-124")
        },
        row(
            "blackhole-to-the-remote",
            Ipip,
            &["ip route add blackhole 198.51.100.2"],
            CARRIER,
            "VTI-124",
        ),
        // With a device the kernel takes the remote for a neighbour, with a VRF it asks the table of that.
        Row { options: "dev other", ..row("bound-to-a-device", Gre, &[], SENT, "ok") },
        Row {
            options: "dev blue",
            ..row("no-route-in-its-vrf", Gre, &[NOTHING_IN_THE_VRF], CARRIER, "VTI-124")
        },
        row("local-address-gone", Gre, &[OTHER_ADDRESS], CARRIER, "VTI-124"),
        row(
            "local-address-gone",
            Ip6gre,
            &[
                "ip addr del 2001:db8:1::1/64 dev wan",
                "ip addr add 2001:db8:1::9/64 dev wan nodad",
                "ip route replace 2001:db8:2::/64 via 2001:db8:1::254",
            ],
            ERRORS_V6,
            "VTI-124",
        ),
        row(
            "remote-is-local",
            Ip6gre,
            &["ip addr add 2001:db8:2::2/128 dev wan nodad"],
            ERRORS_V6,
            "VTI-124",
        ),
        Row {
            options: "mode any",
            ..row(
                "remote-is-local",
                Ip6tnl,
                &["ip addr add 2001:db8:2::2/128 dev wan nodad"],
                CARRIER_V6,
                "VTI-124",
            )
        },
        Row {
            options: "mode any remote 2001:db8:2::2",
            ..row("no-local-address", Ip6tnl, &[], CARRIER_V6, "VTI-124")
        },
        row("sa-without-a-route", Gre, &[SA_WITHOUT_A_ROUTE], CARRIER, "VTI-124"),
        kept(row("loop", Ipip, &[LOOP], COLLISIONS, "VTI-201")),
        row("loop", Gre, &[LOOP], COLLISIONS, "VTI-201"),
        row("loop", Sit, &[LOOP], COLLISIONS, "VTI-201"),
        row("loop", Ip6gre, &[LOOP], COLLISIONS_V6, "VTI-201"),
        Row {
            options: "local 192.0.2.1",
            ..row(
                "no-destination",
                Ipip,
                &[WITHOUT_A_ROUTE],
                &["tx_errors", "tx_fifo_errors"],
                "VTI-901",
            )
        },
        row("policy-with-an-sa", Gre, &[POLICY, SA], SENT, "ok"),
        row("policy-with-an-sa", Ip6gre, &[POLICY, SA], SENT, "ok"),
        kept(row("policy-without-an-sa", Gre, &[POLICY], SENT, "VTI-111")),
        row("policy-without-an-sa", Sit, &[POLICY], SENT, "VTI-111"),
        row("policy-without-an-sa", Ip6gre, &[POLICY], CARRIER_V6, "VTI-111"),
        row("policy-blocks", Gre, &[BLOCK], CARRIER, "VTI-104"),
        row("policy-blocks", Ip6gre, &[BLOCK], CARRIER_V6, "VTI-104"),
    ]
};

/// Ethernet inside: packets need the address of who takes them.
const TAP: &str = "ip neigh add 10.9.1.5 lladdr 02:00:00:00:00:99 dev tun0";
/// Without it the lookup goes on in the main table.
const NOTHING_IN_THE_VRF: &str = "ip route add unreachable default metric 4278198272 vrf blue";
const OTHER_ADDRESS: &str = "ip addr add 192.0.2.9/23 dev wan
ip addr del 192.0.2.1/24 dev wan
ip route replace 198.51.100.0/24 via 192.0.2.254";

/// Runs the rows whose `fault kind` holds one of the words: how many passed and failed.
pub fn run(words: &[&str]) -> Fallible<(u64, u64)> {
    let (words, mut keep) = Keep::asked_for(words);
    let mut tally = Tally::default();
    for row in ROWS {
        let name = format!("{} {}", row.fault, row.kind.name());
        let is_asked = words.is_empty() || words.iter().any(|word| name.contains(word));
        if !is_asked || keep.is_wanted() && !row.capture {
            continue;
        }
        tally.case(&name, "an IP tunnel", || run_row(row, &mut keep));
    }
    Ok(tally.sum())
}

/// The addresses and the protocol of a row's outer packet.
fn outside(row: &Row) -> [(&'static str, &'static str); 3] {
    let protocol = match row.kind {
        IpTunnelKind::Sit => "ipv6",
        IpTunnelKind::Ipip | IpTunnelKind::Ip6tnl => "4",
        _ => "gre",
    };
    let (local, remote) = match row.kind.family() {
        Family::Inet6 => ("2001:db8:1::1", "2001:db8:2::2"),
        _ => ("192.0.2.1", "198.51.100.2"),
    };
    [("$LOCAL", local), ("$REMOTE", remote), ("$PROTO", protocol)]
}

fn built(row: &Row) -> String {
    let addresses = match row.options.contains("remote") || row.options.contains("local") {
        true => "",
        false => "local $LOCAL remote $REMOTE",
    };
    let (own, inside) = match row.kind {
        IpTunnelKind::Sit => ("fd00:9::1/128", "fd00:9:1::/64"),
        _ => ("10.9.0.1/32", "10.9.1.0/24"),
    };
    let other = "ip link add other type dummy\nip link set other up\nip link add blue type vrf table 100\nip link set blue up\n";
    let device = format!(
        "ip link add {TUNNEL} type {} {addresses} {}\nip addr add {own} dev {TUNNEL}\nip link set {TUNNEL} up\n\
         ip route add {inside} dev {TUNNEL}\n",
        row.kind.name(),
        row.options
    );
    let text = [OUTSIDE, other, &device, &row.lines.join("\n")].concat();
    outside(row).iter().fold(text, |text, (name, value)| text.replace(name, value))
}

/// What differs from what the row expects; nothing when it passed.
fn run_row(row: &Row, keep: &mut Keep) -> Fallible<Vec<String>> {
    let router = Namespace::new("router")?;
    router.within(|| {
        lines::run(&built(row))?;
        let earlier = model::capture()?;
        let predicted = prediction(&earlier)?;
        let before = Counters::read(TUNNEL)?;
        let to = match (row.kind, row.fault) {
            (_, "no-destination") => "10.8.0.2",
            (IpTunnelKind::Sit, _) => "fd00:9:1::5",
            _ => "10.9.1.5",
        };
        traffic::send(&Traffic::of(End::Router, to, PACKETS), TUNNEL)?;
        std::thread::sleep(guest::SETTLE);
        let moved = Counters::read(TUNNEL)?.since(&before).device;
        let now = model::capture()?;
        let expected = by_name(row.counters.iter().copied());
        let mut differences = Vec::new();
        if moved != expected {
            differences.push(format!("the kernel counted {moved:?}, expected {expected:?}"));
        }
        if predicted.as_ref().is_some_and(|(_, predicted)| *predicted != expected) {
            differences.push(format!("the model predicted {predicted:?}, expected {expected:?}"));
        }
        if predicted.is_none() && row.fault != "no-destination" {
            differences.push("the model predicted nothing".to_owned());
        }
        let first = program::first_finding(TUNNEL)?.unwrap_or_default();
        let over_time = program::first_finding_of(&now, Some(&earlier), TUNNEL)?;
        // Errors that rise are not of the past.
        let later = if row.first == "VTI-901" { "VTI-999" } else { row.first };
        if first != row.first || over_time.as_deref() != Some(later) {
            differences.push(format!(
                "the first finding is {first}, over time {over_time:?}, expected {}",
                row.first
            ));
        }
        let number = row.first.trim_start_matches("VTI-");
        let file = format!("{number}-{}-{}.yaml", row.fault, row.kind.name());
        keep.keep_ip_tunnel(&file, row.fault, &format!("{TUNNEL}: {later}"), [earlier, now])?;
        if !differences.is_empty() {
            differences.push(program::text(TUNNEL));
        }
        Ok(differences)
    })
}

/// What the model says: where each packet ends, and the counters that rise. None: each packet has its own end.
fn prediction(now: &Snapshot) -> Fallible<Option<(String, BTreeMap<String, u64>)>> {
    let state = State::new(now);
    let links = now.links.as_ref().map_err(ToString::to_string)?;
    let link = links.iter().find(|link| link.name == TUNNEL).ok_or("no tunnel in the capture")?;
    let device = link.ip_tunnel().ok_or("it is no IP tunnel")?;
    let Ok(end) = ip_tunnel::end(&state, link, device) else { return Ok(None) };
    let family = device.info_kind.family();
    // They count as the driver of VTIs of their family.
    let driver = if family == Family::Inet6 { Driver::Vti6 } else { Driver::Vti };
    let moved = counters::moved(end.moves(device.info_kind), driver, now.host.release());
    Ok(Some((format!("{end:?}"), by_name(moved.iter().map(|counter| counter.name())))))
}

fn by_name<'a>(names: impl Iterator<Item = &'a str>) -> BTreeMap<String, u64> {
    names.map(|name| (name.to_owned(), PACKETS)).collect()
}
