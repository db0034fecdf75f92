//! Lists that are not whole: cut at their end or head, filtered by their command, of another table or family, or with other detail than before.
//! The healthy tunnel of the laboratory is changed as people change what they paste. None of it may be called broken, and nothing proven.

use super::{folder, kind, read, report};
use vti_diagnostics::diagnose;
use vti_diagnostics::diff;
use vti_diagnostics::report::Confidence;
use vti_diagnostics::snapshot::Snapshot;
use vti_diagnostics::text::{self, Text};

/// A command, and the lines that it printed.
type Part = (String, Vec<String>);

const PROMPT: &str = "root@router:~# ";
const LINKS: &str = "ip -d -s -s link";
const STATE: &str = "ip -d -s xfrm state list nokeys";
const POLICY: &str = "ip -s xfrm policy list";
const ROUTES: &str = "ip route show table all";
const RULES: &str = "ip rule show";
const ADDRESSES: &str = "ip address show";

/// What the commands printed in a case, without JSON and without what only counts.
fn parts_of(case: &str) -> Vec<Part> {
    let text = std::fs::read_to_string(folder().join(case)).unwrap();
    let mut parts: Vec<Part> = Vec::new();
    for line in kind::of_kind(&text, false).lines() {
        match line.strip_prefix(PROMPT) {
            Some(command) => parts.push((command.to_owned(), Vec::new())),
            None => parts.last_mut().unwrap().1.push(line.to_owned()),
        }
    }
    const OTHERS: [&str; 4] = ["nstat", "cat ", "ifconfig", "root@"];
    parts.retain(|(command, _)| !OTHERS.iter().any(|other| command.starts_with(other)));
    parts
}

fn healthy() -> Vec<Part> {
    parts_of("healthy_vti_4in4.txt")
}

fn without(parts: Vec<Part>, commands: &[&str]) -> Vec<Part> {
    let is_left = |(command, _): &Part| !commands.iter().any(|c| command.starts_with(c));
    parts.into_iter().filter(is_left).collect()
}

/// What a command printed.
fn body(parts: &[Part], command: &str) -> Vec<String> {
    parts.iter().find(|(own, _)| own == command).unwrap().1.clone()
}

fn part(command: &str, lines: &[&str]) -> Part {
    (command.to_owned(), lines.iter().map(|line| (*line).to_owned()).collect())
}

/// With prompts; without the last one, nobody knows whether the last list is whole.
fn joined(parts: &[Part], is_ended: bool) -> String {
    let mut text = String::new();
    for (command, lines) in parts {
        text += &format!("{PROMPT}{command}\n");
        lines.iter().for_each(|line| text += &format!("{line}\n"));
    }
    if is_ended { text + "root@router:~#\n" } else { text }
}

/// The findings of t0, with how sure they are.
fn findings(text: &str) -> Vec<(String, Confidence)> {
    let found = report(&read(&[text.to_owned()]), "t0");
    // Where the list of interfaces is cut, there may be none of this name.
    let interfaces = found.map(|report| report.interfaces).unwrap_or_default();
    let findings = interfaces.into_iter().flat_map(|interface| interface.findings);
    findings.map(|f| (f.code.to_string(), f.confidence)).collect()
}

/// What is found is possible at most; the codes of it.
fn at_most_possible(what: &str, text: &str) -> Vec<String> {
    let found = findings(text);
    assert!(found.iter().all(|(_, sure)| *sure <= Confidence::Possible), "{what}: {found:?}");
    found.into_iter().map(|(code, _)| code).collect()
}

fn nothing(what: &str, text: &str) {
    assert_eq!(findings(text), [], "{what}");
}

#[test]
fn the_healthy_tunnel_is_healthy() {
    nothing("with all prompts", &joined(&healthy(), true));
}

/// Each list is put last and cut behind each of its lines, as where a window ends; and pasted first, without its command and its first lines.
#[test]
fn a_list_that_is_cut_at_an_end_of_the_text_proves_nothing() {
    let all = healthy();
    for command in [LINKS, STATE, POLICY, ROUTES, RULES, ADDRESSES] {
        let (rest, lines) = (without(all.clone(), &[command, "ip -s xfrm"]), body(&all, command));
        let rest = if command == POLICY {
            [rest, vec![(STATE.into(), body(&all, STATE))]].concat()
        } else {
            rest
        };
        let rest = if command == STATE {
            [rest, vec![(POLICY.into(), body(&all, POLICY))]].concat()
        } else {
            rest
        };
        for count in 1..=lines.len() {
            let head = [rest.clone(), vec![(command.to_owned(), lines[..count].to_vec())]].concat();
            at_most_possible(&format!("{command}: the first {count}"), &joined(&head, false));
            let tail = format!("{}\n{}", lines[count..].join("\n"), joined(&rest, true));
            if count < lines.len() {
                at_most_possible(&format!("{command}: without the first {count}"), &tail);
            }
        }
    }
}

