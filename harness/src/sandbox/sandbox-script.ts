/**
 * What makes the place that a program runs in, as root of a user namespace of its own: a root of read-only system folders
 * and a scratch folder in memory, with nothing else of the machine. `$1`: a folder to put it on; `$2`: bytes of the scratch
 * folder; then system folders, `--`, and the command. The command is in another user namespace, in which it may not change
 * any of this.
 */
export const sandboxScript = `
set -e
root=$1 scratch=$2
shift 2
mount -t tmpfs -o size=1m,mode=755,nosuid,nodev none "$root"
while [ "$1" != -- ]; do
  mkdir -p "$root$1"
  mount --rbind "$1" "$root$1"
  mount -o remount,bind,ro,nosuid,nodev "$root$1"
  shift
done
shift
mkdir "$root/proc" "$root/tmp" "$root/dev" "$root/old"
for device in null zero urandom; do
  : > "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount -t tmpfs -o "size=$scratch,mode=1777,nosuid,nodev" none "$root/tmp"
mount -o remount,bind,ro,nosuid,nodev "$root"
cd "$root"
pivot_root . old
umount -l /old
cd /tmp
exec "$@"
`;

/** What programs need to be started with, of the machine's own folders. */
export const systemFolders = ['/usr', '/bin', '/lib', '/lib64'];
