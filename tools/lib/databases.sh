# shellcheck shell=bash
# shellcheck disable=SC2154
# An image of database servers, sourced by run, which sets $tools and $cache. It is made of Debian's packages, unpacked
# and not installed: nothing of this machine changes, and no server is started on it. Which versions they are says apt;
# the file `packages` beside the image lists them.

# What tests run; what it needs, down to the C library, comes along.
database_packages=(postgresql mariadb-server-core mariadb-client-core redis-server redis-tools dash coreutils grep sed)
# What these depend on but a container does not need: maintenance scripts, locales, and a compiler for queries.
database_without='^(adduser|debconf|debianutils|dpkg|init-system-helpers|libllvm.*|libperl.*|libz3-.*|locales|passwd|perl.*|lib.*-perl|libc-l10n|openssl|ssl-cert|sysvinit-utils|tar|ucf|usrmerge)$'

databases=$cache/databases/$(sha256sum "$tools/lib/databases.sh" | cut -c1-16)

# need_databases makes the image, once.
need_databases() {
	local new
	[ -e "$databases/image.tar" ] && return
	for new in apt-get dpkg-deb jq; do
		command -v "$new" >/dev/null || { echo "tools/run: the image of database servers is made of Debian's packages, with $new, which is missing here" >&2; return 1; }
	done
	mkdir -p "$cache/databases"
	(
		flock 9
		[ -e "$databases/image.tar" ] && exit
		echo "tools/run: making the image of database servers (a minute, most of it downloads)" >&2
		new=$(mktemp -d "$cache/databases/new.XXXXXX")
		trap 'rm -rf "$new"' EXIT
		fetch_databases "$new"
		unpack_databases "$new"
		pack_databases "$new"
		mkdir "$new/done"
		mv "$new/image.tar" "$new/packages" "$new/done"
		rm -rf "$databases"
		mv "$new/done" "$databases"
		find "$cache/databases" -mindepth 1 -maxdepth 1 -name '????????????????' -mtime +7 ! -path "$databases" -exec rm -rf {} +
	) 9>"$cache/databases/build.lock"
}

# fetch_databases DIR: as on a machine that has nothing yet, apt chooses; it downloads what it has checked the hash of.
fetch_databases() {
	local apt=(apt-get -qq -o Debug::NoLocking=1 -o "Dir::State::status=$1/none")
	: >"$1/none"
	mkdir "$1/debs"
	choose_databases() {
		"${apt[@]}" -s --no-install-recommends install "${database_packages[@]}" |
			awk -v without="$database_without" '$1 == "Inst" && $2 !~ without { sub(/^\(/, "", $3); print $2 "=" $3 }' >"$1/packages"
		(cd "$1/debs" && xargs "${apt[@]}" -o APT::Sandbox::User=root download <"$1/packages")
	}
	# An apt that was never updated, or long ago, does not find them.
	choose_databases "$1" 2>/dev/null || { apt-get -qq update && choose_databases "$1"; } >&2 ||
		{ echo "tools/run: apt could not download ${database_packages[*]}: see above" >&2; return 1; }
}

# unpack_databases DIR: what containers run in.
unpack_databases() {
	local root=$1/root deb d
	mkdir -p "$root"/{usr/{bin,sbin,lib,lib64},etc,root,run,var/lib} "$root"/{data,logs}
	for d in bin sbin lib lib64; do ln -s "usr/$d" "$root/$d"; done
	install -d -m 1777 "$root/tmp"
	for deb in "$1"/debs/*.deb; do
		dpkg-deb --fsys-tarfile "$deb" | tar -x --keep-directory-symlink --no-same-owner -C "$root"
	done
	ln -sf dash "$root/usr/bin/sh"
	for d in "$root"/usr/lib/postgresql/*/bin/*; do ln -sf "${d#"$root"}" "$root/usr/bin/"; done
	rm -rf "$root"/usr/share/{doc,man,locale,info,postgresql-common,perl5} "$root"/usr/lib/postgresql/*/lib/{bitcode,llvmjit*} \
		"$root"/usr/lib/*/{gconv,perl} "$root"/usr/share/mysql/{bulgarian,c[hz]*,d[au]*,est*,fr*,ge*,gr*,hi*,hu*,it*,ja*,ko*,nor*,po*,ro*,ru*,se*,sl*,sp*,sw*,uk*}
	printf '%s\n' root:x:0:0::/root:/bin/sh postgres:x:999:999::/:/bin/sh mysql:x:998:998::/:/bin/sh redis:x:997:997::/:/bin/sh >"$root/etc/passwd"
	printf '%s\n' root:x:0: postgres:x:999: mysql:x:998: redis:x:997: >"$root/etc/group"
}

# pack_databases DIR: as `docker save` would.
pack_databases() {
	local layer
	tar -c --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -C "$1/root" -f "$1/layer.tar" .
	layer=$(sha256sum "$1/layer.tar" | cut -d' ' -f1)
	jq -n --arg arch "$(go env GOARCH)" --arg layer "sha256:$layer" '{architecture: $arch, os: "linux",
		config: {Env: ["PATH=/usr/bin:/usr/sbin"], Cmd: ["sh"]}, rootfs: {type: "layers", diff_ids: [$layer]}}' >"$1/config.json"
	jq -n '[{Config: "config.json", RepoTags: ["localhost/salvor/databases:1"], Layers: ["layer.tar"]}]' >"$1/manifest.json"
	tar -c -C "$1" -f "$1/image.tar" layer.tar config.json manifest.json
}
