//! Lists of which a command picked something out, those of another table or family, and those with other detail than before. The healthy tunnel of
//! the laboratory stays healthy with each of them.

use super::pieces::{
    ADDRESSES, LINKS, POLICY, Part, ROUTES, RULES, STATE, body, findings, healthy, joined, nothing,
    part, parts_of, without,
};
use super::{read, report};
use vti_diagnostics::snapshot::Snapshot;

/// The commands of the healthy tunnel, one of which is another one: it prints so many lines of the list.
fn typed(command: &str, other: &str, count: usize) -> String {
    let counts = ["ip -s xfrm state count", "ip -s xfrm policy count"];
    let mut parts = without(healthy(), &counts);
    let part = parts.iter_mut().find(|(own, _)| own == command).unwrap();
    part.0 = other.to_owned();
    part.1.truncate(count);
    joined(&parts, true)
}

#[test]
fn what_goes_through_a_filter_or_into_a_file_is_no_whole_list() {
    for (command, other, count) in [
        (STATE, "ip xfrm state | head -17", 17),
        (STATE, "ip xfrm state |head -n 17", 17),
        (STATE, "ip xfrm state > /tmp/x", 0),
        (STATE, "ip xfrm state 2>/dev/null", 0),
        (POLICY, "ip xfrm policy | head -30", 30),
        (POLICY, "ip -s xfrm policy > /tmp/x", 0),
        (ROUTES, "ip r | head -1", 1),
        (ROUTES, "ip route > /tmp/x", 0),
        (RULES, "ip rule show priority 0", 1),
        (RULES, "ip rule | grep local", 1),
        (ADDRESSES, "ip a s lo", 8),
        (ADDRESSES, "ip addr show scope host", 4),
    ] {
        nothing(other, &typed(command, other, count));
    }
    // More than there are cut nothing.
    let other = "ip route | head -100";
    nothing(other, &typed(ROUTES, other, 100));
    let no_policy = joined(&parts_of("no-policy_vti_4in4.txt"), true);
    let paged = no_policy.replace(POLICY, "ip -s xfrm policy list | head -400");
    assert_eq!(findings(&paged), findings(&no_policy));
}

const MAIN: [&str; 2] = [
    "10.9.2.0/24 dev t0 scope link src 10.9.1.1 ",
    "192.0.2.0/24 dev wan proto kernel scope link src 192.0.2.1 ",
];

/// The healthy tunnel with other routes.
fn routed(parts: &[Part]) -> String {
    joined(&[without(healthy(), &["ip route", "ip -6 route"]), parts.to_vec()].concat(), true)
}

#[test]
fn routes_of_some_tables_do_not_say_that_there_is_no_other() {
    nothing("all of the main table", &routed(&[part("ip r", &MAIN)]));
    for (command, lines) in [
        ("ip -6 route", &["fe80::/64 dev wan proto kernel metric 256 pref medium"][..]),
        ("ip route | grep wan", &MAIN[1..]),
        ("ip route show dev wan", &["192.0.2.0/24 proto kernel scope link src 192.0.2.1 "]),
        ("ip route show default", &["default via 192.0.2.254 dev wan "]),
        ("ip route show table 220", &[]),
        ("ip route show 192.0.2.0/24", &MAIN[1..]),
        ("ip route get 192.0.2.2", &["192.0.2.2 dev wan src 192.0.2.1 uid 0 ", "    cache "]),
        (
            "ip route get 8.8.8.8",
            &["8.8.8.8 via 192.0.2.254 dev wan src 192.0.2.1 uid 0 ", "    cache "],
        ),
    ] {
        nothing(command, &routed(&[part(command, lines)]));
    }
    // A rule leads to a table that is not there.
    let rules = [
        "0:\tfrom all lookup local",
        "100:\tfrom 10.1.0.0/16 lookup 77",
        "32766:\tfrom all lookup main",
        "32767:\tfrom all lookup default",
    ];
    let parts = without(healthy(), &["ip route", "ip -6 route", RULES]);
    let of_wan = [part(RULES, &rules), part("ip route", &MAIN[1..])];
    nothing("a rule", &joined(&[parts, of_wan.to_vec()].concat(), true));
}

#[test]
fn the_route_of_one_packet_is_an_answer_and_no_route() {
    let others = part(
        "ip route get 192.0.2.2 from 10.1.1.1 iif eth1",
        &["192.0.2.2 from 10.1.1.1 dev t0 ", "    cache iif eth1 "],
    );
    nothing("of a packet that arrived", &routed(&[part("ip r", &MAIN), others]));
    let asked = "ip route get 192.0.2.2 from 192.0.2.1";
    let lookups = |parts: &[Part]| read(&[routed(parts)]).pop().unwrap().route_lookups.unwrap();
    let answer = part(asked, &["192.0.2.2 from 192.0.2.1 dev wan uid 0 ", "    cache mtu 1400 "]);
    let found = lookups(&[answer]);
    let [lookup] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(serde_json::to_value(&lookup.answer).unwrap()["mtu"], 1400);
    // It counts before what the routes say.
    let refused = part(asked, &["RTNETLINK answers: Network is unreachable"]);
    let text = routed(&[part("ip r", &MAIN), refused]);
    assert_eq!(findings(&text)[0].0, "VTI-121");
}

fn behind(parts: &[Part]) -> String {
    joined(&[healthy(), parts.to_vec()].concat(), true)
}

fn samples(text: &str) -> Vec<Snapshot> {
    read(&[text.to_owned()])
}

