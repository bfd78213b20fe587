#!/usr/bin/env bash
# Proves on this machine what README.md promises: `tools/run selftest`.
set -euo pipefail

run=$1
cache=$SALVOR_TOOLS_CACHE
id=selftest-$$
a=$id-a b=$id-b
work=$(mktemp -d)
proofs=0

finish() {
	local code=$? name
	for name in "$a" "$b" "$id-w"; do "$run" localkube down --name "$name" || true; done
	"$run" s3 down --name "$id" || true
	"$run" dynamodb down --name "$id" || true
	rm -rf "$work"
	[ "$code" = 0 ] || echo "selftest: failed after $proofs proofs" >&2
}
trap finish EXIT

ok() { proofs=$((proofs + 1)); printf '%5d s  %s\n' "$SECONDS" "$1"; }
fail() { echo "selftest: $1" >&2; exit 1; }
equal() { [ "$2" = "$3" ] || fail "$1: got '$2', want '$3'"; ok "$1"; }

field() { sed -n "s/.*\"$1\":\"\\([^\"]*\\)\".*/\\1/p" "$2"; }
kube() { "$run" kubectl --kubeconfig "$1" "${@:2}"; }
ready() { kube "$ka" wait --for=condition=Ready "pod/$1" --timeout=120s >/dev/null; }

pod() { # NAME HOSTNETWORK [CLAIM]
	cat <<-POD
	apiVersion: v1
	kind: Pod
	metadata: {name: $1}
	spec:
	  hostNetwork: $2
	  terminationGracePeriodSeconds: 0
	  containers:
	  - name: main
	    image: localhost/salvor/busybox:1
	    command: [sleep, "100000"]
	    volumeMounts: [${3:+{name: data, mountPath: /data\}}]
	  volumes: [${3:+{name: data, persistentVolumeClaim: {claimName: $3\}\}}]
	---
	POD
}

claim() { # NAME [SNAPSHOT]
	cat <<-CLAIM
	apiVersion: v1
	kind: PersistentVolumeClaim
	metadata: {name: $1}
	spec:
	  accessModes: [ReadWriteOnce]
	  resources: {requests: {storage: 1Gi}}
	  ${2:+dataSource: {apiGroup: snapshot.storage.k8s.io, kind: VolumeSnapshot, name: $2\}}
	---
	CLAIM
}

# answer URL: what an address says to an ordinary GET, be it a refusal.
answer() { "$run" kubectl --server "$1" get --raw / 2>&1 || true; }

two_clusters() {
	"$run" localkube up --name "$a" --snapshots >"$work/a" &
	local first=$!
	"$run" localkube up --name "$b" --apiserver-arg=--feature-gates=ListFromCacheSnapshot=false >"$work/b"
	wait "$first"
	ka=$(field kubeconfig "$work/a") kb=$(field kubeconfig "$work/b")
	ok "two clusters at once, one with a node and volume snapshots"
	"$run" localkube up --name "$a" --snapshots >"$work/again" 2>/dev/null
	equal "a second up of the same name is the same cluster" "$(cat "$work/again")" "$(cat "$work/a")"
	kube "$kb" create configmap only-in-b >/dev/null
	equal "the clusters are apart" "$(kube "$ka" get configmap only-in-b --ignore-not-found)" ""
}

pods() {
	{ pod plain false; pod host true; } | kube "$ka" apply -f - >/dev/null
	ready plain
	ready host
	ok "an ordinary pod and one with the host's network run"
	local code=0
	kube "$ka" exec plain -- sh -c 'exit 3' 2>/dev/null || code=$?
	equal "exec: the exit code comes back" "$code" 3
	equal "exec: stdin goes in, stdout comes out" "$(echo through | kube "$ka" exec -i plain -- cat)" through
	equal "logs are served" "$(kube "$ka" exec plain -- sh -c 'echo said >/proc/1/fd/1'; sleep 0.5; kube "$ka" logs plain)" said
}

volumes() {
	{ claim data; pod writer false data; } | kube "$ka" apply -f - >/dev/null
	ready writer
	kube "$ka" exec writer -- sh -c 'echo before >/data/file'
	kube "$ka" apply -f - >/dev/null <<-SNAPSHOT
	apiVersion: snapshot.storage.k8s.io/v1
	kind: VolumeSnapshot
	metadata: {name: cut}
	spec: {source: {persistentVolumeClaimName: data}}
	SNAPSHOT
	kube "$ka" wait --for=jsonpath='{.status.readyToUse}'=true volumesnapshot/cut --timeout=60s >/dev/null
	kube "$ka" exec writer -- sh -c 'echo after >/data/file'
	{ claim back cut; pod reader false back; } | kube "$ka" apply -f - >/dev/null
	ready reader
	equal "a volume made of a snapshot holds what was there at the cut" "$(kube "$ka" exec reader -- cat /data/file)" before
	equal "its class and driver are those of EKS" \
		"$(kube "$ka" get pv -o jsonpath='{.items[0].spec.storageClassName} {.items[0].spec.csi.driver}')" "gp3 ebs.csi.aws.com"
}

