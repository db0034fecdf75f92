# What the scenarios of record.yaml use beside charon.sh: SAs by hand, traffic, and the recorder. Sourced inside the router's namespace;
# DRIVER is vti or xfrm. The laboratory's only.
# The recorder starts no process, so it reads the log file.
JOURNALD=no LOG_FILE=/var/log/messages

case $DRIVER in xfrm) KEY='if_id 8' MARK='' ;; *) KEY='mark 8' MARK='mark 8' ;; esac
HERE=192.0.2.1 THERE=192.0.2.2 SPI=0x101
GCM="aead rfc4106(gcm(aes)) 0x1111111111111111111111111111111111111111 128 flag af-unspec"
JOURNAL=/var/lib/vti-diagnostics

# sa END ADDRESSES SPI [MORE]: an SA of the tunnel, and how it is deleted. The peer's interface has an if_id whatever the router's has.
sa() { ip -n "$1" xfrm state add src "$2" dst "$3" proto esp spi "$4" reqid 1 mode tunnel $(key "$1") $GCM ${5-}; }
key() { if [ "$1" = peer ]; then echo if_id 8; else echo "$KEY"; fi; }
out() { sa router $HERE $THERE "${1-$SPI}" "${2-}"; }
gone_out() { ip xfrm state delete src $HERE dst $THERE proto esp spi "${1-$SPI}" $MARK; }
policy_out() { ip xfrm policy add src 0.0.0.0/0 dst 0.0.0.0/0 dir out $KEY ${1-} tmpl src $HERE dst $THERE proto esp reqid 1 mode tunnel; }
no_policy_out() { ip xfrm policy delete src 0.0.0.0/0 dst 0.0.0.0/0 dir out $KEY; }
# What comes in, and the peer's whole side: there from the beginning.
inbound() {
  local end from to
  for end in router peer; do
    read -r to from _ <<<"$(of $end $HERE $THERE - -)"
    for way in in fwd; do
      ip -n $end xfrm policy add src 0.0.0.0/0 dst 0.0.0.0/0 dir $way $(key $end) tmpl src "$from" dst "$to" proto esp reqid 1 mode tunnel
    done
  done
  sa router $THERE $HERE 0x201
  sa peer $THERE $HERE 0x201
  ip -n peer xfrm policy add src 0.0.0.0/0 dst 0.0.0.0/0 dir out if_id 8 tmpl src $THERE dst $HERE proto esp reqid 1 mode tunnel
}
# The peer takes SAs of all these SPIs.
taken() { for spi; do sa peer $HERE $THERE "$spi"; done; }
by_hand() { inbound; taken $SPI 0x102; out; policy_out; }