#[test]
fn a_part_of_a_list_does_not_replace_the_whole() {
    let all = healthy();
    let (state, policy, links) = (body(&all, STATE), body(&all, POLICY), body(&all, LINKS));
    let t0 = links.iter().position(|line| line.starts_with("6: t0")).unwrap();
    for (command, lines) in [
        ("ip -s xfrm policy list dir out", &policy[30..]),
        ("ip -s xfrm state list spi 0x101", &state[17..]),
        ("ip xfrm state get src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x101", &state[17..]),
        ("ip -d -s -s link show dev t0", &links[t0..]),
        ("ip -d -s -s l sh t0", &links[t0..]),
    ] {
        let text = behind(&[(command.to_owned(), lines.to_vec())]);
        nothing(command, &text);
        assert_eq!(samples(&text).len(), 1, "{command}");
    }
}

/// Without `-s -s`, single errors are not in the text: that they are 500 later is no rise.
#[test]
fn counters_that_only_one_output_has_did_not_rise() {
    let all = healthy();
    let is_of_s = |line: &&String| {
        let line = line.trim_start();
        !["lifetime", "limit:", "expire", "stats:", "replay-window 0 replay", "add ", "lastused"]
            .iter()
            .any(|start| line.starts_with(start))
            && !line.contains("(bytes)")
    };
    let state: Vec<String> = body(&all, STATE).iter().filter(is_of_s).cloned().collect();
    let failed: Vec<Part> = all
        .iter()
        .map(|(command, lines)| {
            let old = |line: &String| line.replace("replay 0 failed 0", "replay 50 failed 50");
            let is_state = command == STATE;
            (
                command.clone(),
                lines.iter().map(|l| if is_state { old(l) } else { l.clone() }).collect(),
            )
        })
        .collect();
    let once = findings(&joined(&failed, true));
    let text = joined(&[vec![("ip xfrm state".to_owned(), state)], failed].concat(), true);
    assert_eq!((findings(&text), samples(&text).len()), (once, 1));

    let mut links = body(&all, LINKS);
    let last = links.len() - 1;
    links[last] = links[last].replacen("  0", "500", 1);
    links[last - 2] = links[last - 2].replace("     0", "   500");
    let mut short: Vec<String> = Vec::new();
    let mut is_skipped = false;
    for line in &links {
        let is_head = line.trim_start().starts_with("RX errors:")
            || line.trim_start().starts_with("TX errors:");
        if !is_head && !is_skipped {
            short.push(line.clone());
        }
        is_skipped = is_head;
    }
    let rest = without(all, &[LINKS]);
    let once = joined(&[rest.clone(), vec![(LINKS.to_owned(), links.clone())]].concat(), true);
    let twice =
        [vec![("ip -s link".to_owned(), short)], rest, vec![(LINKS.to_owned(), links)]].concat();
    let twice = joined(&twice, true);
    assert_eq!((findings(&twice), samples(&twice).len()), (findings(&once), 1));
}

/// What `swanctl --list-sas` prints of a connection that is up, and what it prints before its CHILD_SA.
const OFFICE: [&str; 5] = [
    "OFFICE: #2, ESTABLISHED, IKEv2, 1123456789abcdef_i* fedcba9876543210_r",
    "  local  '192.0.2.1' @ 192.0.2.1[500]",
    "  remote '198.51.100.7' @ 198.51.100.7[500]",
    "  AES_GCM_16-128/PRF_HMAC_SHA2_256/MODP_2048",
    "  established 17s ago, rekeying in 13432s",
];

#[test]
fn a_part_of_what_charon_has_does_not_say_what_it_has_not() {
    let ike = |command: &str, is_ended| {
        let parts = [part("uname -r", &["6.1.0"]), part(command, &OFFICE)];
        read(&[joined(&parts, is_ended)]).pop().unwrap().ike
    };
    for command in [
        "swanctl --list-sas --ike OFFICE",
        "swanctl -l -i OFFICE",
        "swanctl --list-sas | grep -A4 OFFICE",
    ] {
        assert!(ike(command, true).unwrap_err().detail.contains("only some"), "{command}");
    }
    assert!(ike("swanctl --list-sas", false).unwrap_err().detail.contains("cut or changed"));
    assert_eq!(ike("swanctl --list-sas", true).unwrap().sas.len(), 1);
}

/// An interface that is configured, and is not among some of the interfaces, may be among the others.
#[test]
fn an_interface_is_not_missing_where_others_are_not_shown() {
    let configured = part(
        "show configuration commands",
        &[
            "set interfaces vti vti8 address '10.9.9.1/30'",
            "set vpn ipsec site-to-site peer AZURE remote-address '192.0.2.2'",
            "set vpn ipsec site-to-site peer AZURE vti bind 'vti8'",
        ],
    );
    let all = healthy();
    let lines = body(&all, LINKS);
    let t0 = lines.iter().position(|line| line.starts_with("6: t0")).unwrap();
    let rest = without(all, &[LINKS, ADDRESSES]);
    let codes = |command: &str, from: usize| {
        let links = (command.to_owned(), lines[from..].to_vec());
        let parts = [rest.clone(), vec![configured.clone(), links]].concat();
        let found = report(&read(&[joined(&parts, true)]), "vti8");
        let interfaces = found.map(|report| report.interfaces).unwrap_or_default();
        interfaces.iter().flat_map(|i| &i.findings).map(|f| f.code.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(codes(LINKS, 0), ["VTI-307"]);
    for command in [
        "ip -d -s -s link show dev t0",
        "ip -d -s -s link show t0",
        "ip -d -s -s l sh t0",
        "ip -d -s -s link show up",
    ] {
        assert_eq!(codes(command, t0), [""; 0], "{command}");
    }
}
