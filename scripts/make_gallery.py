"""Draw each model of the library and write docs/models.md: ``python scripts/make_gallery.py``.

A picture shows the typical course: typical values, the typical schedule of the model (a mark under
the axis for each dose or switch), its typical horizon. Closed forms without time are drawn against
one of their inputs. Names of models as arguments draw only these; the page is always written.
"""

from __future__ import annotations

import io
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from PIL import Image

from cytobayes.inference.drawing import CHAINS, LIMIT, log_wanted, plain, set_log, style
from cytobayes.models import Dose, OdeModel, Regimen, Switch, get, names, simulate, trace
from cytobayes.models.ode import STATUSES

DOCS = Path(__file__).resolve().parents[1] / "docs"
PICTURES = DOCS / "images" / "models"
PIXELS = 600, 400
LIMIT_BYTES = 60_000
PANELS, LINES, POINTS = 4, 3, 601
MARKS = 12  # doses that can be told apart
TITLE = 34  # characters that fit above a panel

CASCADE = [["CAR"], ["IFNg", "TNF", "IL6"], ["CRP"], ["temperature"]]
# Which observables share a panel, where the order of the model would hide its point.
CHOSEN: dict[str, list[list[str]]] = {
    "acute-inflammation": [["P"], ["N"], ["D"], ["CA"]],
    "biomarker-panel": [["R0"], ["risk"]],
    "blinatumomab": [["concentration"], ["T", "A", "B"], ["IL6"], ["AUC"]],
    "car-design": CASCADE,
    "car-design-cd28": CASCADE,
    "cart-engagement": [["transgene"], ["tumor"], ["Mprotein"], ["sBCMA"]],
    "crs-full": CASCADE,
    "species": CASCADE,
    "engager": [["concentration"], ["T", "A", "B"], ["IL6"], ["AUC"]],
    "engager-binding": [["concentration"], ["A", "B"], ["trimer"], ["CA", "CB"]],
    "herxheimer": [["P", "Lp"], ["TNF"], ["IL6"], ["Tb"]],
    "icans": [["BBB"], ["IL6", "IL6_CNS"], ["ICE"], ["CAR"]],
    "jak-inhibition": [["spleen", "symptoms"], ["hemoglobin", "platelets"]],
    "leaky-gut": [["Lp"], ["TNF"], ["IL10"], ["Dm"]],
    "limited-proliferation": [["CAR"], ["B"]],
    "pk-turnover": [["C"], ["effect"]],
    "ruxolitinib": [["concentration_rux"], ["JAK_rux"]],
    "severe-crs-logistic": [["risk"]],
    "storm-kareva": [["X"], ["Y"], ["D"], ["T"]],
    "stroke": [["P", "Ic"], ["Cy"], ["Dm"]],
    "superagonist": [["occupancy"], ["N", "A"], ["TNF", "IFNg", "IL6", "IL10"], ["L"]],
    "superantigen": [["A"], ["C"], ["Plt"], ["Fbg"]],
    "tumor-lysis": [["urate"], ["potassium"], ["phosphate", "calcium"], ["B"]],
}
# Models that rest unless a drug is given: what the picture gives.
SCHEDULES: dict[str, Regimen] = {
    "corticosteroid": Regimen([Dose(0.0, 4.0, "steroid", interval=1.0, count=3)]),
    "dimerizer": Regimen([Dose(0.5, 1.0, "dimerizer_level")]),
    "il6-receptor": Regimen([Switch(7.0, "RO", 0.99)]),
    "lysis-products": Regimen([Switch(1.0, "lysis", 20.0), Switch(4.0, "lysis", 0.0)]),
}
# The input of a closed form without time, and its range.
SWEEPS: dict[str, tuple[str, float, float]] = {"biomarker-panel": ("z_EM", -3.0, 3.0)}
LONGER = {"min": ("h", 60.0), "h": ("d", 24.0), "d": ("years", 365.25)}
NAMES = {"h": "hours", "d": "days", "min": "minutes", "years": "years"}
Groups = list[list[str]]


