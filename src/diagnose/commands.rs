//! Every command that a report or an explanation may name, once: what it does, whether it changes something, and how it is typed on any
//! Linux and on each release of VyOS. It knows no cause, and runs nothing.
//!
//! A form has places for what differs from tunnel to tunnel: `{peer}`. [`Words`] fills them; what nobody knows stays to be filled in by
//! the reader, in capitals: `PEER`.

pub use super::systems::{Release, System};
use crate::snapshot::{RouteQuery, Source};
use std::borrow::Cow;
use std::fmt::Write;

/// Whether a command changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changes {
    /// It reads.
    Nothing,
    /// It changes the state of the system, its configuration, or an SA.
    System,
}

/// How a command is typed on VyOS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// So.
    Own(&'static str),
    /// As on Linux.
    Same,
    /// As on Linux, with the rights of root.
    Sudo,
    /// As another command.
    As(Command),
}

/// A row of the table.
struct Info {
    does: &'static str,
    changes: Changes,
    linux: &'static str,
    vyos: Form,
    exceptions: &'static [(Release, Form)],
}

macro_rules! words {
    ($($word:ident $name:literal $unknown:literal $meaning:literal;)*) => {
        /// A place in a command.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Word { $(#[doc = $meaning] $word,)* }

        impl Word {
            fn named(name: &str) -> Option<Self> {
                match name { $($name => Some(Word::$word),)* _ => None }
            }

            /// What stands there where the program does not know it.
            const fn unknown(self) -> &'static str {
                match self { $(Word::$word => $unknown,)* }
            }
        }
    };
}

// A place, its name in forms, what stands there where it is not known.
words! {
    Interface "interface" "IFACE" "The VTI.";
    Peer "peer" "PEER" "The peer, as VyOS's configuration names it.";
    Remote "remote" "PEER" "The peer's outer address.";
    Ike "ike" "NAME" "charon's connection.";
    Child "child" "NAME" "The CHILD configuration.";
    Wan "wan" "WAN" "The device that encrypted packets leave by.";
    Route "route" "PEER" "The question for the route of encrypted packets: to where, from where, with which mark.";
    Destination "destination" "DESTINATION" "An address behind the tunnel.";
    Prefix "prefix" "PREFIX" "A prefix behind the tunnel.";
    Scope "scope" "all" "Whose sysctl it is: an interface, or all.";
    Mtu "mtu" "1400" "An MTU that fits.";
    Family "family" "ip" "The family of a table of nftables.";
    Node "node" "ip" "The family as VyOS's configuration has it.";
    Since "since" "-1h" "Since when the log is read.";
}

/// Which end of a tunnel begins to negotiate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Begins {
    /// This one, by VyOS's configuration: `reset` begins anew there alone (vyos-1x, src/op_mode/ipsec.py, `reset_peer`).
    Here,
    /// That is not known, or nobody by itself: this end has to be told to.
    #[default]
    WhoIsTold,
    /// The peer alone: its address is not known here.
    Peer,
}

impl Begins {
    /// Every one.
    pub const ALL: &[Begins] = &[Begins::Here, Begins::WhoIsTold, Begins::Peer];
}

/// What is known for the places of commands, each as one word of a shell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    places: Vec<(Word, String)>,
    /// The question of [`Word::Route`]: few commands ask it, and to write it takes longer than all else here.
    route: Option<(RouteQuery, Option<String>)>,
    begins: Begins,
}

impl Words {
    /// One more; it takes the place of an earlier one.
    pub fn set(&mut self, word: Word, value: &str) {
        self.places.push((word, quoted(value)));
    }

    /// Which end begins.
    pub fn set_begins(&mut self, begins: Begins) {
        self.begins = begins;
    }

    /// The question for a route, in the words of iproute2.
    pub fn set_route(&mut self, query: &RouteQuery, vrf: Option<&str>) {
        self.route = Some((query.clone(), vrf.map(quoted)));
    }

    fn get(&self, word: Word) -> Option<Cow<'_, str>> {
        if let (Word::Route, Some((query, vrf))) = (word, &self.route) {
            return Some(Cow::Owned(question(query, vrf.as_deref())));
        }
        let known = self.places.iter().rev().find(|(known, _)| *known == word);
        known.map(|(_, value)| Cow::Borrowed(value.as_str()))
    }
}

fn question(query: &RouteQuery, vrf: Option<&str>) -> String {
    let mut question = query.destination.to_string();
    let from = query.source.map(|source| format!(" from {source}"));
    let mark = (query.mark != 0).then(|| format!(" mark {:#x}", query.mark));
    let vrf = vrf.map(|name| format!(" vrf {name}"));
    question.extend([from, mark, vrf].into_iter().flatten());
    question
}

/// A name as one word of a command: quoted where a shell would read more out of it.
fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._:@/-".contains(c);
    if !name.is_empty() && name.chars().all(plain) {
        name.to_owned()
    } else {
        format!("'{}'", name.replace('\'', r"'\''"))
    }
}

