//! What was printed in both forms, as text and as JSON: each test of texts takes one of them. For the laboratory and for `tests/texts.rs`.

/// The text without what `ip -j` printed, or without what `ip` printed as text where it also prints JSON.
pub fn of_kind(text: &str, json: bool) -> String {
    const BOTH: [&str; 7] = [
        "ip -d -s -s link",
        "ip address",
        "ip rule",
        "ip -6 r",
        "ip route",
        "ip neighbour",
        "tc -s qdisc",
    ];
    let mut kept = String::new();
    let mut keep = true;
    for line in text.lines() {
        if let Some((_, command)) = line.split_once(":~# ") {
            let is_json = command.starts_with("ip -j ") || command.starts_with("tc -j ");
            keep = if json { !BOTH.iter().any(|both| command.starts_with(both)) } else { !is_json };
        }
        if keep {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}
