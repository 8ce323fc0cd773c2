#!/usr/bin/env bash
# Durable publishes and sends per second against nginx answering an empty 200 to the same requests,
# same client (wrk, 64 connections), same minute.  publish_vs_nginx.sh [seconds] [rounds]
# BEFORE names another build's daemon: it is asked in the same rounds, and its share of ours is told.
# Needs nginx-light and wrk.  Builds nothing: cmake --workflow --preset release first.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-8}
rounds=${2:-3}
work=$(mktemp -d)
fanfare=${FANFARE:-build/release/fanfare}
free() { python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])'; }
port=$(free)
nport=$(free)
bport=$(free)
daemon= nginx= before=
stop() { kill $daemon $nginx $before 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"; }
trap stop EXIT

cat >"$work/nginx.conf" <<CONF
daemon off; worker_processes 1; pid $work/nginx.pid; error_log $work/nginx.log;
events { worker_connections 1024; }
http { access_log off; keepalive_requests 100000000; client_body_temp_path $work; proxy_temp_path $work; fastcgi_temp_path $work;
  uwsgi_temp_path $work; scgi_temp_path $work; client_body_buffer_size 16k;
  server { listen 127.0.0.1:$nport backlog=1024; location / { return 200; } } }
CONF
nginx -c "$work/nginx.conf" & nginx=$!
call() { curl -sf "http://127.0.0.1:$1/" -d "$2" >/dev/null; }
topic=arn:aws:sns:us-east-1:000000000000:bench
prepare() { # port, folder
  until grep -q '^Ready' "$work/$2.out"; do sleep 0.05; done
  call "$1" "Version=2010-03-31&Action=CreateTopic&Name=bench"
  for queue in bench direct; do call "$1" "Version=2012-11-05&Action=CreateQueue&QueueName=$queue"; done
  call "$1" "Version=2010-03-31&Action=Subscribe&TopicArn=$topic&Protocol=sqs&Endpoint=arn:aws:sqs:us-east-1:000000000000:bench&Attributes.entry.1.key=RawMessageDelivery&Attributes.entry.1.value=true"
}
"$fanfare" serve --listen 127.0.0.1:$port --data "$work/data" >"$work/data.out" 2>"$work/log" & daemon=$!
prepare "$port" data
if [ -n "${BEFORE:-}" ]; then
  "$BEFORE" serve --listen 127.0.0.1:$bport --data "$work/before" >"$work/before.out" 2>"$work/before.log" & before=$!
  prepare "$bport" before
fi

# What an SDK sends: a form of 1 KiB of message, with the headers of a signed request.
cat >"$work/request.lua" <<'LUA'
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"
wrk.headers["Authorization"] = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/SERVICE/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=0000000000000000000000000000000000000000000000000000000000000000"
wrk.headers["X-Amz-Date"] = "20260101T000000Z"
LUA
body=$(head -c 1024 /dev/zero | tr '\0' x)
sed 's/SERVICE/sns/' "$work/request.lua" >"$work/publish.lua"
echo "wrk.body = \"Action=Publish&Version=2010-03-31&TopicArn=arn%3Aaws%3Asns%3Aus-east-1%3A000000000000%3Abench&Message=$body\"" >>"$work/publish.lua"
sed 's/SERVICE/sqs/' "$work/request.lua" >"$work/send.lua"
echo "wrk.body = \"Action=SendMessage&Version=2012-11-05&QueueUrl=http%3A%2F%2F127.0.0.1%2F000000000000%2Fdirect&MessageBody=$body\"" >>"$work/send.lua"

cpu() { awk '{sub(/.*\) /, ""); print ($12 + $13) * 10000}' "/proc/$1/stat"; } # microseconds of processor time, of user and kernel

rate() { # script, port, process: requests/s, p99, processor time a request, and complaints
  local spent
  spent=$(cpu "$3")
  wrk -t1 -c64 -d"${seconds}s" --latency -s "$work/$1.lua" "http://127.0.0.1:$2/" >"$work/wrk"
  awk -v us=$(($(cpu "$3") - spent)) '/Requests\/sec/ {r=$2} /99%/ {p=$2} /requests in/ {n=$1} /Non-2xx/ {bad=" BAD:" $NF} /Socket errors/ {bad=bad " " $0}
    END {printf "%s p99 %s, %.1f us of CPU each%s\n", r, p, us / n, bad}' "$work/wrk"
}
share() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.3f", a/b}'; }
worker=$(cut -d" " -f1 "/proc/$nginx/task/$nginx/children")
for round in $(seq "$rounds"); do
  for what in publish send; do
    read -r theirs told_theirs <<<"$(rate $what "$nport" "$worker")"
    read -r ours told_ours <<<"$(rate $what "$port" "$daemon")"
    echo "$what: fanfare $ours/s ($told_ours), nginx $theirs/s ($told_theirs), ratio $(share "$ours" "$theirs")"
    if [ -n "$before" ]; then
      read -r older told_older <<<"$(rate $what "$bport" "$before")"
      echo "$what: before $older/s ($told_older), ratio $(share "$older" "$theirs"); ours is $(share "$ours" "$older") of that"
    fi
  done
done
grep -E 'VmRSS|RssAnon' /proc/$daemon/status