/// A command, with what only its caller knows.
#[derive(Clone, Debug)]
pub struct Call {
    command: Command,
    words: Words,
}

impl From<Command> for Call {
    fn from(command: Command) -> Self {
        Self { command, words: Words::default() }
    }
}

impl Call {
    /// With this word.
    pub fn with(mut self, word: Word, value: impl ToString) -> Self {
        self.words.set(word, &value.to_string());
        self
    }

    /// With this question for a route.
    pub fn with_route(mut self, query: &RouteQuery, vrf: Option<&str>) -> Self {
        self.words.set_route(query, vrf);
        self
    }

    /// Whether it changes something.
    pub const fn changes(&self) -> Changes {
        self.command.changes()
    }

    /// Whether it asks for a negotiation that only the peer can begin.
    pub fn waits_for_peer(&self, known: &Words) -> bool {
        known.begins == Begins::Peer && self.command.negotiates()
    }

    /// As it is typed on `system`, its places filled with the caller's words and else with `known`; none where `system` has no such
    /// command.
    pub fn text(&self, system: System, known: &Words) -> Option<String> {
        if self.waits_for_peer(known) {
            return None;
        }
        let form = self.command.form_of(system, known.begins);
        (!form.is_empty()).then(|| fill(&form, |word| self.words.get(word).or(known.get(word))))
    }
}

/// A form with its places filled. A place that is none stays as it is written.
fn fill<'a>(form: &str, value: impl Fn(Word) -> Option<Cow<'a, str>>) -> String {
    let mut filled = String::with_capacity(form.len());
    let mut rest = form;
    while let Some((before, place, after)) = next_place(rest) {
        filled.push_str(before);
        match Word::named(place) {
            Some(word) => filled.push_str(&value(word).unwrap_or(Cow::Borrowed(word.unknown()))),
            None => _ = write!(filled, "{{{place}}}"),
        }
        rest = after;
    }
    filled.push_str(rest);
    filled
}

/// What is before the first `{place}`, the place, and what is behind it.
fn next_place(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (place, after) = rest.split_once('}')?;
    Some((before, place, after))
}

macro_rules! commands {
    ($($variant:ident: $does:literal, $changes:ident, $linux:literal, $vyos:expr $(, $release:ident => $exception:expr)*;)*) => {
        /// A command that a report or an explanation may name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Command { $(#[doc = $does] $variant,)* }

        impl Command {
            /// Every command.
            pub const ALL: &[Command] = &[$(Command::$variant,)*];

            fn named(name: &str) -> Option<Self> {
                match name { $(stringify!($variant) => Some(Command::$variant),)* _ => None }
            }

            const fn info(self) -> Info {
                use Form::{As, Own, Same, Sudo};
                match self {
                    $(Command::$variant => Info {
                        does: $does,
                        changes: Changes::$changes,
                        linux: $linux,
                        vyos: $vyos,
                        exceptions: &[$((Release::$release, $exception)),*],
                    },)*
                }
            }
        }
    };
}

