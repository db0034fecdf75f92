//! Whether a command prints keys or secrets. It is asked of whole texts, so it knows commands by their words, wherever they stand.

/// What of a text prints keys; none where nothing does.
pub fn printed_by(text: &str) -> Option<&'static str> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let after = |words: &str| -> Vec<String> {
        text.match_indices(words).map(|(at, _)| text[at + words.len()..].to_owned()).collect()
    };
    // iproute2, ip/xfrm_state.c, ip/xfrm_monitor.c: keys are printed unless `nokeys` is given; `count` and a policy have none.
    for object in ["xfrm state", "xfrm sa", "x state", "x sa", "x s"] {
        for tool in ["ip ", "-s ", "-d "] {
            for rest in after(&format!("{tool}{object}")) {
                let is_word = rest.starts_with(|c: char| !c.is_alphanumeric()) || rest.is_empty();
                let safe =
                    ["list nokeys", "count"].iter().any(|s| rest.trim_start().starts_with(s));
                if is_word && !safe {
                    return Some("ip xfrm state without nokeys");
                }
            }
        }
    }
    for rest in after("xfrm monitor") {
        if !rest.starts_with(" nokeys") {
            return Some("ip xfrm monitor without nokeys");
        }
    }
    // vyos-1x, op-mode-definitions/vpn-ipsec.xml.in: it is `ip xfrm state list`.
    if text.contains("show vpn ipsec state") {
        return Some("show vpn ipsec state");
    }
    // The archive holds `ip x sa`: vyos-1x, src/op_mode/vpn_ipsec.py and generate_ipsec_debug_archive.py.
    if text.contains("debug-archive") {
        return Some("generate ipsec debug-archive");
    }
    // vyos-1x, equuleus, src/op_mode/vpn_ipsec.py: `show vpn debug` runs `ip x sa show`.
    for shown in ["cat /etc/swanctl", "cat /etc/ipsec.", "/config.boot", "show vpn debug"] {
        if text.contains(shown) {
            return Some("a file or a list with secrets");
        }
    }
    // strip-private.py hides a secret up to its first blank only: it is no protection.
    for rest in after("show configuration") {
        let rest = rest.split(['`', ';']).next().unwrap_or_default();
        let kept = rest.contains("| no-match 'secret|pass|key '");
        let fixed =
            ["| match connection-type", "| match ' bind '"].iter().any(|m| rest.contains(m));
        if rest.starts_with(" ") && !kept && !fixed {
            return Some("show configuration with its secrets");
        }
    }
    None
}

#[test]
fn a_command_that_prints_keys_is_noticed_wherever_it_stands() {
    for bad in [
        "ip xfrm state",
        "sudo ip -s xfrm state list",
        "see `ip -d -s xfrm state` for more",
        "ip netns exec NAME ip xfrm state list",
        "ip x s",
        "sudo ip xfrm monitor expire",
        "ip xfrm monitor",
        "show vpn ipsec state",
        "generate ipsec debug-archive",
        "show configuration commands",
        "show configuration commands | strip-private",
        "show configuration commands | match vti7",
        "cat /etc/swanctl/swanctl.conf",
        "show vpn debug",
    ] {
        assert!(printed_by(bad).is_some(), "{bad}");
    }
    for good in [
        "sudo ip -s xfrm state list nokeys",
        "ip xfrm state count",
        "ip xfrm monitor nokeys expire",
        "ip -s xfrm policy list",
        "show vpn ipsec sa detail",
        "swanctl --list-conns",
        "show configuration commands | match connection-type",
        "show configuration commands | match ipsec | no-match 'secret|pass|key '",
    ] {
        assert_eq!(printed_by(good), None, "{good}");
    }
}
