//! One interface under diagnosis: its tunnel, its counters, and the flows that were tried on it, computed once for all diagnoses.

use super::arrivals::{self, Arrival};
use super::call::Call;
use super::charon_log::CharonLog;
use super::classify;
use super::commands::{Command, System};
use super::counted::{self, Counted};
use super::ends::{Ends, OtherEnd};
use super::flows::{self, Origin, Trace};
use super::forwarded;
use super::inbound::Inbound;
use super::interface_words;
use super::ip_tunnel::IpTunnelState;
use super::losses::{self, Losses};
use super::pairs::{self, OneWay, Partner};
use super::remotes;
use super::see::see;
use super::unconfirmed::Unconfirmed;
use super::words::Words;
use crate::code::{Code, Severity};
use crate::report::Evidence;
use crate::snapshot::recorded::Episode;
use crate::snapshot::route::CHARON_TABLE;
use crate::snapshot::{Driver, Link, Missing, Observed, Reason, RouteQuery, Snapshot, Source};
use crate::tunnel::{Control, State, Tunnel};
use crate::units::Span;
use crate::way::around::filter::Filter;
use crate::way::{Outcome, Site, transmit};
use std::cell::{Cell, OnceCell};
use std::net::IpAddr;

/// One interface under diagnosis.
pub struct Case<'a> {
    /// Its name.
    pub name: &'a str,
    /// The state now.
    pub now: &'a Snapshot,
    /// The state before, for rates.
    pub(super) earlier: Option<&'a Snapshot>,
    /// The tunnel; missing where only counters are known.
    pub(super) tunnel: Observed<Tunnel<'a>>,
    /// What the control plane has for an interface that is configured and that the kernel does not have; none for one that exists.
    pub(super) absent: Option<Observed<Control<'a>>>,
    /// The IP tunnel, where the interface is one, and no VTI.
    pub(super) ip_tunnel: Option<IpTunnelState<'a>>,
    /// Its counters over the spans that are known.
    pub(super) counted: Counted,
    /// The flows tried, and what the kernel would do with each.
    pub(super) tried: Vec<Trace>,
    /// Whether nobody asks for the evidence and the next steps of what is found now.
    pub(super) is_brief: Cell<bool>,
    /// What is one for all interfaces.
    shared: &'a Shared<'a>,
    /// What is known for the places of commands; made when the first command is named.
    words: OnceCell<Words>,
    /// The inbound SAs, for those diagnoses that ask for them.
    inbound: OnceCell<Observed<Option<Inbound<'a>>>>,
    /// What the peer may send through them.
    arrivals: OnceCell<Observed<Vec<Arrival<'a>>>>,
    /// What hosts behind this one send into the tunnel, likewise.
    forwarded: OnceCell<Observed<Vec<Trace>>>,
    /// What was lost on the way to the inbound SAs, likewise.
    losses: OnceCell<Observed<Option<Losses<'a>>>>,
    /// The other end of the tunnel, likewise.
    ends: OnceCell<Result<Ends<'a>, Unconfirmed>>,
}

/// What is one for all interfaces of a host, and made ready when the first asks for it.
#[derive(Default)]
pub(super) struct Shared<'a> {
    /// charon's log, taken apart.
    log: OnceCell<CharonLog<'a>>,
    /// The packet filter.
    filter: OnceCell<Filter<'a>>,
    /// The VTIs with packets in one direction only.
    one_way: OnceCell<Vec<OneWay>>,
    /// The host at the other end, where it was read.
    other: Option<&'a OtherEnd<'a>>,
}

impl<'a> Shared<'a> {
    /// With the host at the other end, where it was read.
    pub(super) fn beside(other: Option<&'a OtherEnd<'a>>) -> Self {
        Self { other, ..Self::default() }
    }

    /// The VTIs with packets in one direction only between the two samples of the host.
    pub(super) fn one_way(&self, now: &Snapshot, earlier: &Snapshot) -> &[OneWay] {
        self.one_way.get_or_init(|| pairs::one_way(now, earlier))
    }
}