// What it does, whether it changes something, its form on Linux, its form on VyOS, and the releases that have another one. An empty form:
// the system has no such command.
commands! {
    // IKE, as charon and VyOS's configuration have it.
    IkeSas: "Lists the IKE_SAs.", Nothing,
        "swanctl --list-sas", Own("show vpn ike sa");
    ChildSas: "Lists the CHILD_SAs.", Nothing,
        "swanctl --list-sas", Own("show vpn ipsec sa");
    ChildSasInDetail: "Lists the CHILD_SAs with their SPIs.", Nothing,
        "swanctl --list-sas", Own("show vpn ipsec sa detail");
    Connections: "Lists the connections with their addresses and selectors.", Nothing,
        "swanctl --list-conns", Own("show vpn ipsec connections");
    IpsecConfiguration: "Shows identities and peers as configured, without secrets.", Nothing,
        "swanctl --list-conns", Own("show configuration commands | match ipsec | no-match 'secret|pass|key '");
    Proposals: "Shows the proposals as configured.", Nothing,
        "swanctl --list-conns --raw", As(Command::IpsecConfiguration);
    ConnectionTypes: "Shows which end begins.", Nothing,
        "swanctl --list-conns", Own("show configuration commands | match connection-type");
    Clients: "Lists the connected clients.", Nothing,
        "swanctl --list-sas", Own("show vpn ipsec remote-access summary"), V1_3 => Own("");
    Selectors: "Lists the selectors that the peers agreed on.", Nothing,
        "swanctl --list-sas", As(Command::Connections);
    TrapPolicies: "Lists the trap policies.", Nothing,
        "swanctl --list-pols", As(Command::OutboundPolicies);
    Configuration: "Shows the configuration.", Nothing,
        "", Own("show configuration commands | match 'ipsec|vti' | no-match 'secret|pass|key '");
    BoundPeers: "Shows which peers are bound to which VTI.", Nothing,
        "", Own("show configuration commands | match ' bind '");
    ConfigurationOf: "Shows where the configuration names the VTI.", Nothing,
        "", Own("show configuration commands | match {interface} | no-match 'secret|pass|key '");
    HookState: "Shows what the updown hook of VyOS remembers.", Nothing,
        "", Own("cat /tmp/ipsec_vti_interfaces"), V1_3 => Own(""), V1_4 => Own("");
    DaemonStatus: "Shows whether the IKE daemon runs.", Nothing,
        "systemctl status strongswan", As(Command::IkeLog);
    IkeLog: "Shows the log of the IKE daemon.", Nothing,
        "journalctl -u 'strongswan*' --since {since}", Own("show log ipsec"), V1_3 => Own("show log vpn ipsec");
    HookLog: "Shows the log of charon and of the updown hook.", Nothing,
        "journalctl -t charon -t charon-systemd -t vti-up-down --since {since}", As(Command::IkeLog);

    // SAs and policies of the kernel. Never without `nokeys`.
    Sas: "Lists the SAs with their use, limits and statistics.", Nothing,
        "ip -s xfrm state list nokeys", Sudo;
    SaCounters: "Lists the SAs with what they have carried.", Nothing,
        "ip -s xfrm state list nokeys", As(Command::ChildSas);
    SasInDetail: "Lists the SAs with every field.", Nothing,
        "ip -d -s xfrm state list nokeys", Sudo;
    SasThere: "Lists the SAs of another network namespace.", Nothing,
        "ip netns exec NAME ip xfrm state list nokeys", Sudo;
    SaCount: "Counts the SAs.", Nothing,
        "ip xfrm state count", Sudo;
    Expiries: "Shows SAs as they expire.", Nothing,
        "ip xfrm monitor nokeys expire", Sudo;
    Policies: "Lists the policies with their use.", Nothing,
        "ip -s xfrm policy list", Own("show vpn ipsec policy");
    OutboundPolicies: "Lists the outbound policies.", Nothing,
        "ip xfrm policy list dir out", As(Command::Policies);
    InboundPolicies: "Lists the inbound policies.", Nothing,
        "ip xfrm policy list dir in", As(Command::Policies);
    ForwardPolicies: "Lists the policies for what is forwarded.", Nothing,
        "ip xfrm policy list dir fwd", As(Command::Policies);
    PoliciesThere: "Lists the policies of another network namespace.", Nothing,
        "ip netns exec NAME ip xfrm policy list", Sudo;
    DefaultPolicies: "Shows what becomes of packets without a policy.", Nothing,
        "ip xfrm policy getdefault", Sudo;
    PolicyCount: "Counts the policies.", Nothing,
        "ip xfrm policy count", Sudo;
    XfrmStatistics: "Shows the counters of XFRM.", Nothing,
        "cat /proc/net/xfrm_stat", Same;

    // Interfaces, addresses, routes, neighbours.
    Link: "Shows the interface with its counters.", Nothing,
        "ip -d -s -s link show dev {interface}", Own("show interfaces vti {interface}");
    LinkInDetail: "Shows the interface with mark or if_id, MTU, VRF and namespace.", Nothing,
        "ip -d link show dev {interface}", Own("show interfaces vti {interface}");
    Counters: "Shows each counter of the interface.", Nothing,
        "ip -s -s link show dev {interface}", Sudo;
    CounterFiles: "Shows each error counter of the interface.", Nothing,
        "grep . /sys/class/net/{interface}/statistics/tx_*_errors", Same;
    Vtis: "Lists the VTIs.", Nothing,
        "ip -brief link show", Own("show interfaces vti");
    ProcNetDev: "Shows the counters of all interfaces.", Nothing,
        "cat /proc/net/dev", Same;
    OuterInterfaces: "Lists interfaces with their addresses.", Nothing,
        "ip -brief address", Own("show interfaces");
    OuterInterface: "Shows the device that encrypted packets leave by.", Nothing,
        "ip -s link show dev {wan}", Own("show interfaces");
    Addresses: "Lists the addresses of this host.", Nothing,
        "ip address show", Same;
    Vrfs: "Lists the VRFs, and which the interface is in.", Nothing,
        "ip -brief link show type vrf; ip -d link show dev {interface}", Own("show vrf");
    Namespaces: "Lists the numbers of network namespaces.", Nothing,
        "ip netns list-id", Same;
    Rules: "Lists the routing rules.", Nothing,
        "ip rule show", Same;
    Routes: "Lists the routes into the interface, of all tables.", Nothing,
        "ip route show table all dev {interface}", Same;
    RoutesInto: "Lists the routes into the interface.", Nothing,
        "ip route show table all dev {interface}", Own("show ip route | match {interface}");
    Ipv6RoutesInto: "Lists the IPv6 routes into the interface.", Nothing,
        "ip -6 route show dev {interface}", Own("show ipv6 route | match {interface}");
    CharonRoutes: "Lists the routes that charon makes.", Nothing,
        "ip route show table 220", Sudo;
    RouteToPeer: "Asks the kernel for the route of encrypted packets.", Nothing,
        "ip route get {route}", Sudo;
    RouteInside: "Asks the kernel for the route of a packet that is meant for the tunnel.", Nothing,
        "ip route get {destination}", Sudo;
    Neighbours: "Lists the neighbours.", Nothing,
        "ip neighbour show", Same;
    OuterNeighbours: "Lists the neighbours on the way to the peer.", Nothing,
        "ip neighbour show dev {wan}", Own("show arp");
    Ping: "Asks the peer for an answer.", Nothing,
        "ping {remote}", Same;
    PingFullSize: "Sends a large packet that must not be fragmented.", Nothing,
        "ping -M do -s 1400 {destination}", Own("ping {destination} size 1400 do-not-fragment");

    // Sysctls, the firewall, logs, the host.
    LarvalDrop: "Shows whether packets wait for an SA.", Nothing,
        "sysctl net.core.xfrm_larval_drop", Sudo;
    AcqExpires: "Shows how long the kernel waits for an SA.", Nothing,
        "sysctl net.core.xfrm_acq_expires", Sudo;
    AllDisableXfrm: "Shows whether XFRM is off on all interfaces.", Nothing,
        "sysctl net.ipv4.conf.all.disable_xfrm", Sudo;
    DisableXfrm: "Shows whether XFRM is off on the interface.", Nothing,
        "sysctl net.ipv4.conf.{interface}.disable_xfrm", Sudo;
    AllRpFilter: "Shows how sources are validated on all interfaces.", Nothing,
        "sysctl net.ipv4.conf.all.rp_filter", Sudo;
    RpFilter: "Shows how sources are validated.", Nothing,
        "sysctl net.ipv4.conf.all.rp_filter net.ipv4.conf.{interface}.rp_filter", Sudo;
    DeviceConfiguration: "Shows the interfaces and their sysctls.", Nothing,
        "ip -d link show; sysctl net.ipv4.conf net.ipv6.conf",
        Own("ip -d link show; sudo sysctl net.ipv4.conf net.ipv6.conf");
    ReversePathCounter: "Shows how many packets rp_filter dropped.", Nothing,
        "nstat -az TcpExtIPReversePathFilter", Sudo;
    ValidationOfInterfaces: "Shows the rules of source validation of interfaces.", Nothing,
        "nft list chain {family} raw vyos_rpfilter", Sudo;
    ValidationOfHost: "Shows the rule of source validation for all interfaces.", Nothing,
        "nft list chain {family} raw vyos_global_rpfilter", Sudo;
    Ruleset: "Lists the rules of nftables.", Nothing,
        "nft list ruleset", Sudo;
    FirewallDrops: "Shows what the firewall drops.", Nothing,
        "nft list ruleset", Own("show firewall statistics");
    VppErrors: "Shows what VPP drops, and why.", Nothing,
        "", Own("sudo vppctl show errors");
    VppInterfaces: "Shows the counters of VPP's interfaces.", Nothing,
        "", Own("sudo vppctl show interface");
    VppTrace: "Shows the way of packets through VPP, once `vppctl trace add` named an input.", Nothing,
        "", Own("sudo vppctl show trace");
    TrafficFilters: "Lists the filters of tc.", Nothing,
        "tc filter show dev DEVICE ingress", Sudo;
    PacketSockets: "Lists the packet sockets and their processes.", Nothing,
        "ss -0p", Sudo;
    KernelLog: "Shows the log of the kernel.", Nothing,
        "dmesg", Own("show log kernel");
    InterfaceLog: "Shows where the log names the interface.", Nothing,
        "journalctl -b | grep -F {interface}", Own("show log | match {interface}");
    RoutingLog: "Shows the log of the routing daemons.", Nothing,
        "journalctl -u frr", Own("show log");
    KernelRelease: "Shows the release of the kernel.", Nothing,
        "uname -r", Same;
    Uptime: "Shows how long the host has been up.", Nothing,
        "uptime", Same;

    // Packets.
    Packets: "Shows the packets in the tunnel.", Nothing,
        "tcpdump -ni {interface}", Own("monitor traffic interface {interface}");
    Ipv6Packets: "Shows the IPv6 packets in the tunnel.", Nothing,
        "tcpdump -ni {interface} ip6", Own("monitor traffic interface {interface} filter ip6");
    OtherPackets: "Shows the packets in the tunnel that are not IP.", Nothing,
        "tcpdump -ni {interface} 'not ip and not ip6'",
        Own("monitor traffic interface {interface} filter 'not ip and not ip6'");
    PeersPackets: "Shows the packets in the tunnel from the peer's address.", Nothing,
        "tcpdump -ni {interface} src host {remote}",
        Own("monitor traffic interface {interface} filter 'src host {remote}'");
    Esp: "Shows the encrypted packets.", Nothing,
        "tcpdump -ni {wan} esp", Own("monitor traffic interface {wan} filter esp");
    EspAndNat: "Shows the encrypted packets, also behind a NAT.", Nothing,
        "tcpdump -ni {wan} esp or udp port 4500",
        Own("monitor traffic interface {wan} filter 'esp or udp port 4500'");

    // This program.
    ShowTwice: "Shows what rises.", Nothing,
        "vti-diagnostics show --interval 10", Sudo;
    ShowInterfaceTwice: "Shows what rises on the interface.", Nothing,
        "vti-diagnostics show --interface {interface} --interval 10", Sudo;
    ShowInterfaceInDetail: "Shows what was ruled out and what was not read.", Nothing,
        "vti-diagnostics show --interface {interface} --interval 10 --detail",
        Own("show vpn vti-diagnostics detail");
    Lookup: "Says what becomes of a packet.", Nothing,
        "vti-diagnostics lookup --interface {interface} --source A --destination B", Sudo;
    Capture: "Saves the state.", Nothing,
        "vti-diagnostics capture --interval 10 --redact", Sudo;
    History: "Shows what the recorder saw.", Nothing,
        "vti-diagnostics history", Own("show vpn vti-diagnostics history");
    HistoryOf: "Shows what the recorder saw of the interface.", Nothing,
        "vti-diagnostics history --interface {interface}",
        Own("show vpn vti-diagnostics history interface {interface}");

    // Negotiation.
    RestartChild: "Ends the CHILD_SA and negotiates anew.", System,
        "swanctl --terminate --child {child}; swanctl --initiate --child {child}",
        Own("reset vpn ipsec site-to-site peer {peer}"), V1_3 => Own("reset vpn ipsec-peer {peer}");
    RestartIke: "Ends the IKE_SA and negotiates anew.", System,
        "swanctl --terminate --ike {ike}; swanctl --initiate --child {child}", As(Command::RestartChild);
    RekeyChild: "Negotiates new keys for the CHILD_SA.", System,
        "swanctl --rekey --child {child}", As(Command::RestartChild);
    InitiateChild: "Asks the peer for the CHILD_SA.", System,
        "swanctl --initiate --child {child}", As(Command::RestartChild);
    RestartDaemon: "Starts the IKE daemon again.", System,
        "systemctl restart strongswan", Own("restart ipsec"), V1_3 => Own("restart vpn");
    BindPeer: "Binds the peer to the interface.", System,
        "", Own("set vpn ipsec site-to-site peer {peer} vti bind {interface}");
    DescribePeer: "Changes a description, so that VyOS renders the connections anew.", System,
        "", Own("set vpn ipsec site-to-site peer {peer} description TEXT");
    LifeBytes: "Sets how much an SA may carry.", System,
        "", Own("set vpn ipsec esp-group G life-bytes N"), V1_3 => Own("");
    LifePackets: "Lets an SA be rekeyed before its numbers end.", System,
        "", Own("set vpn ipsec esp-group G life-packets 4000000000"), V1_3 => Own("");
    Ikev2: "Takes IKEv2.", System,
        "", Own("set vpn ipsec ike-group NAME key-exchange ikev2");
    LogLevel: "Lets charon log what fails.", System,
        "", Own("set vpn ipsec log level 1"),
        V1_3 => Own("set vpn ipsec logging log-level 1");
    NoCharonRoutes: "Keeps charon from making routes.", System,
        "", Own("set vpn ipsec options disable-route-autoinstall");

    // Interfaces, routes, policies, sysctls.
    SetUp: "Sets the interface up.", System,
        "ip link set {interface} up", Sudo;
    SetDown: "Sets the interface down.", System,
        "ip link set {interface} down", Sudo;
    AddressInterface: "Configures the interface.", System,
        "", Own("set interfaces vti {interface} address ADDRESS");
    DescribeInterface: "Changes a description, so that the interface is made.", System,
        "", Own("set interfaces vti {interface} description TEXT");
    SetMtu: "Sets the MTU of the interface.", System,
        "ip link set {interface} mtu {mtu}", Own("set interfaces vti {interface} mtu {mtu}");
    ClampMss: "Lets TCP send no segments that are too large.", System,
        "nft add rule inet filter forward oifname {interface} tcp flags syn tcp option maxseg size set rt mtu",
        Own("set interfaces vti {interface} ip adjust-mss clamp-mss-to-pmtu"),
        V1_3 => Own("set firewall options interface {interface} adjust-mss N");
    NoLinkLocal: "Takes IPv6 off the interface.", System,
        "sysctl -w net.ipv6.conf.{interface}.disable_ipv6=1",
        Own("set interfaces vti {interface} ipv6 address no-default-link-local"), V1_3 => Sudo;
    ValidateLoosely: "Lets the interface take any source that has a route.", System,
        "", Own("set interfaces vti {interface} {node} source-validation loose"), V1_3 => Own("");
    ValidateLooselyEverywhere: "Lets all interfaces take any IPv4 source that has a route.", System,
        "", Own("set firewall global-options source-validation loose"), V1_3 => Own("");
    ValidateIpv6LooselyEverywhere: "Lets all interfaces take any IPv6 source that has a route.", System,
        "", Own("set firewall global-options ipv6-source-validation loose"), V1_3 => Own("");
    AddRouteInto: "Routes a prefix into the tunnel.", System,
        "ip route add {prefix} dev {interface}", Own("set protocols static route {prefix} interface {interface}"),
        V1_3 => Own("set protocols static interface-route {prefix} next-hop-interface {interface}");
    AddRouteToPeer: "Gives the peer's address a route of its own.", System,
        "ip route add {remote} via GATEWAY", Own("set protocols static route {remote}/32 next-hop GATEWAY");
    DeleteCharonDefaultRoute: "Deletes the default route that charon made.", System,
        "ip route delete default table 220", Sudo;
    ClearDisableXfrm: "Lets XFRM encrypt again.", System,
        "sysctl -w net.ipv4.conf.{scope}.disable_xfrm=0", Sudo;
    DropLarval: "Drops packets without an SA at once.", System,
        "sysctl -w net.core.xfrm_larval_drop=1", Sudo;
    AcceptByDefault: "Lets packets without a policy pass.", System,
        "ip xfrm policy setdefault out accept", Sudo;
}

