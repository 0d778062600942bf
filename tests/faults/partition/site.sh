#!/bin/sh
# Two hosts and a cable between them: one has Redis, the other an app. Run by `unshare --map-root-user --net`.
# $1  a folder for the sockets of Redis (redis.sock) and of the app (app.sock), which reach beyond namespaces
# $2  the program of Redis     $3  the app's, and what it takes behind it
# Each line on stdin says what is to become of the cable: `down` or `up`; stdin ends, and all of it ends.
set -e
folder=$1 redis=$2
shift 2
trap 'kill $server $app 2>/dev/null' EXIT
ip link set lo up
ip link add here type veth peer name there
ip address add 10.77.0.1/24 dev here
ip link set here up
"$redis" --bind 10.77.0.1 --port 6379 --unixsocket "$folder/redis.sock" --save '' --protected-mode no >&2 &
server=$!
# The app waits until its end of the cable is there.
unshare --net sh -c '
  until ip link show there >/dev/null 2>&1; do sleep 0.05; done
  ip link set lo up; ip address add 10.77.0.2/24 dev there; ip link set there up
  exec "$@"' app "$@" >&2 &
app=$!
while ip link show there >/dev/null 2>&1; do
  # The namespace of the app may not be its own yet: then this changes nothing.
  ip link set there netns "$app" || true
  sleep 0.05
done
echo ready
while read -r state; do
  ip link set here "$state"
  echo "$state"
done
