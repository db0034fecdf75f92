# Two strongSwan daemons, in the namespaces `router` and `peer`, with a tunnel as VyOS configures it: the interface vti7 for the peer
# AZURE, by mark on a vti (VyOS 1.3) or by the if_id N + 1 on an xfrm interface (1.4). The router has VyOS's configuration tree. Sourced before the lines of a scenario of charon.yaml, inside `router`; DRIVER is vti or xfrm; with
# NAT a third namespace, `nat`, masquerades the router.
# Needs nothing of the host: tests/vm/charon.rs runs it in the guest only.

# LOG_LEVEL is that of charon's journal logger, as `vpn ipsec log level` sets it; SYSLOG that of its syslog logger: -1 on VyOS since 2026-05,
# 1 before. JOURNALD=no: no journal, and the log in LOG_FILE.
LOG_LEVEL=1 SYSLOG=-1 JOURNALD=yes LOG_FILE=/tmp/router/log
CONNECTION='' CHILD='' PEER_CONNECTION='' PEER_CHILD='' SECRET=secret PEER_SECRET=secret ROUTES=no REUSE=yes MAKE_BEFORE_BREAK=no
TS='local_ts=0.0.0.0/0,::/0
remote_ts=0.0.0.0/0,::/0'
PEER_TS=$TS
PEER=192.0.2.2
[ -z "$NAT" ] || PEER=198.51.100.2

# Addresses, routes and the interface vti7 of both ends.
links() {
  if [ -n "$NAT" ]; then
    ip link add wan type veth peer name r netns nat
    ip -n peer link add wan type veth peer name p netns nat
    ip -n nat addr add 192.0.2.254/24 dev r
    ip -n nat addr add 198.51.100.254/24 dev p
    ip -n nat link set r up
    ip -n nat link set p up
    ip netns exec nat sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
    ip netns exec nat nft 'add table ip nat; add chain ip nat post { type nat hook postrouting priority 100; }; add rule ip nat post oifname p masquerade'
  else
    ip link add wan type veth peer name wan netns peer
  fi
  local end local remote inner other
  for end in router peer; do
    read -r local remote inner other <<<"$(of $end 192.0.2.1 $PEER 10.9.1.1 10.9.2.1)"
    ip -n $end link set lo up
    ip -n $end addr add "$local/24" dev wan
    ip -n $end link set wan up
    ip -n $end addr add "$inner/32" dev lo
    if [ "$end $DRIVER" = 'router vti' ]; then
      ip -n $end link add vti7 type vti local "$local" remote "$remote" key 8
    else
      ip -n $end link add vti7 type xfrm dev wan if_id 8
    fi
    ip -n $end link set vti7 up
    ip -n $end route add "${other%.1}.0/24" dev vti7 src "$inner"
  done
  [ -z "$NAT" ] || ip route add default via 192.0.2.254
}

# The four addresses as an end sees them: own before the other's.
of() { if [ "$1" = router ]; then echo "$2 $3 $4 $5"; else echo "$3 $2 $5 $4"; fi; }

# start END: the daemon with its configuration loaded.
start() {
  local end=$1 local remote connection=$CONNECTION child=$CHILD ts=$TS secret=$SECRET key='if_id_in=8
if_id_out=8'
  read -r local remote _ <<<"$(of "$end" 192.0.2.1 $PEER - -)"
  if [ "$end" = peer ]; then
    remote=%any connection=$PEER_CONNECTION child=$PEER_CHILD ts=$PEER_TS secret=$PEER_SECRET
  elif [ "$DRIVER" = vti ]; then
    key='mark_in=8
mark_out=8'
  fi
  rm -rf "/tmp/$end"
  mkdir -p "/tmp/$end/swanctl"
  cat >"/tmp/$end/swanctl/swanctl.conf" <<CONF
connections { AZURE {
  local_addrs=$local
  remote_addrs=$remote
  version=2
  proposals=aes128gcm16-prfsha256-modp2048
  $connection
  local { auth=psk }
  remote { auth=psk }
  children { AZURE-vti {
    $ts
    esp_proposals=aes128gcm16
    $key
    $child
  } }
} }
secrets { ike { secret=$secret } }
CONF
  launch "$end"
}