#[test]
fn marks_of_lines_that_are_left_out_are_seen() {
    for mark in ["[...]", "...", "<snip>", "--More--", "lines 1-17", "\u{2026}"] {
        for (command, count) in [(STATE, 17), (POLICY, 15), (ROUTES, 1), (ADDRESSES, 4), (RULES, 1)]
        {
            let mut parts =
                without(healthy(), &["ip -s xfrm state count", "ip -s xfrm policy count"]);
            let lines = &mut parts.iter_mut().find(|(own, _)| own == command).unwrap().1;
            lines.truncate(count);
            lines.push(mark.to_owned());
            nothing(&format!("{command} {mark}"), &joined(&parts, true));
            let lines = &mut parts.iter_mut().find(|(own, _)| own == command).unwrap().1;
            lines.pop();
            lines.insert(0, mark.to_owned());
            nothing(&format!("{mark} {command}"), &joined(&parts, true));
        }
    }
}

/// What people write around lists is not of them.
#[test]
fn sentences_and_fences_cut_no_list() {
    let mut parts = without(parts_of("no-policy_vti_4in4.txt"), &["ip -s xfrm policy count"]);
    for (_, lines) in &mut parts {
        lines.extend(["```".to_owned(), "And this is what the next one says:".to_owned()]);
    }
    let found = findings(&joined(&parts, true));
    assert_eq!(found[0].0, "VTI-101");
    assert!(found[0].1 < Confidence::Proven);
}

#[test]
fn a_list_with_fewer_entries_than_were_counted_is_cut() {
    for (command, count, code) in [(STATE, 17, "VTI-111"), (POLICY, 30, "VTI-101")] {
        let mut parts = healthy();
        parts.iter_mut().find(|(own, _)| own == command).unwrap().1.truncate(count);
        nothing(command, &joined(&parts, true));
        let parts = without(parts, &["ip -s xfrm state count", "ip -s xfrm policy count"]);
        assert_eq!(findings(&joined(&parts, true))[0].0, code, "without the count it is whole");
    }
}

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

