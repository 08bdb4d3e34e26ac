"""Figures with thousands of points stay light, and their text stays text."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from cytobayes.inference.drawing import MANY, flatten, to_svg


def crowded(points: int) -> Figure:
    figure = Figure(figsize=(4, 3))
    axes = figure.subplots()
    rng = np.random.default_rng(1)
    axes.plot(*rng.normal(size=(2, points)), ".", color="#0072B2")
    axes.set_title("a title")
    return figure


def svg_of(points: int) -> str:
    figure = crowded(points)
    flatten(figure)
    return to_svg(figure, "f", "a figure")


def test_a_crowded_figure_holds_a_picture_and_a_sparse_one_does_not() -> None:
    assert svg_of(MANY).count("<image") == 0
    assert svg_of(MANY + 1).count("<image") == 1


def test_the_picture_shows_the_points_and_the_text_stays_text() -> None:
    svg = svg_of(20_000)
    assert ">a title</text>" in svg and len(svg) < 100_000
    data = re.findall(r"base64,([^\"]+)", svg)[0]
    pixels = np.array(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGBA"))
    drawn = pixels[pixels[..., 3] > 200]
    # The palette is exact for one color on nothing: #0072B2, to the width of a level.
    assert np.abs(np.median(drawn[:, :3], axis=0) - [0x00, 0x72, 0xB2]).max() <= 8
    assert (pixels[..., 3] < 10).mean() > 0.05
