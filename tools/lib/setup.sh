# shellcheck shell=bash
# shellcheck disable=SC2154
# Setting up the machine, sourced by run, which sets $tools and $cache.

dynalite=$cache/dynalite/$(sha256sum "$tools/dynalite/package-lock.json" | cut -c1-16)
stepfunctions=$cache/stepfunctions/$(cat "$tools/stepfunctions/"* | sha256sum | cut -c1-16)

# need_dynalite and need_stepfunctions install what is pinned of npm into the cache, once.
need_dynalite() { need_npm dynalite "$dynalite" "the DynamoDB server"; }
need_stepfunctions() { need_npm stepfunctions "$stepfunctions" "Step Functions"; }

need_npm() { # FOLDER INSTALL NAME
	local folder=$1 install=$2 new
	[ -d "$install" ] && return
	command -v npm >/dev/null || { echo "tools/run: $3 needs Node.js 20 or newer, with npm" >&2; return 1; }
	mkdir -p "$cache/$folder"
	(
		flock 9
		[ -d "$install" ] && exit
		echo "tools/run: installing $folder (seconds)" >&2
		new=$(mktemp -d "$cache/$folder/new.XXXXXX")
		cp "$tools/$folder/"* "$new"
		# Scripts would compile a store on disk; everything is kept in memory.
		npm ci --prefix "$new" --ignore-scripts --no-audit --no-fund --loglevel=error >&2 || { rm -rf "$new"; exit 1; }
		mv "$new" "$install"
	) 9>"$cache/build.lock"
}

# The packages of what a node runs on, each with a file that it brings.
declare -A node_packages=(
	[containerd]=containerd
	[runc]=runc
	[containernetworking-plugins]=/usr/lib/cni/bridge
	[busybox-static]=/bin/busybox
	[iptables]=iptables
)

present() { # COMMAND-OR-PATH
	case $1 in
	/usr/lib/cni/*) [ -x "$1" ] || [ -x "/opt/cni/bin/${1##*/}" ] ;;
	/*) [ -x "$1" ] ;;
	*) PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null ;;
	esac
}

setup() {
	local p missing=()
	for p in "${!node_packages[@]}"; do present "${node_packages[$p]}" || missing+=("$p"); done
	if [ ${#missing[@]} -gt 0 ]; then
		install_packages "${missing[@]}"
	fi
	need_dynalite
	need_stepfunctions
	echo "tools/run: this machine has all that is needed" >&2
}

install_packages() {
	if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
		echo "tools/run: missing here: $*" >&2
		echo "tools/run: install these (on Debian and Ubuntu: apt-get install $*), or call this as root." >&2
		echo "tools/run: without them \`localkube up --node\` can't run; all else can." >&2
		return 1
	fi
	local log
	log=$(mktemp)
	echo "tools/run: installing $*" >&2
	# An apt that was never updated, or long ago, does not find them.
	apt_install "$@" >"$log" 2>&1 || { apt-get -qq update && apt_install "$@"; } >"$log" 2>&1 || {
		cat "$log" >&2
		rm -f "$log"
		echo "tools/run: apt could not install $*: see above" >&2
		return 1
	}
	rm -f "$log"
}

apt_install() { DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@" </dev/null; }
