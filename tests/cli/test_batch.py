"""Batches: what is skipped, logged and summed up; workers that die; real photos in real processes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from crashing import open_copying_session
from fakes import FakeReconstructor

import unrender
from unrender.cli.joblog import settings_key
from unrender.cli.main import main
from unrender.cli.options import parse_options
from unrender.cli.outputs import Outputs, plan_outputs
from unrender.cli.pool import Report, reconstruct_in_processes
from unrender.errors import ModelError

MODELS = Path(unrender.__file__).parent / "models"


@pytest.fixture
def photos(photo: Path) -> list[Path]:
    paths = [photo.with_name(f"p{number}.jpg") for number in range(3)]
    for path in paths:
        shutil.copy(photo, path)
    return paths


def log_of(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "unrender.jsonl").read_text().splitlines()]


def test_log_summary_and_going_on(
    photos: list[Path], fake: FakeReconstructor, capsys: pytest.CaptureFixture[str]
) -> None:
    out = photos[0].parent / "out"
    bad = photos[0].with_name("bad.jpg")
    bad.write_bytes(b"no picture")
    arguments = [*map(str, photos), str(bad), "-o", f"{out}/", "--json"]
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert "bird" in captured.out and "failed" in captured.out and "unrender.jsonl" in captured.out
    assert captured.err.splitlines()[-1] == "unrender: 3 of 4 photos reconstructed"
    records = {Path(record["photo"]).name: record for record in log_of(out)}
    assert records["p0.jpg"]["status"] == "done" and records["p0.jpg"]["files"] == ["p0.glb", "p0.json"]
    assert records["p0.jpg"]["category"] == "bird" and records["p0.jpg"]["milliseconds"] == 42
    assert records["bad.jpg"]["status"] == "failed" and "bad.jpg" in records["bad.jpg"]["error"]
    # Again: only what is missing is done, and the bad one is tried.
    (out / "p1.glb").unlink()
    (out / "p1.json").unlink()
    assert main(arguments) == 2 and len(fake.calls) == 4
    assert "1 of 4 photos reconstructed, 2 done before" in capsys.readouterr().err
    bad.unlink()
    assert main([*arguments[:3], *arguments[4:]]) == 0 and len(fake.calls) == 4
    assert main([*arguments[:3], *arguments[4:], "--force"]) == 0 and len(fake.calls) == 7


def test_other_options_or_another_photo_are_noticed(
    photos: list[Path], fake: FakeReconstructor, capsys: pytest.CaptureFixture[str]
) -> None:
    out = photos[0].parent / "out"
    arguments = [*map(str, photos), "-o", f"{out}/"]
    assert main(arguments) == 0
    assert main([*arguments, "--no-loop"]) == 2 and len(fake.calls) == 3
    assert capsys.readouterr().err.count("other options; pass --force") == 3
    others = photos[0].parent / "others"
    others.mkdir()
    shutil.copy(photos[0], others / "p0.jpg")
    assert main([str(others / "p0.jpg"), str(photos[1]), "-o", f"{out}/"]) == 2
    assert "another photo" in capsys.readouterr().err and len(fake.calls) == 3
    (out / "unrender.jsonl").unlink()  # without a log, files that are there count as done
    assert main(arguments) == 0 and len(fake.calls) == 3


def test_a_log_cut_off_in_a_line(photos: list[Path], fake: FakeReconstructor) -> None:
    out = photos[0].parent / "out"
    arguments = [*map(str, photos), "-o", f"{out}/", "--log", f"{out}/log.jsonl"]
    assert main(arguments[:2] + arguments[3:]) == 0
    log = out / "log.jsonl"
    log.write_bytes(log.read_bytes() + b'{"time": "2026-')
    assert main(arguments) == 0 and len(fake.calls) == 3
    lines = log.read_text().splitlines()
    assert len(lines) == 4 and json.loads(lines[3])["photo"].endswith("p2.jpg")


def test_files_asked_for_do_not_change_the_settings() -> None:
    plain = settings_key(parse_options(["a.jpg", "b.jpg"]))
    assert plain == settings_key(
        parse_options(["c.jpg", "-o", "x/", "--json", "--sheet", "s/", "--workers", "3"])
    )
    assert plain != settings_key(parse_options(["a.jpg", "b.jpg", "--height", "0.2"]))


def in_processes(folder: Path, names: list[str], workers: int) -> dict[str, Report]:
    options = parse_options(names)
    photos = [folder / f"{name}.jpg" for name in names]
    for photo in photos:
        photo.write_bytes(photo.name.encode())
    tasks = list(zip(photos, plan_outputs(photos, f"{folder}/out/"), strict=True))
    return {
        report.photo.stem: report
        for report in reconstruct_in_processes(tasks, options, workers, open_copying_session)
    }


def test_a_photo_that_kills_its_process(tmp_path: Path) -> None:
    reports = in_processes(tmp_path, ["a", "bad", "b", "killer", "c", "broken", "d", "e"], 2)
    assert set(reports) == {"a", "bad", "b", "killer", "c", "broken", "d", "e"}
    assert "its process died" in reports["killer"].error
    assert "not a picture" in reports["bad"].error and "ZeroDivisionError" in reports["broken"].error
    made = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert made == ["a.glb", "b.glb", "c.glb", "d.glb", "e.glb"]
    assert all(reports[name].done for name in "abcde")


def test_a_model_that_cannot_be_used_ends_it(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="damaged"):
        in_processes(tmp_path, ["a", "model", "b"], 1)


def children(pid: int) -> list[int]:
    done = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True)
    return [int(word) for word in done.stdout.split()]


def gone(pid: int) -> bool:
    try:
        return "Z" in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return True


@pytest.mark.skipif(
    not Path("/proc/self/stat").exists() or not shutil.which("ps"), reason="needs /proc and ps"
)
def test_workers_do_not_outlive_their_parent(tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\n"
        "from crashing import open_copying_session\n"
        "from unrender.cli.options import parse_options\n"
        "from unrender.cli.outputs import Outputs\n"
        "from unrender.cli.pool import reconstruct_in_processes\n"
        "if __name__ == '__main__':\n"
        "    tasks = [(Path('slow.jpg'), Outputs(Path(f'{n}.glb'))) for n in range(2)]\n"
        "    list(reconstruct_in_processes(tasks, parse_options(['x']), 2, open_copying_session))\n"
    )
    (tmp_path / "parent.py").write_text(code)
    parent = subprocess.Popen(
        [sys.executable, "parent.py", str(Path(__file__).parent)], cwd=tmp_path, start_new_session=True
    )
    try:
        deadline = time.monotonic() + 60
        while len(workers := children(parent.pid)) < 3 and time.monotonic() < deadline:
            time.sleep(0.1)  # two workers and multiprocessing's own helper
        assert len(workers) == 3
        time.sleep(1)
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait(10)
        while not all(map(gone, workers)) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert all(map(gone, workers))
    finally:
        if parent.poll() is None:
            os.killpg(parent.pid, signal.SIGKILL)


@pytest.mark.skipif(not (MODELS / "sample.jpg").is_file(), reason="needs the model inside the package")
def test_real_photos_in_two_processes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos = [tmp_path / f"bird{number}.jpg" for number in range(8)]
    for photo in photos:
        shutil.copy(MODELS / "sample.jpg", photo)
    (tmp_path / "bird9.jpg").write_bytes(b"no picture")
    arguments = [*map(str, [*photos, tmp_path / "bird9.jpg"]), "-o", f"{tmp_path}/out/", "--no-loop"]
    assert main([*arguments, "--workers", "2", "--format", "glb,stl"]) == 2
    captured = capsys.readouterr()
    assert "2 processes" in captured.out and "8 of 9" in captured.err
    meshes = [(tmp_path / "out" / f"bird{number}.glb").read_bytes() for number in range(8)]
    assert len(set(meshes)) == 1  # the same photo, whichever process it fell to
    assert len(list((tmp_path / "out").glob("*.stl"))) == 8
    assert main(arguments) == 2 and "8 done before" in capsys.readouterr().err


def test_outputs_of_a_photo_are_written_mesh_and_record_last() -> None:
    outputs = Outputs(
        Path("a.obj"), Path("a.json"), {"sheet": Path("s.png")}, (Path("a.glb"),), (Path("a.mtl"),)
    )
    assert [path.name for path in outputs.paths] == ["s.png", "a.mtl", "a.glb", "a.obj", "a.json"]
