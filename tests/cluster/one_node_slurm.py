"""A Slurm of one node in a temporary folder, which touches no other Slurm of the machine."""

import getpass
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from string import Template

PROGRAMS = ["munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "scontrol"]

# Debian keeps the daemons where only root looks.
PATH = f"{os.environ['PATH']}:/usr/sbin"

# The plugin looks at a job first after 40 seconds, too late for jobs of ten.
QUICK = ["--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "1"]

# The plugin takes SLURM_CONF away from `srun` inside of a job; this one finds it again.
SRUN = """#!/bin/sh
export SLURM_CONF='{configuration}'
exec '{srun}' "$@"
"""


def wait_for(condition, what: str, seconds: float = 120):
    """Wait until a condition holds, and give what it gave."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"waited {seconds} seconds for {what}"
        time.sleep(0.2)
    return found


def free_ports() -> tuple[int, int]:
    """Find two ports at once: of one after the other both could be the same."""
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


class Slurm:
    """Daemons of our own, and runs of Snakemake with the Slurm profile on them."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.daemons = []
        self.runs = []
        self.configuration = folder / "slurm.conf"
        paths = {name: folder / name for name in ("bin", "state", "spool")}
        for path in paths.values():
            path.mkdir()
        srun = paths["bin"] / "srun"
        srun.write_text(SRUN.format(configuration=self.configuration, srun=shutil.which("srun")))
        srun.chmod(0o755)
        template = (Path(__file__).parent / "slurm.conf").read_text(encoding="utf-8")
        controller_port, node_port = free_ports()
        self.host = socket.gethostname().split(".")[0]
        self.configuration.write_text(
            Template(template).substitute(
                folder=folder,
                host=self.host,
                user=getpass.getuser(),
                controller_port=controller_port,
                node_port=node_port,
            )
        )
        foreign = ("SLURM_", "SBATCH_", "SRUN_", "SNAKEMAKE_")
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith(foreign)
        } | {
            "SLURM_CONF": str(self.configuration),
            "PATH": f"{paths['bin']}:{PATH}",
            "PYTHONWARNINGS": "",
        }

    def daemons_say(self) -> str:
        return "\n".join(log.read_text("utf-8") for log in sorted(self.folder.glob("*.log")))

    def start_daemon(self, *command: str):
        """Start a daemon that stays our child, so that we can end it and no other."""
        with (self.folder / f"{command[0]}.log").open("wb") as log:
            self.daemons.append(
                subprocess.Popen(
                    command,
                    env=self.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            )

    def start(self):
        """Start the three daemons, and wait until the node takes jobs."""
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(64))
        key.chmod(0o600)
        files = {"socket": "socket", "key-file": "key", "pid-file": "pid", "seed-file": "seed"}
        places = [f"--{name}={self.folder}/munge.{end}" for name, end in files.items()]
        log = f"--log-file={self.folder}/munge.log"
        self.start_daemon("munged", "--foreground", "--num-threads=2", *places, log)
        wait_for((self.folder / "munge.socket").exists, "munged")
        self.start_daemon("slurmctld", "-D")
        self.start_daemon("slurmd", "-D")
        wait_for(lambda: self.node_state() == "idle", "an idle node", 300)

    def stop(self):
        """End what still runs, of a failed test, and the daemons that we started."""
        for run in self.runs:
            run.process.kill()
            run.process.wait()
        self.command("scancel", "--user", getpass.getuser(), check=False)
        # slurmd does not end before its jobs have.
        queue = ["squeue", "--noheader"]
        wait_for(lambda: not self.command(*queue, check=False), "the end of all jobs")
        for daemon in reversed(self.daemons):
            daemon.terminate()
        for daemon in self.daemons:
            daemon.wait(timeout=60)

    def command(self, *command: str, check: bool = True) -> str:
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=check
        )
        return done.stdout

    def node_state(self) -> str:
        return self.command("sinfo", "--noheader", "--format=%t", check=False).strip()

    def jobs(self, run) -> list[dict[str, str]]:
        """List the jobs of a run as Slurm knows them, in the order they were sent."""
        fields = {"id": "%i", "state": "%T", "memory": "%m", "cores": "%C", "reason": "%r"}
        name = wait_for(lambda: re.search(r"SLURM run ID: (\S+)\n", run.output()), "a run")[1]
        listed = self.command(
            "squeue", "--noheader", "--states=all", f"--name={name}", "--sort=i",
            f"--format={'|'.join(fields.values())}",
        )  # fmt: skip
        return [dict(zip(fields, line.split("|"), strict=True)) for line in listed.splitlines()]

    def run(self, checkout, *arguments: str, **variables: str) -> "Run":
        """Start Snakemake with the Slurm profile, as the guide shows it."""
        options = ["--profile", "profiles/slurm", *QUICK]
        self.runs.append(Run(checkout, [*arguments, *options], self.environment | variables))
        return self.runs[-1]


class Run:
    """A Snakemake at work."""

    def __init__(self, checkout, arguments: list[str], environment: dict[str, str]):
        self.printed = checkout.path / "printed.txt"
        with self.printed.open("wb") as printed:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "snakemake", *arguments],
                cwd=checkout.path,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                # A shell that starts the tests in the background lets them ignore interrupts.
                preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
            )

    def output(self) -> str:
        return self.printed.read_text(encoding="utf-8", errors="replace")

    def end(self, succeeds: bool = True) -> str:
        """Wait for the end, and give what was printed."""
        returned = self.process.wait(timeout=1800)
        assert (returned == 0) == succeeds, self.output()
        return self.output()
