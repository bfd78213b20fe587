# shellcheck shell=bash
# Building, sourced by run, which sets $tools and $cache. Programs are kept
# outside the tree, by what they are made of: <cache>/<key>/bin, where the key
# covers the sources, the pinned versions and the Go that builds them. A program
# is built when it is first needed, beside its place, and renamed: what is there
# is whole.
# shellcheck disable=SC2154

kubernetes_programs=(local kube csi-provisioner csi-snapshotter snapshot-controller snapshot-crds csidriver pause)
iam_programs=(awslocal aws-iam-authenticator)
programs=("${kubernetes_programs[@]}" "${iam_programs[@]}" versitygw)

# The links by which a program that is several knows which it is to be.
declare -A links=(
	[local]="localkube s3 dynamodb"
	[kube]="etcd kube-apiserver kube-controller-manager kube-scheduler kubelet kubectl"
)

# The flags that decide what is compiled: with others all is compiled anew.
export GOFLAGS='' CGO_ENABLED=0
flags=(-mod=readonly -buildvcs=false -trimpath -gcflags=all=-dwarf=false)

# What Kubernetes says its version is; left out, it says v0.0.0.
version=k8s.io/component-base/version
ldflags="-s -w -X $version.gitVersion=v1.36.3 -X $version.gitMajor=1 -X $version.gitMinor=36 -X $version.gitTreeState=clean"

# package NAME: the module's folder, the package, and the folders it is made of.
package() {
	local csi=github.com/kubernetes-csi
	case $1 in
	local)               echo . ./cmd/local cmd/local internal ;;
	kube)                echo . ./cmd/kube cmd/kube ;;
	csidriver)           echo . ./cmd/csidriver cmd/csidriver internal/csidriver internal/ebs ;;
	pause)               echo . ./cmd/pause cmd/pause ;;
	awslocal)            echo . ./cmd/awslocal cmd/awslocal internal/awslocal internal/pki ;;
	aws-iam-authenticator) echo authenticator sigs.k8s.io/aws-iam-authenticator/cmd/aws-iam-authenticator ;;
	csi-provisioner)     echo . $csi/external-provisioner/v6/cmd/csi-provisioner ;;
	csi-snapshotter)     echo . $csi/external-snapshotter/v8/cmd/csi-snapshotter ;;
	snapshot-controller) echo . $csi/external-snapshotter/v8/cmd/snapshot-controller ;;
	snapshot-crds)       echo . $csi/external-snapshotter/client/v8/config/crd ;;
	versitygw)           echo versitygw github.com/versity/versitygw/cmd/versitygw ;;
	*) echo "tools/run: there is no program $1; there are: ${programs[*]}" >&2; return 2 ;;
	esac
}

# digest PATHS…: one hash over all files there but tests, and the Go version.
digest() {
	{ go env GOVERSION; find "$@" -type f ! -name '*_test.go' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum; } |
		sha256sum | cut -c1-16
}

command -v go >/dev/null || { echo "tools/run: Go is missing: install the version that go.mod names, or a newer one" >&2; exit 1; }
key=$(cd "$tools" && digest go.mod go.sum cmd internal lib versitygw authenticator)
bin=$cache/$key/bin

# need NAMES…: returns when all these programs are there.
need() {
	local name missing=()
	for name; do [ -e "$bin/$name" ] || missing+=("$name"); done
	[ ${#missing[@]} = 0 ] && return
	mkdir -p "$bin"
	(
		flock 9 # another caller may be building the same
		build "${missing[@]}"
	) 9>"$cache/build.lock"
	prune
}

build() {
	local name i=0
	for name; do
		i=$((i + 1))
		[ -e "$bin/$name" ] || build_one "$name" "$i/$#"
	done
}

build_one() { # NAME STEP
	local name=$1 step=$2 spec folder own link ticker begin=$SECONDS
	spec=$(package "$name")
	read -ra spec <<<"$spec"
	folder=$tools/${spec[0]}
	own=$(cd "$folder" && digest go.mod go.sum "${spec[@]:2}")
	rm -rf "$bin/.$name.new"
	if ! reuse "$name" "$own"; then
		echo "tools/run: [$step] building $name ($(hint "$name"))" >&2
		tick "$step" "$name" "$begin" >/dev/null 9>&- & ticker=$!
		(cd "$folder" && make_it "${spec[1]}" "$bin/.$name.new")
		kill "$ticker"
		echo "tools/run: [$step] built $name in $((SECONDS - begin)) s" >&2
	fi
	for link in ${links[$name]:-}; do ln -sfn "$name" "$bin/$link"; done
	echo "$own" >"$bin/.$name.key"
	mv "$bin/.$name.new" "$bin/$name"
}

# tick STEP NAME BEGIN: says now and then that the build goes on, until it is
# ended, or this script is gone.
tick() {
	local next=$((SECONDS + 20))
	while sleep 1 && kill -0 $$ 2>/dev/null; do
		[ "$SECONDS" -ge "$next" ] || continue
		echo "tools/run: [$1] still building $2, $((SECONDS - $3)) s so far" >&2
		next=$((SECONDS + 20))
	done
}

# make_it PACKAGE FILE, in the folder of its module. CRDs are no program but
# files of a module, copied from where Go keeps it.
make_it() {
	local module=${1%/config/crd} dir
	if [ "$module" = "$1" ]; then
		go build "${flags[@]}" -ldflags "$ldflags" -o "$2" "$1"
		return
	fi
	go mod download "$module"
	dir=$(go list -m -f '{{.Dir}}' "$module")
	mkdir "$2"
	cp "$dir"/config/crd/*storage.k8s.io*.yaml "$2"
	chmod -R u+w "$2"
}

# reuse NAME KEY: takes the same program from the build of other sources, if it
# is there: a change to one program doesn't link the others anew.
reuse() {
	local k
	for k in "$cache"/*/bin/".$1.key"; do
		if [ -f "$k" ] && [ "$(cat "$k")" = "$2" ] && [ -e "${k%/*}/$1" ]; then
			cp -al "${k%/*}/$1" "$bin/.$1.new"
			return
		fi
	done
	return 1
}

hint() {
	case $1 in
	kube) echo "up to 10 min the first time on 2 cores, seconds later" ;;
	local|csi-*|versitygw|aws-*) echo "a minute or two the first time" ;;
	*) echo "seconds" ;;
	esac
}

# prune removes builds that nobody added to for a week.
prune() { find "$cache" -mindepth 1 -maxdepth 1 -name '????????????????' -mtime +7 ! -path "$cache/$key" -exec rm -rf {} +; }
