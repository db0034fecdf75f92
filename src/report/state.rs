//! What monitoring systems ask of a tunnel, as plain values: they draw and compare it, and need no sentence. It is no part of the JSON contract;
//! `metrics` gives it names and labels.

/// The state of one tunnel. A value that was not read, or that has no meaning for it, is none; never 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TunnelState {
    /// VyOS's configuration has the interface or binds a peer to it, and does not disable it; on other systems: charon has a connection for it.
    pub configured: Option<bool>,
    /// The interface exists, is admin up, and has an SA to send with. Whether packets arrive, only the verdict says.
    pub up: Option<bool>,
    /// An IKE_SA of it is established. None for a tunnel that charon does not negotiate.
    pub ike_up: Option<bool>,
    /// The peer as VyOS's configuration names it, else the name of charon's connection. It is the same during and after a rekey.
    pub peer: Option<String>,
    /// The outbound SA that has used the greatest part of its sequence numbers.
    pub sequence: Option<SequenceUse>,
    /// Seconds until the last of its outbound SAs reaches its hard limit of time; none where there is no SA, or one without such a limit.
    pub expires_seconds: Option<u64>,
    /// What became of the peer's packets on the newest inbound SA that could be measured. None where the loss meter sees nothing: without charon,
    /// and until an SA has carried enough.
    pub path: Option<PathLoss>,
}

/// Packets that the peer sent on one inbound SA, since it was installed. Neither number falls while the SA exists, whatever comes late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathLoss {
    /// Those that should have arrived: sequence numbers below the replay window, and what arrived of those in it.
    pub expected: u64,
    /// Of these, those that were not decrypted: lost, too late, or changed.
    pub lost: u64,
}

/// Sequence numbers of one outbound SA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SequenceUse {
    /// The last one that was used.
    pub used: u64,
    /// The last one there is: 2^32 - 1, with ESN 2^64 - 1 (RFC 4303, 2.2 and 3.3.3).
    pub last: u64,
}

impl SequenceUse {
    /// The used part, 0 to 1.
    pub fn ratio(self) -> f64 {
        self.used as f64 / self.last as f64
    }
}