def main(wanted: Sequence[str]) -> None:
    """Draw the models that are asked for (default: all) and write the page."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name in wanted or names():
        model = get(name)
        with style():
            figure = draw(model)
        if figure is not None:
            size = save(figure, PICTURES / f"{name}.png")
            print(f"{name}: {size / 1000:.0f} kB")
    for old in PICTURES.glob("*.png"):
        if old.stem not in names():
            old.unlink()
    (DOCS / "models.md").write_text(page(), encoding="utf-8")


def draw(model: OdeModel) -> Figure | None:
    """Draw a model over time, or over an input if its outputs do not depend on time."""
    traced = trace(model)
    shown = traced.outputs.values()
    if model.is_closed_form and not any(traced.t in e.free_symbols for e in shown):
        return draw_input(model)
    times = np.unique(np.r_[np.linspace(0, model.horizon, POINTS), just_after(model)])
    run = simulate(model, {}, times, None if model.is_closed_form else schedule(model))
    if run.attrs["failed_solves"]:
        raise SystemExit(f"{model.name}: {run.attrs['failures']}")
    unit, scale = readable_time(model)
    figure, panels = layout(model, groups(model, run))
    for axes, group in panels:
        curves(axes, model, times / scale, run, group)
        axes.set_xlim(0, model.horizon / scale)
        if moments(model):
            mark(axes, np.array(moments(model)) / scale)
    figure.supxlabel(NAMES[unit], fontsize=9.5)
    return figure


def mark(axes: Axes, times: npt.NDArray[Any]) -> None:
    """Mark doses and switches at the time axis; many of them become a bar."""
    many = len(times) > MARKS
    axes.plot(times, np.zeros(len(times)), linestyle="-" if many else "", linewidth=4, color=LIMIT,
              marker="" if many else "^", markersize=5, clip_on=False, zorder=5,
              transform=axes.get_xaxis_transform())  # fmt: skip


def draw_input(model: OdeModel) -> Figure | None:
    """Draw a closed form against one of its inputs, from a thousandth to a thousand times it."""
    given = [p for p in model.parameters if p.prior is None and p.value > 0]
    if model.name in SWEEPS:
        name, low, high = SWEEPS[model.name]
    elif given:
        name, low, high = given[0].name, given[0].value * 1e-3, given[0].value * 1e3
        high = min(high, given[0].upper)
    else:
        return None
    x = np.geomspace(low, high, POINTS) if low > 0 else np.linspace(low, high, POINTS)
    run = simulate(model, {name: xr.DataArray(x, dims="input")}, [0.0]).isel(time=0)
    figure, panels = layout(model, groups(model, run))
    for axes, group in panels:
        curves(axes, model, x, run, group)
        if low > 0:
            set_log(axes, "x", (low, high))
    parameter = model.parameter(name)
    unit = f" ({parameter.unit})" if parameter.unit else ""
    figure.supxlabel(f"{parameter.description}{unit}", fontsize=9.5)
    return figure


def groups(model: OdeModel, run: xr.Dataset) -> Groups:
    """Sort observables into panels: those of one unit and of similar size share one."""
    if model.name in CHOSEN:
        return CHOSEN[model.name]
    panels: Groups = []
    for name in model.observables:
        size = float(np.abs(run[name]).max())
        shown = (run[other] for panel in panels for other in panel)
        if not size or any(np.allclose(run[name], other, rtol=1e-6) for other in shown):
            continue
        for panel in panels:
            other = float(np.abs(run[panel[0]]).max())
            alike = model.unit(name) == model.unit(panel[0]) and 0.02 < size / other < 50
            if alike and len(panel) < LINES:
                panel.append(name)
                break
        else:
            panels.append([name])
    return panels[:PANELS]


def layout(model: OdeModel, chosen: Groups) -> tuple[Figure, Iterator[tuple[Axes, list[str]]]]:
    """Make a figure with one panel per group; one wide panel, two beside each other, or a grid."""
    figure = Figure(figsize=(6, 4), dpi=100, layout="constrained")
    figure.suptitle(model.title, x=0.01, ha="left", fontsize=10.5, fontweight="bold")
    count = len(chosen)
    down, across = {1: (1, 1), 2: (1, 2)}.get(count, (2, 2))
    grid = list(figure.subplots(down, across, squeeze=False).flat)
    for unused in grid[count:]:
        unused.remove()
    return figure, zip(grid, chosen, strict=False)


def curves(
    axes: Axes, model: OdeModel, x: npt.NDArray[Any], run: xr.Dataset, group: list[str]
) -> None:
    """Draw the observables of one panel, named above it, with their unit at the axis."""
    for name, color in zip(group, CHAINS, strict=False):
        axes.plot(x, run[name], color=color, linewidth=1.6, label=name.replace("_", " "))
    values = np.concatenate([run[name].values for name in group])
    top = values[np.isfinite(values)].max()
    visible = values[values > top * 1e-4]  # what has died out needs no decades
    share = not model.unit(group[0]) and 0.2 < top <= 1 + 1e-9  # shares stay linear
    if log_wanted(values) and log_wanted(visible) and not share:
        set_log(axes, "y", (visible.min() * 0.7, top * 1.6))
    elif values.min() >= 0 and values.min() < 0.5 * top:
        axes.set_ylim(0, 1.06 * top)
    if axes.get_yscale() == "linear":
        axes.yaxis.set_major_formatter(FuncFormatter(plain))
    axes.set_ylabel(readable_unit(model.unit(group[0])), fontsize=8.5)
    axes.locator_params(axis="x", nbins=5)
    if len(group) > 1:
        axes.legend(loc="best", fontsize=8, handlelength=1.2, borderaxespad=0.2)
    else:
        axes.set_title(caption(model, group[0]), fontsize=9, fontweight="normal", pad=3)


def caption(model: OdeModel, name: str) -> str:
    """Name an observable above its panel, with the first words of its description if they fit."""
    said = {s.name: s.description.split(",")[0].split(" (")[0] for s in model.states}
    short = name.replace("_", " ")
    text = f"{short}: {said[name]}" if name in said else short
    if said.get(name, "").startswith(short):
        text = said[name]
    return text if len(text) <= TITLE else short


def readable_unit(unit: str) -> str:
    """Write a unit as at an axis."""
    text = unit.replace("uL", "µL").replace("ug", "µg").replace("degC", "°C").replace("^3", "³")
    return text or "no unit"


def readable_time(model: OdeModel) -> tuple[str, float]:
    """Choose the unit of the time axis, and how many time units of the model it has."""
    unit, scale = model.time_unit, 1.0
    while unit in LONGER and model.horizon / scale > (730 if unit == "d" else 120):
        unit, factor = LONGER[unit]
        scale *= factor
    return unit, scale


def schedule(model: OdeModel) -> Regimen:
    """Look up the typical schedule of a model, or what the picture gives to one without."""
    return model.schedule if model.schedule.events else SCHEDULES.get(model.name, Regimen())


def moments(model: OdeModel) -> list[float]:
    """List the times of the doses and switches of the typical schedule."""
    found: list[float] = []
    for event in schedule(model).events:
        if isinstance(event, Dose | Switch):
            time = event.time
            start = model.theta[time] if isinstance(time, str) else float(time)
            count = event.count if isinstance(event, Dose) else 1
            step = event.interval if isinstance(event, Dose) else 0.0
            found += [start + k * step for k in range(count)]
    return sorted({t for t in found if t <= model.horizon})


def just_after(model: OdeModel) -> list[float]:
    """List times that show a jump as a jump: the value at a dose is the one before it."""
    steps = model.horizon * 1e-6
    times = [t + d for t in moments(model) for d in (0.0, steps)]
    return [t for t in times if t <= model.horizon]


def save(figure: Figure, path: Path) -> int:
    """Write a small PNG with a palette; return its size in bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    image = Image.open(buffer).convert("RGB")
    if image.size != PIXELS:
        raise SystemExit(f"{path.name} is {image.size}, not {PIXELS}")
    image.quantize(256, method=Image.Quantize.MEDIANCUT).save(path, optimize=True)
    size = path.stat().st_size
    if size > LIMIT_BYTES:
        raise SystemExit(f"{path.name} has {size} bytes, more than {LIMIT_BYTES}")
    return size


