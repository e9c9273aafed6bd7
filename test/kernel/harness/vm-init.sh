#!/bin/busybox sh
# The guest's /init, twice: first in the initramfs, to mount the host's files under a writable layer, then
# as `second` in that root, to run the one command and power off.

mount_root() {
	busybox mount -t proc proc /proc
	busybox mount -t devtmpfs dev /dev
	while read -r module; do busybox insmod "/modules/$module"; done </modules/order

	# Loose caching is safe: nothing that the guest reads is meant to change while it runs.
	nine="trans=virtio,version=9p2000.L,msize=512000"
	busybox mount -t 9p -o "$nine,ro,cache=loose" root /host
	busybox mount -t 9p -o "$nine" share /share
	. /share/settings

	busybox mount -t tmpfs -o size=75% upper /upper
	busybox mkdir /upper/root /upper/work /upper/modules /upper/modules-work
	busybox mount -t overlay -o lowerdir=/host,upperdir=/upper/root,workdir=/upper/work overlay /root

	# A writable layer here too, so that a test can hide a module.
	busybox mkdir -p /root/usr/lib/modules
	busybox mount -t overlay \
		-o "lowerdir=/host$VM_MODULES,upperdir=/upper/modules,workdir=/upper/modules-work" \
		overlay /root/usr/lib/modules
	for module in $VM_WITHOUT_MODULES; do
		busybox find /root/usr/lib/modules -name "$module.ko*" -exec busybox rm {} +
	done

	busybox mount -t proc proc /root/proc
	busybox mount -t sysfs sys /root/sys
	busybox mount -t devtmpfs dev /root/dev
	busybox mkdir -p /root/dev/pts /root/dev/shm
	busybox mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /root/dev/pts
	# Not over /tmp: the checkout may lie there, and what is written to it stays in the guest all the same.
	for folder in dev/shm run; do busybox mount -t tmpfs -o mode=1777 tmpfs "/root/$folder"; done
	busybox mount -t cgroup2 cgroup2 /root/sys/fs/cgroup
	busybox mount -t tracefs tracefs /root/sys/kernel/tracing
	for link in fd: stdin:/0 stdout:/1 stderr:/2; do
		busybox ln -s "/proc/self/fd${link#*:}" "/root/dev/${link%%:*}"
	done

	index=0
	for folder in $VM_READABLE; do
		busybox mkdir -p "/root$folder"
		busybox mount -t 9p -o "$nine,ro,cache=loose" "readable$index" "/root$folder"
		index=$((index + 1))
	done
	index=0
	for folder in $VM_WRITABLE; do
		busybox mkdir -p "/root$folder"
		busybox mount -t 9p -o "$nine" "writable$index" "/root$folder"
		index=$((index + 1))
	done

	busybox mkdir /root/run/vm
	busybox mount --move /share /root/run/vm
	busybox cp /init /root/run/vm-init
	exec busybox switch_root /root /bin/busybox sh /run/vm-init second
}

run_command() {
	. /run/vm/settings
	busybox hostname vm
	busybox ip link set lo up
	ulimit -n 65536
	: >/run/vm/started
	# With its full name, or busybox takes itself for the shell and for every program that this one starts.
	if [ -n "$VM_TERMINAL" ]; then
		busybox setsid -c /bin/sh /run/vm/command <"$VM_TERMINAL" >"$VM_TERMINAL" 2>&1
	else
		busybox setsid /bin/sh /run/vm/command </dev/null >>/run/vm/stdout 2>>/run/vm/stderr
	fi
	echo $? >/run/vm/exit-code
	busybox poweroff -f
}

if [ "$1" = second ]; then run_command; else mount_root; fi
