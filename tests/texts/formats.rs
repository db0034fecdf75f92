//! What daemons and VyOS print, each with what a snapshot has of it. Where the outputs are from: `formats/README`.

use super::{formats, read};
use std::path::Path;
use vti_diagnostics::capture;
use vti_diagnostics::snapshot::ike::{ChildSa, Ike, Trap};
use vti_diagnostics::snapshot::{
    LinkKind, Queue, Reason, RouteLookup, Snapshot, Source, Spi, VtiDevice,
};
use vti_diagnostics::text::{self, Text};

fn file(name: &str) -> String {
    std::fs::read_to_string(formats().join(name)).unwrap()
}

fn now(text: &str) -> Snapshot {
    read(&[text.to_owned()]).pop().unwrap()
}

fn ike(name: &str) -> Ike {
    now(&file(name)).ike.unwrap()
}

fn states(ike: &Ike) -> Vec<(&str, Vec<&str>)> {
    ike.sas
        .iter()
        .map(|sa| (sa.state.as_str(), sa.children.iter().map(|c| c.state.as_str()).collect()))
        .collect()
}

#[test]
fn statusall_says_what_charon_has() {
    let up = ike("statusall-up.txt");
    assert_eq!((up.daemon.as_str(), up.since.as_str()), ("charon 5.9.8", "Nov 27 13:21:09 2026"));
    let connection = &up.connections[0];
    assert_eq!((connection.name.as_str(), connection.version.as_str()), ("AZURE", "IKEv2"));
    assert_eq!(connection.remote_addresses, ["192.0.2.2"]);
    assert_eq!(connection.children[0].name, "AZURE-vti");
    assert_eq!(connection.children[0].remote_ts, ["0.0.0.0/0", "::/0"]);
    let sa = &up.sas[0];
    assert_eq!((sa.unique_id, sa.version, sa.initiator, sa.nat), (1, 2, true, false));
    assert_eq!((sa.local_host.as_str(), sa.remote_id.as_str()), ("192.0.2.1", "192.0.2.2"));
    assert_eq!(sa.established_seconds, Some(1));
    let ChildSa { spi_in, spi_out, bytes_in, bytes_out, local_ts, .. } = &sa.children[0];
    assert_eq!((*spi_in, *spi_out), (Spi(0xc602_35e8), Spi(0xcb93_91e6)));
    assert_eq!((*bytes_in, *bytes_out), (252, 300));
    assert_eq!(local_ts, &["0.0.0.0/0", "::/0"]);
    assert_eq!(
        states(&ike("statusall-rekeyed.txt")),
        [("ESTABLISHED", vec!["DELETED", "INSTALLED"])]
    );
    assert_eq!(states(&ike("statusall-status-up.txt")), [("ESTABLISHED", vec!["INSTALLED"])]);
    assert_eq!(states(&ike("statusall-refused.txt")), []);
    let waiting = ike("statusall-no-peer.txt");
    assert_eq!(states(&waiting), [("CONNECTING", vec![])]);
    assert!(waiting.sas[0].tasks_active.iter().any(|task| task == "IKE_INIT"));
    let trap = ike("statusall-trap.txt");
    assert_eq!(states(&trap), []);
    let expected = Trap { connection: "AZURE".to_owned(), child: "AZURE-vti".to_owned() };
    assert_eq!(trap.traps, [expected]);
}

/// The head says how many IKE_SAs there are: fewer than that are no list.
#[test]
fn a_list_of_ike_sas_that_is_cut_is_missing() {
    let text = file("statusall-up.txt");
    for cut in ["       AZURE[1]: ESTABLISHED", "Security Associations"] {
        let at = text.find(cut).unwrap();
        let missing = now(&text[..at]).ike.unwrap_err();
        assert_eq!(missing.reason, Reason::NotInText, "{cut}");
    }
    let wrapped = text.replace("...192.0.2.2[192.0.2.2]", "\n...192.0.2.2[192.0.2.2]");
    assert!(now(&wrapped).ike.unwrap_err().detail.contains("cut or changed"));
}

/// The interfaces that `tc-qdisc.txt` names.
const LINKS: &str = "\
1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN mode DEFAULT group default qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
7: wan@far: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc tbf state UP mode DEFAULT group default qlen 1000
    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff
