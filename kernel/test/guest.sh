# What the guest test and the measure share: packages, builds, images, booting. Sourced with the repository as the current folder.
# prepare sets $work, $linux (an unpacked kernel) and makes everything that guest needs.

cache=${FATHOM_KERNEL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/fathom-kernel}

missing() { # REASON
    echo "the guest test cannot run here: $1"
    exit 77
}

# COMMAND PACKAGE: the command is there, or is installed where we may
need() {
    command -v "$1" >/dev/null && return
    [ "$(id -u)" = 0 ] || missing "$1 (package $2) is not installed"
    { DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "$2" ||
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "$2"; }; } >/dev/null 2>&1 ||
        missing "package $2 cannot be installed"
}

prepare() {
    mkdir -p "$cache"
    need apt-get apt
    need qemu-system-x86_64 qemu-system-x86
    need busybox busybox-static
    need cpio cpio
    need mke2fs e2fsprogs
    need mkfs.xfs xfsprogs
    need depmod kmod
    need make make
    need gcc-12 gcc-12
    need pahole pahole
    need xz xz-utils
    linux=$(kernel/test/packages "$cache" | tail -1) && [ -d "$linux" ] || missing "the kernel's packages cannot be had"
    version=${linux##*/linux-}-cloud-amd64
    work=$cache/work
    mkdir -p "$work"
    build_module
    build_programs
    make_images
    make_initramfs
}

# Files are compared by content: one cache may serve several checkouts.
build_module() {
    local file
    mkdir -p "$work/module"
    for file in kernel/*.[ch] kernel/Kbuild functions/fathom_storage.h; do
        cmp -s "$file" "$work/module/${file##*/}" || cp "$file" "$work/module"
    done
    make -s -C "$linux/usr/src/linux-headers-$version" M="$work/module" modules > "$work/module.log" 2>&1 ||
        { cat "$work/module.log"; echo "the module does not build"; exit 1; }
}

programs_digest() {
    find kernel/fathom_xrp.h kernel/test/measure.c kernel/test/Fathom.KernelGuest src functions Directory.*.props \
        \( -name obj -o -name bin \) -prune -o -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum
}

# Only when something changed since the last time.
build_programs() {
    local digest
    digest=$(programs_digest)
    [ ! -e "$work/app/guest" ] || [ "$digest" != "$(cat "$work/app.digest" 2> /dev/null)" ] || return 0
    rm -rf "$work/app" "$work/app.img"
    dotnet publish kernel/test/Fathom.KernelGuest -c Release -o "$work/app" -maxcpucount:1 -nodeReuse:false -v quiet -nologo || exit 1
    mv "$work/app/Fathom.KernelGuest" "$work/app/guest"
    gcc-12 -O2 -Wall -Wextra -Werror -static -I kernel -o "$work/app/measure" kernel/test/measure.c
    cp -r functions/objects "$work/app/objects"
    mkdir -p "$work/app/lib"
    # What .NET takes from the system.
    cp -L /lib64/ld-linux-x86-64.so.2 /lib/x86_64-linux-gnu/{libc.so.6,libm.so.6,libdl.so.2,libpthread.so.0,librt.so.1,libgcc_s.so.1} \
        /usr/lib/x86_64-linux-gnu/{libstdc++.so.6,libssl.so.3,libcrypto.so.3} "$work/app/lib"
    echo "$digest" > "$work/app.digest"
}

make_images() {
    [ -e "$work/app.img" ] && return
    mkdir -p "$work/app/images"
    truncate -s 16M "$work/app/images/inline.img" "$work/app/images/small.img"
    mke2fs -q -t ext4 -O inline_data,^has_journal -I 256 "$work/app/images/inline.img"
    mke2fs -q -t ext4 -b 1024 -O verity,^has_journal "$work/app/images/small.img"
    truncate -s 300M "$work/app/images/xfs.img"
    mkfs.xfs -q "$work/app/images/xfs.img"
    truncate -s 512M "$work/app.img"
    mke2fs -q -t ext4 -O ^has_journal -d "$work/app" "$work/app.img"
}

# LOG: the drives that a boot writes to, beside its log; $data and $raw
fresh_drives() {
    data=${1%.log}-data.img
    raw=${1%.log}-raw.img
    rm -f "$data" "$raw"
    truncate -s 2G "$data"
    truncate -s 64M "$raw"
    mke2fs -q -t ext4 "$data"
}

make_initramfs() {
    local root=$work/root module
    mkdir -p "$root"/{bin,lib/modules,etc}
    cp "$(command -v busybox)" "$root/bin/busybox"
    cp kernel/test/init "$root/init"
    cp "$work/module/fathom_xrp.ko" "$root/fathom_xrp.ko"
    echo 'root::0:0:root:/:/bin/sh' > "$root/etc/passwd"
    echo 'nobody::65534:65534:nobody:/:/bin/sh' >> "$root/etc/passwd"
    # Modules that cases load, with what they need.
    mkdir -p "$root/lib/modules/$version"
    for module in loop null_blk configfs scsi_debug sd_mod scsi_mod scsi_common crc-t10dif crct10dif_common t10-pi crc64-rocksoft crc64 xfs libcrc32c crc32c_generic; do
        find "$linux/lib/modules/$version" -name "$module.ko.xz" -exec sh -c 'xz -dc "$1" > "$2/$(basename "$1" .xz)"' _ {} "$root/lib/modules/$version" \;
    done
    depmod -b "$root" "$version" 2>/dev/null
    (cd "$root" && find . | cpio -o -H newc --quiet | gzip -1) > "$work/initramfs.gz"
}

# LOG KERNEL_PARAMETERS COMMAND...: boots, runs the command, powers off; the console goes to LOG. QEMU_EXTRA adds options.
guest() {
    local log=$1 parameters=$2
    shift 2
    local command="$*" data raw
    fresh_drives "$log"
    # shellcheck disable=SC2086
    timeout "${GUEST_SECONDS:-420}" qemu-system-x86_64 -accel tcg -cpu qemu64,-cx16 -m 1024 -display none -no-reboot -nodefaults -serial "file:$log" ${QEMU_EXTRA--smp 2} \
        -kernel "$linux/boot/vmlinuz-$version" -initrd "$work/initramfs.gz" \
        -append "console=ttyS0 quiet panic=-1 oops=panic fathom.run=${command// /,} $parameters" \
        -drive "file=$work/app.img,if=none,id=app,format=raw,readonly=on" -device nvme,serial=app,drive=app \
        -drive "file=$data,if=none,id=data,format=raw,cache=unsafe" -device nvme,serial=data,drive=data \
        -drive "file=$raw,if=none,id=raw,format=raw,cache=unsafe" -device nvme,serial=raw,drive=raw || true
    sed -i 's/\r$//' "$log"
}
