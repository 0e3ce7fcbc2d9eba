"""`unrender serve` as a process: it says where it is, and SIGTERM lets it finish what runs."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from conftest import need_page

from unrender.cli.main import main


def test_terminate_finishes_what_runs(picture_file: bytes) -> None:
    need_page()
    command = [sys.executable, "-m", "unrender.cli.main", "serve", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        match = re.search(r"http://127\.0\.0\.1:\d+/", line)
        assert match, line + (process.stderr.read() if process.stderr and process.poll() is not None else "")
        port = urlsplit(match[0]).port
        body = (
            b'--xyz\r\nContent-Disposition: form-data; name="photo"; filename="a.png"\r\n\r\n'
            + picture_file
            + b"\r\n--xyz--\r\n"
        )
        head = (
            "POST /reconstruct HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
            f"Content-Type: multipart/form-data; boundary=xyz\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
            client.sendall(head.encode() + body[:2000])
            time.sleep(0.5)
            process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            with pytest.raises(OSError):  # nobody new is let in
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
            client.sendall(body[2000:])
            answer = b"".join(iter(lambda: client.recv(65536), b""))
        status, _, rest = answer.partition(b"\r\n")
        assert status.split()[1] == b"200", answer[:400]
        assert json.loads(rest.partition(b"\r\n\r\n")[2])["category"]
        assert process.wait(60) == 0
        assert process.stderr is not None and "Traceback" not in process.stderr.read()
    finally:
        process.kill()
        process.communicate()


def test_port_in_use(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["serve", "--port", str(port)]) == 2
    error = capsys.readouterr().err
    assert str(port) in error and error.count("\n") == 1


def test_static_folder_is_not_written_over_other_files(tmp_path, capsys) -> None:
    need_page()
    (tmp_path / "mine.txt").write_text("mine")
    assert main(["serve", "--static", str(tmp_path)]) == 2
    assert "holds other files" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_examples_of_the_page(tmp_path, monkeypatch) -> None:
    """The commands that docs/web.md marks as examples run as printed."""
    need_page()
    page = Path(__file__).parents[2] / "docs" / "web.md"
    pattern = re.compile(r"<!-- example: bash -->\n```bash\n(.*?)```", re.DOTALL)
    examples = pattern.findall(page.read_text(encoding="utf-8"))
    monkeypatch.chdir(tmp_path)
    assert examples
    for line in "".join(examples).splitlines():
        program, *words = line.split("#")[0].split()
        assert program == "unrender" and main(words) == 0
    config = json.loads((tmp_path / "page" / "config.json").read_text())
    assert config["mode"] == "browser" and (tmp_path / "page" / "model" / "model.onnx").is_file()
    assert main(["serve", "--static", "page"]) == 0  # again, over the earlier one
