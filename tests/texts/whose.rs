//! Of which host a text is, what the names of files say, what is refused, and what differs between two texts.

use super::pieces::{
    ADDRESSES, LINKS, POLICY, ROUTES, RULES, STATE, body, healthy, joined, without,
};
use super::{read, report};
use vti_diagnostics::diagnose;
use vti_diagnostics::diff;
use vti_diagnostics::snapshot::Snapshot;
use vti_diagnostics::text::{self, Text};

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
