"""The page in a browser, with the server and as a static folder: no requests elsewhere, a mesh on the canvas,
downloads that other programs read, errors that people can read."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import trimesh
from conftest import SCREENSHOTS
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 240_000
"""Milliseconds: WebGL is drawn by the processor here."""


class Visit:
    """One open page and what it asked for."""

    def __init__(self, browser, address: str, width: int = 900, height: int = 700) -> None:
        self.address = address
        self.page = browser.new_page(viewport={"width": width, "height": height}, accept_downloads=True)
        self.page.set_default_timeout(PATIENCE)
        self.requests: list[str] = []
        self.problems: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.goto(address)
        self.page.wait_for_selector("html[data-ready]")

    def reconstruct(self, data: bytes) -> None:
        """Choose a picture file and wait for the mesh."""
        before = self.page.evaluate("document.documentElement.dataset.shown ?? ''")
        self.page.set_input_files("#file", {"name": "my bird.png", "mimeType": "image/png", "buffer": data})
        self.wait_for_mesh(before)

    def wait_for_mesh(self, before: str) -> None:
        self.page.wait_for_function(
            "before => !document.getElementById('error').hidden ||"
            " (document.documentElement.dataset.shown ?? '') !== before",
            arg=before,
        )
        assert self.page.is_hidden("#error"), self.page.inner_text("#error")

    def pixels(self, selector: str, name: str) -> np.ndarray:
        """What an element looks like, float [H, W, 3]; the whole page is kept as a picture."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)
        data = self.page.locator(selector).screenshot()
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(float)

    def download(self, format: str, folder: Path) -> Path:
        with self.page.expect_download() as waiting:
            self.page.click(f"a.download[data-format={format}]")
        path = folder / waiting.value.suggested_filename
        waiting.value.save_as(path)
        return path

    def wait_for_error(self) -> str:
        self.page.wait_for_selector("#error:not([hidden])")
        return self.page.inner_text("#error")


@pytest.fixture(scope="module", params=["server", "static_site"])
def visit(request: pytest.FixtureRequest, browser, picture_file: bytes):
    """The page after one picture has been reconstructed."""
    visit = Visit(browser, request.getfixturevalue(request.param))
    visit.kind = request.param
    visit.reconstruct(picture_file)
    yield visit
    visit.page.close()


def test_mesh_is_drawn_and_nothing_is_fetched_elsewhere(visit: Visit) -> None:
    shown = visit.pixels("#stage", f"mesh-{visit.kind}")
    background = shown[5, 5]
    different = np.abs(shown - background).max(-1) > 24
    assert 0.04 < different.mean() < 0.8, different.mean()
    middle = different[shown.shape[0] // 3 : -shown.shape[0] // 3, shown.shape[1] // 3 : -shown.shape[1] // 3]
    assert middle.mean() > 0.3
    assert shown[different].std(0).max() > 12  # a texture, not one colour
    own = urlsplit(visit.address).netloc
    outside = [url for url in visit.requests if not url.startswith(("blob:", "data:"))]
    assert {urlsplit(url).netloc for url in outside} == {own}
    assert visit.problems == []


def test_comparison_lies_on_the_photo(visit: Visit, picture: np.ndarray) -> None:
    """The drawn mesh covers the bird of the photo and has its colours."""
    visit.page.click("#view-compare")
    visit.page.locator("#slider").fill("0")
    visit.page.wait_for_function("() => document.getElementById('compare-after').width > 400")
    drawn = visit.pixels("#compare", f"compare-{visit.kind}")
    visit.page.click("#view-3d")
    photo = np.asarray(Image.fromarray(picture).resize(drawn.shape[1::-1]), float)
    centre = np.s_[
        int(0.42 * len(photo)) : int(0.56 * len(photo)), int(0.42 * len(photo)) : int(0.58 * len(photo))
    ]
    assert np.abs(drawn[centre] - photo[centre]).mean() < 40
    assert np.abs(drawn[:20, :20] - photo[:20, :20]).mean() > 40  # elsewhere the photo is only hinted at


def test_downloads_are_read_by_others(visit: Visit, tmp_path: Path) -> None:
    glb = visit.download("glb", tmp_path)
    assert glb.name == "my bird.glb"
    meshes = {"glb": trimesh.load(glb, force="mesh", process=False)}
    validator = ROOT / "tests" / "export" / "validate_glb.mjs"
    if shutil.which("node") and (ROOT / "node_modules" / "gltf-validator").is_dir():
        done = subprocess.run(["node", validator, glb], capture_output=True, text=True, timeout=120)
        (report,) = json.loads(done.stdout)
        assert (report["errors"], report["warnings"]) == (0, 0), report
    for format in ("ply", "stl"):
        meshes[format] = trimesh.load(visit.download(format, tmp_path), process=False)
    with zipfile.ZipFile(visit.download("obj", tmp_path)) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path / "obj")
    (obj,) = (tmp_path / "obj").glob("*.obj")
    meshes["obj"] = trimesh.load(obj, force="mesh", process=False)
    for format, mesh in meshes.items():
        assert len(mesh.faces) == 1280, format
        np.testing.assert_allclose(mesh.bounds, meshes["glb"].bounds, atol=1e-4, err_msg=format)
    colours = {
        "glb": np.asarray(meshes["glb"].visual.material.baseColorTexture.convert("RGB")).mean((0, 1)),
        "obj": np.asarray(meshes["obj"].visual.material.image.convert("RGB")).mean((0, 1)),
    }
    assert np.abs(colours["glb"] - colours["obj"]).max() < 3


