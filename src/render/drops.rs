//! The lines of `drops` as text and JSON, and its final table and sums. It counts nothing.

use super::clock::Clock;
use super::escape::escape;
use super::json;
use super::page::Page;
use super::table;
use crate::code::Code;
use crate::error::Result;
use crate::report::drops::{
    Cause, Dropped, DropsReport, Ended, Line, Receivers, Row, Start, Stopped, Summary, What,
};
use crate::report::time::ExactTime;
use crate::units::{ALERT, DROP, LINE, Span, TUNNEL_DROP, UNRELATED_DROP, VTI, WAS, length};
use std::collections::{BTreeMap, BTreeSet};

/// A line of the run as text, without the line end. Rows and sums are not lines: [`end`] writes them.
pub fn line(line: &Line, clock: &Clock) -> String {
    match &line.what {
        What::Start(begun) => start(begun, clock),
        What::Drop(dropped) => packet(dropped, clock),
        What::Row(_) | What::Summary(_) => String::new(),
    }
}

fn start(start: &Start, clock: &Clock) -> String {
    let what = match start.interfaces.as_slice() {
        [only] => only.clone(),
        several => VTI.of(several.len()),
    };
    let at = start.time.time();
    let (date, zone) = (clock.date(at), clock.offset(at));
    let patience = length(start.seconds.saturating_mul(1000));
    format!("{date}, times are {zone}. Watching {what} for {patience}, or until Ctrl-C:")
}

fn packet(dropped: &Dropped, clock: &Clock) -> String {
    let Dropped { cause, time, flow, .. } = dropped;
    format!("{}  {}  {flow}  {}", clock.time(time.time()), interfaces(cause), finding(cause))
}

/// The rows and the sums as JSON, one object a line.
///
/// # Errors
/// None: they are plain data.
pub fn end_json(report: &DropsReport) -> Result<String> {
    let rows = report.rows.iter().map(|row| What::Row(row.clone()));
    let lines = rows.chain([What::Summary(report.summary.clone())]);
    lines.map(|what| Ok(json::line(&Line::from(what))? + "\n")).collect()
}

/// The rows as a table, most packets first, and the sums as sentences, for lines of at most `width` columns.
pub fn end(report: &DropsReport, clock: &Clock, width: usize) -> String {
    let mut page = Page::new(width);
    if !report.rows.is_empty() {
        page.line(0, "");
        rows(&mut page, &report.rows, clock);
        page.blank();
        legend(&mut page, &report.rows);
        page.blank();
    }
    sums(&mut page, &report.summary);
    page.finish()
}

fn rows(page: &mut Page, rows: &[Row], clock: &Clock) {
    let mut rows: Vec<&Row> = rows.iter().collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.packets));
    let time = |at: ExactTime| clock.time(at.time());
    let cells: Vec<[String; 6]> = rows
        .iter()
        .map(|row| {
            let Row { cause, flow, packets, first, last } = row;
            let packets = packets.to_string();
            [interfaces(cause), packets, codes(cause), flow.clone(), time(*first), time(*last)]
        })
        .collect();
    let header = ["Interface", "Packets", "Cause", "Flow", "First", "Last"];
    table::simple(page, 0, header, &cells);
}

