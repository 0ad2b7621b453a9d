"""Masks, images, feature vectors and labels of frames, measured against a reference."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from scipy.linalg import sqrtm
from scipy.ndimage import gaussian_filter
from scipy.spatial.distance import cdist
from sklearn.metrics import f1_score

from preceptor import api
from preceptor.cli import main
from preceptor.scoring.feature_sets import feature_metrics
from preceptor.scoring.masks import MaskRules, mask_metrics
from preceptor.scoring.pictures import picture_metrics
from preceptor.scoring.segments import edit_score, macro_f1, phase_metrics
from preceptor.statistics.feature_sets import frechet_distance, jackknife_interval, kernel_distance
from preceptor.statistics.image_fidelity import psnr, ssim
from preceptor.statistics.surface_elements import area_within, element_areas
from suite_answers import DATA, needs

Mask = NDArray[np.bool_]
RULES = MaskRules(tolerances=(1.0, 2.0, 3.0), surfel=True)


def ball(centre: tuple[int, int, int], radius: float) -> Mask:
    """In (40, 64, 64) voxels of 2, 1 and 1 mm; the centre is a voxel."""
    grid = np.indices((40, 64, 64))
    away = sum(((g - c) * s) ** 2 for g, c, s in zip(grid, centre, (2, 1, 1), strict=True))
    inside: Mask = away <= radius**2
    return inside


def rounded(found: dict[str, float | None]) -> dict[str, float | None]:
    return {name: None if value is None else round(value, 6) for name, value in found.items()}


def test_two_balls_have_the_figures_computed_elsewhere() -> None:
    """Two definitions of HD95 and of NSD, with the spacing and without."""
    one, other = ball((20, 32, 32), 12), ball((21, 34, 31), 11)
    assert (int(one.sum()), int(other.sum())) == (3581, 2835)
    found = rounded(mask_metrics(one, other, (2, 1, 1), RULES))
    expected = {
        "dice": 0.787406,
        "iou": 0.649357,
        "hd": 4.582576,
        "hd95": 3.605551,
        "hd95_pooled": 3.464102,
        "assd": 1.597798,
        "nsd_voxel@1": 0.402056,
        "nsd_voxel@2": 0.727814,
        "nsd_voxel@3": 0.923701,
        "nsd_surfel@1": 0.541925,
        "nsd_surfel@2": 0.788311,
        "nsd_surfel@3": 0.960837,
    }
    assert {name: found[name] for name in expected} == expected
    flat = rounded(mask_metrics(one, other, (1, 1, 1), MaskRules(tolerances=(1.0, 2.0, 3.0))))
    distances = [flat[name] for name in ("hd", "hd95", "hd95_pooled", "assd")]
    assert distances == [3.464102, 3.0, 2.828427, 1.167220]
    assert [flat[f"nsd_voxel@{each}"] for each in (1, 2, 3)] == [0.633117, 0.870671, 0.989177]
    square = np.zeros((32, 32), dtype=bool)
    square[8:24, 8:24] = True
    moved = rounded(mask_metrics(square, np.roll(square, 2, 0), (1, 1), MaskRules((1.0, 2.0))))
    names = ("dice", "iou", "hd", "hd95", "hd95_pooled", "assd", "nsd_voxel@1", "nsd_voxel@2")
    assert [moved[name] for name in names] == [0.875, 0.777778, 2, 2, 2, 1, 0.533333, 1]


def surface(mask: Mask) -> Mask:
    """By hand: voxels of which a neighbour, or one beyond the image, is outside."""
    wide = np.pad(mask, 1)
    inner = np.ones_like(mask)
    for axis in range(mask.ndim):
        for step in (-1, 1):
            inner &= np.roll(wide, step, axis)[tuple(slice(1, -1) for _ in mask.shape)]
    return mask & ~inner


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(7, 6), (4, 5, 3)]), st.floats(0.2, 0.8))
def test_distances_are_those_of_all_pairs_of_voxels(
    seed: int, shape: tuple[int, ...], share: float
) -> None:
    """An independent implementation, on masks at the image's edge too; both ways are alike."""
    rng = np.random.default_rng(seed)
    one, other = rng.random(shape) < share, rng.random(shape) < share
    if not one.any() or not other.any():
        return
    spacing = (1.5, 0.7, 2.0)[: len(shape)]
    points = [np.argwhere(surface(mask)) * spacing for mask in (one, other)]
    apart = cdist(*points)
    forth, back = apart.min(axis=1), apart.min(axis=0)
    found = mask_metrics(one, other, spacing, MaskRules((1.6,)))
    assert found["hd"] == pytest.approx(max(forth.max(), back.max()))
    assert found["hd95"] == pytest.approx(max(np.percentile(forth, 95), np.percentile(back, 95)))
    both = np.concatenate([forth, back])
    assert found["hd95_pooled"] == pytest.approx(np.percentile(both, 95))
    assert found["assd"] == pytest.approx(both.mean())
    assert found["nsd_voxel@1.6"] == pytest.approx(np.mean(both <= 1.6))
    turned = mask_metrics(other, one, spacing, MaskRules((1.6,)))
    assert turned["sensitivity"] == found["precision"]
    for name in ("dice", "iou", "hd", "hd95", "assd", "nsd_voxel@1.6"):
        assert turned[name] == pytest.approx(found[name])


