"""The events of a NONMEM file: what each record is, its doses, and its flags of censoring."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from .cells import Floats, Mask
from .request import Request
from .rules import Table
from .wording import counted, shown

__all__ = ["Events"]

FLAGS = {"mdv": (0, 1), "cens": (-1, 0, 1), "blq": (0, 1), "ss": (0, 1, 2)}


class Events:
    """What the records of a file are; contradictions become findings of the table.

    Parameters
    ----------
    table : Table
        All records, times in the wanted unit.
    request : Request

    Attributes
    ----------
    evid : float array
        0 to 4 for each record.
    observed : bool array
        Records that may hold a measurement.
    """

    def __init__(self, table: Table, request: Request) -> None:
        self.table, self.request = table, request
        self.amount = self._number("amt")
        self.rate, self.duration = self._number("rate"), self._number("dur")
        self.interval, self.additional = self._number("ii"), self._number("addl")
        self.steady, self.mdv = self._number("ss"), self._number("mdv")
        self._target = self._targets()
        self.evid = self._kinds()
        self.silent = (self.evid == 0) & (self.mdv == 1)
        self.observed = (self.evid == 0) & ~self.silent
        self.gives = (self.evid == 1) | (self.evid == 4)
        self._check_flags()
        self._check_doses()
        self._check_repeats()

    def _number(self, column: str) -> Floats:
        """Give a column with 0 in place of nothing."""
        return np.nan_to_num(self.table.number(column), nan=0.0)

    def _targets(self) -> tuple[npt.NDArray[np.intp], list[str]]:
        """Compartment of each record as text; "" where it is not given."""
        codes, texts = self.table.cells.labels.get(
            "cmt", (np.zeros(len(self.table.rows), np.intp), [""])
        )
        plain = []
        for text in texts:
            try:
                number = float(text)
            except ValueError:
                plain.append("" if text == "." else text)
                continue
            plain.append(str(int(number)) if number % 1 == 0 else text)
        return codes, ["" if t == "0" else t for t in plain]

    def _kinds(self) -> Floats:
        """EVID of each record, deduced where there is no such column; codes of nlmixr as 1."""
        given = "evid" in self.table.names
        asked = (self.amount != 0) | (self.rate != 0) | (self.steady != 0)
        asked |= (self.interval != 0) | (self.additional != 0)
        deduced = np.where(asked, 1.0, np.where(self.mdv == 1, 2.0, 0.0))
        if not given:
            return deduced
        raw = self.table.number("evid")
        evid = np.where(np.isnan(raw), 0.0, raw)
        coded = (evid >= 100) & (evid % 100 == 1) & (evid < 10_000)
        self._coded(coded, evid)
        evid = np.where(coded, 1.0, evid)
        self.table.add(
            ~np.isin(evid, (0, 1, 2, 3, 4)),
            "evid",
            "is no kind of event.",
            "Write 0 (measurement), 1 (dose), 2 (other), 3 (reset) or 4 (reset and dose).",
        )
        return evid

    def _coded(self, coded: Mask, evid: Floats) -> None:
        """Compartments that stand in EVID, as nlmixr writes them."""
        if not coded.any():
            return
        codes, texts = self._target
        stated = np.array(texts, dtype=object)[codes]
        inside = np.array(
            [str(int(e // 100)) if c else "" for e, c in zip(evid, coded, strict=True)]
        )
        self.table.add(
            coded & (stated != "") & (stated != inside),
            "evid",
            "names another compartment than CMT.",
            "Write EVID 1 for a dose, and its compartment as CMT.",
        )
        names = list(dict.fromkeys([*texts, *inside.tolist()]))
        place = {name: k for k, name in enumerate(names)}
        merged = np.where(coded, inside, stated)
        self._target = np.array([place[str(name)] for name in merged], np.intp), names

    def _check_flags(self) -> None:
        """Check flags, also against the kind of record."""
        for column, known in FLAGS.items():
            number = self.table.number(column)
            good = np.isnan(number) | np.isin(number, known)
            listed = ", ".join(map(str, known))
            self.table.add(~good, column, "is no flag that is known.", f"Write one of {listed}.")
        table, evid = self.table, self.evid
        table.add(
            (evid != 0) & (table.number("mdv") == 0) & ~table.cells.missing,
            "mdv",
            "says that there is a measurement, EVID says another event.",
            "Give the measurement its own record with EVID 0.",
        )
        table.add(
            np.isin(evid, (0, 2)) & (self.amount != 0),
            "amt",
            "is an amount in a record that is no dose.",
            "Write EVID 1 for a dose, or delete the amount.",
        )
        table.add(
            (evid == 3) & (self.amount != 0),
            "amt",
            "is an amount in a record that only resets.",
            "Write EVID 4 for a reset and a dose.",
        )
        for column, values in (("rate", self.rate), ("ss", self.steady), ("addl", self.additional)):
            table.add(
                np.isin(evid, (0, 2, 3)) & (values != 0),
                column,
                "belongs to a dose, but the record is none.",
                "Write EVID 1 for a dose, or 0 in this column.",
            )

    def _check_doses(self) -> None:
        """Check amounts, rates and durations of doses."""
        table, gives, endless = self.table, self.gives, self.steady > 0
        lacking = gives & table.blank("amt") & ~(endless & (self.rate != 0))
        column = "amt" if "amt" in table.names else "evid" if "evid" in table.names else "time"
        table.add(
            lacking,
            column,
            "is a dose without an amount.",
            "Write the amount as AMT (0 for placebo), or EVID 2 for an event that is no dose.",
        )
        table.add(gives & (self.amount < 0), "amt", "is a negative amount.", "Correct the amount.")
        modeled = np.isin(self.rate, (-1, -2))
        table.add(
            gives & (self.rate < 0) & ~modeled,
            "rate",
            "is no rate.",
            "Write a positive rate, 0 for a bolus, -1 if the rate or -2 if the duration is a "
            "parameter.",
        )
        table.add(
            gives & (self.rate != 0) & (self.duration != 0),
            "rate",
            "is given beside a duration.",
            "Give the rate or the duration of an infusion, not both.",
        )
        table.add(gives & (self.duration < 0), "dur", "is negative.", "Correct the duration.")
        constant = (self.rate > 0) & (self.amount == 0)
        table.add(
            gives & (self.amount == 0) & (self.rate != 0) & ~(constant & endless),
            "rate",
            "is the rate of an infusion without an amount.",
            "Write the amount, or SS 1 for a constant infusion.",
        )

    def _check_repeats(self) -> None:
        """Check repeated doses, steady states and compartments."""
        table, gives, endless = self.table, self.gives, self.steady > 0
        count = self.additional
        table.add(
            gives & ((count < 0) | (count % 1 != 0)),
            "addl",
            "is no number of further doses.",
            "Write how many doses follow this one, 0 for none.",
        )
        table.add(
            gives & (count > 0) & (self.interval <= 0),
            "addl",
            "asks for further doses without their interval.",
            "Write the interval as II.",
        )
        table.add(gives & (self.interval < 0), "ii", "is negative.", "Correct the interval.")
        constant = (self.rate > 0) & (self.amount == 0)
        table.add(
            gives & endless & (self.interval <= 0) & ~constant,
            "ss",
            "asks for a steady state without an interval.",
            "Write the interval as II; for a constant infusion write AMT 0 and its RATE.",
        )
        codes, texts = self._target
        bad = [k for k, t in enumerate(texts) if t.startswith("-") or "." in t]
        table.add(
            np.isin(codes, bad) & (self.evid != 0),
            "cmt",
            "is no compartment: to turn one off cannot be read.",
            "Write the number or the name of the compartment.",
        )

    def censor(self, seen: Table, at: npt.NDArray[np.intp]) -> None:
        """Apply CENS, LIMIT and BLQ.

        Parameters
        ----------
        seen : Table
            The measurements; its marks of censoring are changed.
        at : int array
            Their places among the records.
        """
        cells = seen.cells
        flag = np.nan_to_num(self.table.number("cens")[at], nan=0.0)
        value = cells.numbers["value"]
        self.table.add(
            self._among((flag != 0) & cells.blank["value"], at),
            "cens",
            "marks a value that is not there.",
            "Write the limit of quantification as DV.",
        )
        self.table.add(
            self._among((flag != 0) & (cells.side != 0) & (cells.side != -flag), at),
            "cens",
            "contradicts the mark in DV.",
            "Let CENS (1 below, -1 above) and the mark agree.",
        )
        known = np.isin(flag, (-1, 1)) & (cells.side == 0)
        cells.side[known] = -flag[known].astype(np.int8)
        limit = self.table.number("limit")[at]
        bounded = (flag != 0) & np.isfinite(limit) & np.isfinite(value)
        wrong = bounded & (np.where(flag > 0, limit - value, value - limit) >= 0)
        self.table.add(
            self._among(wrong, at),
            "limit",
            "is not beyond DV.",
            "LIMIT is below DV where CENS is 1, and above it where CENS is -1.",
        )
        seen.bound = np.where(bounded, limit, np.nan)
        below = self.table.number("blq")[at] == 1
        cells.word[below & (cells.side == 0)] = -1
        cells.blank["value"] = cells.blank["value"] & ~below
        cells.lost = cells.lost & ~below
        if below.any() and "value" not in cells.labels:
            cells.labels["value"] = (np.zeros(len(at), np.intp), [""])

    def _among(self, bad: Mask, at: npt.NDArray[np.intp]) -> Mask:
        """Mask of records from a mask of the measurements."""
        every = np.zeros(len(self.table.rows), np.bool_)
        every[at] = bad
        return every

    def doses(
        self, mine: Mask, unit: str, units: Mapping[str, str], time_unit: str
    ) -> pd.DataFrame | None:
        """Collect doses and resets as a table of a study.

        Parameters
        ----------
        mine : bool array
            Records of subjects that are kept.
        unit : str
            Of all amounts.
        units : mapping of target to unit
            In place of that, for some targets.
        time_unit : str

        Returns
        -------
        DataFrame or None
        """
        at = np.flatnonzero(mine & (self.gives | (self.evid == 3)))
        if not len(at):
            return None
        codes, texts = self._target
        named = {str(k): str(v) for k, v in self.request.compartments.items()}
        names = np.array([named.get(t or "1", t or "1") for t in texts], dtype=object)
        given = self.gives[at]
        target = np.where(given, names[codes[at]], "")
        kind = np.array(["dose", "reset", "reset_dose"], dtype=object)
        return pd.DataFrame(
            {
                "subject": self.table.label("subject")[at],
                "time": self.table.number("time")[at],
                "amount": np.where(given, self.amount[at], 0.0),
                "target": target,
                "duration": np.where(given, self.duration[at], 0.0),
                "interval": np.where(given, self.interval[at], 0.0),
                "count": np.where(given, self.additional[at] + 1, 1),
                "unit": [
                    units.get(t, unit) if g else "" for t, g in zip(target, given, strict=True)
                ],
                "rate": np.where(given, self.rate[at], 0.0),
                "steady_state": np.where(given, self.steady[at], 0),
                "kind": kind[np.where(self.evid[at] == 4, 2, np.where(given, 0, 1))],
            }
        )

    def counts(self, mine: Mask, seen: Table, at: npt.NDArray[np.intp]) -> dict[str, int]:
        """Count the records that are no measurement, by kind.

        Parameters
        ----------
        mine : bool array
        seen : Table
        at : int array
            Places of the measurements among the records.

        Returns
        -------
        dict of kind to count
        """
        evid = self.evid
        return {
            "doses": int((mine & (evid == 1)).sum()),
            "resets_with_a_dose": int((mine & (evid == 4)).sum()),
            "resets": int((mine & (evid == 3)).sum()),
            "other_events": int((mine & (evid == 2)).sum()),
            "with_MDV_1": int((mine & self.silent).sum()),
            "without_a_value": int((mine[at] & seen.cells.missing).sum()),
            "of_subjects_without_a_measurement": int((~mine).sum()),
        }

    def steps(self, mine: Mask, rows: pd.DataFrame) -> list[str]:
        """Tell what was assumed or not read.

        Parameters
        ----------
        mine : bool array
        rows : DataFrame
            The measurements.

        Returns
        -------
        list of str
        """
        table, told = self.table, []
        lost = list(dict.fromkeys(table.label("subject")[~mine].tolist()))
        if lost:
            names = ", ".join(shown(s, 20) for s in lost[:6])
            more = f" and {len(lost) - 6} more" if len(lost) > 6 else ""
            told.append(f"{counted(len(lost), 'subject')} without a measurement: {names}{more}")
        value = table.number("value")
        unread = int((mine & (self.evid != 0) & np.isfinite(value) & (value != 0)).sum())
        unread += int((mine & self.silent & np.isfinite(value) & (value != 0)).sum())
        if unread:
            told.append(f"DV not read in {counted(unread, 'record')} of no measurement")
        codes, texts = self._target
        plain = np.array([t == "" for t in texts], np.bool_)[codes]
        silent = int((mine & self.gives & plain).sum())
        if silent:
            told.append(f"{counted(silent, 'dose')} without CMT: taken for compartment 1")
        coded = int((table.number("evid") >= 100).sum())
        if coded:
            told.append(
                f"{counted(coded, 'dose')} with the compartment in EVID, as nlmixr writes it"
            )
        at = mine & self.gives
        dosed = pd.MultiIndex.from_arrays([table.label("subject")[at], table.number("time")[at]])
        seen = pd.MultiIndex.from_arrays([rows["subject"], rows["time"]])
        same = int(seen.isin(dosed).sum()) if len(dosed) else 0
        if same:
            what = counted(same, "measurement")
            told.append(f"{what} at the time of a dose: taken to be from before it")
        return told