/// The meaning of the table's codes, and why some rows have none.
fn legend(page: &mut Page, rows: &[Row]) {
    let named = |row: &Row| -> Vec<(Code, &'static str)> { named(&row.cause).collect() };
    let known: BTreeMap<Code, &str> = rows.iter().flat_map(named).collect();
    for (code, title) in &known {
        page.paragraph(0, &format!("{code}  {title}"));
        let of_code = rows.iter().filter(|row| row.cause.codes.contains(code));
        let rules: BTreeSet<&str> = of_code.filter_map(|row| row.cause.rule.as_deref()).collect();
        for rule in rules {
            page.paragraph(9, &format!("by {rule}"));
        }
    }
    if !known.is_empty() {
        page.line(0, "What to do about a code: vti-diagnostics explain CODE");
    }
    let unknown = rows.iter().map(|row| &row.cause).filter(|cause| cause.codes.is_empty());
    let unknown: BTreeSet<&str> =
        unknown.map(|cause| cause.why.as_deref().unwrap_or_default()).collect();
    for why in unknown {
        page.paragraph(0, &format!("?  not attributed: {why}"));
    }
}

fn sums(page: &mut Page, sums: &Summary) {
    let stopped = match (sums.ended, sums.rate) {
        (Ended::Rate, Some(rate)) => format!(
            "Stopped because --max-rate was exceeded: {} a second on this machine. ",
            DROP.of(rate)
        ),
        (Ended::Off, _) => "Another process switched the drop monitor off. ".to_string(),
        (Ended::Overdue, _) => {
            "This program was stopped (Ctrl-Z, SIGSTOP) for too long, so the drop monitor was switched off. "
                .to_string()
        }
        (Ended::Unguarded, _) => {
            "Ended early: the second process of this run, which switches the drop monitor off if this one cannot, was ended. "
                .to_string()
        }
        _ => String::new(),
    };
    let seen = match sums.seen {
        0 => "no tunnel drops".to_string(),
        seen => format!("{}, {}", TUNNEL_DROP.of(seen), attributed(sums)),
    };
    let lost = match sums.lost {
        Some(0) => "no alerts lost".to_string(),
        Some(lost) => format!("{} lost: the queue was full", ALERT.of(lost)),
        None => "the number of lost alerts is unknown".to_string(),
    };
    let (took, unrelated) = (Span(sums.milliseconds), UNRELATED_DROP.of(sums.unrelated));
    page.paragraph(0, &format!("{stopped}{took}: {seen}, {lost}; {unrelated}."));
    if sums.not_written > 0 {
        let (lines, were) = (LINE.of(sums.not_written), WAS.word(sums.not_written));
        page.paragraph(0, &format!("{lines} {were} left out: the output was not read in time."));
    }
    for (number, what) in [
        (sums.not_listed, "Drops of flows that are not in the table"),
        (sums.other_interfaces, "Tunnel drops of other interfaces, or of an unknown one"),
        (sums.malformed, "Alerts that could not be decoded"),
    ] {
        if number > 0 {
            page.paragraph(0, &format!("{what}: {number}."));
        }
    }
    for counter in &sums.counters {
        let seen = match counter.agree {
            true => "as many as drops seen".to_string(),
            false => format!("but {} {} seen", DROP.of(counter.drops), WAS.word(counter.drops)),
        };
        let (name, risen) = (&counter.interface, counter.tx_errors);
        page.paragraph(0, &format!("{name}: tx_errors rose by {risen}, {seen}."));
    }
}

/// How many of the drops have a cause.
fn attributed(sums: &Summary) -> String {
    match (sums.attributed, sums.not_attributed) {
        (_, 0) => "all attributed".to_string(),
        (0, _) => "none attributed".to_string(),
        (attributed, not) => format!("{attributed} attributed, {not} not attributed"),
    }
}

/// The report of `drops --stop`: what it found and did, for lines of at most `width` columns.
pub fn stopped(stopped: &Stopped, width: usize) -> String {
    let mut page = Page::new(width);
    if !stopped.was_on {
        page.line(0, "The drop monitor is off already; nothing was changed.");
        return page.finish();
    }
    match stopped.is_on {
        false => page.line(0, "The drop monitor was on; it is off now."),
        true => page.paragraph(
            0,
            "The drop monitor is still on. Reports of software drops were switched off, but another process has \
             hardware drops reported, or has switched the monitor on again.",
        ),
    }
    page.paragraph(0, &received(&stopped.receivers));
    let configuration = match (stopped.was_ours, stopped.is_on) {
        (true, false) => "that of vti-diagnostics drops; the kernel's default was restored",
        (true, true) => "that of vti-diagnostics drops",
        (false, _) => "not that of vti-diagnostics drops; it was left unchanged",
    };
    page.paragraph(
        0,
        &format!(
            "The kernel does not record which process switched it on. Its configuration was {configuration}."
        ),
    );
    page.finish()
}

/// The processes that received the reports and get none any more.
fn received(receivers: &std::result::Result<Receivers, String>) -> String {
    let Receivers { processes, unseen } = match receivers {
        Ok(receivers) => receivers,
        Err(why) => {
            return format!("Which processes received its reports could not be read: {why}.");
        }
    };
    let named = processes.iter().map(|(pid, name)| format!("{pid} ({})", escape(name)));
    let unnamed = (*unseen > 0).then(|| "in another PID namespace".to_string());
    let all: Vec<String> = named.chain(unnamed).collect();
    match all.as_slice() {
        [] => "No process received its reports.".to_string(),
        [one] => format!("Process {one} received its reports and gets none from now on."),
        several => {
            format!(
                "Processes {} received its reports and get none from now on.",
                several.join(", ")
            )
        }
    }
}

fn interfaces(cause: &Cause) -> String {
    match cause.interfaces.as_slice() {
        [] => "-".to_string(),
        [first, second, third, _, ..] => format!("{first}, {second}, {third} or another"),
        some => some.join(" or "),
    }
}

/// The cause in a line.
fn finding(cause: &Cause) -> String {
    if cause.codes.is_empty() {
        return format!("not attributed: {}", cause.why.as_deref().unwrap_or_default());
    }
    let named = named(cause).map(|(code, title)| format!("{code} {title}"));
    let named = named.collect::<Vec<_>>().join(" or ");
    match &cause.rule {
        Some(rule) => format!("{named}: {}", escape(rule)),
        None => named,
    }
}

/// The cause in the table.
fn codes(cause: &Cause) -> String {
    match cause.codes.as_slice() {
        [] => "?".to_string(),
        some => some.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or "),
    }
}

fn named(cause: &Cause) -> impl Iterator<Item = (Code, &'static str)> {
    cause.codes.iter().map(|code| (*code, code.title()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::drops::{Counter, Packet};
    use jiff::tz::TimeZone;

    /// 2026-11-16T03:12:45.000000007Z
    const AT: ExactTime = ExactTime(1_794_798_765_000_000_007);

    fn cause(codes: &[Code], why: &str) -> Cause {
        let known = codes.len() == 1;
        Cause {
            interfaces: vec!["vti1".into()],
            codes: codes.to_vec(),
            names: codes.iter().map(|code| code.name()).collect(),
            site: known.then(|| why.to_string()),
            why: (!known).then(|| why.to_string()),
            rule: None,
        }
    }

    fn row(cause: Cause, packets: u64) -> Row {
        Row { cause, flow: "10.0.0.1 -> 10.1.0.9, udp 9".into(), packets, first: AT, last: AT }
    }

    fn summary() -> Summary {
        Summary {
            seconds: 0,
            milliseconds: 400,
            ended: Ended::Rate,
            rate: Some(1),
            seen: 4,
            attributed: 3,
            not_attributed: 1,
            lost: None,
            unrelated: 5,
            other_interfaces: 0,
            not_listed: 2,
            malformed: 0,
            not_written: 0,
            counters: vec![
                Counter { interface: "vti1".into(), tx_errors: 3, drops: 3, agree: true },
                Counter { interface: "vti2".into(), tx_errors: 3, drops: 1, agree: false },
            ],
        }
    }

    fn dropped(packet: Option<Packet>) -> Line {
        let flow = "10.0.0.1 -> 10.1.0.9, udp 4711 9".to_string();
        What::Drop(Dropped {
            cause: cause(&[Code::NoSecurityAssociation], "xfrm_lookup"),
            time: AT,
            packet,
            flow,
        })
        .into()
    }

    #[test]
    fn lines_are_of_the_zone() {
        let clock = Clock::new(TimeZone::UTC);
        let interfaces = vec!["vti1".to_string(), "vti2".to_string()];
        let begun = What::Start(Start { time: AT, interfaces, seconds: 20 }).into();
        assert_eq!(
            line(&begun, &clock),
            "2026-11-16, times are UTC. Watching 2 VTIs for 20 s, or until Ctrl-C:"
        );
        assert_eq!(
            line(&dropped(None), &clock),
            "03:12:45  vti1  10.0.0.1 -> 10.1.0.9, udp 4711 9  VTI-111 no SA"
        );
    }

    #[test]
    fn the_rule_that_dropped_a_packet_stands_beside_the_code() {
        let clock = Clock::new(TimeZone::UTC);
        let rule = Some("firewall ipv4 forward filter rule 20\u{1b}".to_string());
        let by_rule = Cause { rule, ..cause(&[Code::RefusedAfterDecryption], "site") };
        let What::Drop(packet) = dropped(None).what else { panic!("no packet") };
        let said = line(&What::Drop(Dropped { cause: by_rule.clone(), ..packet }).into(), &clock);
        assert!(
            said.ends_with(
                "VTI-407 packet filter drops what comes out: firewall ipv4 forward filter rule 20\\x1b"
            ),
            "{said}"
        );
        let report = DropsReport { rows: vec![row(by_rule, 3)], summary: summary() };
        let text = end(&report, &clock, 100);
        let legend = "VTI-407  packet filter drops what comes out\n         \
                      by firewall ipv4 forward filter rule 20\\x1b\n";
        assert!(text.contains(legend), "{text}");
        assert!(end_json(&report).unwrap().contains(r#""rule":"firewall ipv4 forward"#));
    }

    #[test]
    fn the_end_has_rows_by_packets_their_legend_and_the_sums() {
        let rows = vec![
            row(cause(&[], "no state was read"), 1),
            row(cause(&[Code::NoSecurityAssociation], "site"), 3),
        ];
        let report = DropsReport { rows, summary: summary() };
        let text = end(&report, &Clock::new(TimeZone::UTC), 100);
        assert_eq!(
            text,
            "\n\
             Interface  Packets  Cause    Flow                         First     Last\n\
             ---------  -------  -------  ---------------------------  --------  --------\n\
             vti1       3        VTI-111  10.0.0.1 -> 10.1.0.9, udp 9  03:12:45  03:12:45\n\
             vti1       1        ?        10.0.0.1 -> 10.1.0.9, udp 9  03:12:45  03:12:45\n\
             \n\
             VTI-111  no SA\n\
             What to do about a code: vti-diagnostics explain CODE\n\
             ?  not attributed: no state was read\n\
             \n\
             Stopped because --max-rate was exceeded: 1 drop a second on this machine. 0.4 s: 4 tunnel drops, 3\n\
             attributed, 1 not attributed, the number of lost alerts is unknown; 5 unrelated drops.\n\
             Drops of flows that are not in the table: 2.\n\
             vti1: tx_errors rose by 3, as many as drops seen.\n\
             vti2: tx_errors rose by 3, but 1 drop was seen.\n"
        );
    }

    #[test]
    fn a_run_that_did_not_end_by_its_time_says_why_and_what_is_not_written() {
        let clock = Clock::new(TimeZone::UTC);
        let said = |ended, not_written| {
            let counters = Vec::new();
            let summary = Summary { ended, rate: None, not_written, counters, ..summary() };
            end(&DropsReport { rows: Vec::new(), summary }, &clock, 500)
        };
        let off = said(Ended::Off, 1);
        assert!(off.starts_with("Another process switched the drop monitor off. 0.4 s: "), "{off}");
        assert!(off.contains("\n1 line was left out: the output was not read in time.\n"), "{off}");
        let overdue = said(Ended::Overdue, 0);
        assert!(overdue.starts_with("This program was stopped (Ctrl-Z, SIGSTOP) for too long, "));
        assert!(!overdue.contains("left out"), "{overdue}");
        assert!(said(Ended::Unguarded, 0).starts_with("Ended early: the second process "));
        assert!(said(Ended::Signal, 0).starts_with("0.4 s: "));
    }

    #[test]
    fn a_monitor_that_was_switched_off_is_told_of_with_what_is_known() {
        let said = |was_on, is_on, was_ours, receivers| {
            stopped(&Stopped { was_on, is_on, was_ours, receivers }, 200)
        };
        let nobody = || Ok(Receivers::default());
        assert_eq!(
            said(false, false, false, nobody()),
            "The drop monitor is off already; nothing was changed.\n"
        );
        assert_eq!(
            said(true, false, true, nobody()),
            "The drop monitor was on; it is off now.\n\
             No process received its reports.\n\
             The kernel does not record which process switched it on. Its configuration was that of vti-diagnostics drops; the kernel's default was restored.\n"
        );
        let processes = vec![(7, "drop\u{9b}watch".to_string())];
        let one =
            said(true, false, false, Ok(Receivers { processes: processes.clone(), unseen: 0 }));
        assert!(one.contains("\nProcess 7 (drop\\u{9b}watch) received its reports and gets none"));
        assert!(
            one.ends_with("was not that of vti-diagnostics drops; it was left unchanged.\n"),
            "{one}"
        );
        let two = said(true, true, true, Ok(Receivers { processes, unseen: 1 }));
        assert!(two.starts_with("The drop monitor is still on. "), "{two}");
        assert!(two.contains(" and get none from now on.") && two.contains(", in another PID"));
        let unknown = said(true, false, true, Err("permission denied".into()));
        assert!(unknown.contains("reports could not be read: permission denied.\n"), "{unknown}");
    }

    #[test]
    fn json_lines_have_the_keys_of_the_contract() {
        let packet = Packet {
            source: [10, 0, 0, 1].into(),
            destination: [10, 1, 0, 9].into(),
            protocol: 17,
            source_port: 4711,
            destination_port: 9,
            size: 36,
        };
        assert_eq!(
            json::line(&dropped(Some(packet))).unwrap(),
            r#"{"codes":["VTI-111"],"flow":"10.0.0.1 -> 10.1.0.9, udp 4711 9","interfaces":["vti1"],"names":["no-security-association"],"packet":{"destination":"10.1.0.9","destination_port":9,"protocol":17,"size":36,"source":"10.0.0.1","source_port":4711},"schema":1,"site":"xfrm_lookup","time":"2026-11-16T03:12:45.000000007Z","type":"drop"}"#
        );
        let report =
            DropsReport { rows: vec![row(cause(&[], "why\u{9b}"), 1)], summary: summary() };
        let lines = end_json(&report).unwrap();
        assert_eq!(
            lines,
            concat!(
                r#"{"codes":[],"first":"2026-11-16T03:12:45.000000007Z","flow":"10.0.0.1 -> 10.1.0.9, udp 9","interfaces":["vti1"],"last":"2026-11-16T03:12:45.000000007Z","names":[],"packets":1,"schema":1,"type":"row","why":"why\u009b"}"#,
                "\n",
                r#"{"attributed":3,"counters":[{"agree":true,"drops":3,"interface":"vti1","tx_errors":3},{"agree":false,"drops":1,"interface":"vti2","tx_errors":3}],"ended":"rate","lost":null,"malformed":0,"milliseconds":400,"not_attributed":1,"not_listed":2,"not_written":0,"other_interfaces":0,"rate":1,"schema":1,"seconds":0,"seen":4,"type":"summary","unrelated":5}"#,
                "\n"
            )
        );
    }
}
