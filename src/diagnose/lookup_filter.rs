//! What the packet filter does with the packet that `lookup` follows: before the device, with its ESP, and behind the device on the way in.
//! The packet is the first of its connection. It walks no path of its own.

use super::lans;
use crate::code::Code;
use crate::report::{FlowReport, Reached, Step};
use crate::snapshot::{Family, Link, Missing, Reason, Sa};
use crate::tunnel::Tunnel;
use crate::way::around::filter::{Filter, Packet};
use crate::way::around::{
    Ruling, To, delivered, enters, esp_arrives, esp_leaves, inner_leaves, own_enters,
};
use crate::way::{At, Flow};

/// The packet filter of a host, as `lookup` asks it.
pub(super) enum Asked<'a> {
    /// Its rules.
    Rules(Box<Filter<'a>>),
    /// There is none.
    None,
    /// It was not read.
    Unread(&'a Missing),
}

/// What it does on a stretch: a step for the report, and whether the packet ends there.
pub(super) struct Answer {
    pub step: Option<Step>,
    /// What drops it, in words; none where it passes, or nobody knows.
    pub dropped: Option<String>,
}

impl Answer {
    const NOTHING: Self = Self { step: None, dropped: None };
}

impl<'a> Asked<'a> {
    /// That of the host of a tunnel.
    pub(super) fn of(tunnel: &Tunnel<'a>) -> Self {
        match &tunnel.state.snapshot.filter {
            Ok(ruleset) if ruleset.chains.is_empty() => Asked::None,
            Ok(ruleset) => Asked::Rules(Box::new(Filter::new(ruleset))),
            Err(missing) if missing.reason == Reason::Absent => Asked::None,
            Err(missing) => Asked::Unread(missing),
        }
    }

    /// What goes into the tunnel, up to the device, and the packet as it comes there: NAT may have changed it. `from` is the device that it
    /// comes in by, where that was said.
    pub(super) fn before(
        &self,
        tunnel: &Tunnel<'_>,
        flow: &Flow,
        from: Option<&Link>,
    ) -> (Answer, Flow) {
        let Asked::Rules(filter) = self else { return (self.unread(At::Filter), flow.clone()) };
        let is_own = from.is_none()
            && tunnel.state.local_addresses(flow.source).is_ok_and(|own| !own.is_empty());
        let packet = Packet {
            masquerade: super::forwarded::masquerade(tunnel, flow.family()).ok().flatten(),
            ..packet(flow)
        };
        let (way, (ruling, packet)) = if is_own {
            ("this host sends it".to_owned(), own_enters(filter, tunnel, &packet))
        } else if let Some(link) = from.or_else(|| lans::link_of(tunnel, flow.source)) {
            (format!("comes in by {}", link.name), enters(filter, tunnel, link, &packet))
        } else {
            let step = At::Filter.step(
                "by which device it comes in is not known (--in-interface)",
                "not asked",
                Vec::new(),
            );
            return (Answer { step: Some(step), dropped: None }, flow.clone());
        };
        let mut answer = answer(At::Filter, &way, &ruling);
        let mut changed = flow.clone();
        match (packet.translated.is_empty(), packet.source.zip(packet.destination)) {
            (true, _) => {}
            (false, Some((source, destination))) => {
                (changed.source, changed.destination) = (source, destination);
                answer.note(format!("NAT: {source} -> {destination} from here on"));
            }
            (false, None) => answer.note("NAT changes it, to what is not known".to_owned()),
        }
        changed.mark = packet.mark.unwrap_or(flow.mark);
        (answer, changed)
    }

    /// ESP of an SA on its way out, and what is inside behind the device.
    pub(super) fn leaving(&self, tunnel: &Tunnel<'_>, sa: &Sa, flow: &Flow) -> Answer {
        let Asked::Rules(filter) = self else { return Answer::NOTHING };
        let inner = inner_leaves(filter, tunnel, sa, flow.source, flow.destination);
        if let Ruling::Drops(..) = inner {
            return answer(At::FilterOfEsp, "the packet inside, by the outer device", &inner);
        }
        let (ruling, _) = esp_leaves(filter, tunnel, sa, Some(flow.mark));
        answer(At::FilterOfEsp, &format!("ESP {} -> {}", sa.source, sa.destination), &ruling)
    }

    /// ESP of an SA on arrival, and the packet as it comes to the SA.
    pub(super) fn arriving(&self, tunnel: &Tunnel<'_>, sa: &Sa) -> (Answer, Option<Packet>) {
        let Asked::Rules(filter) = self else { return (self.unread(At::FilterOfEsp), None) };
        let (ruling, arrived) = esp_arrives(filter, tunnel, sa);
        let what = format!("ESP {} -> {}, SPI {}", sa.source, sa.destination, sa.spi);
        (answer(At::FilterOfEsp, &what, &ruling), Some(arrived))
    }

    /// What was decrypted, to a socket or to a network behind this host.
    pub(super) fn behind(
        &self,
        tunnel: &Tunnel<'_>,
        sa: &Sa,
        arrived: &Packet,
        flow: &Flow,
    ) -> Answer {
        let Asked::Rules(filter) = self else { return Answer::NOTHING };
        let is_here =
            tunnel.state.local_addresses(flow.destination).is_ok_and(|own| !own.is_empty());
        let out = lans::link_of(tunnel, flow.destination);
        let (to, way) = match (is_here, out) {
            (true, _) => (To::Here, "to this host".to_owned()),
            (false, Some(link)) => (To::Out(Some(link)), format!("leaves by {}", link.name)),
            (false, None) => (To::Out(None), "forwarded".to_owned()),
        };
        let ruling = delivered(filter, tunnel, sa, arrived, &packet(flow), to, Vec::new());
        answer(At::FilterBehind, &way, &ruling)
    }

    fn unread(&self, at: At) -> Answer {
        match self {
            Asked::Unread(missing) => {
                let step = at.step("its rules", "not read", vec![missing.to_string()]);
                Answer { step: Some(step), dropped: None }
            }
            Asked::Rules(_) | Asked::None => Answer::NOTHING,
        }
    }
}

impl Answer {
    fn note(&mut self, note: String) {
        if let Some(step) = &mut self.step {
            step.notes.push(note);
        }
    }
}

fn answer(at: At, way: &str, ruling: &Ruling<'_>) -> Answer {
    let (result, note, dropped) = match ruling {
        Ruling::Passes => ("ok".to_owned(), None, None),
        Ruling::Drops(hook, by) => {
            let what =
                format!("{} {} it in {}", by.name(), by.does(), super::filtered::place(*hook));
            ("dropped".to_owned(), Some(what.clone()), Some(what))
        }
        Ruling::DropsNew(hook, by) => {
            let what =
                format!("{} {} it in {}", by.name(), by.does(), super::filtered::place(*hook));
            let note = format!("{what}; a packet of a connection that exists passes");
            ("dropped".to_owned(), Some(note), Some(what))
        }
        Ruling::Unknown(_, _, doubt) => {
            ("unknown".to_owned(), Some(super::filtered::unknown(doubt).detail.to_string()), None)
        }
    };
    let step = at.step(way, result, note.into_iter().collect());
    Answer { step: Some(step), dropped }
}

/// The packet of a flow, the first of its connection.
fn packet(flow: &Flow) -> Packet {
    const WITH_PORTS: [u8; 5] = [6, 17, 33, 132, 136];
    const ICMP: [u8; 2] = [1, 58];
    let [[a, b], [c, d]] = [flow.source_port, flow.destination_port].map(u16::to_be_bytes);
    let transport = match flow.protocol {
        protocol if WITH_PORTS.contains(&protocol) => [Some(a), Some(b), Some(c), Some(d)],
        protocol if ICMP.contains(&protocol) => [Some(b), Some(d), None, None],
        _ => [None; 4],
    };
    Packet {
        protocol: Some(flow.protocol),
        transport,
        length: Some(flow.size),
        mark: Some(flow.mark),
        dont_fragment: (flow.family() == Family::Inet).then_some(flow.dont_fragment),
        ..Packet::any(flow.source, flow.destination)
    }
}

/// Where in the report a filter's answer stands.
pub(super) enum Place {
    /// Behind the first step and stage: the route into the tunnel.
    BehindRoute,
    /// Before all.
    First,
    /// Behind all.
    Last,
}

/// Puts the answer into the report of a flow; where the filter drops the packet, its way ends there.
pub(super) fn put(
    report: &mut FlowReport,
    place: &Place,
    name: &'static str,
    asked: Answer,
    code: Code,
) {
    let Some(step) = asked.step else { return };
    let (in_trail, in_way) = match place {
        Place::BehindRoute => (report.trail.len().min(1), report.way.len().min(1)),
        Place::First => (0, 0),
        Place::Last => (report.trail.len(), report.way.len()),
    };
    let reached = Reached { stage: name, result: step.result.clone() };
    report.trail.insert(in_trail, step);
    report.way.insert(in_way, reached);
    let Some(what) = asked.dropped else { return };
    report.trail.truncate(in_trail.saturating_add(1));
    for later in report.way.iter_mut().skip(in_way.saturating_add(1)) {
        "-".clone_into(&mut later.result);
    }
    report.outcome = "dropped".into();
    report.summary = format!("dropped: {what}");
    "nft_do_chain()".clone_into(&mut report.site);
    report.counters.clear();
    report.xfrm_statistics.clear();
    report.sender = None;
    report.open.clear();
    report.finding = Some(code);
}
