# A whole site: ten VTIs of the router, as VyOS configures them, whose CHILD_SAs two strongSwan daemons renew every few seconds under
# traffic. Sourced after charon.sh, inside `router`; tests/vm/site.rs runs it in the guest only.
#
#   vti0 PLAIN   IKEv2, no PFS, some hundred packets a second    vti5 MARK    a vti with marks; the IKE_SA is rekeyed too
#   vti1 PFS     a DH group for each CHILD_SA; IKE rekeyed, too  vti6 REAUTH  IKE reauthentication, make before break
#   vti2 ESN     extended sequence numbers                       vti7 ROAD    remote-access (ra-ROAD), two clients with virtual addresses
#   vti3 IKE1    IKEv1, where charon has it                      vti8 TRAP    waits for traffic that does not come
#   vti4 NAT     through a router that masquerades               vti9 BOTH    the peer begins; both ends rekey, and collide
#
# The peer has an address for each, 192.0.2.10 + N; inside, 10.1.N.1 speaks to 10.2.N.1 (10.3.7.254 to the clients). Needs nothing of the host.

# The emulated processor is for the daemons and the looks at them: no journald beside them.
JOURNALD=no LOG_FILE=/var/log/messages
NAMES=(PLAIN PFS ESN IKE1 NAT MARK REAUTH ROAD TRAP BOTH)
CONNECTION_OF=([1]=rekey_time=7s [3]='version=1
proposals=aes128-sha256-modp1024' [5]=rekey_time=9s [6]='rekey_time=0s
reauth_time=8s' [7]=pools=clients)
# strongSwan of Debian has IKEv1 up to 6.0.
grep -qw 1 /etc/charon-versions || CONNECTION_OF[3]=''
ESP_OF=([1]=aes128gcm16-modp1024 [2]=aes128gcm16-esn)
MAKE_BEFORE_BREAK=yes

# outside N: the outer addresses of a tunnel, the router's and the peer's.
outside() { if [ "$1" = 4 ]; then echo 198.51.100.1 203.0.113.4; else echo "192.0.2.1 192.0.2.$((10 + $1))"; fi; }

# Addresses, routes, the NAT, the VTIs of both ends, and the router's firewall, NAT and source validation.
site_links() {
  local n local remote
  ip link add wan type veth peer name wan netns peer
  ip link add far type veth peer name r netns nat
  ip -n peer link add far type veth peer name p netns nat
  ip addr add 192.0.2.1/24 dev wan
  ip addr add 198.51.100.1/24 dev far
  ip -n nat addr add 198.51.100.254/24 dev r
  ip -n nat addr add 203.0.113.254/24 dev p
  ip -n peer addr add 203.0.113.4/24 dev far
  for n in 10 11 12 13 15 16 17 18 19 27; do ip -n peer addr add 192.0.2.$n/24 dev wan; done
  for n in router/lo router/wan router/far peer/lo peer/wan peer/far nat/r nat/p; do ip -n ${n%/*} link set ${n#*/} up; done
  ip route add 203.0.113.0/24 via 198.51.100.254
  ip netns exec nat sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
  ip netns exec nat nft 'add table ip nat; add chain ip nat post { type nat hook postrouting priority 100; }; add rule ip nat post oifname p masquerade'
  for n in {0..9}; do
    read -r local remote <<<"$(outside $n)"
    if [ $n = 5 ]; then
      ip link add vti$n type vti local "$local" remote "$remote" key $((n + 1))
    else
      ip link add vti$n type xfrm dev wan if_id $((n + 1))
    fi
    ip link set vti$n up
    if [ $n = 7 ]; then
      ip addr add 10.3.7.254/24 dev vti7
    else
      ip addr add 10.1.$n.1/32 dev vti$n
      ip route add 10.2.$n.0/24 dev vti$n src 10.1.$n.1
    fi
    ip -n peer link add vti$n type xfrm dev wan if_id $((n + 1))
    ip -n peer link set vti$n up
    ip -n peer addr add 10.2.$n.1/32 dev lo
    ip -n peer route add 10.1.$n.0/24 dev vti$n src 10.2.$n.1
  done
  # The clients are in the subnet of vti7. Each has an interface of its own; their daemon gives them the addresses.
  ip -n peer link add vti17 type xfrm dev wan if_id 18
  ip -n peer link set vti17 up
  ip -n peer route add 10.3.7.254 dev vti7
  ip -n peer route add 10.3.7.254 dev vti17 table 17
  ip -n peer rule add from 10.3.7.2 lookup 17
  nft -f site.nft
}

# connection END N: one connection in swanctl's words.
connection() {
  local end=$1 n=$2 name=${NAMES[$2 % 10]} extra=${CONNECTION_OF[$2]} child='' local remote key action=start times='rekey_time=5s
rand_time=1s
life_time=20s' more=''
  key="if_id_in=$((n + 1))
if_id_out=$((n + 1))"
  read -r local remote <<<"$(outside "$n")"
  if [ "$end" = peer ]; then
    read -r remote local <<<"$(outside "$n")"
    [ "$n" != 4 ] || remote=%any
    [ "$n" = 9 ] || times=rekey_time=0s
    action=none
  elif [ "$n" = 5 ]; then
    key="mark_in=$((n + 1))
mark_out=$((n + 1))"
  fi
  case $end/$n in
    # One whose SAs live long enough for the loss meter: it needs a thousand packets of one SA.
    router/0) times='rekey_time=15s
rand_time=1s
life_time=60s' ;;
    # charon does not reauthenticate while a replaced CHILD_SA is left, and that takes 5 s; it makes the CHILD_SA anew anyway.
    router/6) times=rekey_time=0s ;;
    # As remote_access.j2 of vyos-1x (3710c587) names them.
    router/7) remote=%any action=none name=ra-ROAD child=ROAD-client ;;
    router/8) action=trap ;;
    router/9) action=none ;;
    peer/*7) more=vips=0.0.0.0 name=CLIENT$n ;;
  esac
  : "${child:=$name-vti}"
  # The times and the pool are the router's.
  [ "$end/$n" = peer/3 ] || [ "$end" = router ] || extra=''
  cat <<CONF
$name {
  local_addrs=$local
  remote_addrs=$remote
  version=2
  proposals=aes128gcm16-prfsha256-modp1024
  rekey_time=0s
  over_time=60s
  rand_time=1s
  $extra
  $more
  local { auth=psk }
  remote { auth=psk }
  children { $child {
    local_ts=$([ "$end/$n" = peer/7 ] || [ "$end/$n" = peer/17 ] && echo dynamic || echo 0.0.0.0/0)
    remote_ts=$([ "$end/$n" = router/7 ] && echo dynamic || echo 0.0.0.0/0)
    esp_proposals=${ESP_OF[n]-aes128gcm16}
    $times
    start_action=$action
    $key
  } }
}
CONF
}

# Both daemons, VyOS's configuration, and every tunnel but the one with the trap.
site_up() {
  local end n tries=0
  for end in peer router; do
    rm -rf /tmp/$end
    mkdir -p /tmp/$end/swanctl
    {
      echo 'connections {'
      for n in {0..9}; do connection $end "$n"; done
      [ $end = router ] || connection peer 17
      echo '}
secrets { ike { secret=secret } }
pools { clients { addrs=10.3.7.0/24 } }'
    } >/tmp/$end/swanctl/swanctl.conf
    launch $end
  done
  for n in CLIENT7 CLIENT17 BOTH; do control peer --initiate --child $n-vti --timeout 20 >/tmp/peer/up; done
  site_vyos
  # One that is being rekeyed is there, too.
  until [ "$(control router --list-sas | grep -cE 'INSTALLED|REKEYING')" -ge 10 ]; do
    sleep 0.5
    tries=$((tries + 1))
    [ $tries -lt 40 ] || { control router --list-sas | grep '#' >&2; return 1; }
  done
}

# VyOS's configuration, and what its hook remembers: one line without an end, entries separated by blanks in no order, as
# vti_updown_db.py of vyos-1x (3710c587, python/vyos/utils) writes it; one of them twice, as two hooks at once have left it.
site_vyos() {
  local n name peer=vpn/ipsec/site-to-site/peer state=vti9:BOTH-vti:v4
  vyos
  for n in {0..9}; do
    name=${NAMES[n]}
    case $n in
      7)
        vyos interfaces/vti/vti7/address=10.3.7.254/24
        vyos vpn/ipsec/remote-access/connection/ROAD/bind=vti7
        state+=' vti7'
        continue
        ;;
      8) vyos $peer/TRAP/connection-type=trap ;;
      9) vyos $peer/BOTH/connection-type=respond ;;
      *) vyos "$peer/$name/connection-type=initiate" ;;
    esac
    vyos interfaces/vti/vti$n/address=10.1.$n.1/32 "$peer/$name/vti/bind=vti$n" "$peer/$name/remote-address=$(outside "$n" | cut -d' ' -f2)"
    [ $n = 8 ] || state+=" vti$n:$name-vti:v4"
  done
  printf %s "$state" >/tmp/ipsec_vti_interfaces
}

# traffic, traffic_arrived: pings through all tunnels but that with the trap, and afterwards whether nearly all came back. Those through vti0 are
# some hundred a second, so that what is lost on the way to it is measured.
traffic() {
  local to pause
  for to in 10.2.{0,1,2,3,4,5,6,9}.1 10.3.7.1 10.3.7.2; do
    pause=0.5
    [ $to != 10.2.0.1 ] || pause=0.005
    ping -q -i $pause $to >/tmp/ping.$to 2>&1 &
    echo $! >>/tmp/ping.pids
  done
}
traffic_arrived() {
  local file sent came
  # shellcheck disable=SC2046 # one word for each
  kill -INT $(cat /tmp/ping.pids)
  sleep 0.5
  for file in /tmp/ping.10*; do
    read -r sent came <<<"$(awk '/packets transmitted/ { print $1, $4 }' "$file")"
    echo "$file: $came of $sent"
    [ "$sent" -gt 50 ] && [ "$((sent - came))" -le "$((15 + sent / 1000))" ] || return 1
  done
  filter_worked
}

# filter_worked: ESP and what came out of the tunnels passed through the rules, and few packets met the last one.
filter_worked() {
  local esp=0 inside=0 dropped=0 rules
  rules=$(nft list table ip vyos_filter)
  # counted WORDS: the packets of the rule that has these words.
  counted() { sed -n "s/.*counter packets \([0-9]*\) .*$1.*/\1/p" <<<"$rules" | head -n 1; }
  esp=$(counted ipv4-INP-filter-20) inside=$(counted ipv4-INP-filter-50) dropped=$(counted 'INP-filter default-action')
  # Answers to the pings are of connections that the router began.
  inside=$((inside + $(sed -n 's/.*ct state established counter packets \([0-9]*\) .*/\1/p' <<<"$rules")))
  echo "the firewall: $esp packets of ESP, $inside of connections, $dropped dropped"
  [ "$inside" -gt 500 ] && [ "$((esp + inside))" -gt 1000 ] && [ "$dropped" -le 20 ]
}

site_clean() { clean; rm -f /tmp/ping.*; }