/// How much a report tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// As [`Extent::Findings`], for one page: a cause that several interfaces have comes with evidence and next steps for the first of them
    /// alone ([`Finding::is_brief`](crate::report::Finding::is_brief)).
    Page,
    /// What was found, and what keeps the verdict open: all that a person reads who does not ask for more. A healthy tunnel costs least.
    Findings,
    /// Also every flow that was tried with the steps it took, what was ruled out, and what does not apply.
    Everything,
}

impl<'a> Case<'a> {
    /// The case of a tunnel of `state`.
    pub(super) fn of_tunnel(
        state: &'a State<'a>,
        earlier: Option<&'a Snapshot>,
        tunnel: Tunnel<'a>,
        extent: Extent,
        shared: &'a Shared<'a>,
    ) -> Self {
        let fate = match extent {
            Extent::Page | Extent::Findings => transmit::end,
            Extent::Everything => transmit::send,
        };
        let candidates = flows::candidates(&tunnel).into_iter();
        let tried = candidates
            .map(|(origin, flow)| Trace { origin, verdict: fate(&tunnel, &flow), flow })
            .collect();
        let counted = Counted::of_link(&state.snapshot, earlier, tunnel.link);
        Self {
            name: &tunnel.link.name,
            now: &state.snapshot,
            earlier,
            counted,
            tunnel: Ok(tunnel),
            absent: None,
            ip_tunnel: None,
            tried,
            shared,
            words: OnceCell::new(),
            inbound: OnceCell::new(),
            arrivals: OnceCell::new(),
            forwarded: OnceCell::new(),
            losses: OnceCell::new(),
            ends: OnceCell::new(),
            is_brief: Cell::new(false),
        }
    }

    /// The case of a row of `/proc/net/dev` of which nothing else is known.
    pub(super) fn of_row(
        now: &'a Snapshot,
        earlier: Option<&'a Snapshot>,
        name: &'a str,
        why: Missing,
        shared: &'a Shared<'a>,
    ) -> Self {
        let counted = Counted::of_row(now, earlier, name);
        Self::counted(now, earlier, name, why, counted, shared)
    }

    /// The case of an interface of which the counters alone are looked at, for the reason `why`.
    fn counted(
        now: &'a Snapshot,
        earlier: Option<&'a Snapshot>,
        name: &'a str,
        why: Missing,
        counted: Counted,
        shared: &'a Shared<'a>,
    ) -> Self {
        Self {
            name,
            now,
            earlier,
            tunnel: Err(why),
            absent: None,
            ip_tunnel: None,
            counted,
            tried: Vec::new(),
            shared,
            words: OnceCell::new(),
            inbound: OnceCell::new(),
            arrivals: OnceCell::new(),
            forwarded: OnceCell::new(),
            losses: OnceCell::new(),
            ends: OnceCell::new(),
            is_brief: Cell::new(false),
        }
    }

    /// The case of a tunnel of `state` that is not looked at, for the reason `why`.
    pub(super) fn of_untried(
        state: &'a State<'a>,
        earlier: Option<&'a Snapshot>,
        link: &'a Link,
        why: Missing,
        shared: &'a Shared<'a>,
    ) -> Self {
        let counted = Counted::of_link(&state.snapshot, earlier, link);
        Self::counted(&state.snapshot, earlier, &link.name, why, counted, shared)
    }

    /// The case of an IP tunnel of `state`.
    pub(super) fn of_ip_tunnel(
        state: &'a State<'a>,
        earlier: Option<&'a Snapshot>,
        tunnel: IpTunnelState<'a>,
        shared: &'a Shared<'a>,
    ) -> Self {
        let (now, link, why) = (&*state.snapshot, tunnel.link, tunnel.is_no_vti());
        Self {
            ip_tunnel: Some(tunnel),
            counted: Counted::of_link(now, earlier, link),
            ..Self::of_row(now, earlier, &link.name, why, shared)
        }
    }

