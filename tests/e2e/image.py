"""A Dockerfile, read and, as far as that goes without a container engine, built and run in a root of its own."""

import os
import re
import shlex
import shutil
import site
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]
FOLDER = PROJECT / "pipelines" / "container"
MISSING = [p for p in ("unshare", "setpriv", "chroot", "mount") if not shutil.which(p)]
_ALLOWED = ["unshare", "--mount", "--net", "true"]
if not MISSING and subprocess.run(_ALLOWED, capture_output=True, check=False).returncode:
    MISSING = ["the right to mount, as root has it"]
PREFIX, TMP = "/opt/brainfill", "/tmp"  # noqa: S108 - inside the image
# What an image brings along is that of this machine, and nothing else that lies here.
_SYSTEM = [p for p in ("/usr", "/bin", "/lib", "/lib64", "/etc") if Path(p).exists()]
_PYTHON = sorted({sys.base_prefix, str(Path(sys.executable).parent), *site.getsitepackages()})


def stages(text):
    """The instructions of each stage of a Dockerfile, as pairs of a word and the rest."""
    kept = [line for line in text.splitlines() if not line.startswith("#")]
    lines = re.sub(r"\\\n", " ", "\n".join(kept)).splitlines()
    found = []
    for word, _, rest in (line.strip().partition(" ") for line in lines if line.strip()):
        if word == "FROM":
            found.append([])
        if found:
            found[-1].append((word, rest.strip()))
    return found


def of(stage, word):
    """What follows a word, each time it occurs in a stage."""
    return [rest for w, rest in stage if w == word]


def pairs(stage, word):
    """What ENV or LABEL of a stage set, by name, with the values of its ARGs put in."""
    known = dict(rest.split("=", 1) for rest in of(stage, "ARG")) | {"PATH": "/usr/bin:/bin"}

    def filled(value):
        while (new := re.sub(r"\$\{?(\w+)\}?", lambda m: known[m[1]], value)) != value:
            value = new
        return value

    found = [part.split("=", 1) for rest in of(stage, word) for part in shlex.split(rest)]
    return {name: filled(value) for name, value in found}


class Root:
    """A root folder as an image has it; its mounts are seen only by what is run in it."""

    def __init__(self, folder):
        self.folder = folder
        folder.chmod(0o755)  # users without name have to get in
        for name in (PREFIX, "/src", TMP):
            self.inside(name).mkdir(parents=True)

    def inside(self, path):
        """Where a path of the image lies here."""
        return self.folder / path.lstrip("/")

    def build(self, line):
        """Do one RUN of a stage that builds, as root; /src is its folder."""
        path = os.pathsep.join([f"{PREFIX}/bin", str(Path(sys.executable).parent), "/usr/bin:/bin"])
        words = ["env", "-C", "/src", "-i", f"PATH={path}", "sh", "-ec", line]
        done = self._entered(self._mounts(), words)
        assert done.returncode == 0, done.stdout + done.stderr

    def run(self, environment, uid, words, volumes=()):
        """Run a command, as a user of a number alone, in a root that cannot be written; /tmp can.

        Args:
            environment: all of it.
            uid: number of the user and of the group.
            words: the command.
            volumes: as after --volume: PLACE:INSIDE or PLACE:INSIDE:ro.
        """
        mounts = self._mounts()
        for place, inside, *mode in (volume.split(":") for volume in volumes):
            mounts += self._bound(place, inside, writable=not mode)
        mounts += [f"mount -o remount,bind,ro {self.folder}"]
        user = [f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--no-new-privs"]
        given = [f"{name}={value}" for name, value in environment.items()]
        return self._entered(mounts, ["setpriv", *user, "env", "-C", TMP, "-i", *given, *words])

    def _entered(self, mounts, words):
        script = "\n".join([*mounts, shlex.join(["exec", "chroot", str(self.folder), *words])])
        return subprocess.run(
            ["unshare", "--mount", "--net", "sh", "-ec", script],
            capture_output=True,
            text=True,
            check=False,
        )

    def _mounts(self):
        found = [f"mount --bind {self.folder} {self.folder}"]
        found += [f"mount -t tmpfs -o mode=1777 tmpfs {self.inside(TMP)}"]
        for place in (*_SYSTEM, *_PYTHON):
            found += self._bound(place, place, writable=False)
        return [*found, *self._bound("/dev", "/dev"), *self._bound("/proc", "/proc")]

    def _bound(self, place, inside, *, writable=True):
        here = self.inside(inside)
        lines = [f"mkdir -p {here}", f"mount --rbind {place} {here}"]
        return lines if writable else [*lines, f"mount -o remount,bind,ro {here}"]