9: two@far2: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc mq state UP mode DEFAULT group default qlen 1000
    link/ether 02:00:00:00:00:02 brd ff:ff:ff:ff:ff:ff
";

fn queue(ifindex: u32, discipline: &str, sent: (u32, u64), refused: (u32, u32)) -> Queue {
    let ((packets, bytes), (drops, overlimits)) = (sent, refused);
    let discipline = discipline.to_owned();
    Queue { ifindex, discipline, packets, bytes, drops, overlimits, waiting: 0 }
}

#[test]
fn qdiscs_are_read_of_the_root_at_two_moments_as_text_and_as_json() {
    let file = file("tc-qdisc.txt");
    let prompt = "root@router:~#";
    let parts: Vec<&str> = file.split_inclusive(prompt).collect();
    let shown = |numbers: &[usize]| {
        let parts = numbers.iter().map(|number| format!("{prompt}{}", parts[*number]));
        format!("{LINKS}{}", parts.collect::<String>())
    };
    let first = [queue(7, "tbf", (86, 115_856), (418, 580)), queue(9, "mq", (6, 496), (0, 0))];
    let second = [queue(7, "tbf", (127, 173_606), (607, 840)), queue(9, "mq", (7, 566), (0, 0))];
    let two = read(&[shown(&[1, 2])]);
    let queues: Vec<_> = two.iter().map(|snapshot| snapshot.queues.clone().unwrap()).collect();
    assert_eq!(queues, [first.to_vec(), second.to_vec()]);
    assert_eq!(now(&shown(&[3])).queues.unwrap(), second, "as JSON");
    // Of one device alone, and without their numbers: what others dropped is not known.
    for part in [
        shown(&[4]),
        shown(&[1]).replace(" Sent ", " "),
        shown(&[1]).replace("dropped 418", "dropped"),
    ] {
        let missing = now(&part).queues.unwrap_err();
        assert_eq!(missing.reason, Reason::NotInText, "{part}");
    }
}

/// What VyOS's debug archive has of a router with one tunnel: `ip x policy show`, which prints no index.
const WITH_SOCKETS: &str = "\
root@router:~# ip x policy show
src 0.0.0.0/0 dst 0.0.0.0/0\x20
\tdir out priority 399999 ptype main\x20
\ttmpl src 192.0.2.1 dst 192.0.2.2
\t\tproto esp spi 0xcd6b331b reqid 1 mode tunnel
\tif_id 0x8
src 0.0.0.0/0 dst 0.0.0.0/0\x20
\tsocket in priority 0 ptype main\x20
src 0.0.0.0/0 dst 0.0.0.0/0\x20
\tsocket out priority 0 ptype main\x20
src 0.0.0.0/0 dst 0.0.0.0/0\x20
\tsocket in priority 0 ptype main\x20
src 0.0.0.0/0 dst 0.0.0.0/0\x20
\tsocket out priority 0 ptype main\x20
root@router:~#
";

#[test]
fn the_same_policies_of_several_sockets_are_no_second_sample() {
    let all = read(&[WITH_SOCKETS.to_owned()]);
    assert_eq!(all.len(), 1);
    let of_sockets = |now: &Snapshot| {
        let policies = now.policies.as_ref().unwrap();
        policies.iter().filter(|policy| policy.direction.is_of_socket()).count()
    };
    assert_eq!((of_sockets(&all[0]), all[0].policies.as_ref().unwrap().len()), (4, 5));
    // Without those of sockets, the same list twice is two.
    let again = format!("{WITH_SOCKETS}{WITH_SOCKETS}");
    assert_eq!(read(&[again]).len(), 2);
}

/// iproute2 5.9 of Debian 11 says it so.
const WITHOUT_DEFAULTS: &str = "\
root@router:~# ip xfrm policy getdefault
Command \"getdefault\" is unknown, try \"ip xfrm policy help\".
root@router:~#
";