def test_variants_are_valid_files(visit: Visit, tmp_path: Path) -> None:
    """What the toggles show: other looks of the same mesh, as files of their own."""
    make = """async (options) => {
      const at = (name) => new URL(name, document.baseURI).href;
      const [{readGlb}, {variant}] = await Promise.all(
        ["mesh/glb_read.js", "mesh/variants.js"].map((name) => import(at(name))));
      const shown = await (await fetch(document.getElementById("viewer").src)).arrayBuffer();
      return Array.from(variant(readGlb(shown), options));
    }"""
    parts = {}
    for name, options in {
        "wireframe": {"wireframe": True},
        "normals": {"normals": True},
        "plain": {"texture": False},
    }.items():
        path = tmp_path / f"{name}.glb"
        path.write_bytes(bytes(visit.page.evaluate(make, options)))
        scene = trimesh.load_scene(path, process=False)
        parts[name] = {type(part).__name__ for part in scene.geometry.values()}
    assert parts == {"wireframe": {"Trimesh", "Path3D"}, "normals": {"Trimesh"}, "plain": {"Trimesh"}}
    validator = ROOT / "tests" / "export" / "validate_glb.mjs"
    if shutil.which("node") and (ROOT / "node_modules" / "gltf-validator").is_dir():
        command = ["node", validator, *sorted(tmp_path.glob("*.glb"))]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        reports = [(report["errors"], report["warnings"]) for report in json.loads(done.stdout)]
        assert reports == [(0, 0)] * 3, done.stdout[:3000]


def test_refine_button(visit: Visit) -> None:
    if visit.kind != "server":
        assert visit.page.is_hidden("#refine")
        return
    before = visit.page.inner_text("#status")
    visit.page.click("#refine")
    visit.page.wait_for_function(
        "() => document.getElementById('refine-detail').textContent.includes('outline')"
    )
    visit.page.wait_for_function(
        "before => !document.getElementById('error').hidden ||"
        " (document.getElementById('refine-progress').hidden"
        " && document.getElementById('status').textContent !== before)",
        arg=before,
    )
    assert visit.page.is_hidden("#error"), visit.page.inner_text("#error")
    visit.pixels("#stage", "refined")


def test_errors_are_readable(visit: Visit, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("just words\n" * 100)
    visit.page.set_input_files("#file", text)
    assert "not a picture" in visit.wait_for_error()
    large = tmp_path / "large.jpg"
    with open(large, "wb") as file:
        file.truncate(50_000_000)
    visit.page.set_input_files("#file", large)
    visit.page.wait_for_function("() => document.getElementById('error').textContent.includes('larger')")
    assert visit.wait_for_error() == "The file is larger than 20 MB (50 MB). Use a smaller picture."
    stream = io.BytesIO()
    Image.new("RGB", (64, 64), (9, 9, 9)).save(stream, "PNG")
    picture = {"name": "flat.png", "mimeType": "image/png", "buffer": stream.getvalue()}
    visit.page.set_input_files("#file", picture)
    visit.page.wait_for_function("() => document.getElementById('error').textContent.includes('one colour')")
    visit.pixels("#error", f"error-{visit.kind}")


def test_keyboard_and_names(visit: Visit) -> None:
    """Everything that can be used has a name; the box can be moved with the keyboard."""
    nameless = visit.page.evaluate(
        """() => [...document.querySelectorAll("button, input, canvas, img, a, model-viewer")]
            .filter((e) => !e.closest("[hidden]"))
            .filter((e) => !(e.getAttribute("aria-label") || e.getAttribute("alt") !== null
                || e.textContent.trim() || e.labels?.length || e.querySelector("img[alt]")))
            .map((e) => e.outerHTML)"""
    )
    assert nameless == []
    page = visit.page
    page.focus("#photo")
    page.keyboard.press("ArrowLeft")
    first = page.locator("#selection").bounding_box()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Shift+ArrowDown")
    second = page.locator("#selection").bounding_box()
    assert second["x"] < first["x"] and second["height"] > first["height"]
    assert page.evaluate("document.documentElement.lang") == "en"


def test_fits_a_phone(browser, server: str) -> None:
    visit = Visit(browser, server, 360, 740)
    wide = visit.page.evaluate("document.documentElement.scrollWidth")
    visit.pixels("header", "phone")
    small = visit.page.evaluate(
        """() => [...document.querySelectorAll("main button, main label")].filter((e) => e.offsetParent)
            .filter((e) => e.offsetHeight < 36).map((e) => e.outerHTML)"""
    )
    visit.page.close()
    assert wide <= 360
    assert [entry for entry in small if 'id="view' not in entry] == []
