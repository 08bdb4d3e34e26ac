"""Parameter table of `crs_full`, shared by the models built on it."""

from __future__ import annotations

from ..distributions import LogNormal
from .blockade import BLOCKADE, STEROID
from .citations import DOBREVA, KIMMEL, SHORT, STEIN
from .evidence import assumed, calibrated, derived, given, published

__all__ = ["CELLS", "PARAMETERS", "SWITCH", "TURNOVER"]

GROWTH = (
    "calibrated so that net growth at B_0, 0.88 1/d, is that of " + SHORT[STEIN] + " (0.889 1/d)"
)
TURNOVER = "calibrated to published models of IL-6 and CRP (0.54 and 0.57 1/d)"
SWITCH = (
    "derived: 90 % eliminated in 30 min, 1 % resistant, ln(0.99/0.09)/(0.5 h); published: 85-95 % "
    "in 30 min (Zhou 2015, Blood 125:4103, abstract)"
)
BASELINES = "calibrated; published baselines are 2.5 to 3 pg/mL"
STEROIDS = "calibrated to conflicting reports of harm to CAR-T cells"
CONTACT = (
    "none by default; named the main driver by Santurio 2025, doi:10.1371/journal.pcbi.1012908 "
    "(abstract)"
)
SAFE = "calibrated below the value at which macrophages keep themselves active; fixed"

CELLS = (
    calibrated("rho", 1.26, "1/d", "expansion of engaged effectors", prior=LogNormal(1.0, 0.3),
               source=GROWTH, iiv=0.4),
    calibrated("KB", 20.0, "1e9 cells", "target at half engagement", 0.8),
    published("dE", 0.16, "1/d", "loss of effectors", SHORT[STEIN], 0.4),
    calibrated("kEM", 0.02, "1/d", "turn of resting effectors to memory", 0.7),
    published("dM", 0.004, "1/d", "loss of memory cells", SHORT[STEIN] + " (0.0032, rounded)", 0.5,
              fixed=True),
    calibrated("Ecap", 2000.0, "cell/uL", "capacity of CAR-T cells in blood; of the product"),
    calibrated("rB", 0.02, "1/d", "growth of the target", 0.8,
               source="calibrated, inside the 0.01 to 0.5 1/d of " + SHORT[KIMMEL]),
    calibrated("Bmax", 1000.0, "1e9 cells", "capacity of the target"),
    published("B_0", 95.0, "1e9 cells", "burden at infusion", SHORT[KIMMEL] + " (94.86, rounded)",
              1.0),
    given("B_min", 1e-9, "1e9 cells", "one cell: the target is not killed below it"),
    given("Bh", 0.0, "1e9 cells", "healthy cells that carry the target and survive"),
    calibrated("E_0", 0.1, "cell/uL", "effectors after infusion, less early loss", 0.7,
               source="calibrated; 0.36 per uL were infused in " + SHORT[KIMMEL]),
    calibrated("kk", 2.0, "1e9 cells/d/(cell/uL)", "killing by an engaged effector", 0.8),
)  # fmt: skip

CYTOKINES = (
    calibrated("pG", 225.0, "pg/mL/d/(cell/uL)", "IFN-g made by engaged effectors", 1.0),
    calibrated("dG", 6.0, "1/d", "clearance of IFN-g", prior=LogNormal(3.0, 0.7), fixed=True),
    calibrated("IFNg_0", 5.0, "pg/mL", "IFN-g at rest"),
    calibrated("pF", 18.0, "pg/mL/d/(cell/uL)", "TNF made by engaged effectors", 1.0),
    calibrated("pFm", 700.0, "pg/mL/d", "TNF made by activated macrophages", 1.0),
    calibrated("dF", 24.0, "1/d", "clearance of TNF",
               source="calibrated; 35.7 1/d in " + SHORT[DOBREVA]),
    calibrated("TNF_0", 2.0, "pg/mL", "TNF at rest"),
    calibrated("kG", 1.0, "1/d", "activation of macrophages by IFN-g"),
    calibrated("KG", 1000.0, "pg/mL", "IFN-g at half of it", 0.7),
    calibrated("kF", 0.3, "1/d", "activation of macrophages by TNF"),
    calibrated("KF", 100.0, "pg/mL", "TNF at half of its effects"),
    calibrated("k6", 0.15, "1/d", "activation of macrophages by IL-6", source=SAFE),
    calibrated("K6M", 300.0, "pg/mL", "IL-6 at half of it"),
    assumed("kJ", 0.0, "1/d/(cell/uL)", "activation of macrophages by contact with engaged cells",
            source=CONTACT),
    calibrated("dMa", 0.7, "1/d", "rest of macrophages", 0.4),
    given("phiM", 1.0, "", "human macrophages: 1 in man, 0 without human myeloid cells"),
    calibrated("pI", 150000.0, "pg/mL/d", "IL-6 made by activated macrophages", 1.0, iiv=0.8),
    calibrated("dI", 12.0, "1/d", "clearance of IL-6",
               source="calibrated, inside the published range 0.3-50 1/d"),
    calibrated("IL6_0", 5.0, "pg/mL", "IL-6 at rest", prior=LogNormal(3.0, 0.7), source=BASELINES),
)  # fmt: skip

EFFECTS = (
    calibrated("K6", 100.0, "pg/mL", "IL-6 at half stimulation of CRP", 0.7),
    calibrated("K6F", 60.0, "pg/mL", "IL-6 at half of its fever", 0.7),
    calibrated("K6L", 1500.0, "pg/mL", "IL-6 at half of its leak", 0.7),
    calibrated("koc", 0.55, "1/d", "turnover of CRP", 0.2, source=TURNOVER),
    calibrated("CRP_0", 5.0, "mg/L", "CRP at rest", 1.0),
    calibrated("Ec", 60.0, "", "largest relative rise of CRP", 0.5),
    calibrated("kof", 0.5, "1/d", "turnover of ferritin", prior=LogNormal(0.4, 0.5)),
    calibrated("ferritin_0", 500.0, "ng/mL", "ferritin at rest", prior=LogNormal(600.0, 0.9)),
    calibrated("Sf", 25.0, "", "largest relative rise of ferritin", 1.0),
    calibrated("kL", 3.0, "1/d", "opening of capillaries", 0.5),
    calibrated("rL", 1.0, "1/d", "their repair", 0.5),
    given("T_0", 37.0, "degC", "normal temperature"),
    calibrated("fever", 3.0, "degC", "largest rise of temperature"),
    calibrated("tauT", 2 / 24, "d", "delay of temperature"),
    assumed("MAP_0", 90.0, "mmHg", "mean arterial pressure without leak"),
    assumed("MAP_fall", 60.0, "mmHg", "fall of pressure at full leak"),
    assumed("SpO2_0", 97.0, "", "oxygen saturation in percent without leak"),
    assumed("SpO2_fall", 25.0, "", "fall of saturation at full leak"),
)  # fmt: skip

DRUGS = (
    calibrated("kst", 0.5, "1/d", "loss of effectors under corticosteroid",
               prior=LogNormal(0.3, 0.8), source=STEROIDS),
    derived("kic", 115.0, "1/d", "elimination by the iC9 switch", SWITCH, 0.4, fixed=True),
    given("rejection", 0.0, "1/d", "rejection of allogeneic cells by the T cells of the host"),
    given("dimerizer", 0.0, "", "saturation of the iC9 switch by its dimerizer", upper=1.0),
    *BLOCKADE,
    *STEROID,
)  # fmt: skip

PARAMETERS = (*CELLS, *CYTOKINES, *EFFECTS, *DRUGS)
