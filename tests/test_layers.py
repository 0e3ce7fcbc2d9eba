"""The layers of docs/architecture.md, kept by walking the imports; what a base installation may import."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src" / "unrender"

LAYERS = [
    {"errors"},
    {"files", "image", "rotation", "camera", "mesh", "topology", "template", "texture", "light"}
    | {"shape_space", "placement", "smooth_fields"},
    {"render", "network", "data"},
    {"losses", "metrics", "compat"},
    {"synthesize", "train", "export"},
    {"reconstruct"},
    {"fit", "refine"},
    {"evaluate", "cli", "viewer", "own"},
]
LAYER = {part: number for number, parts in enumerate(LAYERS) for part in parts}

# Within a layer: the small modules of the second may use one another without cycles; the command line
# shows what evaluation computes and starts the server; training augments with what `synthesize` offers;
# a refinement ends with the smooth steps of a fit; a run on one's own photos ends with an evaluation.
SECOND = 1
SAME_LAYER = {("cli", "evaluate"), ("cli", "viewer"), ("train", "synthesize"), ("refine", "fit")}
SAME_LAYER |= {("own", "evaluate"), ("cli", "own")}

TORCH = ("render/torch_", "render/reference", "network/", "losses", "train/", "compat/")
NO_TORCH = ("network/runtime.py", "network/calibration.py")

MODULES = sorted(SOURCE.rglob("*.py"))


def _part(path):
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def _imports(path):
    """Absolute names that a module imports, wherever in the file; not those for type checking only."""
    names = []

    def walk(node):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for child in node.orelse:
                walk(child)
            return
        if isinstance(node, ast.Import):
            names.extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                folder = path.relative_to(SOURCE.parent).parts[: -node.level]
                base = ".".join((*folder, *filter(None, [node.module])))
            names.append(base)
            if base == "unrender":
                names.extend(f"unrender.{alias.name}" for alias in node.names)
        for child in ast.iter_child_nodes(node):
            walk(child)

    walk(ast.parse(path.read_text(encoding="utf-8")))
    return names


def _own_parts(path):
    parts = {name.split(".")[1] for name in _imports(path) if name.startswith("unrender.")}
    return {part for part in parts if (SOURCE / part).is_dir() or (SOURCE / f"{part}.py").exists()}


def test_every_module_has_a_layer():
    unknown = {_part(path) for path in MODULES} - set(LAYER) - {"__init__", "__main__"}
    assert not unknown, f"add {sorted(unknown)} to a layer here and in docs/architecture.md"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_go_down(path):
    part = _part(path)
    if part in ("__init__", "__main__"):
        return
    for other in (_own_parts(path) - {part}) & set(LAYER):
        below = LAYER[other] < LAYER[part]
        beside = LAYER[other] == LAYER[part] == SECOND or (part, other) in SAME_LAYER
        assert below or beside, f"{path.relative_to(SOURCE)} may not import unrender.{other}"


def test_second_layer_has_no_cycles():
    modules = [part for part in LAYERS[SECOND] if (SOURCE / f"{part}.py").exists()]
    graph = {part: _own_parts(SOURCE / f"{part}.py") & LAYERS[SECOND] - {part} for part in modules}
    while graph:
        leaves = {part for part, needs in graph.items() if not needs}
        assert leaves, f"cycle among {sorted(graph)}"
        graph = {part: needs - leaves for part, needs in graph.items() if part not in leaves}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_torch_stays_in_its_places(path):
    place = path.relative_to(SOURCE).as_posix()
    if place.startswith(TORCH) and not place.startswith(NO_TORCH):
        return
    used = {name.split(".")[0] for name in _imports(path)}
    assert "torch" not in used, f"{place} imports torch, which a base installation does not have"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_kernels_are_numpy_only(path):
    if "kernels" in path.parts:
        assert not {name.split(".")[0] for name in _imports(path)} & {
            "torch",
            "onnxruntime",
            "trimesh",
            "PIL",
        }


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_files_stay_short(path):
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= 400, f"{path.relative_to(SOURCE)} has {lines} lines; one concept a file"


def test_test_files_have_unique_names():
    names = [path.name for path in Path(__file__).parent.rglob("test_*.py")]
    assert len(set(names)) == len(names), sorted(name for name in set(names) if names.count(name) > 1)


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("unrender", ["torch", "numba", "onnxruntime", "trimesh", "scipy"]),
        ("unrender.render", ["torch", "onnxruntime"]),
        ("unrender.export", ["torch", "numba", "onnxruntime", "trimesh"]),
        ("unrender.reconstruct", ["torch"]),
        ("unrender.cli.main", ["torch", "numba", "onnxruntime"]),
    ],
)
def test_light_imports(module, absent):
    code = f"import sys, {module}; print([name for name in {absent} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