#[test]
fn default_policies_are_assumed_only_where_somebody_may_have_changed_them() {
    let uname = |release: &str| {
        format!("root@router:~# uname -a\nLinux router {release} #1 SMP x86_64 GNU/Linux\n{LINKS}")
    };
    let assumed = |now: &Snapshot| {
        let of = now.assumed.iter().find(|missing| missing.source == Source::DefaultPolicies);
        of.map(|missing| missing.reason)
    };
    let unknown = now(&uname("6.1.0-18-amd64"));
    assert!(unknown.default_policies.is_ok());
    assert_eq!(assumed(&unknown), Some(Reason::NotInText));
    // Nothing is proven with it, but it keeps no verdict open.
    let unchanged = now(&format!("{}{WITHOUT_DEFAULTS}", uname("6.1.0-18-amd64")));
    assert!(unchanged.default_policies.is_ok());
    assert_eq!(assumed(&unchanged), Some(Reason::Absent));
    let old = now(&uname("5.4.268-amd64-vyos"));
    assert_eq!(old.default_policies.as_ref().unwrap_err().reason, Reason::Absent);
    assert_eq!(assumed(&old), None);
}

#[test]
fn libreswan_is_known_and_its_sas_are_not_those_of_charon() {
    let now = now(&file("libreswan-status.txt"));
    assert!(now.host.pluto);
    assert_eq!(now.ike.unwrap_err().reason, Reason::NotInText);
}

/// A new SA looks in the monitor as in a list, and is none.
#[test]
fn what_the_monitor_prints_is_no_list() {
    let text = file("xfrm-monitor.txt");
    let without: String = text
        .lines()
        .filter(|line| !line.starts_with("root@"))
        .map(|line| format!("{line}\n"))
        .collect();
    for text in [text, without] {
        // By itself it is refused: nothing of it is kept.
        let now = now(&format!("root@router:~# uname -r\n6.1.0\n{text}"));
        assert_eq!(now.sas.unwrap_err().reason, Reason::NotInText);
        assert_eq!(now.policies.unwrap_err().reason, Reason::NotInText);
    }
}

#[test]
fn the_tables_of_vyos_say_what_they_can() {
    let now = now(&file("vyos-1.5.txt"));
    let ike = now.ike.unwrap();
    let known: Vec<_> = ike
        .sas
        .iter()
        .map(|sa| (sa.connection.as_str(), sa.state.as_str(), sa.established_seconds, sa.nat))
        .collect();
    assert_eq!(
        known,
        [("AZURE", "ESTABLISHED", Some(120), false), ("OFFICE", "ESTABLISHED", Some(99), true)]
    );
    assert_eq!(ike.sas[0].children[0].installed_seconds, Some(3725));
    assert_eq!(ike.sas[1].children.len(), 1, "the one that was replaced is none");
    let vti = now.links.unwrap().into_iter().find(|link| link.name == "vti7").unwrap();
    let counted = vti.statistics.unwrap();
    assert_eq!((counted.tx_errors, counted.tx_carrier_errors, counted.tx_packets), (37, 37, 4));
    let addresses: Vec<String> =
        now.addresses.unwrap().iter().map(|address| address.prefix.to_string()).collect();
    let expected = [
        "10.9.1.1/32",
        "192.0.2.1/24",
        "2001:db8::1/64",
        "127.0.0.1/8",
        "10.9.1.1/32",
        "::1/128",
        "2001:db8:1234:5678:9abc:def0:1234:5678/64",
    ];
    let mut expected = expected.map(str::to_owned);
    let mut addresses = addresses;
    expected.sort();
    addresses.sort();
    assert_eq!(addresses, expected);
    assert!(now.assumed.iter().any(|missing| missing.detail.contains("link-local")));
}

/// Whether the IKE_SA of a tunnel without a CHILD_SA is up, the table of 1.3 does not say.
#[test]
fn what_a_table_of_vyos_leaves_open_is_missing() {
    let now = now(&file("vyos-1.3.txt"));
    let missing = now.ike.unwrap_err();
    assert!(
        missing.detail.contains("whether the IKE_SA of peer_198-51-100-7 is up"),
        "{missing:?}"
    );
    // Its counters have no errors.
    assert!(now.proc_net_dev.is_err());
}