impl Command {
    /// What it does.
    pub const fn does(self) -> &'static str {
        self.info().does
    }

    /// Whether it changes something.
    pub const fn changes(self) -> Changes {
        self.info().changes
    }

    /// With a word that only the caller knows.
    pub fn with(self, word: Word, value: impl ToString) -> Call {
        Call::from(self).with(word, value)
    }

    /// Whether it lets charon negotiate, or another daemon.
    const fn negotiates(self) -> bool {
        use Command::{InitiateChild, RekeyChild, RestartChild, RestartIke};
        matches!(self, RestartChild | RestartIke | RekeyChild | InitiateChild)
    }

    /// With libreswan's tools, where the form for Linux has strongSwan's. None of them shows a secret.
    const fn of_libreswan(self) -> Option<&'static str> {
        Some(match self {
            Command::ChildSas | Command::ChildSasInDetail | Command::Clients => {
                "ipsec trafficstatus"
            }
            Command::IkeSas
            | Command::Connections
            | Command::IpsecConfiguration
            | Command::Proposals
            | Command::ConnectionTypes
            | Command::Selectors
            | Command::TrapPolicies => "ipsec status",
            Command::DaemonStatus => "systemctl status ipsec",
            Command::IkeLog | Command::HookLog => "journalctl -u ipsec --since {since}",
            Command::RestartChild | Command::RestartIke | Command::RekeyChild => {
                "ipsec auto --down {child}; ipsec auto --up {child}"
            }
            Command::InitiateChild => "ipsec auto --up {child}",
            Command::RestartDaemon => "systemctl restart ipsec",
            _ => return None,
        })
    }

    /// As it is typed where this end begins, or does not.
    fn form_of(self, system: System, begins: Begins) -> String {
        // 1.3 begins in any case: it runs `ipsec up`.
        let resets =
            self.negotiates() && matches!(system, System::Vyos(Release::V1_4 | Release::Current));
        match (resets, begins) {
            (true, Begins::Here) => Command::RestartChild.form(system),
            (true, _) => {
                let each = self.info().linux.split("; ").map(|part| format!("sudo {part}"));
                each.collect::<Vec<_>>().join("; ")
            }
            (false, _) => self.form(system),
        }
    }

    /// As it is typed on `system`, with its places; empty where `system` has no such command.
    pub fn form(self, system: System) -> String {
        let info = self.info();
        let release = match (system, self.of_libreswan()) {
            (System::Vyos(release), _) => release,
            (System::Libreswan, Some(form)) => return form.to_owned(),
            (System::Bare, Some(_)) => return String::new(),
            _ => return info.linux.to_owned(),
        };
        let exception = info.exceptions.iter().find(|(of, _)| *of == release);
        match exception.map_or(info.vyos, |(_, form)| *form) {
            Form::Own(form) => form.to_owned(),
            Form::Same => info.linux.to_owned(),
            Form::Sudo => format!("sudo {}", info.linux),
            Form::As(other) => other.form(system),
        }
    }
}