    /// The case of an interface that is configured, and that the kernel does not have.
    pub(super) fn of_absent(
        state: &'a State<'a>,
        earlier: Option<&'a Snapshot>,
        name: &'a str,
        shared: &'a Shared<'a>,
    ) -> Self {
        let detail = format!("there is no {name}");
        let why = Missing::new(Source::Links, Reason::Absent, detail);
        Self {
            absent: Some(state.control_of_absent(name)),
            ..Self::of_row(&state.snapshot, earlier, name, why, shared)
        }
    }

    /// The inbound SAs; none where nothing must come in.
    pub(super) fn inbound(&self) -> Observed<Option<&Inbound<'a>>> {
        let find = || self.tunnel().and_then(Inbound::of);
        self.inbound.get_or_init(find).as_ref().map(Option::as_ref).map_err(Clone::clone)
    }

    /// What the peer may send through the inbound SAs, and what becomes of it; empty where there is none.
    pub(super) fn arrivals(&self) -> Observed<&[Arrival<'a>]> {
        let find = || match self.inbound()? {
            Some(inbound) => arrivals::arrivals(self.tunnel()?, inbound, &self.tried),
            None => Ok(Vec::new()),
        };
        self.arrivals.get_or_init(find).as_deref().map_err(Clone::clone)
    }

    /// What hosts behind this one send into the tunnel, where policies name sources, and what becomes of it.
    pub(super) fn forwarded(&self) -> Observed<&[Trace]> {
        let find = || {
            let tunnel = self.tunnel()?;
            forwarded::flows(tunnel, self.filter()?, &remotes::of(tunnel, &self.tried)?)
        };
        self.forwarded.get_or_init(find).as_deref().map_err(Clone::clone)
    }

    /// Those of them that are lost for the cause `code`. Where the packet filter was not read, nobody knows their source in the tunnel, and
    /// nothing is said of them.
    pub(super) fn forwarded_lost_to(&self, code: Code) -> Observed<Vec<&Trace>> {
        let tunnel = self.tunnel()?;
        let lost = |t: &&Trace| classify::cause(tunnel, &t.flow, &t.verdict.site) == Some(code);
        Ok(self.forwarded().unwrap_or_default().iter().filter(lost).collect())
    }

    /// What was lost on the way to the inbound SAs; none where nothing must come in.
    pub(super) fn losses(&self) -> Observed<Option<&Losses<'a>>> {
        let find = || {
            let (tunnel, inbound) = (self.tunnel()?, self.inbound()?);
            Ok(inbound.map(|inbound| losses::of(tunnel, inbound, self.before())))
        };
        let found = self.losses.get_or_init(find);
        found.as_ref().map(Option::as_ref).map_err(Clone::clone)
    }

    /// The packet filter; none where the kernel has none.
    pub(super) fn filter(&self) -> Observed<Option<&'a Filter<'a>>> {
        match &self.now.filter {
            Ok(ruleset) => Ok(Some(self.shared.filter.get_or_init(|| Filter::new(ruleset)))),
            // Without nf_tables it has no rule.
            Err(missing) if missing.reason == Reason::Absent => Ok(None),
            Err(missing) => Err(missing.clone()),
        }
    }

    /// Another tunnel that carries the other direction of this one's packets; none where there is none.
    pub(super) fn partner(&self) -> Observed<Option<Partner<'a>>> {
        let all = self.shared.one_way(self.now, self.before()?);
        pairs::partner(self.tunnel()?, &self.counted, all)
    }

    /// The other end of the tunnel.
    pub(super) fn ends(&self) -> Result<&Ends<'a>, Unconfirmed> {
        let find = || Ends::of(self.tunnel()?, self.earlier, self.shared.other);
        self.ends.get_or_init(find).as_ref().map_err(Clone::clone)
    }

    /// Why the tunnel has no other end, where the capture of one was given.
    pub(super) fn no_other_end(&self) -> Option<String> {
        let link = self.tunnel.as_ref().ok()?.link;
        if self.shared.other.is_none() || link.is_fallback_device() {
            return None;
        }
        match self.ends().err()? {
            Unconfirmed::NotApplicable(why) => Some(why.to_owned()),
            Unconfirmed::Undetermined(missing) => Some(missing.to_string()),
            Unconfirmed::RuledOut => None,
        }
    }

    /// charon's log.
    pub(super) fn charon_log(&self) -> &CharonLog<'a> {
        self.shared.log.get_or_init(|| CharonLog::of(self.now))
    }

    /// The earlier snapshot.
    pub(super) fn before(&self) -> Observed<&'a Snapshot> {
        self.earlier.ok_or_else(counted::no_interval)
    }

    /// The tunnel, or why it is not known.
    pub(super) fn tunnel(&self) -> Observed<&Tunnel<'a>> {
        self.tunnel.as_ref().map_err(Clone::clone)
    }

    /// Whether the tunnel works in another network namespace than the interface is in (IFLA_LINK_NETNSID): its policies and SAs are there.
    pub(super) fn works_elsewhere(&self) -> bool {
        self.tunnel.as_ref().is_ok_and(|tunnel| tunnel.link.link_netnsid.is_some())
    }

    /// Goes on for tunnels of these drivers only; for others the question does not arise, because of `why`.
    pub(super) fn of_driver(
        &self,
        drivers: &[Driver],
        why: &'static str,
    ) -> Result<(), Unconfirmed> {
        let is_one = drivers.contains(&self.tunnel()?.driver);
        if is_one { Ok(()) } else { Err(Unconfirmed::NotApplicable(why)) }
    }

    /// Where its commands are typed.
    pub(super) fn system(&self) -> System {
        System::of(self.now)
    }

    /// Whether all that is known is text which somebody saved or pasted: of a host that is not at hand.
    pub(super) fn is_text_only(&self) -> bool {
        self.tunnel.is_err() && self.now.host.kernel_release.is_empty()
    }

    /// The command that shows a source, for this host; empty where whoever reads the report gave the text.
    pub(super) fn see(&self, source: Source) -> String {
        if self.is_text_only() {
            return String::new();
        }
        let command = Call::from(see(source));
        command.text(self.system(), self.words()).unwrap_or_default()
    }

    /// What is known of the interface for the places of commands.
    pub(super) fn words(&self) -> &Words {
        let find = || match &self.ip_tunnel {
            Some(tunnel) => interface_words::of_ip_tunnel(tunnel),
            None => interface_words::of(self.name, self.absent.as_ref(), &self.tunnel),
        };
        self.words.get_or_init(find)
    }

    /// The question for the route of what is sent from one outer address to another: as the SA between them asks it, where there is one.
    pub(super) fn route_to_peer(&self, source: IpAddr, to: IpAddr, vrf: Option<&str>) -> Call {
        let queries = self.tunnel.as_ref().map(interface_words::outer_queries).unwrap_or_default();
        let between = |query: &RouteQuery| query.source == Some(source) && query.destination == to;
        let query = queries.into_iter().find(between);
        let query = query.unwrap_or(RouteQuery {
            destination: to,
            source: Some(source),
            mark: 0,
            vrf: None,
        });
        Call::from(Command::RouteToPeer).with_route(&query, vrf)
    }

    /// Flows that are lost for the cause `code`. Missing where none is and one of them ended open: then it might be.
    ///
    /// Link-local traffic is left out: it says nothing about what is routed into the tunnel.
    pub(super) fn lost_to(&self, code: Code) -> Observed<Vec<&Trace>> {
        let tunnel = self.tunnel()?;
        let asked = |t: &Trace| !matches!(t.origin, Origin::LinkLocal(_));
        self.ending(
            |t| asked(t) && classify::cause(tunnel, &t.flow, &t.verdict.site) == Some(code),
            asked,
        )
    }

    /// Link-local flows that are lost for one of the causes `codes`.
    pub(super) fn link_local_lost_to(&self, codes: &[Code]) -> Observed<Vec<&Trace>> {
        let tunnel = self.tunnel()?;
        let asked = |t: &Trace| matches!(t.origin, Origin::LinkLocal(_));
        let lost = |t: &Trace| {
            classify::cause(tunnel, &t.flow, &t.verdict.site).is_some_and(|c| codes.contains(&c))
        };
        self.ending(|t| asked(t) && lost(t), asked)
    }

    fn ending(
        &self,
        picked: impl Fn(&Trace) -> bool,
        asked: impl Fn(&Trace) -> bool,
    ) -> Observed<Vec<&Trace>> {
        let found: Vec<&Trace> = self.tried.iter().filter(|t| picked(t)).collect();
        let open = self.tried.iter().filter(|t| asked(t)).find_map(|t| match &t.verdict.site {
            Site::Undecided(missing) => Some(missing.clone()),
            _ => None,
        });
        match open {
            Some(missing) if found.is_empty() => Err(missing),
            _ => Ok(found),
        }
    }

    /// Whether every flow is sent, those of hosts behind this one among them.
    pub(super) fn all_sent(&self) -> bool {
        let forwarded = self.forwarded().unwrap_or_default();
        self.tried.iter().chain(forwarded).all(|t| t.verdict.effect.outcome == Outcome::Sent)
    }

    /// Whether every flow but the link-local ones is sent.
    pub(super) fn others_sent(&self) -> bool {
        let judged = self.tried.iter().filter(|t| !matches!(t.origin, Origin::LinkLocal(_)));
        judged.map(|t| t.verdict.effect.outcome).all(|outcome| outcome == Outcome::Sent)
    }

    /// How much a counter of `/proc/net/xfrm_stat` rose over the interval.
    pub(super) fn risen(&self, counter: &str) -> Observed<u64> {
        let before = self.earlier.ok_or_else(counted::no_interval)?;
        Ok(self.now.xfrm_counter(counter)?.saturating_sub(before.xfrm_counter(counter)?))
    }

    /// The time between the two samples, to follow what happened in it: `during the last 10 s`.
    pub(super) fn during(&self) -> String {
        match self.earlier.map_or(0, |earlier| self.now.milliseconds_since(earlier)) {
            0 => "between the two samples".to_owned(),
            ms => format!("during the last {}", Span(ms)),
        }
    }

    /// What the recorder saw of losses of this very interface, of what it sends.
    pub(super) fn episodes(&self) -> impl Iterator<Item = &'a Episode> {
        let ifindex = self.tunnel.as_ref().ok().map(|tunnel| tunnel.link.ifindex);
        let (name, recorded) = (self.name, self.now.recorded.as_ref().ok());
        let all = recorded.into_iter().flat_map(|recorded| &recorded.episodes);
        // One that was cut off has no ifindex.
        let is_same = move |e: &&Episode| e.ifindex == 0 || Some(e.ifindex) == ifindex;
        all.filter(move |episode| episode.interface == name && !episode.inbound).filter(is_same)
    }

    /// That charon has made routes of its own, as evidence; none where it has not.
    pub(super) fn routes_of_charon(&self) -> Option<Evidence> {
        let first = self.now.routes.iter().flatten().find(|route| route.table == CHARON_TABLE)?;
        let see = Call::from(Command::CharonRoutes).text(self.system(), self.words());
        Some(Evidence {
            fact: format!("charon's table {CHARON_TABLE} has a route to {}", first.destination),
            source: Source::Routes.name(),
            see: see.unwrap_or_default(),
        })
    }

    /// The prefixes behind these flows, in words: `10.9.1.0/24 and 3 more`.
    pub(super) fn prefixes(lost: &[&Trace]) -> String {
        let mut all: Vec<String> = lost
            .iter()
            .filter_map(|t| match &t.origin {
                Origin::Routed(prefix) => Some(prefix.to_string()),
                _ => None,
            })
            .collect();
        all.dedup();
        match all.as_slice() {
            [] => "what is routed into it".into(),
            [one] => one.clone(),
            [one, two] => format!("{one} and {two}"),
            [one, two, rest @ ..] => format!("{one}, {two} and {} more", rest.len()),
        }
    }

    /// Whether anything is routed into the tunnel now.
    pub(super) fn is_routed(&self) -> bool {
        self.tried.iter().any(|t| matches!(t.origin, Origin::Routed(_)))
    }

    /// The usual severity where something is routed into the tunnel now; else a warning, for what comes next.
    pub(super) fn grade(&self, usual: Severity) -> Severity {
        if self.is_routed() { usual } else { usual.min(Severity::Warning) }
    }
}