/// charon that is stopped does not answer swanctl, which waits until it is stopped itself. The line is that of a shell, in the
/// laboratory's guest.
#[test]
fn a_daemon_that_does_not_answer_is_no_empty_list() {
    for stopped in ["Terminated", "^C"] {
        let text = format!(
            "root@gw:~# swanctl --list-sas\nplugin 'ldap': failed to load - ldap_plugin_create not found and no plugin file \
             available\n{stopped}\nroot@gw:~# swanctl --list-conns\n{stopped}\nroot@gw:~#\n"
        );
        assert_eq!(now(&text).ike.unwrap_err().reason, Reason::TimedOut, "{stopped}");
    }
    let silent = "root@gw:~# swanctl --list-sas\nroot@gw:~# swanctl --stats\nroot@gw:~#\n";
    assert_eq!(now(silent).ike.unwrap_err().reason, Reason::TimedOut);
    let empty = "root@gw:~# swanctl --list-sas\nroot@gw:~# uname -r\n6.1.0\n";
    assert_eq!(now(empty).ike.unwrap().sas, []);
    // What holds interfaces up, one entry for each CHILD_SA; an empty file is none.
    let held =
        now("root@gw:~# cat /tmp/ipsec_vti_interfaces\nvti7:AZURE-vti:v4 vti3\nroot@gw:~#\n");
    assert_eq!(held.hook_state.unwrap(), ["vti3", "vti7:AZURE-vti:v4"]);
    let none = now("root@gw:~# cat /tmp/ipsec_vti_interfaces\nroot@gw:~# uname -r\n6.1.0\n");
    assert!(none.hook_state.unwrap().is_empty());
}

/// The address of a connection stands alone, and since strongSwan 6.0.3 with its port (list_conns.c): by it the connection of a tunnel that
/// waits for traffic is found, of which nothing else in the archive says whose it is.
#[test]
fn the_connection_of_a_trap_is_found_by_its_address() {
    let archive = super::formats().join("vyos-debug-archive.tar.bz2");
    let old = capture::load_archive(&archive).unwrap();
    let new: Vec<Text> = old
        .iter()
        .map(|text| Text {
            name: text.name.clone(),
            is_whole: true,
            text: text
                .text
                .replace("local:  192.0.2.1\n", "local:  192.0.2.1[500]\n")
                .replace("remote: 192.0.2.2\n", "remote: 192.0.2.2[500]\n"),
        })
        .collect();
    assert_ne!(
        old.iter().map(|t| &t.text).collect::<Vec<_>>(),
        new.iter().map(|t| &t.text).collect::<Vec<_>>()
    );
    for texts in [&old, &new] {
        let mut reading = text::read(texts).unwrap();
        // Table 220 does not exist, which is an answer, too.
        assert_eq!(reading.input.unread, []);
        let now = reading.snapshots.pop().unwrap();
        let connections = &now.ike.as_ref().unwrap().connections;
        assert_eq!(connections[0].local_addresses, ["192.0.2.1"]);
        assert_eq!(connections[0].remote_addresses, ["192.0.2.2"]);
        let found = super::first(&super::report(&[now], "vti7"));
        assert_eq!(found.0, "VTI-507");
    }
}

/// `ip tunnel` says which interfaces are VTIs, and counts what has no route or no SA as `NoRoute`.
#[test]
fn tunnels_have_ends_keys_and_counters() {
    let text = file("ip-tunnel.txt");
    let snapshots = read(std::slice::from_ref(&text));
    let now = snapshots.last().unwrap();
    let kind = |name: &str| {
        let links = now.links.as_ref().unwrap();
        links.iter().find(|link| link.name == name).unwrap().kind.clone()
    };
    let of = |local: &str, remote: &str, link, input_mark, output_mark| VtiDevice {
        link,
        input_mark,
        output_mark,
        local: local.parse().unwrap(),
        remote: remote.parse().unwrap(),
        fwmark: 0,
    };
    assert_eq!(kind("vti0"), LinkKind::Vti(of("192.0.2.1", "203.0.113.2", 0, 7, 7)));
    let wan = now.links.as_ref().unwrap().iter().find(|link| link.name == "wan").unwrap().ifindex;
    assert_eq!(kind("vti1"), LinkKind::Vti(of("192.0.2.1", "203.0.113.3", wan, 8, 9)));
    assert_eq!(kind("vti2"), LinkKind::Vti6(of("2001:db8::1", "2001:db8:2::2", 0, 7, 7)));
    assert!(matches!(kind("gre1"), LinkKind::Other { .. }));
    let carrier = |snapshot: &Snapshot| {
        let rows = snapshot.proc_net_dev.as_ref().unwrap();
        rows.iter().find(|row| row.name == "vti0").map(|row| (row.tx_errs, row.tx_carrier))
    };
    assert_eq!(snapshots.iter().map(carrier).collect::<Vec<_>>(), [Some((0, 0)), Some((3, 3))]);
    assert_eq!(super::first(&super::report(&snapshots, "vti0")).0, "VTI-101");
    // The JSON of the same tunnels says the same.
    let json: String = text
        .lines()
        .filter(|line| line.starts_with(['[', ',', ']', '{']))
        .fold(String::from("root@router:~# ip -j tunnel show\n"), |text, line| text + line + "\n");
    let links = text.split_once("root@router:~# ip address show").unwrap().1;
    // It lists those over IPv4, so that of the other nothing is known.
    let text = format!("{json}root@router:~# ip address show{}", links.replace("vti2", "six2"));
    let by_json = read(&[text]).pop().unwrap();
    for name in ["vti0", "vti1"] {
        let links = by_json.links.as_ref().unwrap_or_else(|missing| panic!("{missing}"));
        assert_eq!(links.iter().find(|link| link.name == name).unwrap().kind, kind(name));
    }
}