/// The command that shows what a source says.
pub const fn see(source: Source) -> Command {
    match source {
        Source::Links => Command::Link,
        Source::Addresses => Command::Addresses,
        Source::Rules => Command::Rules,
        Source::Routes => Command::Routes,
        Source::RouteLookups => Command::RouteToPeer,
        Source::Neighbours => Command::Neighbours,
        Source::SecurityAssociations => Command::Sas,
        Source::SecurityPolicies => Command::Policies,
        Source::DefaultPolicies => Command::DefaultPolicies,
        Source::SadInfo => Command::SaCount,
        Source::SpdInfo => Command::PolicyCount,
        Source::XfrmStatistics => Command::XfrmStatistics,
        Source::ProcNetDev => Command::ProcNetDev,
        Source::LarvalDrop => Command::LarvalDrop,
        Source::AcqExpires => Command::AcqExpires,
        Source::AllDisableXfrm => Command::AllDisableXfrm,
        Source::RpFilter => Command::AllRpFilter,
        Source::Uptime => Command::Uptime,
        Source::Charon => Command::IkeSas,
        Source::Configuration => Command::Configuration,
        Source::HookState => Command::HookState,
        Source::CharonLog => Command::HookLog,
        Source::SourceValidation => Command::Ruleset,
        Source::Journal => Command::HistoryOf,
        Source::Cleared => Command::Vtis,
        Source::DeviceConfiguration => Command::DeviceConfiguration,
        Source::EarlierSnapshot => Command::ShowTwice,
        Source::InsideRoute => Command::RouteInside,
    }
}

