#!/bin/busybox sh
# The guest's first process, twice: first to lay a writable layer over the host's files, then as `second` in the root that this makes, to
# run the one command and power off. In QEMU the first time is in the initramfs, in user-mode Linux on the host's files themselves, where
# /proc is the host's until it has its own.

# With its full name: as an applet it would start /proc/self/exe, which is not yet itself.
busybox() { /bin/busybox "$@"; }

find_host_qemu() {
	base=
	host=/host
	own=$0
	busybox mount -t proc proc /proc
	busybox mount -t devtmpfs dev /dev
	while read -r module; do busybox insmod "/modules/$module"; done </modules/order

	# Loose caching is safe: nothing that the guest reads is meant to change while it runs.
	nine="trans=virtio,version=9p2000.L,msize=512000"
	busybox mount -t 9p -o "$nine,ro,cache=loose" root /host
	busybox mount -t 9p -o "$nine" share /share
}

find_host_uml() {
	base=/tmp
	host=
	busybox mount -t proc proc /proc
	busybox insmod "$GUEST_OVERLAY"
	busybox mount -t tmpfs base /tmp
	busybox mkdir /tmp/share /tmp/upper /tmp/root
	busybox mount -t hostfs -o "$GUEST_SHARE" share /tmp/share
	# The checkout may lie under the /tmp that is covered now.
	own=/tmp/share/guest-init
}

mount_folder_qemu() {
	busybox mount -t 9p -o "$nine" "writable$2" "$base/root$1"
}

mount_folder_uml() {
	busybox mount -t hostfs -o "$1" "writable$2" "$base/root$1"
}

switch_root_qemu() {
	exec /bin/busybox switch_root /root /bin/busybox sh /run/guest-init second
}

# Not by chroot: whoever enters a mount namespace would find itself on the read-only root.
switch_root_uml() {
	cd /tmp/root || exit 1
	busybox mkdir run/old
	busybox pivot_root . run/old
	exec /bin/busybox chroot . /bin/busybox sh /run/guest-init second </dev/null
}

mount_root() {
	machine=${GUEST_MACHINE:-qemu}
	"find_host_$machine"
	. "$base/share/settings"
	upper=$base/upper
	root=$base/root

	busybox mount -t tmpfs -o size=75% upper "$upper"
	busybox mkdir "$upper/root" "$upper/work" "$upper/modules" "$upper/modules-work"
	busybox mount -t overlay -o "lowerdir=$host/,upperdir=$upper/root,workdir=$upper/work" overlay "$root"

	# A writable layer here too, so that a test can hide a module.
	busybox mkdir -p "$root/usr/lib/modules"
	busybox mount -t overlay \
		-o "lowerdir=$host$GUEST_MODULES,upperdir=$upper/modules,workdir=$upper/modules-work" \
		overlay "$root/usr/lib/modules"
	for module in $GUEST_WITHOUT_MODULES; do
		busybox find "$root/usr/lib/modules" -name "$module.ko*" -exec /bin/busybox rm {} +
	done

	busybox mount -t proc proc "$root/proc"
	busybox mount -t sysfs sys "$root/sys"
	busybox mount -t devtmpfs dev "$root/dev"
	busybox mkdir -p "$root/dev/pts" "$root/dev/shm"
	busybox mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts "$root/dev/pts"
	# Not over /tmp: the checkout may lie there, and what is written to it stays in the guest all the same.
	for folder in dev/shm run; do busybox mount -t tmpfs -o mode=1777 tmpfs "$root/$folder"; done
	busybox mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
	# User-mode Linux has none.
	[ ! -d "$root/sys/kernel/tracing" ] || busybox mount -t tracefs tracefs "$root/sys/kernel/tracing"
	for link in fd: stdin:/0 stdout:/1 stderr:/2; do
		busybox ln -s "/proc/self/fd${link#*:}" "$root/dev/${link%%:*}"
	done

	index=0
	for folder in $GUEST_READABLE; do
		busybox mkdir -p "$root$folder"
		busybox mount -t 9p -o "$nine,ro,cache=loose" "readable$index" "$root$folder"
		index=$((index + 1))
	done

	index=0
	for folder in $GUEST_WRITABLE; do
		busybox mkdir -p "$root$folder"
		"mount_folder_$machine" "$folder" "$index"
		index=$((index + 1))
	done

	# Beside what the host loads before every program.
	if [ -e "$base/share/map-at-once.so" ]; then
		busybox cp "$base/share/map-at-once.so" "$root/usr/lib/map-at-once.so"
		echo /usr/lib/map-at-once.so >>"$root/etc/ld.so.preload"
	fi

	busybox mkdir "$root/run/guest"
	busybox cp "$own" "$root/run/guest-init"
	busybox mount --move "$base/share" "$root/run/guest"
	"switch_root_$machine"
}

# The one card, where the guest has one, whatever its driver calls it.
set_card_up() {
	[ -e /sys/class/net/vec0 ] || /sbin/modprobe virtio_net
	[ ! -e /sys/class/net/vec0 ] || busybox ip link set vec0 name eth0
	busybox ip address add "$1" dev eth0
	busybox ip link set eth0 up
}

run_command() {
	. /run/guest/settings
	[ ! -d /run/old ] || busybox umount -l /run/old
	busybox hostname guest
	# Part of Debian's kernels, a module of user-mode Linux.
	/sbin/modprobe --quiet ipv6
	busybox ip link set lo up
	[ -z "$GUEST_ADDRESS" ] || set_card_up "$GUEST_ADDRESS"
	ulimit -n 65536
	: >/run/guest/started
	while [ -n "$GUEST_WAITS" ] && [ ! -e /run/guest/ready ]; do busybox sleep 0.02; done
	# With its full name, or busybox takes itself for the shell and for every program that this one starts.
	if [ -n "$GUEST_TERMINAL" ]; then
		busybox setsid -c /bin/sh /run/guest/command <"$GUEST_TERMINAL" >"$GUEST_TERMINAL" 2>&1
	else
		busybox setsid /bin/sh /run/guest/command </dev/null >>/run/guest/stdout 2>>/run/guest/stderr
	fi
	echo $? >/run/guest/exit-code
	busybox poweroff -f
}

if [ "$1" = second ]; then run_command; else mount_root; fi