def test_surface_elements_have_the_area_of_a_box() -> None:
    """Faces are exact; edges and corners are cut, which takes a known area from each."""
    mask = np.zeros((9, 9, 9), dtype=bool)
    mask[2:7, 2:7, 2:7] = True
    areas = element_areas((1.0, 1.0, 1.0))
    # Six faces of 4 × 4 middles, twelve edges of 4 slanted pieces, eight corners.
    expected = 6 * 16 + 12 * 4 * 2**0.5 / 2 + 8 * 3**0.5 / 8
    codes = np.zeros((8, 8, 8), dtype=int)
    for bit, (i, j, k) in enumerate(np.ndindex(2, 2, 2)):
        codes |= mask[i : i + 8, j : j + 8, k : k + 8].astype(int) << bit
    assert areas[codes].sum() == pytest.approx(expected)
    assert areas[0] == areas[255] == 0
    slanted = element_areas((2.0, 1.0, 0.5))
    assert slanted == pytest.approx(slanted[::-1])  # the same surface from inside
    assert area_within(mask, mask, (1, 1, 1), [0.0]) == [1]


@pytest.mark.parametrize("undefined", [False, True])
def test_empty_masks_follow_a_declared_rule(undefined: bool) -> None:
    """Both empty is perfect or undefined; one empty is never left out."""
    empty, full = np.zeros((3, 4), dtype=bool), np.ones((3, 4), dtype=bool)
    rules = MaskRules(undefined=undefined)
    both = mask_metrics(empty, empty, (1, 1), rules)
    good, near = (None, None) if undefined else (1.0, 0.0)
    assert [both[n] for n in ("dice", "iou", "hd95", "nsd_voxel@1")] == [good, good, near, good]
    assert (both["missed"], both["false"], both["precision"]) == (None, 0.0, None)
    missed = mask_metrics(full, empty, (3, 4), rules)
    assert [missed[n] for n in ("dice", "iou", "nsd_voxel@1", "sensitivity")] == [0, 0, 0, 0]
    assert missed["hd95"] == missed["hd"] == missed["assd"] == pytest.approx((9**2 + 16**2) ** 0.5)
    assert (missed["missed"], missed["false"]) == (1.0, None)
    false = mask_metrics(empty, full, (3, 4), MaskRules(penalty=373.1287))
    assert (false["hd95"], false["false"], false["precision"]) == (373.1287, 1.0, 0.0)


def saved(folder: str, name: str, mask: NDArray[np.generic]) -> None:
    Path(folder).mkdir(parents=True, exist_ok=True)
    np.save(Path(folder) / f"{name}.npy", mask)


