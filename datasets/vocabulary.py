"""The words of tables: names of columns, numbers, marks, and what people write instead."""

from __future__ import annotations

import re

__all__ = [
    "ABOVE",
    "ALIASES",
    "BELOW",
    "CLOCKS",
    "COLUMNS",
    "COMMENT",
    "GIVEN",
    "LABELS",
    "LIMIT",
    "LOST",
    "MISSING",
    "NONMEM",
    "NUMBER",
    "QUARTILES",
    "REQUIRED",
    "STOP",
    "TEXTS",
]

COMMENT = "#@"  # what a line begins with that is left out
REQUIRED = ("subject", "time", "observable", "value")
COLUMNS = (*REQUIRED, "unit", "lower", "upper", "sd", "n", "q1", "q3", "time_unit")
QUARTILES = ("q1", "q3")  # beside a published median
GIVEN = ("occasion", "assay", "source")  # columns that stand only where something is in them

# Names that carry one of these meanings in the field. They are not taken for it unasked, but to
# leave out such a column in silence could change the result, so it is refused with a remedy.
ALIASES = {
    "subject": "id patient patientid patientno subjectid subjid usubjid upn volunteer animal mouse "
    "sid",
    "time": "t day days hour hours timeh timed timepoint tad",
    "observable": "analyte cytokine marker dvid biomarker param paramcd measurement ytype",
    "value": "dv conc concentration result aval level mean average val",
    "unit": "units valueunit observableunit unitofmeasure",
    "lower": "lloq loq lod lowerlimit limit limits lowerlimitofquantification",
    "upper": "uloq upperlimit upperlimitofquantification",
    "sd": "std stdev stddev standarddeviation",
    "n": "count size samplesize nsubjects",
    "time_unit": "timeunits tunit",
}
STOP = {
    "se sem stderr standarderror": "Make it a column 'sd' with sd = se * sqrt(n), and remove it.",
    "cens censoring censored blq bloq bql aloq": "Write censored values as '<LIMIT' or '>LIMIT' in "
    "the value column, or give the columns 'lower' and 'upper'; then remove it.",
    "evid amt addl": "A file with rows of doses has the columns of NONMEM (ID, TIME, DV, AMT, "
    "EVID): rename the others to these; or keep the rows of measurements, and give the doses with "
    "Study.with_doses.",
    "replicate replicates rep": "Replace replicates by their mean, and remove it.",
}

# Columns of NONMEM and Monolix files, and what they are called here.
NONMEM = {
    "subject": "id",
    "time": "time",
    "value": "dv",
    "observable": "dvid ytype",
    "amt": "amt amount",
    "evid": "evid",
    "mdv": "mdv",
    "cmt": "cmt cmp",
    "rate": "rate",
    "dur": "dur tinf",
    "ii": "ii",
    "addl": "addl",
    "ss": "ss",
    "cens": "cens",
    "limit": "limit",
    "lower": "lloq",
    "upper": "uloq",
    "blq": "blq bloq bql",
    "occasion": "occ",
    "unit": "unit",
    "assay": "assay",
    "source": "source",
}

# Names of columns of time that say their unit.
CLOCKS = {"d": "day days", "h": "hour hours hr hrs", "min": "minute minutes", "week": "week weeks"}

LABELS = ("subject", "observable", "unit", "time_unit", "cmt", *GIVEN)
MISSING = frozenset({"", "na", "n/a", "."})
NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
LIMIT = re.compile(rf"(<=|>=|[<>≤≥])\s*({NUMBER})")
BELOW = re.compile(r"<?\s*(blq|bloq|bql|lloq|loq|lod|below.*|not detect.*|undetect.*)", re.I)
LOST = re.compile(
    r"h(a?e)molys(ed|is)|h(a?e)molyz(ed)|lip(a?e)mic|clotted|(sample )?(lost|missing|spilled)|"
    r"not (done|sampled|measured|available|collected|drawn)|no sample|missed|insufficient.*|qns|-+",
    re.I,
)
ABOVE = re.compile(r">?\s*(alq|aloq|uloq|above.*|over.*|saturated)", re.I)

# What a cell that is no number looks like, with the remedy. The first that fits counts.
TEXTS: tuple[tuple[str, re.Pattern[str], str], ...] = (
    ("is empty.", re.compile(r"|na|n/a|\.", re.I), "Write a number in every row."),
    (
        "is not finite.",
        re.compile(rf"[+-]?(nan|inf|infinity)|{NUMBER}", re.I),
        "Leave the cell empty (or write NA) if there was no measurement.",
    ),
    (
        "is a limit where none can stand.",
        re.compile(rf"{LIMIT.pattern}"),
        "Write a finite number; '<LIMIT' and '>LIMIT' belong into the column of values.",
    ),
    (
        "is a date or a time of day.",
        re.compile(r"\d{1,4}[-/:]\d{1,2}([-/: T].*)?|\d{1,2}\.\d{1,2}\.\d{2,4}.*"),
        "Write the time that has passed since one event, such as the dose, in one unit.",
    ),
    (
        "has a decimal comma.",
        re.compile(r"[+-]?\d+,\d+"),
        "Write decimals with a point (1.5) and no separator of thousands.",
    ),
    (
        "may mean 'not detected' or 'not done'.",
        re.compile(r"n\.?\s?d\.?", re.I),
        "Write '<' and the lower limit of the assay if it was below, NA if it was not measured.",
    ),
    (
        "says 'below a limit' without the limit.",
        BELOW,
        "Write '<' and the lower limit of the assay, for example '<1.2', or give the limit in a "
        "column 'lower' or with limits={...}: the row is then scored as left-censored.",
    ),
    (
        "says 'above a limit' without the limit.",
        ABOVE,
        "Write '>' and the upper limit of the assay, for example '>1500', or give the limit in a "
        "column 'upper' or with limits={...}: the row is then scored as right-censored.",
    ),
    (
        "has a unit or a note behind the number.",
        re.compile(rf"(?s)([<>]=?\s*)?{NUMBER}\s*[^\d\s].*"),
        "Write the number alone; units go into a column 'unit'.",
    ),
    (
        "is not a number.",
        re.compile(r"(?s).*"),
        "Write a number; if there was no measurement, leave the value empty (or write NA), or "
        "name the word with missing=[...]: the row is then left out and counted.",
    ),
)
