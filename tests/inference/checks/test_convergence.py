"""The verdict follows from the numbers, each of which can sink it."""

from __future__ import annotations

from typing import Any

import arviz as az
import numpy as np
import pytest
import xarray as xr

from cytobayes.datasets.errors import InputError
from cytobayes.inference import convergence

CAUSES = ["the first cause", "the second cause"]


def fitted(chains: int = 4, draws: int = 800, shift: float = 0.0, **attributes: Any) -> Any:
    rng = np.random.default_rng(1)
    size = (chains, draws)
    dims = ("chain", "draw")
    ka = rng.normal(1.0, 0.1, size) + shift * (np.arange(chains) == 0)[:, None]
    posterior = {"ka": (dims, ka), "v": ((*dims, "subject"), rng.normal(size=(*size, 2)))}
    stats = {
        "diverging": (dims, np.zeros(size, dtype=bool)),
        "energy": (dims, rng.normal(size=size)),
        "failed_solves": ((*dims, "cause"), np.zeros((*size, 2), dtype=int)),
    }
    tree = xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset(posterior, {"subject": ["a", "b"]}),
            "sample_stats": xr.Dataset(stats, {"cause": CAUSES}),
        }
    )
    tree.attrs.update(attributes)
    return tree


def test_chains_that_agree_pass_with_numbers_in_the_sentence() -> None:
    verdict = convergence(fitted())
    assert verdict.ok and not verdict.faults
    assert verdict.table["ok"].all()
    assert verdict.sentence.startswith("The 4 chains agree: R-hat at most 1.00")
    assert verdict.sentence.endswith("no divergences.")


def test_numbers_are_those_of_arviz() -> None:
    tree = fitted()
    table = convergence(tree).table.set_index("parameter")
    assert list(table.index) == ["ka", "v[a]", "v[b]"]
    data = tree["posterior"].to_dataset()
    for name, values in (("ka", data["ka"]), ("v[b]", data["v"].isel(subject=1))):
        array = values.to_numpy()
        assert table.loc[name, "r_hat"] == pytest.approx(float(az.rhat(array)))
        assert table.loc[name, "ess_bulk"] == pytest.approx(float(az.ess(array)))
        tail = float(az.ess(array, method="tail", prob=(0.05, 0.95)))
        assert table.loc[name, "ess_tail"] == pytest.approx(tail)
    expected = az.bfmi(tree)["energy"].to_numpy()
    np.testing.assert_allclose(convergence(tree).e_bfmi, expected)


def test_a_chain_apart_is_named() -> None:
    verdict = convergence(fitted(shift=0.5))
    assert not verdict.ok
    assert "R-hat of 1.01 or more for ka" in verdict.sentence
    assert verdict.table.set_index("parameter")["ok"].to_dict() == {
        "ka": False, "v[a]": True, "v[b]": True,
    }  # fmt: skip


def test_too_few_effective_draws_are_named() -> None:
    verdict = convergence(fitted(draws=60))
    assert not verdict.ok
    assert "bulk ESS of 400 or less for ka, v[a], v[b]" in verdict.sentence


def test_a_few_divergences_are_told_and_many_condemn() -> None:
    tree = fitted()
    tree["sample_stats"]["diverging"][0, :3] = True
    few = convergence(tree)
    assert few.ok and few.divergences == 3
    assert "3 draws diverged, too few to matter" in few.sentence
    tree["sample_stats"]["diverging"][0, :4] = True
    many = convergence(tree)
    assert not many.ok and "4 of 3200 draws diverged" in many.sentence


def test_failed_solves_are_no_divergences_and_condemn_when_many() -> None:
    tree = fitted()
    tree["sample_stats"]["diverging"][1, :20] = True
    tree["sample_stats"]["failed_solves"][1, :20, 1] = 1
    few = convergence(tree)
    assert few.ok and few.divergences == 0 and few.failed_draws == 20
    assert few.failed_solves == {"the second cause": 20}
    tree["sample_stats"]["diverging"][2, :20] = True
    tree["sample_stats"]["failed_solves"][2, :20, 0] = 1
    many = convergence(tree)
    assert not many.ok and "a solve failed in 40 of 3200 draws" in many.sentence


def test_low_energy_information_is_named() -> None:
    tree = fitted()
    slow = np.cumsum(np.random.default_rng(2).normal(size=800))
    tree["sample_stats"]["energy"][3] = slow
    assert "1 of 4 chains have an E-BFMI of 0.3 or less" in convergence(tree).sentence


def test_one_chain_alone_does_not_pass() -> None:
    assert "one chain alone" in convergence(fitted(chains=1, draws=4000)).sentence


def test_an_interrupted_run_does_not_pass() -> None:
    assert "interrupted" in convergence(fitted(interrupted=1)).sentence