def test_folders_of_masks_become_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Measured, written, imported and scored: what one case lacks follows the rule."""
    monkeypatch.chdir(tmp_path)
    mask = np.zeros((6, 6), dtype=np.uint8)
    mask[1:4, 1:4] = 1
    saved("ref", "c1", mask)
    saved("net", "c1", mask * (np.arange(6) < 3))
    mask[5, 5] = 2
    saved("ref", "c2", mask)
    saved("net", "c2", (mask == 1).astype(float))
    words = ["measure", "masks", "ref", "net", "--spacing", "1,1", "--labels", "1=liver,2=lesion"]
    assert main([*words, "-o", "cases.csv", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["measured"]
    by_name = {(each["structure"], each["metric"]): each["mean"] for each in found}
    assert by_name["liver", "dice"]["value"] == pytest.approx((0.8 + 1) / 2)
    assert by_name["lesion", "dice"]["value"] == 0.5  # both empty, then missed
    assert (by_name["lesion", "missed"]["value"], by_name["lesion", "missed"]["n"]) == (1.0, 1)
    assert by_name["lesion", "hd95"]["value"] == pytest.approx(72**0.5 / 2)
    assert main([*words, "--empty", "undefined"]) == 0
    with Path("cases.csv").open() as stream:
        assert len([*csv.DictReader(stream)]) == 2 * 2 * 11
    assert main(["import", "cases.csv"]) == 0
    scored = api.load("cases/net").result().metrics
    assert scored["overall_score"].value == pytest.approx((0.8 + 1 + 1 + 0) / 4)
    assert scored["hd95:lesion"].unit == "mm"
    assert scored["missed:lesion"].value == 1


def test_a_volume_has_the_spacing_of_its_header(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the array's order; another grid is refused."""
    import nibabel

    monkeypatch.chdir(tmp_path)
    mask = np.zeros((6, 5, 4), dtype=np.uint8)
    mask[1:3] = 1
    for folder, shift, grid in (("a", 0, 3.0), ("b", 1, 3.0), ("c", 1, 2.0)):
        Path(folder).mkdir()
        affine = np.diag([grid, 1.0, 1.0, 1.0])
        nibabel.save(nibabel.Nifti1Image(np.roll(mask, shift, 0), affine), f"{folder}/c.nii.gz")
    assert main(["measure", "masks", "a", "b", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["measured"]
    assert next(each["mean"]["value"] for each in found if each["metric"] == "hd") == 3
    assert main(["measure", "masks", "a", "c"]) == 2
    assert "resample it to the reference's grid" in capsys.readouterr().err


def test_wrong_arrays_get_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Files without a twin, other shapes, fractions, no spacing, one of other length."""
    monkeypatch.chdir(tmp_path)
    mask = np.ones((4, 4), dtype=np.uint8)
    saved("a", "c1", mask)
    saved("b", "c2", mask)
    saved("c", "c1", np.ones((4, 5), dtype=np.uint8))
    saved("d", "c1", mask * 0.5)
    saved("e", "c1", mask)
    saved("f", "c1", np.zeros((4, 4)))
    Path("g").mkdir()
    Path("g/c1.npy").write_bytes(b"no array")
    spacing = ("--spacing", "1,1")

    def fault(*words: str) -> str:
        capsys.readouterr()
        assert main(["measure", *words]) == 2
        lines = capsys.readouterr().err.strip().splitlines()
        assert len(lines) == 1
        return lines[0]

    assert "found none for 1 case, first 'c1'" in fault("masks", "a", "b", *spacing)
    assert "c/c1.npy: expected 4 × 4" in fault("masks", "a", "c", *spacing)
    assert "found fractions: apply a threshold" in fault("masks", "a", "d", *spacing)
    assert "says no spacing: state it in mm" in fault("masks", "a", "e")
    assert "for each of its 2 axes, found 3" in fault("masks", "a", "e", "--spacing", "1,1,1")
    assert "found only 0 in all files" in fault("masks", "f", "f", *spacing)
    assert "g/c1.npy: expected an array" in fault("masks", "a", "g", *spacing)
    assert "expected a folder of arrays" in fault("masks", "a", "h", *spacing)
    assert "expected numbers above 0" in fault("masks", "a", "e", "--spacing", "0,1")
    assert "expected voxel or surfel" in fault("masks", "a", "e", *spacing, "--nsd", "area")
    assert "expected 3 dimensions" in fault("masks", "a", "e", *spacing, "--nsd", "surfel")
    assert "expected 1=liver,2=spleen" in fault("masks", "a", "e", *spacing, "--labels", "liver")
    saved("i", "c1", np.arange(16.0).reshape(4, 4))
    assert "within a range of 9" in fault("images", "i", "i", "--data-range", "9")
    assert "at least 7 pixels a side" in fault("images", "a", "e", "--data-range", "255")
    assert "expected a number above 0" in fault("images", "a", "e", "--data-range", "0")
    assert "expected 1 to 3 for 4 rows" in fault("features", "a/c1.npy", "e/c1.npy")
    assert "expected 4 dimensions" in fault("features", "a/c1.npy", "c/c1.npy")
    Path("v.csv").write_text("truth,said\n1,1\n")
    assert "expected the columns truth and predicted" in fault("phases", "v.csv")
    Path("v.csv").write_text("truth,predicted\n1,\n")
    assert "v.csv:2: predicted: expected a label, found none" in fault("phases", "v.csv")


def test_ssim_is_that_of_its_windows() -> None:
    """By hand, window by window, with the sample covariance; equal images have 1 and no PSNR."""
    rng = np.random.default_rng(0)
    a = rng.integers(0, 256, (11, 10)).astype(float)
    b = np.clip(a + rng.normal(0, 20, a.shape), 0, 255)
    values = []
    for i in range(5):
        for j in range(4):
            x, y = a[i : i + 7, j : j + 7].ravel(), b[i : i + 7, j : j + 7].ravel()
            c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
            cov = np.cov(x, y)
            above = (2 * x.mean() * y.mean() + c1) * (2 * cov[0, 1] + c2)
            values.append(
                above / ((x.mean() ** 2 + y.mean() ** 2 + c1) * (cov[0, 0] + cov[1, 1] + c2))
            )
    wide = np.tile(a, (1, 2))  # the other window is wider
    found = picture_metrics(wide, wide, 255)
    assert (found["ssim"], found["ssim_gaussian"]) == (pytest.approx(1), pytest.approx(1))
    assert (found["psnr"], found["mse"]) == (None, 0)
    assert ssim(a, b, 255) == pytest.approx(np.mean(values))
    assert psnr(a, b, 255) == pytest.approx(20 * np.log10(255 / np.sqrt(np.mean((a - b) ** 2))))
    colour = np.stack([wide, wide, wide], axis=-1)
    noisy = np.clip(colour + rng.normal(0, 9, colour.shape), 0, 255)
    each = [picture_metrics(colour[..., c], noisy[..., c], 255)["ssim"] for c in range(3)]
    of_all = picture_metrics(colour, noisy, 255, channels=True)["ssim"]
    assert of_all == pytest.approx(np.mean([value for value in each if value is not None]))


@needs("image-samples")
def test_a_blurred_phantom_has_the_figures_computed_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """PSNR, two SSIM and MSE, as a user measures them; the file is grey with an opaque alpha."""
    monkeypatch.chdir(tmp_path)
    source = DATA / "image-samples" / "phantom.png"
    for folder in ("ref", "blur"):
        Path(folder).mkdir()
    Path("ref/phantom.png").symlink_to(source)
    with Image.open(source) as image:
        grey = np.asarray(image.convert("L"), dtype=float)
    blurred = np.round(gaussian_filter(grey, 1.5)).astype(np.uint8)
    Image.fromarray(blurred).save("blur/phantom.png")
    assert main(["measure", "images", "ref", "blur", "--data-range", "255", "--json"]) == 0
    measured = json.loads(capsys.readouterr().out)["measured"]
    found = {each["metric"]: round(each["mean"]["value"], 6) for each in measured}
    expected = {"psnr": 24.441296, "ssim": 0.940430, "ssim_gaussian": 0.939005, "mse": 233.857194}
    assert found == expected


def waves() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    i, j = np.indices((200, 8))
    x = np.sin(0.7 * i + 1.3 * j) + 0.3 * np.cos(0.11 * i * (j + 1))
    y = 1.1 * np.sin(0.7 * i + 1.3 * j + 0.4) + 0.25 * np.cos(0.13 * i * (j + 1)) + 0.1
    return x, y


def test_feature_sets_have_the_figures_computed_elsewhere() -> None:
    """FID, KID and PRDC; KID of a set with itself is below 0."""
    x, y = waves()
    found = {name: metric.value for name, metric in feature_metrics(x, y).items()}
    expected = {
        "fid": 0.123488,
        "kid": 0.024561,
        "precision": 1.0,
        "recall": 0.935,
        "density": 1.235,
        "coverage": 0.995,
    }
    assert {name: round(value or 0.0, 6) for name, value in found.items()} == expected
    assert round(kernel_distance(x, x), 6) == -0.024223
    root = np.real(np.trace(sqrtm(np.cov(x.T) @ np.cov(y.T))))
    apart = ((x.mean(0) - y.mean(0)) ** 2).sum()
    assert found["fid"] == pytest.approx(
        apart + np.trace(np.cov(x.T)) + np.trace(np.cov(y.T)) - 2 * root
    )
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-9)


def test_intervals_of_feature_distances_cover() -> None:
    """Of 60 pairs of samples about 57 have an interval that holds the distance of large ones."""
    rng = np.random.default_rng(9)

    def pair(n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return rng.normal(size=(n, 3)), rng.normal(size=(n, 3)) + 0.5

    truth = np.mean([kernel_distance(*pair(500)) for _ in range(12)])
    held = 0
    for _ in range(60):
        real, made = pair(50)
        value = kernel_distance(real, made)
        low, high = jackknife_interval(kernel_distance, real, made, value) or (0.0, 0.0)
        held += low <= truth <= high
    assert 52 <= held <= 60


def test_sets_of_other_sizes_are_cut_to_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """At random, seeded, and said."""
    monkeypatch.chdir(tmp_path)
    x, y = waves()
    np.save("x.npy", x)
    np.save("y.npy", y[:150])
    assert main(["measure", "features", "x.npy", "y.npy"]) == 0
    assert "cut to 150 rows at random (seed 0)" in capsys.readouterr().err


def test_phases_have_the_figures_computed_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Frames of a dropped true label leave; a predicted background stays a class of its own."""
    truth = ["0", "0", "0", "1", "1", "1", "1", "2", "2", "2", "13", "13", "3", "3"]
    said = ["0", "0", "1", "1", "1", "1", "1", "2", "2", "11", "2", "2", "3", "3"]
    found = rounded(phase_metrics(truth, said, {"-1", "11", "13"}))
    expected = {"mean": 0.748889, "macro_f1": 0.697778, "edit": 0.8, "macro_f1_true": 0.872222}
    assert found == expected
    assert set(phase_metrics(["13"], ["1"], {"13"}).values()) == {None}
    monkeypatch.chdir(tmp_path)
    rows = [f"v1,{a},{b}" for a, b in zip(truth, said, strict=True)]
    Path("v.csv").write_text("\n".join(["case,truth,predicted", *rows, "v2,13,1", ""]))
    assert main(["measure", "phases", "v.csv", "--drop", "-1,11,13", "--json"]) == 0
    measured = json.loads(capsys.readouterr().out)["measured"]
    assert [round(each["mean"]["value"], 6) for each in measured] == [*expected.values()]
    assert {(each["mean"]["n"], each["mean"]["coverage"]) for each in measured} == {(1, 0.5)}


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd")), min_size=1, max_size=20)
)
def test_macro_f1_is_scikit_learns(frames: list[tuple[str, str]]) -> None:
    """Over all labels that occur; the edit score is 1 only where the segments are the same."""
    truth, said = [a for a, _ in frames], [b for _, b in frames]
    expected = f1_score(truth, said, average="macro", zero_division=1)
    assert macro_f1(truth, said, {*truth, *said}) == pytest.approx(expected)
    assert 0 <= edit_score(truth, said) <= 1
    assert edit_score(truth, truth) == 1
    assert edit_score(truth, said) == edit_score(said, truth)
