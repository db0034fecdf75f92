//! Every command that a report or an explanation may name, once: what it does, whether it changes something, and how it is typed on any
//! Linux and on each release of VyOS. It knows no cause and runs nothing.
//!
//! A form has places for what differs from tunnel to tunnel: `{peer}`. The values are in `words`, the complete command in `call`.

pub use super::systems::{Release, System};

/// Whether a command changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changes {
    /// It is read-only.
    Nothing,
    /// It changes the state of the system, its configuration, or an SA.
    System,
}

/// How a command is typed on VyOS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// As given.
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

macro_rules! commands {
    ($($variant:ident: $does:literal, $changes:ident, $linux:literal, $vyos:expr $(, $release:ident => $exception:expr)*;)*) => {
        /// A command that a report or an explanation may name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Command { $(#[doc = $does] $variant,)* }

        impl Command {
            /// Every command.
            pub const ALL: &[Command] = &[$(Command::$variant,)*];

            /// The command with this name.
            pub(super) fn named(name: &str) -> Option<Self> {
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

// What it does, whether it changes something, its form on Linux, its form on VyOS, and the releases with another form. An empty form: the
// system has no such command.
commands! {
    // IKE: charon and VyOS's configuration.
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
    ConnectionTypes: "Shows which end starts the negotiation.", Nothing,
        "swanctl --list-conns", Own("show configuration commands | match connection-type");
    Clients: "Lists the connected clients.", Nothing,
        "swanctl --list-sas", Own("show vpn ipsec remote-access summary"), V1_3 => Own("");
    Selectors: "Lists the negotiated traffic selectors.", Nothing,
        "swanctl --list-sas", As(Command::Connections);
    TrapPolicies: "Lists the trap policies.", Nothing,
        "swanctl --list-pols", As(Command::OutboundPolicies);
    Configuration: "Shows the configuration.", Nothing,
        "", Own("show configuration commands | match 'ipsec|vti' | no-match 'secret|pass|key '");
    BoundPeers: "Shows which peers are bound to which VTI.", Nothing,
        "", Own("show configuration commands | match ' bind '");
    ConfigurationOf: "Shows the lines of the configuration that name the VTI.", Nothing,
        "", Own("show configuration commands | match {interface} | no-match 'secret|pass|key '");
    HookState: "Shows the state file of VyOS's updown hook.", Nothing,
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
    SaCounters: "Lists the SAs with the packets and bytes that they have carried.", Nothing,
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
    DefaultPolicies: "Shows what happens to packets without a policy.", Nothing,
        "ip xfrm policy getdefault", Sudo;
    PolicyCount: "Counts the policies.", Nothing,
        "ip xfrm policy count", Sudo;
    XfrmStatistics: "Shows the counters of XFRM.", Nothing,
        "cat /proc/net/xfrm_stat", Same;

    // Interfaces, addresses, routes, neighbours.
    Link: "Shows the interface with its counters.", Nothing,
        "ip -d -s -s link show dev {interface}", Own("show interfaces vti {interface}");
    AllLinks: "Shows all interfaces with their kind and counters.", Nothing,
        "ip -d -s -s link show", Same;
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
    OuterInterface: "Shows the device through which encrypted packets leave.", Nothing,
        "ip -s link show dev {wan}", Own("show interfaces");
    Addresses: "Lists the addresses of this host.", Nothing,
        "ip address show", Same;
    Vrfs: "Lists the VRFs, and shows which one the interface is in.", Nothing,
        "ip -brief link show type vrf; ip -d link show dev {interface}", Own("show vrf");
    Namespaces: "Lists the numbers of network namespaces.", Nothing,
        "ip netns list-id", Same;
    Rules: "Lists the routing rules.", Nothing,
        "ip rule show", Same;
    Routes: "Lists the routes into the interface, of all tables.", Nothing,
        "ip route show table all dev {interface}", Same;
    AllRoutes: "Lists the routes of all tables.", Nothing,
        "ip route show table all", Same;
    RoutesInto: "Lists the routes into the interface.", Nothing,
        "ip route show table all dev {interface}", Own("show ip route | match {interface}");
    Ipv6RoutesInto: "Lists the IPv6 routes into the interface.", Nothing,
        "ip -6 route show dev {interface}", Own("show ipv6 route | match {interface}");
    CharonRoutes: "Lists the routes that charon installed.", Nothing,
        "ip route show table 220", Sudo;
    RouteToPeer: "Asks the kernel for the route of encrypted packets.", Nothing,
        "ip route get {route}", Sudo;
    RouteInside: "Asks the kernel for the route of a packet that is meant for the tunnel.", Nothing,
        "ip route get {destination}", Sudo;
    Neighbours: "Lists the neighbours.", Nothing,
        "ip neighbour show", Same;
    OuterNeighbours: "Lists the neighbours on the path to the peer.", Nothing,
        "ip neighbour show dev {wan}", Own("show arp");
    Ping: "Sends ICMP echo requests to the peer.", Nothing,
        "ping {remote}", Same;
    PingFullSize: "Sends a large packet that must not be fragmented.", Nothing,
        "ping -M do -s 1400 {destination}", Own("ping {destination} size 1400 do-not-fragment");

    // Sysctls, the firewall, logs, the host.
    LarvalDrop: "Shows whether packets without an SA are dropped or held.", Nothing,
        "sysctl net.core.xfrm_larval_drop", Sudo;
    AcqExpires: "Shows how long the kernel waits for an SA.", Nothing,
        "sysctl net.core.xfrm_acq_expires", Sudo;
    AllDisableXfrm: "Shows whether XFRM is off on all interfaces.", Nothing,
        "sysctl net.ipv4.conf.all.disable_xfrm", Sudo;
    DisableXfrm: "Shows whether XFRM is off on the interface.", Nothing,
        "sysctl net.ipv4.conf.{interface}.disable_xfrm", Sudo;
    AllDisablePolicy: "Shows whether inbound policies are off on all interfaces.", Nothing,
        "sysctl net.ipv4.conf.all.disable_policy", Sudo;
    AllRpFilter: "Shows how sources are validated on all interfaces.", Nothing,
        "sysctl net.ipv4.conf.all.rp_filter", Sudo;
    RpFilter: "Shows how sources are validated.", Nothing,
        "sysctl net.ipv4.conf.all.rp_filter net.ipv4.conf.{interface}.rp_filter", Sudo;
    DeviceConfiguration: "Shows the interfaces and their sysctls.", Nothing,
        "ip -d link show; sysctl net.ipv4.conf net.ipv6.conf",
        Own("ip -d link show; sudo sysctl net.ipv4.conf net.ipv6.conf");
    Queues: "Shows the queues of devices and what they dropped.", Nothing,
        "tc -s qdisc show", Sudo;
    QueueOfWan: "Shows the queue of the outer interface.", Nothing,
        "tc -s qdisc show dev {wan}", Sudo;
    IpCounters: "Shows the counters of IP that are not 0.", Nothing,
        "nstat -as", Sudo;
    Forwarding: "Shows whether packets that come in by the interface are forwarded.", Nothing,
        "sysctl net.ipv4.conf.{interface}.forwarding net.ipv6.conf.all.forwarding", Sudo;
    ReversePathCounter: "Shows how many packets rp_filter dropped.", Nothing,
        "nstat -az TcpExtIPReversePathFilter", Sudo;
    ValidationOfInterfaces: "Shows the rules of source validation of interfaces.", Nothing,
        "nft list chain {family} raw vyos_rpfilter", Sudo;
    ValidationOfHost: "Shows the rule of source validation for all interfaces.", Nothing,
        "nft list chain {family} raw vyos_global_rpfilter", Sudo;
    Ruleset: "Lists the nftables rules.", Nothing,
        "nft list ruleset", Sudo;
    FilterChain: "Lists a chain of nftables with its counters.", Nothing,
        "nft -a list chain {family} {table} {chain}", Sudo;
    FirewallDrops: "Shows what the firewall drops.", Nothing,
        "nft list ruleset", Own("show firewall statistics");
    VppErrors: "Shows what VPP drops, and why.", Nothing,
        "", Own("sudo vppctl show errors");
    VppInterfaces: "Shows the counters of VPP's interfaces.", Nothing,
        "", Own("sudo vppctl show interface");
    VppTrace: "Shows the path of packets through VPP, after `vppctl trace add`.", Nothing,
        "", Own("sudo vppctl show trace");
    TrafficFilters: "Lists the filters of tc.", Nothing,
        "tc filter show dev DEVICE ingress", Sudo;
    PacketSockets: "Lists the packet sockets and their processes.", Nothing,
        "ss -0p", Sudo;
    KernelLog: "Shows the log of the kernel.", Nothing,
        "dmesg", Own("show log kernel");
    InterfaceLog: "Shows the lines of the log that name the interface.", Nothing,
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
    ShowTwice: "Shows which counters are rising.", Nothing,
        "vti-diagnostics show --interval 10", Sudo;
    ShowInterfaceTwice: "Shows which counters of the interface are rising.", Nothing,
        "vti-diagnostics show --interface {interface} --interval 10", Sudo;
    ShowInterfaceInDetail: "Shows what was ruled out and what was not read.", Nothing,
        "vti-diagnostics show --interface {interface} --interval 10 --detail",
        Own("show vpn vti-diagnostics detail");
    Lookup: "Shows what the kernel would do with a packet.", Nothing,
        "vti-diagnostics lookup --interface {interface} --source A --destination B", Sudo;
    Drops: "Names each packet that is dropped on a VTI, with its cause, until Ctrl-C.", System,
        "vti-diagnostics drops", Sudo;
    Capture: "Saves the state to a file.", Nothing,
        "vti-diagnostics capture --interval 10 --redact", Sudo;
    History: "Shows the losses that the recorder saw.", Nothing,
        "vti-diagnostics history", Own("show vpn vti-diagnostics history");
    HistoryOf: "Shows the losses of the interface that the recorder saw.", Nothing,
        "vti-diagnostics history --interface {interface}",
        Own("show vpn vti-diagnostics history interface {interface}");

    // Negotiation.
    RestartChild: "Ends the CHILD_SA and negotiates it again.", System,
        "swanctl --terminate --child {child}; swanctl --initiate --child {child}",
        Own("reset vpn ipsec site-to-site peer {peer}"), V1_3 => Own("reset vpn ipsec-peer {peer}");
    RestartIke: "Ends the IKE_SA and negotiates it again.", System,
        "swanctl --terminate --ike {ike}; swanctl --initiate --child {child}", As(Command::RestartChild);
    RekeyChild: "Negotiates new keys for the CHILD_SA.", System,
        "swanctl --rekey --child {child}", As(Command::RestartChild);
    InitiateChild: "Starts the negotiation of the CHILD_SA.", System,
        "swanctl --initiate --child {child}", As(Command::RestartChild);
    RestartDaemon: "Restarts the IKE daemon.", System,
        "systemctl restart strongswan", Own("restart ipsec"), V1_3 => Own("restart vpn");
    BindPeer: "Binds the peer to the interface.", System,
        "", Own("set vpn ipsec site-to-site peer {peer} vti bind {interface}");
    DescribePeer: "Changes a description, so that VyOS writes the connections again.", System,
        "", Own("set vpn ipsec site-to-site peer {peer} description TEXT");
    LifeBytes: "Sets how many bytes an SA may carry.", System,
        "", Own("set vpn ipsec esp-group G life-bytes N"), V1_3 => Own("");
    LifePackets: "Rekeys an SA before its sequence numbers end.", System,
        "", Own("set vpn ipsec esp-group G life-packets 4000000000"), V1_3 => Own("");
    Ikev2: "Uses IKEv2.", System,
        "", Own("set vpn ipsec ike-group NAME key-exchange ikev2");
    LogLevel: "Makes charon log failures.", System,
        "", Own("set vpn ipsec log level 1"),
        V1_3 => Own("set vpn ipsec logging log-level 1");
    NoCharonRoutes: "Stops charon from installing routes.", System,
        "", Own("set vpn ipsec options disable-route-autoinstall");

    // Interfaces, routes, policies, sysctls.
    SetUp: "Sets the interface up.", System,
        "ip link set {interface} up", Sudo;
    SetDown: "Sets the interface down.", System,
        "ip link set {interface} down", Sudo;
    AddressInterface: "Configures the interface.", System,
        "", Own("set interfaces vti {interface} address ADDRESS");
    DescribeInterface: "Changes a description, so that VyOS creates the interface.", System,
        "", Own("set interfaces vti {interface} description TEXT");
    SetMtu: "Sets the MTU of the interface.", System,
        "ip link set {interface} mtu {mtu}", Own("set interfaces vti {interface} mtu {mtu}");
    ClampMss: "Limits the TCP segment size to the path MTU.", System,
        "nft add rule inet filter forward oifname {interface} tcp flags syn tcp option maxseg size set rt mtu",
        Own("set interfaces vti {interface} ip adjust-mss clamp-mss-to-pmtu"),
        V1_3 => Own("set firewall options interface {interface} adjust-mss N");
    NoLinkLocal: "Disables IPv6 on the interface.", System,
        "sysctl -w net.ipv6.conf.{interface}.disable_ipv6=1",
        Own("set interfaces vti {interface} ipv6 address no-default-link-local"), V1_3 => Sudo;
    ValidateLoosely: "Makes the interface accept every source that has a route.", System,
        "", Own("set interfaces vti {interface} {node} source-validation loose"), V1_3 => Own("");
    ValidateLooselyEverywhere: "Makes all interfaces accept every IPv4 source that has a route.", System,
        "", Own("set firewall global-options source-validation loose"), V1_3 => Own("");
    ValidateIpv6LooselyEverywhere: "Makes all interfaces accept every IPv6 source that has a route.", System,
        "", Own("set firewall global-options ipv6-source-validation loose"), V1_3 => Own("");
    AddRouteInto: "Routes a prefix into the tunnel.", System,
        "ip route add {prefix} dev {interface}", Own("set protocols static route {prefix} interface {interface}"),
        V1_3 => Own("set protocols static interface-route {prefix} next-hop-interface {interface}");
    AddRouteToPeer: "Adds a route to the peer's address.", System,
        "ip route add {remote} via GATEWAY", Own("set protocols static route {remote}/32 next-hop GATEWAY");
    DeleteCharonDefaultRoute: "Deletes the default route that charon installed.", System,
        "ip route delete default table 220", Sudo;
    RpFilterLoose: "Makes rp_filter accept every source that has a route.", System,
        "sysctl -w net.ipv4.conf.{interface}.rp_filter=2", Sudo;
    EnableForwarding: "Forwards what comes in by the interface.", System,
        "sysctl -w net.ipv4.conf.{interface}.forwarding=1", Own("delete system ip disable-forwarding");
    ClearDisableXfrm: "Enables XFRM again.", System,
        "sysctl -w net.ipv4.conf.{scope}.disable_xfrm=0", Sudo;
    DropLarval: "Makes the kernel drop packets without an SA immediately.", System,
        "sysctl -w net.core.xfrm_larval_drop=1", Sudo;
    AcceptByDefault: "Makes the kernel pass packets without a policy.", System,
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

    /// The form with libreswan's tools where that for Linux uses strongSwan's. None of them shows a secret.
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

    /// As on Linux with strongSwan, each part with sudo.
    pub(super) fn form_of_root(self) -> String {
        let each = self.info().linux.split("; ").map(|part| format!("sudo {part}"));
        each.collect::<Vec<_>>().join("; ")
    }

    /// The form as typed on `system`, with its places; empty where `system` has no such command.
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
