"""A disk whose power can be cut: ext4 on a loop device, and ext4's ioctl that forgets all that was not synced."""

import fcntl
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time

from support import SKIPPED

SHUTDOWN, WITHOUT_FLUSH = (2 << 30) | (4 << 16) | (ord("X") << 8) | 125, 2


def run(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


class PowerDisk:
    def __init__(self, size="2G"):
        self.folder = tempfile.mkdtemp(prefix="fanfare-power-")
        self.image, self.place, self.loop = os.path.join(self.folder, "image"), os.path.join(self.folder, "disk"), None
        os.mkdir(self.place)
        run("truncate", "-s", size, self.image)
        run("mkfs.ext4", "-q", "-F", self.image)
        self.mount()

    def mount(self):
        self.loop = run("losetup", "-f", "--show", self.image)
        run("mount", self.loop, self.place)

    def unmount(self):
        for _ in range(100):
            if subprocess.run(["umount", self.place], capture_output=True, check=False).returncode == 0:
                break
            time.sleep(0.05)
        run("losetup", "-d", self.loop)

    def cut(self):
        """From now on nothing reaches the disk; what did not, is lost."""
        place = os.open(self.place, os.O_RDONLY)
        fcntl.ioctl(place, SHUTDOWN, struct.pack("I", WITHOUT_FLUSH))
        os.close(place)

    def back(self):
        self.unmount()
        self.mount()

    def close(self):
        self.unmount()
        shutil.rmtree(self.folder, ignore_errors=True)


def make():
    """Skips the scenario where it is not allowed."""
    try:
        return PowerDisk()
    except (OSError, subprocess.CalledProcessError) as error:
        print("skipped: no disk whose power can be cut: %s" % getattr(error, "stderr", error))
        sys.exit(SKIPPED)