# journal: systemd-journald, which takes what charon-systemd sends. Nobody else speaks to it, and it begins empty.
journal() {
  local tries=0
  mkdir -p /run/systemd/journal /run/log/journal
  # Where a process is in the tree of cgroups, journald reads its unit from.
  [ -e /sys/fs/cgroup/cgroup.procs ] || mount -t cgroup2 cgroup2 /sys/fs/cgroup
  mkdir -p /sys/fs/cgroup/system.slice/strongswan.service
  /lib/systemd/systemd-journald >/tmp/journald.out 2>&1 &
  echo $! >/tmp/journald.pid
  ln -sf /run/systemd/journal/dev-log /dev/log
  until [ -S /run/systemd/journal/socket ]; do
    sleep 0.1
    tries=$((tries + 1))
    [ $tries -lt 200 ] || { echo 'journald did not start'; cat /tmp/journald.out; return 1; } >&2
  done
}

# launch END: the daemon with the swanctl.conf that is there. The configuration of its loggers is that of VyOS (vyos-1x, data/templates/ipsec:
# charon_systemd.conf.j2 of df47b45, charon_logging.conf.j2 of 3b22850). The log file is for people who look for an error.
launch() {
  local end=$1 log=$LOG_FILE root=/
  [ "$end" != peer ] || log=/tmp/peer/log
  # Of another Debian than the guest's programs.
  [ ! -d /strongswan ] || root=/strongswan
  mkdir -p /var/log
  cat >"/tmp/$end/strongswan.conf" <<CONF
charon {
  load = $(cat /etc/charon-plugins) kernel-netlink socket-default vici updown
  install_routes=$ROUTES
  reuse_ikesa=$REUSE
  make_before_break=$MAKE_BEFORE_BREAK
  dos_protection=no
  retransmit_timeout=1
  retransmit_base=1
  retransmit_tries=4
  plugins { vici { socket = unix:///tmp/$end/vici } }
  filelog { log { path=$log
    time_format=%b %e %T gw1 charon:
    ike_name=yes
    default=1
    flush_line=yes } }
  syslog { identifier=charon
    daemon { default=$SYSLOG
      ike_name=yes } }
}
charon-systemd { journal { default=$LOG_LEVEL } }
CONF
  [ "$end $JOURNALD" != 'router yes' ] || [ -e /tmp/journald.pid ] || journal
  (
    [ "$end $JOURNALD" != 'router yes' ] || echo $BASHPID >/sys/fs/cgroup/system.slice/strongswan.service/cgroup.procs
    exec ip netns exec "$end" unshare -m sh -c "
      mkdir -p /tmp/$end/run/systemd/journal
      [ '$end $JOURNALD' != 'router yes' ] || mount -o bind /run/systemd/journal /tmp/$end/run/systemd/journal
      if [ $root != / ]; then
        for each in dev proc tmp; do mount -o rbind /\$each $root/\$each; done
        mkdir -p /var/log $root/var/log
        mount -o bind /var/log $root/var/log
      fi
      mount -o rbind /tmp/$end/run $root/run
      STRONGSWAN_CONF=/tmp/$end/strongswan.conf exec chroot $root /usr/sbin/charon-systemd" >"/tmp/$end/out" 2>&1
  ) &
  echo $! >"/tmp/$end.pid"
  [ "$end" = peer ] || ln -sf /tmp/router/vici /run/charon.vici
  local tries=0
  until [ -S "/tmp/$end/vici" ]; do
    sleep 0.1
    tries=$((tries + 1))
    [ $tries -lt 200 ] || { echo "charon of $end did not start"; cat "/tmp/$end/out" "$log"; return 1; } >&2
  done
  control "$end" --load-all --file "/tmp/$end/swanctl/swanctl.conf" >"/tmp/$end/load" 2>&1 || { cat "/tmp/$end/load" >&2; return 1; }
}

# to_a_file: the journal becomes the log file that rsyslog of VyOS writes of it, a line of syslog each, and is gone.
to_a_file() {
  /usr/bin/journalctl --output=short --quiet >/var/log/messages
  kill "$(cat /tmp/journald.pid)"
  rm -rf /run/log/journal
}

# control END ARGUMENTS: swanctl of one daemon.
control() {
  local end=$1
  shift
  STRONGSWAN_CONF=/tmp/$end/strongswan.conf SWANCTL_DIR=/tmp/$end/swanctl timeout 25 swanctl "$@" --uri "unix:///tmp/$end/vici"
}

both() { start peer; start router; }
up() { control router --initiate --child AZURE-vti --timeout 20 >/tmp/router/up 2>&1 || { cat /tmp/router/up >&2; return 1; }; }
refused() { ! control router --initiate --child AZURE-vti --timeout 5 >/tmp/router/up 2>&1; }
# stop END SIGNAL: ends a daemon, and waits until it is gone.
stop() { kill "-$2" "$(cat "/tmp/$1.pid")" 2>/dev/null || true; while kill -0 "$(cat "/tmp/$1.pid")" 2>/dev/null; do sleep 0.1; done; }
# gone: waits until no SA is left.
gone() {
  local tries=0
  while [ -n "$(ip xfrm state)" ]; do
    sleep 0.2
    tries=$((tries + 1))
    [ $tries -lt 100 ] || return 1
  done
}
# reached, lost: pings through the tunnel that are answered, or not.
reached() { ping -q -c 3 -i 0.2 -W 2 10.9.2.1 >/dev/null; }
lost() { ! ping -q -c 3 -i 0.2 -W 1 "${1-10.9.2.1}" >/dev/null 2>&1; }
# under_traffic COMMAND...: runs it while packets are sent into the tunnel.
under_traffic() {
  ping -q -i 0.02 10.9.2.1 >/dev/null 2>&1 &
  local pinging=$!
  sleep 0.5
  "$@" || { kill $pinging; return 1; }
  sleep 1.5
  kill $pinging
}
# The errors of vti7, and whether the kernel counts them there: an xfrm interface's it hides before 5.11 (xfrmi_get_stats64()).
hides_errors() { [[ $DRIVER == xfrm && $(uname -r) == 5.10.* ]]; }
carrier() { cat /sys/class/net/vti7/statistics/tx_carrier_errors; }

# vyos NODE[=VALUE]...: VyOS's active configuration, as its directory tree; `default` is the one that goes with the tunnel.
vyos() {
  local active=/opt/vyatta/config/active node
  mkdir -p $active /usr/share/vyos
  echo '{"version": "1.4.2"}' >/usr/share/vyos/version.json
  for node; do
    if [ "$node" = default ]; then
      vyos interfaces/vti/vti7/address=10.9.1.1/32 "$AZURE/vti/bind=vti7" "$AZURE/remote-address=$PEER" "$AZURE/connection-type=initiate"
      continue
    fi
    mkdir -p "$active/${node%%=*}"
    [[ $node != *=* ]] || echo "${node#*=}" >"$active/${node%%=*}/node.val"
  done
}
AZURE=vpn/ipsec/site-to-site/peer/AZURE
# clean: takes away what a case left outside of its namespaces.
clean() {
  local end
  for end in router peer journald; do [ ! -e /tmp/$end.pid ] || stop $end KILL; done
  rm -rf /run/log/journal /run/systemd/journal /tmp/*.pid /opt/vyatta /usr/share/vyos /run/vpp /run/charon.vici /var/log/messages /tmp/ipsec_vti_interfaces
}
