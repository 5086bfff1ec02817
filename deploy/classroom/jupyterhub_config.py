"""The settings of a JupyterHub for one class on one server: see README.md beside this file."""

import asyncio
import grp
import itertools
import os
import pwd
import random
import socket
import sys
from pathlib import Path

from languages import LANGUAGES, ORIGINAL
from my_notebooks import first_page

PLACE = Path(sys.prefix).parent
# Not in a home: it has to be short enough for the name of a socket, and work when a home is full.
RUNTIME = Path("/run", PLACE.name)
PROGRAMS = Path(sys.prefix, "bin")
SYSTEMD = Path("/run/systemd/system").is_dir()
MEGABYTE = 2**20

c = get_config()  # noqa: F821 (JupyterHub defines it)

# Who may log in: Unix users of this group, with their passwords.
c.JupyterHub.authenticator_class = "pam"
c.PAMAuthenticator.allowed_groups = {"students"}
c.PAMAuthenticator.open_sessions = False

# Passwords must not travel unprotected: how others reach it is for the settings of a server to say.
c.JupyterHub.bind_url = "http://127.0.0.1:8000"

# When the hub stops, what students do goes on.
c.JupyterHub.cleanup_servers = False
c.JupyterHub.cleanup_proxy = False
c.ConfigurableHTTPProxy.command = [
    str(PLACE / "proxy" / "node_modules" / ".bin" / "configurable-http-proxy")
]

# A whole class logs in at once.
c.Spawner.start_timeout = c.Spawner.http_timeout = 120
# A server that has died is noticed within seconds.
c.Spawner.poll_interval = 10

# Servers: a limit for each process everywhere, and for all of a student's together with systemd.
c.JupyterHub.spawner_class = "systemd" if SYSTEMD else "jupyterhub.spawner.LocalProcessSpawner"
c.Spawner.mem_limit = 2048 * MEGABYTE
c.Spawner.cpu_limit = 1.0
c.SystemdSpawner.isolate_tmp = True
c.SystemdSpawner.disable_user_sudo = True
c.Spawner.cmd = [
    *("prlimit", f"--data={1536 * MEGABYTE}", "--nproc=512", "--core=0"),
    str(PROGRAMS / "jupyterhub-singleuser"),
]
c.Spawner.env_keep = ["PATH", "LANG"]
# Over TCP every user of the machine could listen to what a kernel shows.
c.Spawner.args = ["--KernelManager.transport=ipc"]


# Below those that the system gives to whoever asks.
PORTS = itertools.cycle(random.sample(range(20_000, 30_000), 10_000))


def own_port():
    """A port for one server alone: the system may tell two that start together the same."""
    for port in PORTS:
        with socket.socket() as trial:
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def language_of(spawner):
    """The first language that the student's browser asks for and the tutorial has."""
    asked = spawner.handler.request.headers.get("Accept-Language", "") if spawner.handler else ""
    for each in asked.split(","):
        for language in LANGUAGES:
            if each.strip().lower().startswith(language[:2]):
                return language
    return ORIGINAL


class NotReadyError(Exception):
    """A student's home cannot be used; JupyterHub shows the message."""

    def __init__(self, message):
        super().__init__(message)
        self.jupyterhub_message = message


async def make_ready(spawner):
    """Lay the notebooks out in the student's home, in his name; say what stands in the way."""
    student = pwd.getpwnam(spawner.user.name)
    # However he logged in: nobody becomes root or a teacher because an address begins like that.
    if student.pw_name not in grp.getgrnam("students").gr_mem:
        raise NotReadyError(f"{student.pw_name} is no student of this classroom.")
    language = language_of(spawner)
    runtime = RUNTIME / student.pw_name
    runtime.mkdir(parents=True, exist_ok=True)
    os.chown(runtime, student.pw_uid, student.pw_gid)
    runtime.chmod(0o700)
    laying_out = await asyncio.create_subprocess_exec(
        *(PROGRAMS / "python", Path(__file__).with_name("home.py"), language),
        env={"HOME": student.pw_dir, "PYTHONPATH": os.environ["PYTHONPATH"]},
        cwd=student.pw_dir,
        user=student.pw_uid,
        group=student.pw_gid,
        extra_groups=[],
        umask=0o077,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await laying_out.communicate()
    if laying_out.returncode:
        raise NotReadyError(said.decode().strip().splitlines()[-1])
    spawner.port = own_port()
    spawner.default_url = f"/lab/tree/{first_page(language)}"
    # One thread for each kernel, so that thirty of them share the processors.
    spawner.environment = {"JUPYTER_RUNTIME_DIR": str(runtime), "OMP_NUM_THREADS": "1"}


c.Spawner.pre_spawn_hook = make_ready
if SYSTEMD:
    from systemdspawner import systemdspawner

    systemdspawner.random_port = own_port

own = PLACE / "settings.py"
if own.exists():
    load_subconfig(str(own))  # noqa: F821