access() {
	local bob code=0 revision
	bob=$("$run" localkube user --name "$b" --user bob --group dev)
	kube "$bob" get pods >/dev/null 2>&1 && fail "bob may do what nobody allowed him"
	kube "$kb" create rolebinding dev --clusterrole=view --group=dev >/dev/null
	kube "$bob" get pods >/dev/null 2>&1 || code=$?
	equal "a user may do what RBAC grants his group, and nothing before" "$code" 0
	revision=$(kube "$kb" get --raw '/api/v1/configmaps?limit=1' | sed 's/.*"metadata":{"resourceVersion":"\([0-9]*\)".*/\1/;q')
	kube "$kb" create configmap younger >/dev/null
	kube "$kb" get --raw "/api/v1/configmaps?resourceVersion=$revision&resourceVersionMatch=Exact" >/dev/null
	"$run" localkube compact --name "$b" >/dev/null
	kube "$kb" get --raw "/api/v1/configmaps?resourceVersion=$revision&resourceVersionMatch=Exact" >/dev/null 2>"$work/gone" && fail "a compacted revision was listed"
	grep -qiE 'expired|too old|compacted' "$work/gone" || fail "$(cat "$work/gone")"
	ok "a revision can be listed until etcd is compacted, and is gone then"
}

servers() {
	"$run" s3 up --name "$id" --object-lock >"$work/s3"
	answer "$(field endpoint "$work/s3")" >"$work/answer"
	grep -qiE 'forbidden|denied' "$work/answer" || fail "an unsigned request to the S3 server: $(cat "$work/answer")"
	ok "an S3 server with a bucket, which refuses who has no key"
	"$run" dynamodb up --name "$id" >"$work/dynamodb"
	answer "$(field endpoint "$work/dynamodb")" >"$work/answer"
	grep -qi 'healthy: dynamodb' "$work/answer" || fail "the DynamoDB server: $(cat "$work/answer")"
	ok "a DynamoDB server"
}

lives() {
	sleep 1000 &
	local watched=$! guard
	"$run" localkube up --name "$id-w" --watch-pid "$watched" >/dev/null
	kill "$watched"
	await "it goes with the process it lives for" "$id-w"
	local code=0
	"$run" localkube run --name "$id-w" -- sh -c 'kubectl get namespaces >/dev/null && exit 5' || code=$?
	equal "run: a command has its cluster, and its exit code comes back" "$code" 5
	guard=$(sed -n 's/.*"guard":\([0-9]*\).*/\1/p' "$cache/run/localkube-$b.json")
	kill -9 "$guard"
	local i
	for i in $(seq 100); do
		[ -n "$(leftover "$b")" ] || break
		sleep 0.05
	done
	equal "a cluster whose guard is killed has no processes left" "$(leftover "$b")" ""
}

# leftover NAME: the processes of an instance, known by its directory.
leftover() { grep -lazsE "/run/[a-z0-9]+-$1(/|\$)" /proc/[0-9]*/cmdline || true; }

await() { # WHAT NAME
	local i
	for i in $(seq 200); do
		[ -e "$cache/run/localkube-$2.json" ] || { ok "$1"; return; }
		sleep 0.05
	done
	fail "$1: not after 10 s ($i)"
}

ends() {
	local name guard_a
	guard_a=$(sed -n 's/.*"guard":\([0-9]*\).*/\1/p' "$cache/run/localkube-$a.json")
	for name in "$a" "$b"; do "$run" localkube down --name "$name"; done
	"$run" s3 down --name "$id"
	"$run" dynamodb down --name "$id"
	[ ! -e "/proc/$guard_a" ] || fail "the guard $guard_a is still there"
	for name in "$a" "$b" "$id"; do equal "down: no process of $name is left" "$(leftover "$name")" ""; done
	grep -q "$id" /proc/self/mountinfo && fail "mounts are left: $(grep "$id" /proc/self/mountinfo)"
	ok "down: no mount is left"
	equal "down: no file is left" "$(find "$cache/run" -mindepth 1 -maxdepth 1 -name "*$id*")" ""
	equal "down: no bridge is left" "$(find /sys/class/net -name "sv$nodeid")" ""
	equal "down: no cgroup is left" "$(find /sys/fs/cgroup -maxdepth 2 -name "salvor-$nodeid" 2>/dev/null)" ""
}

two_clusters
# The node's cgroup and bridge are called by this.
nodeid=$(kube "$ka" get nodes -o jsonpath='{.items[0].spec.providerID}' | sed 's/.*i-0\(.\{8\}\).*/\1/')
[ -d "/sys/class/net/sv$nodeid" ] || [ -n "$nodeid" ] || fail "the node has no id"
pods
[ -d "/sys/class/net/sv$nodeid" ] || fail "the node has no bridge sv$nodeid"
volumes
access
servers
lives
ends
echo "selftest: $proofs proofs in $SECONDS s"