/// Where the comments of an explanation's commands stand, unless a command is longer.
const COMMENTS: usize = 38;
/// Least space between a command and its comment.
const GAP: usize = 4;
/// Columns of an explanation.
const WIDTH: usize = 72;

/// An explanation with its commands, as they are typed on `system`: `{Sas}` stands for one of the catalogue, `{anew}` alone on its line for
/// the ways to negotiate anew, and what follows a tab is the comment of a command, in one column for all those of a paragraph. What is no
/// command stays as it is written.
pub fn expand(explanation: &str, system: System) -> String {
    let paragraphs = explanation.split("\n\n").map(|paragraph| {
        let mut lines: Vec<String> = paragraph
            .lines()
            .flat_map(|line| anew(line, system))
            .map(|l| named(&l, system))
            .collect();
        // Two of VyOS's commands may be one of Linux.
        lines.dedup();
        let commented = lines.iter().filter_map(|line| line.split_once('\t'));
        let longest = commented.map(|(command, _)| command.chars().count() + GAP).max();
        let column = longest.unwrap_or(0).max(COMMENTS);
        let aligned = lines.iter().map(|line| match line.split_once('\t') {
            // Where a command is too long for its comment, that has a line of its own.
            Some((command, comment)) if column + comment.chars().count() > WIDTH => {
                format!("{command}\n        ({comment})")
            }
            Some((command, comment)) => format!("{command:column$}{comment}"),
            None => line.clone(),
        });
        aligned.collect::<Vec<_>>().join("\n")
    });
    let mut text = paragraphs.collect::<Vec<_>>().join("\n\n");
    if explanation.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// `{anew}` in lines of its own: how a negotiation begins again, whoever begins.
fn anew(line: &str, system: System) -> Vec<String> {
    if line.trim() != "{anew}" {
        return vec![line.to_owned()];
    }
    let lines: &[&str] = match system {
        System::Vyos(Release::V1_4 | Release::Current) => &[
            "    {RestartChild}\tif initiate is set",
            "    sudo swanctl --initiate --child NAME\telse",
        ],
        System::Bare => &[
            "    strongSwan: swanctl --terminate --child NAME",
            "    strongSwan: swanctl --initiate --child NAME",
        ],
        _ => &["    {RestartChild}"],
    };
    lines.iter().map(|line| (*line).to_owned()).collect()
}

/// A line with its commands instead of their names.
fn named(line: &str, system: System) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some((before, place, after)) = next_place(rest) {
        text.push_str(before);
        let command = Command::named(place).map(|command| typed_somewhere(command, system));
        text.push_str(&command.unwrap_or_else(|| format!("{{{place}}}")));
        rest = after;
    }
    text.push_str(rest);
    text
}