def test_no_draws_is_a_verdict_and_not_an_accident() -> None:
    verdict = convergence(fitted().isel(draw=slice(0, 0)))
    assert not verdict.ok
    assert verdict.sentence == "The chains have not converged: there is no draw after warm-up."


def test_a_parameter_that_never_moves_does_not_pass() -> None:
    tree = fitted()
    tree["posterior"]["ka"][:] = 1.0
    assert "R-hat of 1.01 or more for ka" in convergence(tree).sentence


def test_fits_from_elsewhere_need_no_count_of_failed_solves() -> None:
    tree = fitted()
    tree["sample_stats"] = tree["sample_stats"].to_dataset().drop_vars("failed_solves")
    assert convergence(tree).ok


def test_figure_shows_every_parameter() -> None:
    figure = convergence(fitted()).plot()
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert labels == ["ka", "v[a]", "v[b]"]


def with_effects(subjects: int = 12) -> Any:
    """A fit whose chains agree, with an effect in each of so many subjects."""
    tree = fitted()
    draws = np.random.default_rng(4).normal(size=(4, 800, subjects))
    effects = xr.DataArray(draws, {"subject": [f"P{k}" for k in range(subjects)]},
                           ("chain", "draw", "subject"))  # fmt: skip
    tree["posterior"] = tree["posterior"].to_dataset().drop_dims("subject").assign(ka_eta=effects)
    return tree


def slowed(tree: Any, name: str, **place: Any) -> Any:
    """Let one value keep what it was for ten draws each, so that 320 of them count."""
    values = tree["posterior"][name]
    part = values.loc[place] if place else values
    part[:] = np.repeat(part.to_numpy()[:, ::10], 10, axis=1)
    return tree


def test_the_effects_of_one_subject_do_not_condemn_what_all_share() -> None:
    verdict = convergence(slowed(with_effects(), "ka_eta", subject="P7"))
    assert not verdict.ok and verdict.few_draws == ("P7",)
    begin = "Everything that the subjects share has converged; the effects of subject P7 have not"
    assert verdict.sentence.startswith(begin)
    assert "bulk ESS of 400 or less for ka_eta[P7]" in verdict.sentence
    assert verdict.doubt("risks").endswith("do not use risks of this subject yet.")


def test_short_chains_of_what_is_shared_condemn_everything() -> None:
    tree = slowed(slowed(with_effects(), "ka_eta", subject="P7"), "ka")
    verdict = convergence(tree)
    assert verdict.wants_draws and verdict.few_draws == ()
    assert verdict.sentence.startswith("The chains have not converged")
    assert "this fit" in verdict.doubt("risks")


def test_effects_of_many_subjects_or_divergences_condemn_everything() -> None:
    tree = slowed(slowed(with_effects(), "ka_eta", subject="P7"), "ka_eta", subject="P8")
    assert convergence(tree).few_draws == ()
    tree = slowed(with_effects(), "ka_eta", subject="P7")
    tree["sample_stats"]["diverging"][0, :9] = True
    assert convergence(tree).few_draws == ()


def with_correlation(apart: float) -> Any:
    """A fit of three correlated effects; half of the chains have r = +apart, half -apart."""
    tree = fitted()
    rng, dims = np.random.default_rng(5), ("chain", "draw", "a", "b")
    matrix = np.tile(np.eye(3), (4, 800, 1, 1))
    place = {(1, 0): apart, (2, 0): 0.0, (2, 1): 0.0}
    for (i, j), r in place.items():
        sign = np.array([1.0, 1.0, -1.0, -1.0])[:, None]
        matrix[..., i, j] = matrix[..., j, i] = r * sign + 0.02 * rng.normal(size=(4, 800))
    posterior = tree["posterior"].to_dataset().assign(omega_correlation=(dims, matrix))
    tree["posterior"] = posterior
    return tree


@pytest.mark.parametrize("apart", [0.5, 0.9])
def test_chains_that_disagree_on_a_correlation_do_not_pass(apart: float) -> None:
    verdict = convergence(with_correlation(apart))
    assert not verdict.ok
    assert "R-hat of 1.01 or more for omega_correlation[1,0];" in verdict.sentence


def test_each_correlation_is_judged_once_and_the_diagonal_is_not() -> None:
    verdict = convergence(with_correlation(0.0))
    assert verdict.ok
    names = [n for n in verdict.table["parameter"] if n.startswith("omega")]
    assert names == [f"omega_correlation[{i}]" for i in ("1,0", "2,0", "2,1")]


def test_a_tree_that_is_no_fit_is_refused() -> None:
    with pytest.raises(InputError, match="no group 'posterior'"):
        convergence(xr.DataTree())