#[test]
fn texts_of_two_hosts_are_refused() {
    let one = joined(&healthy(), true);
    let other = one.replace("root@router", "root@other");
    let said = |texts: &[&str]| {
        let texts: Vec<Text> = texts
            .iter()
            .map(|text| Text { name: "text".into(), text: (*text).to_owned(), is_whole: false })
            .collect();
        text::read(&texts).map(|_| ()).map_err(|error| error.to_string())
    };
    let refused = "texts of two hosts (router, other): give those of one";
    assert_eq!(said(&[&one, &other]), Err(refused.to_owned()));
    assert_eq!(said(&[&format!("{one}{other}")]), Err(refused.to_owned()));
    assert_eq!(said(&[&one, &one.replace("@router", "@router.example.com")]), Ok(()));
    let kernels = ["Linux gw1 6.1.0 #1 SMP x86_64\n", "Linux gw2 6.1.0 #1 SMP x86_64\n"];
    assert!(said(&kernels).unwrap_err().contains("(gw1, gw2)"));
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

/// A folder as sos lays it out: each file has the name of the command (`add_cmd_output()` of sos/report/plugins/networking.py and libreswan.py,
/// `_mangle_command()` of sos/report/plugins/__init__.py; sosreport/sos 00a7f9aa), and those of a namespace are in a folder of it.
#[test]
fn a_report_of_sos_is_read_by_the_names_of_its_files() {
    let root = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("sos");
    let _ = std::fs::remove_dir_all(&root);
    let write = |name: &str, lines: &[String]| {
        let path = root.join("sos_commands").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        std::fs::write(path, text).unwrap();
    };
    let all = healthy();
    let of = |command: &str| body(&all, command);
    write("networking/ip_-s_-d_link", &of(LINKS));
    write("networking/ip_-d_address", &of(ADDRESSES));
    write("networking/ip_route_show_table_all", &of(ROUTES));
    write("networking/ip_-4_rule_list", &of(RULES));
    write("networking/ip_-6_rule_list", &of("ip -6 rule show"));
    write("libreswan/ip_xfrm_policy", &of(POLICY));
    write("libreswan/ip_xfrm_state", &of(STATE));
    write("kernel/uname_-a", &of("uname -a"));
    let blue = "networking/namespaces/blue/ip_netns_exec_blue_ip";
    write(&format!("{blue}_route_show_table_all"), &["unreachable 192.0.2.2 ".to_owned()]);
    let found = || {
        let texts = vti_diagnostics::capture::load_archive(&root).unwrap();
        let reading = text::read(&texts).unwrap();
        let report = report(&reading.snapshots, "t0").unwrap();
        let findings = report.interfaces[0].findings.iter();
        findings.map(|f| (f.code.to_string(), f.confidence)).collect::<Vec<_>>()
    };
    assert_eq!(found(), []);
    // A command that printed nothing leaves an empty file.
    write("libreswan/ip_xfrm_state", &[]);
    assert_eq!(found()[0].0, "VTI-111");
}

#[test]
fn what_is_refused_says_why() {
    let said = |text: &str| {
        let text = Text { name: "post".into(), text: text.to_owned(), is_whole: false };
        text::read(&[text]).unwrap_err().to_string()
    };
    let root = said("$ ip xfrm state\nRTNETLINK answers: Operation not permitted\n");
    assert!(root.starts_with("nothing in post is recognised (the command was not run as root): "));
    assert!(said("hello\n").starts_with("nothing in post is recognised: "));
    for line in ["IPsec process not running", "IPsec Process NOT Running", "IPsec not initialized"]
    {
        let text = format!("vyos@gw1:~$ show vpn ike sa\n{line}\n");
        let ike = read(&[text]).pop().unwrap().ike.unwrap_err();
        assert_eq!(ike.reason, vti_diagnostics::snapshot::Reason::Absent, "{line}");
    }
}

/// What a text does not say of a device, or does not have, did not change.
#[test]
fn what_a_text_lacks_is_not_gone() {
    let differences = |b: &str| {
        let now = |text: &str| read(&[text.to_owned()]).pop().unwrap();
        let (a, b) = (now(&joined(&healthy(), true)), now(b));
        let of = |now: &Snapshot| {
            let observation = diagnose::Observation { now, earlier: None };
            diagnose::run(&observation, None).unwrap()
        };
        let report = diff::report((&a, &of(&a)), (&b, &of(&b)));
        report.changes.iter().map(|change| change.text.clone()).collect::<Vec<_>>()
    };
    let all = healthy();
    let is_of_d = |line: &&String| {
        let words = ["vti ", "vti6 ", "ip6tnl ", "veth ", "sit "];
        !words.iter().any(|word| line.trim_start().starts_with(word))
    };
    let plain = |line: &String| line.split(" promiscuity").next().unwrap().to_owned();
    let links = body(&all, LINKS).iter().filter(is_of_d).map(plain).collect();
    let links = ("ip -s -s link".to_owned(), links);
    let rest = without(all.clone(), &[LINKS]);
    for change in differences(&joined(&[vec![links], rest.clone()].concat(), true)) {
        assert!(change.contains("is not known"), "{change}");
    }
    let lines = body(&all, LINKS);
    let t0 = lines.iter().position(|line| line.starts_with("6: t0")).unwrap();
    let one = ("ip -d -s -s link show dev t0".to_owned(), lines[t0..].to_vec());
    let rest = without(rest, &[RULES, "ip -6 rule", ADDRESSES]);
    for change in differences(&joined(&[vec![one], rest].concat(), true)) {
        assert!(change.contains("is not known"), "{change}");
    }
}

/// Several commands in one typed line, as `ip xfrm state; ip xfrm policy`.
#[test]
fn commands_of_one_line_are_each_known() {
    for (case, expected) in
        [("healthy_vti_4in4.txt", None), ("no-policy_vti_4in4.txt", Some("VTI-101"))]
    {
        let whole = parts_of(case);
        let parts: Vec<Part> = [LINKS, ADDRESSES, STATE, POLICY]
            .iter()
            .map(|command| ((*command).to_owned(), body(&whole, command)))
            .collect();
        let rest = without(whole, &[LINKS, ADDRESSES, "ip -d -s xfrm", "ip -s xfrm"]);
        let commands: Vec<&str> = parts.iter().map(|(command, _)| command.as_str()).collect();
        let lines: Vec<&str> =
            parts.iter().flat_map(|(_, l)| l.iter().map(String::as_str)).collect();
        for separator in ["; ", " && "] {
            let line = commands.join(separator);
            let text = format!("{PROMPT}{line}\n{}\n{}", lines.join("\n"), joined(&rest, true));
            let found = findings(&text);
            assert_eq!(found.first().map(|(code, _)| code.as_str()), expected, "{separator}");
            assert!(found.iter().take(1).all(|(_, sure)| *sure == Confidence::Proven));
        }
    }
}

/// Prompts of other shells, and what VyOS prints before its own while the configuration is edited.
#[test]
fn a_list_ends_at_any_prompt() {
    let text = joined(&parts_of("no-policy_vti_4in4.txt"), true);
    for prompt in ["router#", "$", "~ #", "[root@router ~]#", "[edit]\nvyos@router#"] {
        let text = text.replace("root@router:~#", prompt);
        assert_eq!(findings(&text), [("VTI-101".to_owned(), Confidence::Proven)], "{prompt}");
    }
}
