"""A server on a thread, a browser, and a picture of our own for the tests of the web page."""

from __future__ import annotations

import base64
import contextlib
import functools
import http.server
import io
import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="needs unrender[web]")

import uvicorn

from unrender.camera import Camera, orbit
from unrender.light import SH_0, irradiance_coefficients, sh_basis
from unrender.mesh import Mesh
from unrender.reconstruct import Reconstructor
from unrender.render.scene import render
from unrender.synthesize.bird import make_bird
from unrender.texture import linear_to_bytes
from unrender.viewer.app import create_app
from unrender.viewer.page_files import missing_vendor
from unrender.viewer.settings import Settings
from unrender.viewer.static_site import write_static_site

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    f"--{flag}"
    for flag in (
        "no-sandbox", "disable-quic", "no-first-run", "disable-background-networking",
        "disable-component-update", "disable-sync",
        "use-gl=angle", "use-angle=swiftshader", "enable-unsafe-swiftshader",
    )
]  # fmt: skip
SCREENSHOTS = Path(__file__).resolve().parents[2] / "out" / "page"

RECONSTRUCT = """async ({bytes, options}) => {
  const at = (name) => new URL(name, document.baseURI).href;
  const [{loadAssets}, {reconstruct}, {pixelsOf}, {boxAt}] = await Promise.all(
    ["reconstruct/assets.js", "reconstruct/pipeline.js", "mesh/image_file.js", "reconstruct/choose.js"]
      .map((name) => import(at(name))));
  globalThis.assets ??= await loadAssets(at("model/"));
  const data = Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0));
  const photo = pixelsOf(await createImageBitmap(new Blob([data])));
  const {glb, record} = await reconstruct(assets, photo, options);
  const box = await boxAt(assets.network, photo.picture, assets.card.image_size, 110, 100);
  let text = "";
  for (const byte of glb) text += String.fromCharCode(byte);
  return {glb: btoa(text), record, box: [box.x, box.y, box.width, box.height]};
}"""


def render_picture(seed: int, size: int = 240, azimuth: float = 62.0) -> np.ndarray:
    """A made-up bird before a plain two-colour background, uint8 [size, size, 3]."""
    shape = make_bird(seed)
    light = np.zeros((9, 3), np.float32)
    light[0] = 0.55 / SH_0
    towards = np.array([0.3, 0.8, 0.52])
    light += 0.5 * np.pi * irradiance_coefficients(sh_basis(towards)[:, None])
    mesh = Mesh(shape.vertices, shape.faces, vertex_colors=shape.colors)
    seen = render(mesh, Camera.from_fov(size, orbit(azimuth, 8.0, 4.7)), light, samples=2)
    ramp = np.linspace(0.45, 0.2, size, dtype=np.float32)[:, None, None]
    paper = ramp * np.array([0.75, 0.85, 1.0], np.float32)
    return linear_to_bytes(seen.image + (1 - seen.mask[..., None]) * paper)


def reconstruct_in_browser(page, picture: np.ndarray, options: dict) -> dict:
    """What the static page's modules make of a picture uint8 [H, W, 3]: glb (bytes), record, and the box of a
    click at (110, 100)."""
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG")
    data = base64.b64encode(stream.getvalue()).decode()
    got = page.evaluate(RECONSTRUCT, {"bytes": data, "options": options})
    return got | {"glb": base64.b64decode(got["glb"])}


@pytest.fixture(scope="session")
def picture() -> np.ndarray:
    return render_picture(500_020)


@pytest.fixture(scope="session")
def picture_file(picture: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture(scope="session")
def reconstructor() -> Reconstructor:
    return Reconstructor.from_pretrained()


def need_page() -> None:
    """Skip where `make web` has not run."""
    if missing_vendor():
        pytest.skip("the page's libraries are missing: run `make web`")


@contextlib.contextmanager
def running(reconstructor: object, settings: Settings | None = None) -> Iterator[str]:
    """The address of a server that runs meanwhile."""
    need_page()
    app = create_app(reconstructor, settings or Settings())  # type: ignore[arg-type]
    listening = socket.create_server(("127.0.0.1", 0), backlog=128)
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=10))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
        assert thread.is_alive()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
    server.should_exit = True
    thread.join(20)


@pytest.fixture(scope="session")
def server(reconstructor: Reconstructor) -> Iterator[str]:
    with running(reconstructor) as address:
        yield address


@pytest.fixture(scope="session")
def static_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The static page behind Python's own web server."""
    need_page()
    folder = write_static_site(tmp_path_factory.mktemp("static") / "site")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{web.server_port}/"
        web.shutdown()


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    if CHROMIUM is None:
        pytest.skip("chromium is not installed: the page is not tested")
    with api.sync_playwright() as playwright:
        program = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield program
        program.close()


@pytest.fixture(scope="module")
def static_page(browser, static_site: str):
    """The page without a server, open, for its modules to be called."""
    page = browser.new_page()
    page.set_default_timeout(240_000)
    page.goto(f"{static_site}index.html")
    yield page
    page.close()