#[test]
fn the_routes_of_ipv4_alone_do_not_say_that_an_ipv6_peer_has_none() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/texts/healthy_vti6_6in6.txt");
    let all = std::fs::read_to_string(path).unwrap();
    let (text, _json) = all.split_once("root@router:~# ip -j").unwrap();
    // As somebody pastes it who does not think of IPv6: one command for the routes, and of IPv4 only.
    let begin = text.find("root@router:~# ip route show table all").unwrap();
    let end = begin + text[begin..].find("root@router:~# ip neighbour").unwrap();
    let rest = |routes: &str| [&text[..begin], routes, &text[end..]].concat();
    let read = |routes: &str| now(&rest(routes)).route_lookups.unwrap_or_default();
    // Lines of these files, as iproute2 printed them.
    let own = "192.0.2.0/24 dev wan proto kernel scope link src 192.0.2.1 \n";
    let asked = |answers: &[RouteLookup]| answers.iter().any(|l| l.query.destination.is_ipv6());
    assert!(asked(&read(&text[begin..end])), "with all tables the route is known");
    assert!(!asked(&read(&format!("root@router:~# ip route\n{own}"))), "IPv4 alone");
    let of_ipv6 = "2001:db8::/64 dev wan proto kernel metric 256 pref medium\n";
    assert!(asked(&read(&format!("root@router:~# ip -6 route\n{of_ipv6}"))), "IPv6");
}

/// `ip xfrm state` shows sequence numbers, and without `-s` no packets: those are not 0.
#[test]
fn an_sa_without_counters_says_so() {
    let head = "src 192.0.2.2 dst 192.0.2.1\n\tproto esp spi 0x00000102 reqid 1 mode tunnel\n\treplay-window 32 \n";
    let rest = "\tanti-replay context: seq 0x4ba, oseq 0x0, bitmap 0xffffffff\n";
    let lists = [
        ("# ip xfrm state\n", String::new(), true),
        ("# ip -s xfrm state\n", format!("{LIFETIME}{STATS}"), false),
        // Where -s was typed and the end of the last one is lacking, so may be others: behind a prompt it is not.
        ("# ip -s xfrm state\n", format!("{LIFETIME}# \n"), true),
    ];
    for (typed, counters, is_uncounted) in lists {
        let sas = now(&format!("{typed}{head}{rest}{counters}")).sas.unwrap();
        assert_eq!(sas.len(), 1);
        assert_eq!(sas[0].replay.unwrap().inbound, 0x4ba);
        assert_eq!(sas[0].uncounted, is_uncounted, "{typed}{counters}");
    }
}

const LIFETIME: &str = "\tlifetime config:
\t  limit: soft (INF)(bytes), hard (INF)(bytes)
\t  limit: soft (INF)(packets), hard (INF)(packets)
\t  expire add: soft 0(sec), hard 0(sec)
\t  expire use: soft 0(sec), hard 0(sec)
\tlifetime current:
\t  147200(bytes), 1150(packets)
\t  add 2026-11-27 13:21:09 use 2026-11-27 13:21:10
";
const STATS: &str = "\tstats:
\t  replay-window 0 replay 0 failed 0
";