def page() -> str:
    """Write the page of all models."""
    models = [get(n) for n in names()]
    head = [
        "# Models",
        "",
        f"{len(models)} models. This page and its pictures are written by "
        "`python scripts/make_gallery.py`.",
        "",
        "A picture shows typical values under the typical schedule; a mark on the time axis is a "
        "dose or a switch. *Values* counts the parameters by what supports them: published in a "
        "source, derived from published ones, calibrated to a described behavior, or assumed "
        "(inputs and definitions among them). A model whose values are mostly calibrated is a "
        "design, not a finding.",
        "",
        "| model | | states | values | threshold quantities |",
        "|---|---|---|---|---|",
    ]
    rows = [
        f"| [`{m.name}`](#{m.name}) | {m.title} | {len(m.states) or 'closed form'} | {support(m)} "
        f"| {', '.join(f'`{t.name}`' for t in m.thresholds) or 'none'} |"
        for m in models
    ]
    return "\n".join([*head, *rows, "", *(line for m in models for line in section(m))])


def support(model: OdeModel) -> str:
    """Share of the parameters by status."""
    counts = Counter(p.status for p in model.parameters)
    total = len(model.parameters)
    return ", ".join(f"{100 * counts[s] / total:.0f} % {s}" for s in STATUSES if counts[s])


def section(model: OdeModel) -> list[str]:
    """Picture and facts of one model."""
    size = f"{len(model.states)} states" if model.states else "Closed form"
    size = size.replace("1 states", "1 state")
    lines = [f"## {model.name}", "", f"{model.title}. {model.description}", ""]
    if (PICTURES / f"{model.name}.png").exists():
        lines += [f"![{model.title}](images/models/{model.name}.png)", ""]
    lines += [f"- {size}, {len(model.parameters)} parameters, time in {NAMES[model.time_unit]}."]
    lines += [f"- Values: {support(model)}."]
    for t in model.thresholds:
        beyond = f"{t.critical:g}" if isinstance(t.critical, float | int) else f"`{t.critical}`"
        lines.append(f"- Threshold `{t.name}`: above {beyond}, {t.meaning}.")
    if model.identifiable:
        lines.append(f"- Identifiable: {model.identifiable}")
    lines.append(f"- Can be fitted to: {model.fits}." if model.fits else "- For simulation only.")
    return [*lines, ""]


if __name__ == "__main__":
    main(sys.argv[1:])
