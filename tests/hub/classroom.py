"""A classroom on this machine, as an administrator starts it, and students in their browsers."""

import json
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psutil
import requests
import websocket
from languages import ROOT

DEPLOY = ROOT / "deploy" / "classroom"
# No user of a machine has a name that begins so.
PREFIX = "adt-"


def wait_for(what, seconds, every=0.2):
    """The first true answer to a question, asked again and again for so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := what():
            return answer
        time.sleep(every)
    raise TimeoutError(f"not within {seconds} s: {what}")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Classroom:
    """The hub, what it needs on the disk, and the users made for it; all of it goes away again."""

    def __init__(self, place):
        self.place = place
        self.students = []
        ports = [free_port() for _ in range(3)]
        self.url = f"http://127.0.0.1:{ports[0]}"
        self.settings(
            f"c.JupyterHub.bind_url = {self.url!r}",
            f"c.JupyterHub.hub_port = {ports[1]}",
            f"c.ConfigurableHTTPProxy.api_url = 'http://127.0.0.1:{ports[2]}'",
        )
        self.log = (place / "log").open("ab")
        self.hub = None

    def settings(self, *lines):
        """What the administrator of a server writes."""
        with (self.place / "settings.py").open("a") as file:
            file.writelines(f"{line}\n" for line in lines)

    def start(self):
        # Torch comes from where pip finds it for this project.
        environment = {"PIP_EXTRA_INDEX_URL": "", **os.environ, "CLASSROOM": str(self.place)}
        self.hub = subprocess.Popen(
            [DEPLOY / "start"], env=environment, stdout=self.log, stderr=subprocess.STDOUT
        )
        wait_for(self._answers, 600)

    def _answers(self):
        assert self.hub.poll() is None, (self.place / "log").read_text()
        with suppress(requests.ConnectionError):
            return requests.get(f"{self.url}/hub/health", timeout=10).ok

    def kill(self):
        self.hub.kill()
        self.hub.wait()

    def enrol(self, *names):
        """Make users with the script that an administrator uses."""
        names = [PREFIX + name for name in names]
        (self.place / "names").write_text("".join(f"{name}\n" for name in names))
        made = subprocess.run(
            [DEPLOY / "students", self.place / "names"], capture_output=True, text=True, check=True
        )
        passwords = dict(line.split("\t") for line in made.stdout.splitlines())
        students = [Student(self, *each) for each in passwords.items()]
        self.students += students
        assert passwords.keys() == set(names), made.stderr
        return students

    def close(self):
        """Leave nothing behind."""
        if self.hub:
            self.kill()
        proxy = self.place / "hub" / "jupyterhub-proxy.pid"
        if proxy.exists():
            with suppress(ProcessLookupError):
                os.kill(int(proxy.read_text()), signal.SIGKILL)
        for student in list(self.students):
            student.leave()
        shutil.rmtree(Path("/run", self.place.name), ignore_errors=True)
        self.log.close()


def processes_of(name):
    """What runs in the name of a user."""
    user = pwd.getpwnam(name).pw_uid
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess):
            if process.uids().real == user and process.status() != psutil.STATUS_ZOMBIE:
                yield process


class Student:
    """A student in front of a browser."""

    def __init__(self, classroom, name, password):
        self.classroom, self.name, self.password = classroom, name, password
        self.user = pwd.getpwnam(name)
        self.home = Path(self.user.pw_dir)
        self.runtime = Path("/run", classroom.place.name, name)
        self.open = []
        self.browser = self._new_browser()

    def _new_browser(self):
        browser = requests.Session()
        self.open.append(browser)
        return browser

    def log_in(self, language="en", seconds=120):
        """Log in with name and password and wait for JupyterLab; return the page it opens."""
        hub = f"{self.classroom.url}/hub"
        self.browser = self._new_browser()
        self.browser.headers["Accept-Language"] = language
        form = self.browser.get(f"{hub}/login", timeout=seconds).text
        xsrf = re.search(r'name="_xsrf" value="([^"]+)"', form)[1]
        answer = self.browser.post(
            f"{hub}/login",
            {"username": self.name, "password": self.password, "_xsrf": xsrf},
            timeout=seconds,
        )
        if answer.status_code == 403:
            raise PermissionError("wrong name or password")
        page = wait_for(lambda: self._server(answer), seconds, every=1)
        return page.removeprefix(f"{self.classroom.url}/user/{self.name}/")

    def _server(self, answer):
        """The page of the student's server, once it answers; else what the hub says is wrong."""
        if answer.status_code >= 400 and "/hub/spawn" in answer.url:
            raise RuntimeError(said_on(answer.text))
        page = self.browser.get(f"{self.classroom.url}/user/{self.name}/", timeout=60)
        if "/hub/spawn" in page.url and page.status_code >= 400:
            raise RuntimeError(said_on(page.text))
        if page.status_code == 424:
            # "Your server is not running": the student presses the button.
            self.browser.get(f"{self.classroom.url}/hub/spawn/{self.name}", timeout=60)
        return page.ok and "/lab" in page.url and page.url

    def ask(self, method, path, body=None, of=None):
        """What a server answers to the student's browser: his own, or another's."""
        server = f"{self.classroom.url}/user/{(of or self).name}/"
        headers = {"X-XSRFToken": self._xsrf(), "Referer": server}
        return self.browser.request(
            method,
            server + path,
            json=body,
            headers=headers,
            timeout=120,
            allow_redirects=False,
        )

    def _xsrf(self):
        cookies = [each for each in self.browser.cookies if each.name == "_xsrf"]
        return next((each.value for each in cookies if self.name in each.path), "")

    def open_kernel(self, notebook):
        """Open a notebook, and start what runs its cells."""
        wanted = {"path": notebook, "name": notebook, "type": "notebook"}
        session = self.ask("POST", "api/sessions", {**wanted, "kernel": {"name": "python3"}})
        assert session.status_code == 201, session.text
        return Kernel(self, session.json()["kernel"]["id"])

    def cells(self, notebook):
        content = self.ask("GET", f"api/contents/{notebook}").json()["content"]
        return [cell for cell in content["cells"] if cell["cell_type"] == "code"]

    def shell(self, command):
        """What a command of the student's says and whether it succeeds, as in his terminal."""
        return subprocess.run(
            ["bash", "-c", command],
            user=self.user.pw_uid,
            group=self.user.pw_gid,
            extra_groups=[],
            cwd=self.home,
            env={"HOME": str(self.home), "PATH": os.environ["PATH"], "USER": self.name},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def act(self, what, assignment):
        """Fetch or submit an assignment, as nbgrader's list in JupyterLab does."""
        body = {"course_id": "autodiff", "assignment_id": assignment}
        answer = self.ask("POST", f"assignments/{what}", body)
        assert answer.json()["success"], answer.text

    def leave(self):
        """End what runs in the student's name, and remove the user and the home."""
        for each in self.open:
            each.close()
        for process in list(processes_of(self.name)):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        wait_for(lambda: not list(processes_of(self.name)), 30)
        subprocess.run(["userdel", "--remove", self.name], capture_output=True, check=True)
        self.classroom.students.remove(self)

    def bytes_used(self):
        """The memory of all that runs in the student's name."""
        return sum(process.memory_info().rss for process in processes_of(self.name))


def said_on(page):
    """What a page of the hub tells a student, without its tags."""
    main = page[page.index("<body") :]
    return re.sub(r"\s+", " ", re.sub(r"<script.*?</script>|<[^>]+>", " ", main, flags=re.S))


class Kernel:
    """What runs a student's cells, reached as JupyterLab reaches it."""

    def __init__(self, student, ident):
        self.student, self.ident = student, ident
        address = f"{student.classroom.url}/user/{student.name}/api/kernels/{ident}/channels"
        cookies = requests.cookies.get_cookie_header(
            student.browser.cookies, requests.Request("GET", address)
        )
        self.socket = websocket.create_connection(
            address.replace("http", "ws", 1), cookie=cookies, timeout=120
        )
        student.open.append(self.socket)

    def run(self, source):
        """Run a cell; return what it prints, and the last line of an error."""
        ident = secrets.token_hex(16)
        header = {"msg_id": ident, "msg_type": "execute_request", "version": "5.3"}
        header |= {"username": "", "session": ident, "date": "2026-01-01T00:00:00Z"}
        content = {"code": source, "silent": False, "store_history": True, "user_expressions": {}}
        message = {"channel": "shell", "header": header, "parent_header": {}, "metadata": {}}
        self.socket.send(json.dumps({**message, "content": content, "allow_stdin": False}))
        printed, error = "", None
        while True:
            said = json.loads(self.socket.recv())
            if said["parent_header"].get("msg_id") != ident:
                continue
            kind, content = said["msg_type"], said["content"]
            if kind == "stream":
                printed += content["text"]
            if kind == "error":
                error = f"{content['ename']}: {content['evalue']}"
            if kind == "status" and content["execution_state"] == "idle":
                return printed, error