/// A command as it is typed on `system`, or else on the first one that has it, with the name of that.
fn typed_somewhere(command: Command, system: System) -> String {
    let mut known = Words::default();
    known.set_begins(Begins::Here);
    let typed = |system| Call::from(command).text(system, &known);
    let elsewhere = || {
        let others = system.elsewhere().iter();
        others.copied().find_map(|(other, name)| Some(format!("{name}: {}", typed(other)?)))
    };
    typed(system).or_else(elsewhere).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_a_shell_would_take_apart_is_quoted() {
        assert_eq!(quoted("AWS-A.1:2@x"), "AWS-A.1:2@x");
        assert_eq!(quoted("10.0.0.0/8"), "10.0.0.0/8");
        assert_eq!(quoted("a; reboot"), "'a; reboot'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn what_is_known_is_filled_in_and_the_rest_stays_to_be_filled_in() {
        let mut known = Words::default();
        known.set(Word::Peer, "AZURE");
        known.set(Word::Interface, "vti 7");
        known.set_begins(Begins::Here);
        let restart = Call::from(Command::RestartChild);
        let text = |call: &Call, system| call.text(system, &known);
        let reset = "reset vpn ipsec site-to-site peer AZURE";
        assert_eq!(text(&restart, System::Vyos(Release::Current)).as_deref(), Some(reset));
        let old = text(&restart, System::Vyos(Release::V1_3));
        assert_eq!(old.as_deref(), Some("reset vpn ipsec-peer AZURE"));
        let linux = text(&restart, System::Linux);
        assert_eq!(
            linux.as_deref(),
            Some("swanctl --terminate --child NAME; swanctl --initiate --child NAME")
        );
        let mtu = Command::SetMtu.with(Word::Mtu, 1380);
        assert_eq!(text(&mtu, System::Linux).as_deref(), Some("ip link set 'vti 7' mtu 1380"));
        assert_eq!(text(&Command::BoundPeers.into(), System::Linux), None);
    }

    /// vyos-1x, src/op_mode/ipsec.py, `reset_peer`: it initiates where `connection-type initiate` is set, and else only ends what is there.
    #[test]
    fn reset_is_said_only_where_it_begins_anew() {
        let mut known = Words::default();
        known.set(Word::Child, "AZURE-vti");
        let typed = |known: &Words, release| {
            let call = Call::from(Command::InitiateChild);
            call.text(System::Vyos(release), known)
        };
        let told = Some("sudo swanctl --initiate --child AZURE-vti".to_owned());
        assert_eq!(typed(&known, Release::V1_4), told);
        assert_eq!(typed(&known, Release::Current), told);
        let old = Some("reset vpn ipsec-peer PEER".to_owned());
        assert_eq!(typed(&known, Release::V1_3), old);
        known.set_begins(Begins::Here);
        let reset = Some("reset vpn ipsec site-to-site peer PEER".to_owned());
        assert_eq!(typed(&known, Release::Current), reset);
        known.set_begins(Begins::Peer);
        assert_eq!(typed(&known, Release::Current), None);
        assert_eq!(typed(&known, Release::V1_3), None);
    }

    #[test]
    fn each_place_of_a_form_is_known() {
        for command in Command::ALL {
            for system in System::ALL {
                let filled = fill(&command.form(*system), |_| None);
                assert!(!filled.contains(['{', '}']), "{command:?}: {filled}");
            }
        }
    }

    #[test]
    fn no_command_stands_twice() {
        let forms = |command: Command| System::ALL.iter().map(move |system| command.form(*system));
        for (at, command) in Command::ALL.iter().enumerate() {
            let before = Command::ALL.iter().take(at);
            let twin = before.copied().find(|other| forms(*other).eq(forms(*command)));
            assert_eq!(twin, None, "{command:?}");
            assert!(command.does().ends_with('.'), "{command:?}");
        }
    }

    #[test]
    fn an_explanation_gets_its_commands_and_their_comments_in_one_column() {
        let text =
            "\nHow\n    {Sas}\tno SA\n    {SasInDetail}\teach field\n\nWhat\n    See {IkeSas}.\n";
        let of = |system| expand(text, system).replace("  ", "");
        let linux = "\nHow\nip -s xfrm state list nokeys no SA\nip -d -s xfrm state list nokeyseach field\n\nWhat\nSee swanctl --list-sas.\n";
        assert_eq!(of(System::Linux).replace(' ', ""), linux.replace(' ', ""));
        let vyos = expand(text, System::Vyos(Release::Current));
        let at = |word| vyos.lines().find_map(|line: &str| line.find(word));
        assert_eq!((at("no SA"), at("each field")), (Some(44), Some(44)), "{vyos}");
        assert!(vyos.contains("    sudo ip -s xfrm state list nokeys "), "{vyos}");
        assert!(vyos.contains("    See show vpn ike sa.\n"), "{vyos}");
        assert_eq!(expand("{None} {such}", System::Linux), "{None} {such}");
    }

    #[test]
    fn a_command_that_a_system_lacks_is_said_with_the_system_that_has_it() {
        let of = |text, system| expand(text, system);
        let bind = "VyOS: set vpn ipsec site-to-site peer PEER vti bind IFACE";
        assert_eq!(of("{BindPeer}", System::Linux), bind);
        assert_eq!(of("{IkeSas}", System::Bare), "strongSwan: swanctl --list-sas");
        assert_eq!(of("{IkeSas}", System::Libreswan), "ipsec status");
        let bytes = "since 1.4: set vpn ipsec esp-group G life-bytes N";
        assert_eq!(of("{LifeBytes}", System::Vyos(Release::V1_3)), bytes);
    }
}
