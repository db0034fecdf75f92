//! What the peer's packets go through, a row each. Nothing here runs anything.

/// What happens after the traffic.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// It is measured.
    Measured,
    /// A second SA takes over, and as much traffic follows.
    Rekeyed,
    /// There is no measure, and the report says why.
    Blind,
}

/// One row.
pub struct Row {
    pub name: &'static str,
    /// The first case that this pattern holds of.
    pub case: &'static str,
    /// Options of the SA, at both ends.
    pub sa: &'static str,
    /// Lines run at the router before the SAs are made.
    pub before: &'static str,
    /// netem's words.
    pub netem: &'static str,
    /// How many packets; in bursts of so many, 0 for all at once, and a pause after each.
    pub packets: u64,
    pub burst: u64,
    pub pause_ms: u64,
    /// Whether some came too late, failed, or came twice.
    pub late: bool,
    pub failed: bool,
    pub twice: bool,
    pub then: Then,
    /// What the report says where there is no measure.
    pub says: &'static str,
    /// Whether it is part of the short run.
    pub short: bool,
}

const PLAIN: Row = Row {
    name: "",
    case: "xfrm inner4 outer4",
    sa: W32,
    before: "",
    netem: "",
    packets: 2000,
    burst: 0,
    pause_ms: 0,
    late: false,
    failed: false,
    twice: false,
    then: Then::Measured,
    says: "",
    short: false,
};

const W32: &str = "replay-window 32";
const W128: &str = "replay-window 128";
const ESN128: &str = "replay-window 128 flag esn";

/// Each fifth packet overtakes those that are held back: a burst of N packets, where it takes less time than that, reorders some up to N numbers
/// behind the highest.
const OVERTAKEN: Row = Row {
    netem: "delay 100ms reorder 100% gap 5",
    packets: 1800,
    burst: 300,
    pause_ms: 120,
    ..PLAIN
};

/// A second SA for what follows; the first stays. The peer's policies find the newer one.
pub const REKEY: &str = "
ip xfrm state add src $REMOTE dst $LOCAL proto esp spi 0x202 reqid 1 mode tunnel $KEY $ALG flag af-unspec replay-window 32
ip -n peer xfrm state add src $REMOTE dst $LOCAL proto esp spi 0x202 reqid 1 mode tunnel $KEY $ALG flag af-unspec replay-window 32
";

/// The device hands packets to the decryption of esp4_offload, past the tunnel's own handlers.
const GRO: &str = "modprobe esp4_offload\nethtool -K wan gro on\nip netns exec peer ethtool -K wan tso off gso off";

pub const ROWS: &[Row] = &[
    Row { name: "none-window-32", short: true, ..PLAIN },
    Row { name: "none-window-128", sa: W128, case: "vti inner4", ..PLAIN },
    Row { name: "none-esn", sa: ESN128, ..PLAIN },
    Row { name: "0.1%-window-32", netem: "loss 0.1%", packets: 4000, ..PLAIN },
    Row { name: "0.1%-window-128", sa: W128, netem: "loss 0.1%", packets: 4000, ..PLAIN },
    Row { name: "0.1%-esn", sa: ESN128, netem: "loss 0.1%", packets: 4000, ..PLAIN },
    Row { name: "1%-window-32", netem: "loss 1%", case: "vti inner4", ..PLAIN },
    Row { name: "1%-window-128", sa: W128, netem: "loss 1%", short: true, ..PLAIN },
    Row { name: "1%-esn", sa: ESN128, netem: "loss 1%", ..PLAIN },
    Row { name: "10%-window-32", netem: "loss 10%", short: true, ..PLAIN },
    Row { name: "10%-window-128", sa: W128, netem: "loss 10%", case: "vti inner4", ..PLAIN },
    Row { name: "10%-esn", sa: ESN128, netem: "loss 10%", case: "vti inner4", ..PLAIN },
    Row { name: "10%-window-100", sa: "replay-window 100", netem: "loss 10%", ..PLAIN },
    Row { name: "10%-outer-ipv6", netem: "loss 10%", case: "vti6 inner4", ..PLAIN },
    Row { name: "50%-window-32", netem: "loss 50%", ..PLAIN },
    Row { name: "50%-window-128", sa: W128, netem: "loss 50%", ..PLAIN },
    Row { name: "50%-esn", sa: ESN128, netem: "loss 50%", short: true, ..PLAIN },
    Row { name: "bursts-of-loss", sa: W128, netem: "loss gemodel 2% 20%", ..PLAIN },
    Row { name: "twice-window-32", netem: "duplicate 20%", twice: true, short: true, ..PLAIN },
    Row { name: "twice-esn", sa: ESN128, netem: "duplicate 20%", twice: true, ..PLAIN },
    Row {
        name: "reordered-in-32",
        netem: "delay 8ms reorder 100% gap 5",
        packets: 1100,
        burst: 10,
        pause_ms: 16,
        ..PLAIN
    },
    Row { name: "reordered-beyond-32", late: true, ..OVERTAKEN },
    Row { name: "reordered-in-128", sa: W128, burst: 100, ..OVERTAKEN },
    Row { name: "reordered-beyond-128", sa: W128, late: true, short: true, ..OVERTAKEN },
    // The kernel takes them for numbers of the next 2^32.
    Row { name: "reordered-beyond-esn", sa: ESN128, failed: true, short: true, ..OVERTAKEN },
    Row {
        name: "reordered-beyond-32-and-10%",
        netem: "delay 100ms reorder 100% gap 5 loss 10%",
        late: true,
        ..OVERTAKEN
    },
    Row { name: "rekeyed-10%", netem: "loss 10%", then: Then::Rekeyed, short: true, ..PLAIN },
    Row {
        name: "no-window",
        sa: "",
        netem: "loss 10%",
        then: Then::Blind,
        says: "no replay window",
        short: true,
        ..PLAIN
    },
    Row {
        name: "too-few",
        netem: "loss 10%",
        packets: 500,
        then: Then::Blind,
        says: "too few",
        ..PLAIN
    },
    Row {
        name: "outage",
        netem: "loss 100%",
        then: Then::Blind,
        says: "nothing arrived",
        short: true,
        ..PLAIN
    },
    // Last: the module stays.
    Row {
        name: "gro-10%-vti",
        before: GRO,
        netem: "loss 10%",
        case: "vti inner4",
        short: true,
        ..PLAIN
    },
    Row { name: "gro-10%-xfrm", before: GRO, netem: "loss 10%", sa: ESN128, ..PLAIN },
];