record() {
  rm -rf $JOURNAL
  mkdir -p $JOURNAL
  recorder
}
# Until it listens.
recorder() {
  local before
  before=$(starts); before=${before:-0}
  ./vti-diagnostics record ${METRICS:+--metrics "$METRICS"} >>/tmp/recorder 2>&1 &
  RECORDER=$!
  until [ "$(starts | grep . || echo 0)" -gt "$before" ]; do sleep 0.05; done
}
starts() { grep -c '"record":"started"' $JOURNAL/journal 2>/dev/null || true; }
# The series of the metrics that it writes: names and labels.
series() { sed -n '/^vti_/s/ [^ ]*$//p' "$METRICS" | sort; }
recorded() { kill -TERM $RECORDER; wait $RECORDER; }
PINGING=''
traffic() { ping -q -i 0.01 10.9.2.1 >/dev/null 2>&1 & PINGING=$!; }
quiet() { [ -z "$PINGING" ] || { kill $PINGING || true; wait $PINGING || true; } 2>/dev/null; PINGING=''; }
# Packets that the interface lost, and those before it of its name.
BEFORE_IT=0
tx_errors() { echo $((BEFORE_IT + $(cat /sys/class/net/vti7/statistics/tx_errors 2>/dev/null || echo 0))); }
# Packets that the router refused on arrival: each is in one of these counters, whatever its interface counts.
refused() { awk '/^XfrmIn|^XfrmAcquireError/ {n += $2} END {print n + 0}' /proc/net/xfrm_stat; }
# The peer's SA to the router, and how it goes; the router's own of it.
from_peer() { sa peer $THERE $HERE "${1-0x201}"; }
gone_from_peer() { ip -n peer xfrm state delete src $THERE dst $HERE proto esp spi "${1-0x201}"; }
inbound_sa() { sa router $THERE $HERE "${1-0x201}" "${2-}"; }
gone_in() { ip xfrm state delete src $THERE dst $HERE proto esp spi "${1-0x201}" $MARK; }
# delete: the interface, as it is; only the traffic is held, so that nothing is counted between the reading and the end.
delete() {
  [ -z "$PINGING" ] || { kill -STOP $PINGING; sleep 0.05; }
  BEFORE_IT=$(tx_errors)
  ip link del vti7
}
make() {
  if [ "$DRIVER" = vti ]; then ip link add vti7 type vti local $HERE remote $THERE key 8; else ip link add vti7 type xfrm dev wan if_id 8; fi
  ip link set vti7 up; ip route add 10.9.2.0/24 dev vti7 src 10.9.1.1
  [ -z "$PINGING" ] || kill -CONT $PINGING
}
# Processor time of the recorder in hundredths of a second; its memory in kB, now and at most; messages of XFRM it had no room for.
used() { awk '{print $14 + $15}' /proc/$RECORDER/stat; }
memory() { awk -v "of=$1:" '$1 == of {print $2}' /proc/$RECORDER/status; }
missed() { awk -v pid=$RECORDER '$2 == 6 && $3 == pid {print $9}' /proc/net/netlink; }
# What has a key in hexadecimal digits is in /tmp/keys. new_key: another one for the next SAs; sha_key: one with two keys, which carries nothing.
random() { od -An -N "$1" -tx1 /dev/urandom | tr -d ' \n'; }
new_key() {
  local key
  key=$(random 20)
  echo "$key" >>/tmp/keys
  GCM="aead rfc4106(gcm(aes)) 0x$key 128 flag af-unspec"
}
sha_key() {
  local keys
  keys="$(random 32) $(random 16)"
  tr ' ' '\n' <<<"$keys" >>/tmp/keys
  ip xfrm state add src $HERE dst $THERE proto esp spi "$1" reqid 9 mode tunnel if_id 9 auth-trunc 'hmac(sha256)' "0x${keys% *}" 128 enc 'cbc(aes)' "0x${keys#* }"
}
# rekey FROM TO: an SA with a new key before the old one goes.
rekey() {
  ip -n peer xfrm state delete src $HERE dst $THERE proto esp spi "$2" 2>/dev/null || true
  new_key
  taken "$2"
  out "$2"
  gone_out "$1"
}
# The keys that the kernel has now: those of charon.
kernel_keys() { ip xfrm state | grep -Eo '0x[0-9a-f]{32,}' >>/tmp/keys; }
# first PROGRAM...: in the first namespace; by its path, else busybox has one of its own.
first() { nsenter -t 1 -n "$@"; }
# no_key TARGET...: no key is there.
no_key() { ./lab --keys /tmp/keys "$@"; }
# Everything that the program says of this moment, into /tmp/said, and no key is in it.
says_no_key() {
  local said=/tmp/said
  rm -rf $said
  mkdir $said
  for form in text json yaml; do ./vti-diagnostics show --format $form >$said/show.$form; done
  ./vti-diagnostics show --detail >$said/detail
  ./vti-diagnostics lookup --interface vti7 --source 10.9.1.1 --destination 10.9.2.1 >$said/lookup
  ./vti-diagnostics capture --interval 1 --output $said/capture.yaml
  ./vti-diagnostics capture --redact >$said/redacted.yaml
  # The drop monitor is in the first namespace alone, so an interface and an SA are there as well.
  new_key
  first /usr/sbin/ip link add vti0 type xfrm dev lo if_id 8
  first /usr/sbin/ip xfrm state flush
  first /usr/sbin/ip xfrm state add src $HERE dst $THERE proto esp spi 0x401 reqid 1 mode tunnel if_id 8 $GCM
  first ./vti-diagnostics drops --duration 2 >$said/drops
  first /usr/sbin/ip xfrm state flush
  first /usr/sbin/ip link del vti0
  ./vti-diagnostics history >$said/history
  ./vti-diagnostics history --detail >$said/history.detail
  cp $JOURNAL/* /tmp/recorder $said/
  [ "$(grep -c . $said/capture.yaml)" -gt 100 ]
  no_key $said/*
}
# The recorder, and what `show` does again and again, sleep between two looks: no key is in their memory.
remembers_no_key() {
  ./vti-diagnostics monitor >/tmp/monitor 2>&1 &
  local monitor=$!
  sleep 5
  "$@"
  sleep 1.5
  no_key $monitor $RECORDER
  kill $monitor
  wait $monitor || true
}
# leaves_no_core: a crash of the recorder leaves no dump, on a host where crashes leave one.
leaves_no_core() {
  ulimit -c unlimited
  echo /tmp/core.%p >/proc/sys/kernel/core_pattern
  sleep 60 &
  kill -ABRT $!
  wait $! || true
  [ -s /tmp/core.$! ]
  ./vti-diagnostics monitor >/dev/null 2>&1 &
  sleep 3
  kill -ABRT $!
  wait $! || true
  [ ! -e /tmp/core.$! ]
  rm -f /tmp/core.*
}
# Packets lost on the way. negotiated SPI: the router's SA of what the peer sends, as a key daemon installs it: the SPI is reserved, and
# then the SA takes its place.
negotiated() {
  ip xfrm state allocspi src $THERE dst $HERE proto esp reqid 1 mode tunnel $MARK min "$1" max "$1" >/dev/null
  ip xfrm state update src $THERE dst $HERE proto esp spi "$1" reqid 1 mode tunnel $KEY $GCM replay-window 32
}
# lossy WORDS: what netem does to the peer's packets; it goes on counting.
lossy() { tc -n peer qdisc change dev wan root netem limit 20000 $1; }
dropped() { tc -n peer -s qdisc show dev wan | sed -n 's/.*(dropped \([0-9]*\),.*/\1/p'; }
# number END SPI NAME: seq or oseq of the SA of what the peer sends.
number() {
  local mark=''
  [ "$1" = peer ] || mark=$MARK
  echo $(($(ip -n "$1" -s xfrm state get src $THERE dst $HERE proto esp spi "$2" $mark |
    sed -n "s/.* $3 \(0x[0-9a-f]*\),.*/\1/p" | head -n 1)))
}
# The tunnel with its first such SA; nothing but ESP is lost.
path() {
  by_hand
  PATH_SPI=0x1000 TAIL=0
  gone_in
  negotiated $PATH_SPI
  from_peer $PATH_SPI
  gone_from_peer
  ip neigh replace $THERE dev wan lladdr "$(ip -n peer -o link show wan | sed 's/.*ether \([^ ]*\).*/\1/')" nud permanent
  ip -n peer neigh replace $HERE dev wan lladdr "$(ip -o link show wan | sed 's/.*ether \([^ ]*\).*/\1/')" nud permanent
  tc -n peer qdisc add dev wan root netem limit 20000
}
# tail_of SPI: numbers of an SA above the highest that arrived, which no router sees.
tail_of() { TAIL=$((TAIL + $(number peer "$1" oseq) - $(number router "$1" seq))); }
# rekeyed: the peer's next SA, under traffic: it is there at both ends before the one before goes.
rekeyed() {
  local before=$PATH_SPI
  PATH_SPI=$(printf '0x%x' $((PATH_SPI + 1)))
  negotiated $PATH_SPI
  from_peer $PATH_SPI
  sleep 0.3
  tail_of "$before"
  gone_from_peer "$before"
  gone_in "$before"
}
# for_seconds SECONDS: a rekey every 3 s, for so long.
for_seconds() {
  local end=$(($(date +%s) + $1))
  while [ "$(date +%s)" -lt $end ]; do
    sleep 2.5
    rekeyed
  done
}
# The end: what is under way arrives, and what was lost is counted.
path_ends() {
  quiet
  sleep 1.5
  tail_of $PATH_SPI
  dropped >/tmp/dropped
  echo $TAIL >/tmp/tail
}
