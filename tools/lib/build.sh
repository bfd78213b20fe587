# Building, sourced by run. Programs are kept outside the tree, by what they are
# made of: <cache>/<key>/bin, where the key covers the sources, the pinned
# versions and the Go that builds them. A program is built when it is first
# needed, into a file beside its place, and renamed: what is there is whole.

kubernetes_programs=(local kube csi-provisioner csi-snapshotter snapshot-controller snapshot-crds csidriver pause)
programs=("${kubernetes_programs[@]}" versitygw)

# The links by which a multi-call program knows what it is to be.
declare -A links=(
	[local]="localkube s3 dynamodb"
	[kube]="etcd kube-apiserver kube-controller-manager kube-scheduler kubelet kubectl"
)

kubernetes=v1.36.3
version=k8s.io/component-base/version
stamp="-X $version.gitVersion=$kubernetes -X $version.gitMajor=1 -X $version.gitMinor=36 -X $version.gitTreeState=clean"

# package NAME: the folder to build in, the package, and what it is made of.
package() {
	case $1 in
	local)               echo . ./cmd/local cmd/local internal ;;
	kube)                echo . ./cmd/kube cmd/kube ;;
	csidriver)           echo . ./cmd/csidriver cmd/csidriver internal/csidriver internal/ebs ;;
	pause)               echo . ./cmd/pause cmd/pause ;;
	csi-provisioner)     echo . github.com/kubernetes-csi/external-provisioner/v6/cmd/csi-provisioner ;;
	csi-snapshotter)     echo . github.com/kubernetes-csi/external-snapshotter/v8/cmd/csi-snapshotter ;;
	snapshot-controller) echo . github.com/kubernetes-csi/external-snapshotter/v8/cmd/snapshot-controller ;;
	snapshot-crds)       echo . github.com/kubernetes-csi/external-snapshotter/client/v8/config/crd ;;
	versitygw)           echo versitygw github.com/versity/versitygw/cmd/versitygw ;;
	*) echo "tools/run: there is no program $1; there are: ${programs[*]}" >&2; return 2 ;;
	esac
}

# digest FILES…: one hash over their names and contents, and the Go version.
digest() { { go env GOVERSION; sha256sum "$@"; } | sha256sum | cut -c1-16; }

command -v go >/dev/null || { echo "tools/run: Go is missing: install the version that go.mod names, or a newer one" >&2; exit 1; }
cd "$tools"
key=$(digest go.mod go.sum lib/build.sh versitygw/go.mod versitygw/go.sum $(find cmd internal -type f ! -name '*_test.go' | sort))
cd "$OLDPWD"
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
		[ -e "$bin/$name" ] && continue
		build_one "$name" "$i/$#"
	done
}

build_one() { # NAME STEP
	local name=$1 step=$2 folder package parts own begin=$SECONDS
	read -r folder package parts <<<"$(package "$name")"
	own=$(cd "$tools/$folder" && digest go.mod go.sum $(find ${parts:-go.mod} -type f ! -name '*_test.go' | sort))
	if ! reuse "$name" "$own"; then
		echo "tools/run: [$step] building $name ($(hint "$name"))" >&2
		rm -rf "$bin/.$name.new"
		(cd "$tools/$folder" && make_it "$package" "$bin/.$name.new")
		echo "tools/run: [$step] built $name in $((SECONDS - begin)) s" >&2
	fi
	local link
	for link in ${links[$name]:-}; do ln -sfn "$name" "$bin/$link"; done
	echo "$own" >"$bin/.$name.key"
	mv "$bin/.$name.new" "$bin/$name"
}

# make_it PACKAGE FILE, in the folder of its module. CRDs are no program but
# files of a module, copied from where Go keeps it.
make_it() {
	local module=${1%/config/crd} dir
	if [ "$module" != "$1" ]; then
		go mod download "$module" && dir=$(go list -m -f '{{.Dir}}' "$module")
		mkdir "$2" && cp "$dir"/config/crd/*storage.k8s.io*.yaml "$2" && chmod -R u+w "$2"
		return
	fi
	GOFLAGS='' CGO_ENABLED=0 go build -mod=readonly -buildvcs=false -trimpath \
		-gcflags=all=-dwarf=false -ldflags "-s -w $stamp" -o "$2" "$1"
}

# reuse NAME KEY: takes the same program from the build of other sources, if it
# is there: a change to one program doesn't link the others anew.
reuse() {
	local k
	for k in "$cache"/*/bin/".$1.key"; do
		[ -f "$k" ] && [ "$(cat "$k")" = "$2" ] && [ -e "${k%/*}/$1" ] || continue
		cp -al "${k%/*}/$1" "$bin/.$1.new" && return
	done
	return 1
}

hint() {
	case $1 in
	kube) echo "up to 10 min the first time on 2 cores, seconds later" ;;
	csi-provisioner|versitygw) echo "a minute or two the first time" ;;
	*) echo "seconds" ;;
	esac
}

# prune removes builds that nobody added to for a week.
prune() { find "$cache" -mindepth 1 -maxdepth 1 -name '????????????????' -mtime +7 ! -path "$cache/$key" -exec rm -rf {} +; }
