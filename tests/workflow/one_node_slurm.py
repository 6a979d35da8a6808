"""A Slurm of one node on loopback, for as long as a ``with`` block lasts; it touches nothing outside its folder.

The node's cores, memory and GPUs are pretended, so that rules are scheduled with what they really ask for. By hand:
``python tests/workflow/one_node_slurm.py`` starts one, prints the line that shells need, and stops it at Ctrl-C.
"""

import contextlib
import ctypes
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "scontrol")
CONFIG = """\
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
# A requeued job may start when the credential of its first start has lapsed: not after two minutes.
AuthInfo=socket={folder}/munge.socket,cred_expire=10
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerParameters=sched_interval=1,batch_sched_delay=0
AccountingStorageType=accounting_storage/none
# Without cgroups, memory is sampled every second, and a job that holds more than it asked for is killed.
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
SlurmdParameters=config_overrides
ReturnToService=2
MpiDefault=none
KillWait=3
MinJobAge=600
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory_mb} Gres=gpu:{gpus} State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
"""


def missing() -> str | None:
    """Say why no Slurm can be started here; None where one can."""
    absent = [name for name in PROGRAMS if shutil.which(name, path=_path()) is None]
    if absent:
        return f"Slurm's programs are not installed ({', '.join(absent)}): apt-get install slurm-wlm munge"
    return None if os.geteuid() == 0 else "slurmd starts jobs as other users, so it needs root"


class OneNodeSlurm:
    """A Slurm with one node and one partition, ``main``.

    Parameters
    ----------
    cpus, memory_mb, gpus
        What the node says it has, whatever the machine has.
    """

    def __init__(self, cpus: int = 8, memory_mb: int = 32000, gpus: int = 2):
        self.folder = Path(tempfile.mkdtemp(prefix="slurm-"))  # short: the path of a socket holds 107 characters
        self.host = socket.gethostname().split(".")[0]
        self.environment = {"SLURM_CONF": f"{self.folder}/slurm.conf", "PATH": f"{self.folder}/bin:{_path()}"}
        self._daemons: list[subprocess.Popen[bytes]] = []
        for name in ("state", "spool", "bin"):
            (self.folder / name).mkdir()
        # Snakemake's executor drops SLURM_CONF before it calls srun.
        srun = self.folder / "bin/srun"
        srun.write_text(
            f'#!/bin/sh\nSLURM_CONF={self.folder}/slurm.conf exec {shutil.which("srun", path=_path())} "$@"\n'
        )
        srun.chmod(0o755)
        text = CONFIG.format(
            host=self.host, folder=self.folder, ports=_free_ports(2), cpus=cpus, memory_mb=memory_mb, gpus=gpus
        )
        (self.folder / "slurm.conf").write_text(text)
        # Slurm counts the GPUs by their device files, and opens none of them.
        for number in range(gpus):
            (self.folder / f"gpu{number}").touch()
        (self.folder / "gres.conf").write_text(f"Name=gpu File={self.folder}/gpu[0-{gpus - 1}]\n")
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o400)

    def __enter__(self) -> "OneNodeSlurm":
        try:
            self._start_daemons()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if len(self._daemons) == len(("munged", "slurmctld", "slurmd")):
            self.run("scancel", "--full", "--user=root", check=False)
            self._wait_until("jobs to end", lambda: not self.run("squeue", "--noheader", check=False), seconds=20)
        for daemon in reversed(self._daemons):
            daemon.terminate()
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, *command: str, check: bool = True) -> str:
        """Run one of Slurm's client programs and return what it printed."""
        environment = {**os.environ, **self.environment}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=30)
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
        return done.stdout.strip()

    def jobs(self) -> list[dict[str, str]]:
        """Return what ``scontrol show job`` says of every job, done ones too: its fields as a dict."""
        lines = self.run("scontrol", "--oneliner", "show", "job").splitlines()
        return [
            dict(word.split("=", 1) for word in line.split(" ") if "=" in word) for line in lines if "JobId" in line
        ]

    def _start_daemons(self) -> None:
        folder = self.folder
        files = [f"--{what}={folder}/munge.{end}" for what, end in (("key-file", "key"), ("socket", "socket"))]
        files += [f"--{what}-file={folder}/munge.{what}" for what in ("pid", "log", "seed")]
        self._start("munged", "--foreground", "--force", *files)
        self._wait_until("munged", (folder / "munge.socket").exists)
        self._start("slurmctld", "-D", "-c")
        self._wait_until("slurmctld", lambda: "UP" in self.run("scontrol", "ping", check=False))
        self._start("slurmd", "-D", "-N", self.host)
        self._wait_until("the node", lambda: "idle" in self.run("sinfo", "--noheader", "--format=%T", check=False))

    def _start(self, *command: str) -> None:
        environment = {**os.environ, **self.environment}
        with (self.folder / f"{command[0]}.out").open("wb") as log:
            daemon = subprocess.Popen(command, env=environment, stdout=log, stderr=log, preexec_fn=_die_with_parent)
        self._daemons.append(daemon)

    def _wait_until(self, what: str, done: object, seconds: float = 30.0) -> None:
        end = time.monotonic() + seconds
        while not done():
            if time.monotonic() > end:
                logs = [path.read_text()[-800:] for path in sorted(self.folder.glob("*.out"))]
                raise RuntimeError(f"waited {seconds:g} s for {what}\n" + "\n".join(logs))
            time.sleep(0.2)


def _path() -> str:
    return f"{os.environ['PATH']}:/usr/local/sbin:/usr/sbin:/sbin"


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _die_with_parent() -> None:
    # Also when the tests are killed with -9, no daemon stays behind.
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


if __name__ == "__main__":
    with OneNodeSlurm() as slurm, contextlib.suppress(KeyboardInterrupt):
        print("export", *(f"{key}='{value}'" for key, value in slurm.environment.items()), flush=True)
        signal.pause()
